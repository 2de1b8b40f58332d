"""The site without its cache: pages go on, nobody guesses uncounted, no session comes back."""

import socket

import pytest
from django.contrib.sessions.backends.cached_db import SessionStore
from django.core.cache import caches
from django.test import Client
from django.urls import reverse

from crm import cache as losable

pytestmark = pytest.mark.django_db


@pytest.fixture
def redis_away(settings, monkeypatch):
    """From the call on Redis is away, until the function it returns is called."""
    monkeypatch.setattr(losable, "_rest", losable._Rest())
    there = caches["default"]

    def pull(location: str = "redis://127.0.0.1:1/0"):
        settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": location}}
        caches["default"] = caches.create_connection("default")

        def back() -> None:
            caches["default"] = there
            losable._rest.until = 0.0

        return back

    yield pull
    caches["default"] = there


@pytest.mark.parametrize("path", ["/clients/", "/", "/api/v1/clients/", "/visits/"])
def test_whoever_is_signed_in_works_on(manager, redis_away, path):
    browser = Client()
    browser.force_login(manager.user)
    redis_away()
    assert browser.get(path).status_code == 200


def test_readyz_says_so(client, redis_away):
    redis_away()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["redis"]) == (503, "unreachable")


@pytest.mark.timeout(30)
def test_a_hung_redis_costs_one_time_out(manager, redis_away):
    browser = Client()
    browser.force_login(manager.user)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        redis_away(f"redis://127.0.0.1:{deaf.getsockname()[1]}/0")
        first = losable._rest.until
        assert browser.get("/clients/").status_code == 200
        tripped = losable._rest.until
        assert first < tripped
        assert browser.get("/clients/").status_code == 200
        assert losable._rest.until == tripped


def test_nobody_signs_in_uncounted(client, manager, redis_away):
    manager.user.set_password("a-long-enough-secret")
    manager.user.save()
    told = {"login": manager.user.username, "password": "a-long-enough-secret"}
    back = redis_away()
    answer = client.post(reverse("account_login"), told, follow=True)
    assert "_auth_user_id" not in client.session
    assert "Try again in a few minutes" in answer.content.decode() or "几分钟" in answer.content.decode()
    back()
    client.post(reverse("account_login"), told)
    assert "_auth_user_id" in client.session


def test_a_session_ended_meanwhile_stays_ended(client, manager, redis_away):
    client.force_login(manager.user)
    client.get("/clients/")
    key = client.session.session_key
    back = redis_away()
    client.post(reverse("account_logout"))
    back()
    assert SessionStore(key).load() == {}
    assert not losable._rest.owed
