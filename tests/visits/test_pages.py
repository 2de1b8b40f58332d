"""Pages of visits: what each shows opens with the same count; conflicts, scope, masking, growth of queries."""

import re
import uuid
from datetime import date, time
from unittest.mock import patch

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from icalendar import Calendar

from org.calendar import load
from org.models import AuditEvent
from tests.factories import ClientFactory
from tests.visits.test_duties import MONTH, ranked
from visits import duties, services
from visits.models import CalendarFeed, Channel, Contact, Duty, ReminderWish, Visit

pytestmark = pytest.mark.django_db
DAY = date(2026, 10, 8)


@pytest.fixture(autouse=True)
def autumn(db):
    load([2026])
    with time_machine.travel("2026-10-08 18:00+08:00", tick=False):
        yield


@pytest.fixture
def book(manager):
    clients = [ranked(tier, manager=manager, lat=31.23 + n / 200, lon=121.47) for n, tier in enumerate("AABC")]
    duties.refresh(MONTH)
    services.accept_plan(services.make_plan(manager, MONTH, user=manager.user, begin=DAY).pk, user=manager.user)
    return clients


def form_of(**more) -> dict[str, object]:
    start = {
        "key": uuid.uuid4(),
        "channel": "visit",
        "on": "2026-10-08",
        "at": "15:00",
        "outcome": "talk",
        "feeling": "6",
    }
    return start | {"text": "聊了行情"} | more


def test_the_day_the_calendar_and_the_plan_open(client, manager, head, book):
    for user in (manager.user, head.user):
        client.force_login(user)
        for page in ("day", "calendar", "plan", "coverage", "duties", "settings"):
            response = client.get(reverse(f"visits:{page}"), follow=True)
            assert response.status_code == 200, page
    visit = Visit.objects.first()
    client.force_login(manager.user)
    response = client.get(reverse("visits:day"), {"date": visit.date.isoformat()})
    assert visit.client.name in response.content.decode()
    assert response.context["map"].dots


def test_every_figure_of_coverage_opens_its_duties_with_the_same_count(client, head, manager, book):
    Duty.objects.filter(client=book[0], number=1).update(state="done", done_on=DAY, channel="phone")
    Duty.objects.filter(client=book[1], number=2).update(state="waived", waiver="client")
    client.force_login(head.user)
    page = client.get(reverse("visits:coverage"), {"month": "2026-10"})
    marks = [(row.total.total, url) for row, _cells, _tiers, url in page.context["table"]]
    for row, cells, tiers, _url in page.context["table"]:
        assert sum(cell.total for cell, _ in cells if cell) == row.total.total
        marks += [(cell.total, url) for cell, url in [*cells, *tiers] if cell]
    marks += [(value, url) for _label, value, url in [*page.context["figures"], *page.context["channels"]]]
    marks += [page.context["late"], (page.context["whole"].total, page.context["all_url"])]
    assert len(marks) > 8
    for count, url in marks:
        assert client.get(url).context["count"] == count, url


def test_a_note_typed_on_the_visit_page_arrives_once(client, manager, book):
    client.force_login(manager.user)
    visit = Visit.objects.filter(client=book[0]).order_by("date").first()
    assert client.get(reverse("visits:visit", args=[visit.pk])).status_code == 200
    data = form_of(visit=visit.pk)
    first = client.post(reverse("visits:note", args=[book[0].client_no]), data)
    assert first.status_code == 302
    again = client.post(reverse("visits:note", args=[book[0].client_no]), data, headers={"accept": "application/json"})
    assert (again.status_code, again.json()["new"]) == (200, False)
    assert Contact.objects.count() == 1
    page = client.get(reverse("clients:record", args=[book[0].client_no])).content.decode()
    assert "聊了行情" in page


def test_a_wrong_note_keeps_what_was_typed(client, manager, book):
    client.force_login(manager.user)
    response = client.post(reverse("visits:note", args=[book[0].client_no]), form_of(feeling="", promise="发送资料"))
    assert response.status_code == 422
    page = response.content.decode()
    assert "聊了行情" in page
    assert "发送资料" in page
    assert set(response.context["form"].errors) == {"promise_on"}
    response = client.post(reverse("visits:note", args=[book[0].client_no]), form_of(feeling=""))
    assert set(response.context["form"].errors) == {"feeling"}


