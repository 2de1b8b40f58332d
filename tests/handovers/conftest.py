"""A book with everything that can hang on its clients, and those who get it."""

from datetime import date, timedelta

import pytest
import time_machine

from clients.models import CoManager
from complaints.services import Told, register
from crm.clock import now
from org.calendar import load
from tests.factories import StaffFactory
from tests.visits.test_duties import MONTH, ranked
from tests.visits.test_services import note
from visits import duties
from visits import services as visits

DAY = date(2026, 10, 8)


@pytest.fixture(autouse=True)
def autumn(db):
    load([2026])
    with time_machine.travel("2026-10-08 18:00+08:00", tick=False):
        yield


@pytest.fixture
def heirs(manager):
    return [StaffFactory(branch=manager.branch) for _ in range(2)]


@pytest.fixture
def book(manager, heirs):
    """Clients with everything that can hang on them; one already worked beside by an heir."""
    clients = [ranked(tier, manager=manager, lat=31.23 + n / 200, lon=121.47) for n, tier in enumerate("AABBCC")]
    duties.refresh(MONTH)
    visits.accept_plan(visits.make_plan(manager, MONTH, user=manager.user, begin=DAY).pk, user=manager.user)
    said = note(promises=[("给他研报", DAY + timedelta(days=2))], next_step="再约", next_on=DAY)
    visits.record_contact(clients[0].client_no, said, user=manager.user)
    CoManager.objects.create(client=clients[1], staff=heirs[0], since=DAY)
    told = Told(
        channel="phone", category="products", narrative="Not what I wanted.", received_at=now(), client=clients[2]
    )
    register(told, user=manager.user, at=now())
    return clients
