"""Shared fixtures. Tests run on real PostgreSQL and Redis (crm.embedded, or the servers the environment names)."""

import os
from datetime import date
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase, override_settings

from complaints.first_policy import FIRST
from complaints.models import ComplaintPolicy
from feed.models import Head
from measures.models import MeasurePolicy
from org.models import Role
from segmentation.models import RankingPolicy
from tests.factories import StaffFactory
from visits.models import CadencePolicy

_empty_all_tables = TransactionTestCase._fixture_teardown


def _empty_all_tables_and_the_audit_trail(case: TransactionTestCase) -> None:
    """Tests with `transaction=True` end by TRUNCATE, which the append-only tables refuse: lift their triggers for that moment.

    The rows that migrations made are put back for the tests that follow.
    """
    _set_triggers("DISABLE")
    try:
        _empty_all_tables(case)
    finally:
        _set_triggers("ENABLE")
    for policy in (RankingPolicy, MeasurePolicy, CadencePolicy):
        policy.objects.get_or_create(version=1, defaults={"state": "published", "valid_from": date(2000, 1, 1)})
    ComplaintPolicy.objects.get_or_create(version=1, defaults=FIRST)
    Head.objects.get_or_create(pk=1)


def _set_triggers(how: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE org_auditevent {how} TRIGGER audit_append_only")
        cursor.execute(f"ALTER TABLE org_auditlink {how} TRIGGER audit_link_append_only")
        cursor.execute(f"ALTER TABLE org_auditseal {how} TRIGGER audit_seal_append_only")
        cursor.execute(f"ALTER TABLE complaints_complaintevent {how} TRIGGER complaint_event_no_truncate")


TransactionTestCase._fixture_teardown = _empty_all_tables_and_the_audit_trail


def pytest_configure(config: pytest.Config) -> None:
    """Give each of several test processes a cache of its own: one empties it while another counts in it."""
    number = 2 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 14
    cache = settings.CACHES["default"]
    url = urlsplit(cache["LOCATION"])
    on_socket = f"unix://{url.path}?db={number}"
    cache["LOCATION"] = on_socket if url.scheme == "unix" else url._replace(path=f"/{number}").geturl()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """The live server's threads outlive the last browser test; their sessions would keep the database from going."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
        )


@pytest.fixture
def manager(db):
    """Account manager with a log-in; returns the staff row, `.user` is the log-in."""
    return StaffFactory(role=Role.ACCOUNT_MANAGER)


@pytest.fixture
def head(db, manager):
    """Head of the manager's branch."""
    return StaffFactory(role=Role.BRANCH_HEAD, branch=manager.branch)


@pytest.fixture
def analyst(db):
    return StaffFactory(role=Role.ANALYST)


@pytest.fixture
def admin(db):
    return StaffFactory(role=Role.ADMIN)


@pytest.fixture(autouse=True, scope="session")
def _as_often_as_it_takes():
    """Thousands of questions of one token in a minute are usual here; the throttle has tests of its own."""
    with override_settings(API_RATE=0):
        yield


@pytest.fixture
def auditor(db):
    return StaffFactory(role=Role.AUDITOR)


@pytest.fixture
def stranger(db):
    """Account manager of another branch."""
    return StaffFactory(role=Role.ACCOUNT_MANAGER)