def test_two_people_move_one_visit(client, manager, head, book):
    visit = Visit.objects.filter(client=book[0]).order_by("date").first()
    url = reverse("visits:move", args=[visit.pk])
    data = {"version": visit.version, "date": "2026-10-20", "start": "11:00"}
    client.force_login(head.user)
    assert client.post(url, data, headers={"accept": "application/json"}).status_code == 200
    client.force_login(manager.user)
    refused = client.post(url, data | {"date": "2026-10-21"}, headers={"accept": "application/json"})
    assert refused.status_code == 409
    visit.refresh_from_db()
    assert visit.date == date(2026, 10, 20)


def test_undo_takes_a_move_back_and_frees_the_visit_again(client, manager, book):
    visit = Visit.objects.filter(client=book[0]).order_by("date").first()
    client.force_login(manager.user)
    answer = client.post(
        reverse("visits:move", args=[visit.pk]),
        {"version": visit.version, "date": "2026-10-20", "start": "11:00"},
        follow=True,
    )
    undo = re.search(rf"/visits/{visit.pk}/undo/\?[^\"]+", answer.content.decode())
    client.post(undo.group(0).replace("&amp;", "&"))
    after = Visit.objects.get(pk=visit.pk)
    assert (after.date, after.start, after.fixed) == (visit.date, visit.start, False)


def test_names_are_masked_for_the_analyst(client, analyst, manager, book):
    client.force_login(analyst.user)
    page = client.get(reverse("visits:duties"), {"month": "2026-10"}).content.decode()
    assert book[0].client_no in page
    assert book[0].name not in page


@pytest.mark.parametrize("page", ["day", "calendar", "plan", "coverage", "duties"])
def test_queries_do_not_grow(client, manager, django_assert_max_num_queries, page):
    def count() -> int:
        with patch("visits.pages.plan.SHOWN", 1000), django_assert_max_num_queries(40) as queries:
            client.get(reverse(f"visits:{page}"), {"date": "2026-10-12", "month": "2026-10"})
        return len(queries)

    client.force_login(manager.user)
    seen = []
    for _ in range(2):
        for tier in "ABC":
            ranked(tier, manager=manager, lat=31.2, lon=121.4)
        duties.refresh(MONTH)
        services.accept_plan(services.make_plan(manager, MONTH, user=manager.user, begin=DAY).pk, user=manager.user)
        count()
        seen.append(count())
    assert seen[0] == seen[1]


@pytest.mark.parametrize("wrong", ["?date=2026-13-01", "?date=x", "?manager=S-none", "?month=99999-01"])
def test_nonsense_in_the_address_is_not_found(client, manager, wrong):
    client.force_login(manager.user)
    for page in ("day", "plan"):
        assert client.get(reverse(f"visits:{page}") + wrong).status_code in (404, 200)
    assert client.get(reverse("visits:day") + "?date=x").status_code == 404


# --- Calendar feed ----------------------------------------------------------------------------------------------------


def feed_of(client, manager, **data) -> str:
    client.force_login(manager.user)
    page = client.post(reverse("visits:make-feed"), data, follow=True)
    client.logout()
    return page.context["feed_url"]


def test_the_feed_is_a_calendar_that_follows_a_move(client, manager, book):
    url = feed_of(client, manager)
    before = {event["uid"]: event for event in Calendar.from_ical(client.get(url).content).walk("VEVENT")}
    assert len(before) == Visit.objects.filter(state="planned").count()
    visit = Visit.objects.filter(client=book[0]).order_by("date").first()
    services.move(
        visit.pk, user=manager.user, version=visit.version, on=date(2026, 10, 22), start=time(16, 30), today=DAY
    )
    calendar = Calendar.from_ical(client.get(url).content)
    after = {event["uid"]: event for event in calendar.walk("VEVENT")}
    uid = f"{visit.uid}@core-client-crm"
    assert after.keys() == before.keys()
    assert int(after[uid]["sequence"]) > int(before[uid]["sequence"])
    start = after[uid]["dtstart"].dt
    assert (start.date(), start.hour, str(start.tzinfo)) == (date(2026, 10, 22), 16, "Asia/Shanghai")
    assert [zone["tzid"] for zone in calendar.walk("VTIMEZONE")] == ["Asia/Shanghai"]
    assert not [problem for event in calendar.walk("VEVENT") for problem in event.errors]


