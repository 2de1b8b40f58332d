"""What goes wrong in real books, from the tables to the pages: places that are none, nobody to visit, no day left."""

from datetime import date

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.urls import reverse

from org.calendar import load
from tests.factories import StaffFactory
from tests.visits.test_duties import MONTH, ranked
from visits import duties, services
from visits.models import Duty, MonthPlan, Unmet, Visit

pytestmark = pytest.mark.django_db
DAY = date(2026, 10, 8)
PAGES = ("day", "calendar", "plan", "coverage", "duties")


@pytest.fixture(autouse=True)
def autumn(db):
    load([2026])
    with time_machine.travel("2026-10-08 08:00+08:00", tick=False):
        yield


def open_all(client, **asked: str) -> None:
    for name in PAGES:
        assert client.get(reverse(f"visits:{name}"), asked).status_code == 200, name


#: Nowhere, half a place, the empty field's island, the sea off Shanghai, Beijing, the other side of the world.
PLACES = [(None, None), (31.23, None), (0.0, 0.0), (30.6, 127.5), (39.9, 116.4), (-31.2, -58.5)]


def test_clients_whose_place_is_none_or_far_are_planned_and_shown(client, manager):
    manager.branch.lat, manager.branch.lon = 31.23, 121.47
    manager.branch.save()
    records = [ranked("A", manager=manager, lat=lat, lon=lon) for lat, lon in PLACES]
    duties.refresh(MONTH)
    plan = services.make_plan(manager, MONTH, user=manager.user, begin=DAY)
    assert services.accept_plan(plan.pk, user=manager.user) == 3 * len(PLACES)
    by_client = {record.pk: set() for record in records}
    for visit in Visit.objects.filter(state="planned"):
        by_client[visit.client_id].add((visit.kind, visit.reason == "far"))
        assert visit.travel_m < 120_000, "nobody is sent across the sea"
    unknown, far = records[:3], records[3:]
    assert all(by_client[record.pk] == {("visit", False)} for record in unknown)
    assert all(by_client[record.pk] == {("phone", True)} for record in far)
    client.force_login(manager.user)
    for day in Visit.objects.values_list("date", flat=True).distinct():
        open_all(client, date=day.isoformat())
    for visit in Visit.objects.distinct("client").order_by("client"):
        assert client.get(f"/visits/{visit.pk}/").status_code == 200


def test_a_branch_that_nobody_knows_the_place_of(client, manager):
    manager.branch.lat = manager.branch.lon = None
    manager.branch.save()
    ranked("A", manager=manager)
    duties.refresh(MONTH)
    plan = services.make_plan(manager, MONTH, user=manager.user, begin=DAY)
    assert services.accept_plan(plan.pk, user=manager.user) == 3
    client.force_login(manager.user)
    open_all(client, date=Visit.objects.earliest("date").date.isoformat())


def test_a_manager_without_clients(client):
    newcomer = StaffFactory(role="account_manager")
    client.force_login(newcomer.user)
    open_all(client)
    plan = services.make_plan(newcomer, MONTH, user=newcomer.user, begin=DAY)
    assert not Unmet.objects.filter(plan=plan).exists()
    assert services.accept_plan(plan.pk, user=newcomer.user) == 0
    open_all(client)
    assert client.get("/visits/kept/").json() == {"pages": {}}


def test_on_the_last_evening_nothing_is_planned_and_what_is_left_is_said(client, manager):
    ranked("A", manager=manager)
    duties.refresh(MONTH)
    with time_machine.travel("2026-10-31 22:00+08:00", tick=False):
        # 31 October 2026 is a Saturday: no working day is left.
        plan = services.make_plan(manager, MONTH, user=manager.user, begin=date(2026, 10, 31))
        assert not Visit.objects.exists()
        assert list(Unmet.objects.filter(plan=plan).values_list("missing", "reason")) == [(3, "no_day")]
        client.force_login(manager.user)
        open_all(client, month="2026-10")
    with time_machine.travel("2026-11-01 00:05+08:00", tick=False):
        with pytest.raises(ValidationError):
            services.make_plan(manager, MONTH, user=manager.user, begin=date(2026, 11, 1))
        duties.refresh(date(2026, 11, 1))
        assert set(Duty.objects.filter(month=MONTH).values_list("state", flat=True)) == {"missed"}
    assert MonthPlan.objects.count() == 1
