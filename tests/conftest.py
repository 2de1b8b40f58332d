"""Shared fixtures. Tests run on real PostgreSQL and Redis (crm.embedded, or the servers the environment names)."""

import pytest

from org.models import Role
from tests.factories import StaffFactory


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


@pytest.fixture
def auditor(db):
    return StaffFactory(role=Role.AUDITOR)


@pytest.fixture
def stranger(db):
    """Account manager of another branch."""
    return StaffFactory(role=Role.ACCOUNT_MANAGER)
