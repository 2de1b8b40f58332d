"""The last page when the database is away: for somebody signed in, whatever the session knew."""

import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def without_database(monkeypatch):
    """From the call on, no connection opens and none answers."""

    def away(*args, **kwargs):
        raise OperationalError("the server is away")

    def pull() -> None:
        for name in ("cursor", "chunked_cursor", "connect"):
            monkeypatch.setattr(BaseDatabaseWrapper, name, away)

    yield pull
    monkeypatch.undo()


@pytest.mark.parametrize("path", ["/clients/", "/staff/", "/"])
@pytest.mark.parametrize("cached", [True, False], ids=["session in cache", "session lost"])
def test_the_error_page_comes_without_the_database(manager, without_database, path, cached):
    from django.core.cache import cache

    browser = Client(raise_request_exception=False)
    browser.force_login(manager.user)
    if not cached:
        cache.clear()
    without_database()
    answer = browser.get(path)
    assert answer.status_code == 500
    assert 'class="crm-door"' in answer.content.decode()
    # Nobody is signed out by it.
    assert "session" not in answer.cookies


def test_the_api_too(manager, without_database):
    browser = Client(raise_request_exception=False)
    browser.force_login(manager.user)
    without_database()
    answer = browser.get("/api/v1/clients/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "application/problem+json")