def test_the_feed_carries_names_only_where_asked_and_ends_at_once(client, manager, book):
    quiet, loud = client.get(feed_of(client, manager)), client.get(feed_of(client, manager, names="on"))
    assert quiet.status_code == 200
    assert book[0].name not in quiet.content.decode()
    assert book[0].name in loud.content.decode()
    url = feed_of(client, manager)
    assert CalendarFeed.objects.get().digest not in url, "the address itself is not kept"
    client.force_login(manager.user)
    client.post(reverse("visits:make-feed"), {"drop": "1"})
    client.logout()
    assert client.get(url).status_code == 404


def test_a_cancelled_visit_is_said_to_be_cancelled(client, manager, book):
    visit = Visit.objects.filter(client=book[0]).order_by("date").first()
    services.cancel(visit.pk, user=manager.user, version=visit.version)
    calendar = Calendar.from_ical(client.get(feed_of(client, manager)).content)
    states = {str(event["uid"]): str(event["status"]) for event in calendar.walk("VEVENT")}
    assert states[f"{visit.uid}@core-client-crm"] == "CANCELLED"


def test_who_left_has_no_feed(client, manager, book):
    url = feed_of(client, manager)
    manager.left_on = DAY
    manager.save()
    assert client.get(url).status_code == 404


def test_wishes_of_reminders_are_kept(client, manager):
    client.force_login(manager.user)
    client.post(reverse("visits:settings"), {"morning": "on", "quiet_from": "21:00", "quiet_to": "08:00"})
    wish = ReminderWish.objects.get()
    assert (wish.evening, wish.morning, wish.by_email) == (False, True, False)


def test_a_day_is_taken_along_in_one_request_however_many_visits(
    client, manager, stranger, django_assert_max_num_queries
):
    def visit_today(n: int) -> Visit:
        found = ClientFactory(manager=manager)
        return Visit.objects.create(
            client=found, manager=manager, date=date(2026, 10, 8), start=time(9 + n), minutes=30
        )

    client.force_login(manager.user)
    first = visit_today(0)
    client.get("/visits/kept/")
    with CaptureQueriesContext(connection) as one:
        assert list(client.get("/visits/kept/").json()["pages"]) == [f"/visits/{first.pk}/"]
    more = [visit_today(n) for n in (1, 2)]
    with django_assert_max_num_queries(len(one)):
        pages = client.get("/visits/kept/").json()["pages"]
    assert len(pages) == 3
    assert more[1].client.name in pages[f"/visits/{more[1].pk}/"]
    assert "data-note" in pages[f"/visits/{more[1].pk}/"]
    kept = AuditEvent.objects.filter(action="visit.kept", object_no=manager.staff_no)
    assert [row.detail["rows"] for row in kept.order_by("pk")] == [1, 1, 3]
    client.force_login(stranger.user)
    assert client.get("/visits/kept/", {"manager": manager.staff_no}).status_code == 404


def test_every_way_to_contact_is_planned_noted_and_seen_in_coverage(client, manager, head):
    """V5: telephone, letter, demonstration, meeting, the client's decision, the club."""
    records = {channel: ranked("B", manager=manager) for channel in Channel.values}
    duties.refresh(MONTH)
    client.force_login(manager.user)
    for channel, record in records.items():
        entry = {"date": "2026-10-08", "start": "15:00", "minutes": 30, "kind": channel, "agenda": "年度方案"}
        assert client.post(f"/clients/{record.client_no}/visits/new/", entry).status_code == 302
        visit = Visit.objects.get(client=record)
        assert client.get(f"/visits/{visit.pk}/").context["form"].initial["channel"] == channel
        note = form_of(visit=visit.pk, channel=channel)
        assert client.post(f"/clients/{record.client_no}/contact/note/", note).status_code == 302
    client.force_login(head.user)
    page = client.get("/visits/coverage/?month=2026-10")
    assert [(label, count) for label, count, _url in page.context["channels"]] == [(c.label, 1) for c in Channel]
    for (_label, _count, url), record in zip(page.context["channels"], records.values(), strict=True):
        assert [row.client_id for row in client.get(url).context["rows"]] == [record.pk]
