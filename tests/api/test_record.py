"""What hangs on one client, and the webhooks, by the API (N3): the services of the pages, within the same scope."""

from datetime import date

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clients.models import Account, TimelineEvent
from clients.services import Event, add_events
from crm.partitions import ensure_months
from feed.models import DeadLetter, Subscription
from org.models import AuditEvent, CalendarDay
from segmentation.models import TierChange
from tests.factories import ClientFactory
from visits.models import Duty

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture
def own(manager):
    return ClientFactory(manager=manager)


@pytest.fixture
def web(manager):
    browser = Browser(headers={"Accept-Language": "en"})
    browser.force_login(manager.user)
    return browser


def url(client, what: str) -> str:
    return f"/api/v1/clients/{client.client_no}/{what}/"


def test_accounts_show_the_last_four_characters(web, own):
    Account.objects.create(account_no="6604441234", client=own, kind="margin", status="active")
    rows = web.get(url(own, "accounts")).json()
    assert [(row["account_no"], row["kind"]) for row in rows] == [("******1234", "margin")]
    assert AuditEvent.objects.filter(action="client.view", object_no=own.client_no).count() == 1


def test_a_note_is_on_the_timeline(web, own, analyst):
    assert web.post(url(own, "notes"), {"text": "Rang <back> & agreed"}, JSON).status_code == 204
    assert web.post(url(own, "notes"), {"text": "x" * 2001}, JSON).status_code == 400
    assert web.post(url(own, "notes"), {"text": " "}, JSON).status_code == 400
    row = web.get(url(own, "timeline")).json()["results"][0]
    assert row["kind"] == "note"
    assert "Rang <back> & agreed" in row["text"] + row["detail"]
    masked = Browser()
    masked.force_login(analyst.user)
    assert masked.get(url(own, "timeline")).json()["results"] == []


def test_the_timeline_in_pages_costs_the_same_for_one_event_and_for_three(web, own):
    def add(*numbers: int) -> None:
        add_events(
            Event(
                client_id=own.pk,
                at=timezone.now(),
                kind="confirmed",
                source_key=f"k{n}",
                data={"fields": ["mobile"], "by": "x"},
            )
            for n in numbers
        )

    counts = []
    for numbers in ((1,), (2, 3)):
        add(*numbers)
        with CaptureQueriesContext(connection) as caught:
            page = web.get(url(own, "timeline") + "?page_size=2").json()
        counts.append(len(caught))
    assert counts[1] <= counts[0]
    rest = web.get(page["next"]).json()
    ids = [row["id"] for row in (*page["results"], *rest["results"])]
    assert ids == list(TimelineEvent.objects.filter(client=own).order_by("-at", "-id").values_list("pk", flat=True))
    assert rest["next"] is None


def test_wishes_are_changed_with_the_version_seen(web, own):
    first = web.get(url(own, "care"))
    assert (first.json()["do_not_contact"], first.headers["ETag"]) == (False, '"1"')
    answer = web.patch(url(own, "care"), {"do_not_contact": True}, JSON, headers={"If-Match": '"1"'})
    assert answer.json()["errors"][0]["pointer"] == "#/do_not_contact_reason"
    wish = {"do_not_contact": True, "do_not_contact_reason": "Asked us", "contact_from": "10:00", "contact_to": "11:00"}
    changed = web.patch(url(own, "care"), wish, JSON, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["version"], changed.headers["ETag"]) == (200, 2, '"2"')
    # Only what is sent changes.
    again = web.patch(url(own, "care"), {"credit": "good"}, JSON, headers={"If-Match": '"2"'}).json()
    assert (again["credit"], again["do_not_contact"], again["contact_from"]) == ("good", True, "10:00:00")
    late = web.patch(url(own, "care"), {"credit": "poor"}, JSON, headers={"If-Match": '"2"'})
    assert (late.status_code, late.json()["current"]["version"], late.json()["yours"]["credit"]) == (409, 3, "poor")
    assert web.patch(url(own, "care"), {"credit": "poor"}, JSON).status_code == 400


def test_fields_are_confirmed(web, own, manager):
    row = web.post(url(own, "confirm"), {"names": ["mobile"]}, JSON).json()
    assert row["confirmed"]["mobile"]["by"] == manager.name
    assert web.post(url(own, "confirm"), {"names": ["shoe"]}, JSON).status_code == 400
    assert web.post(url(own, "confirm"), {"names": []}, JSON).status_code == 400


def test_a_stranger_finds_nothing_below_a_client(own, stranger, analyst):
    browser = Browser()
    browser.force_login(stranger.user)
    for what in ("accounts", "timeline", "care"):
        assert browser.get(url(own, what)).status_code == 404
    assert browser.post(url(own, "notes"), {"text": "x"}, JSON).status_code == 404
    assert browser.post(url(own, "confirm"), {"names": ["mobile"]}, JSON).status_code == 404
    assert browser.patch(url(own, "care"), {}, JSON, headers={"If-Match": '"1"'}).status_code == 404
    browser.force_login(analyst.user)
    assert browser.post(url(own, "notes"), {"text": "x"}, JSON).status_code == 403
    care = browser.get(url(own, "care")).json()
    assert (care["confirmed"], care["note"]) == ({}, "")


def test_webhooks_are_read_paused_and_resumed(admin, web, monkeypatch):
    hook = Subscription.objects.create(name="x", url="https://example.com/", kinds=["client."], made_by=admin.user)
    letter = DeadLetter.objects.create(subscription=hook, message_id="m", body="{}", changes=1, error="HTTP 500")
    browser = Browser()
    browser.force_login(admin.user)
    base = f"/api/v1/webhooks/{hook.uid}/"
    assert [row["uid"] for row in browser.get("/api/v1/webhooks/").json()["results"]] == [str(hook.uid)]
    assert browser.post(f"{base}pause/").json()["paused_at"]
    assert browser.post(f"{base}pause/").status_code == 200
    assert browser.post(f"{base}resume/").json()["paused_at"] is None
    assert AuditEvent.objects.filter(action="webhook.paused").count() == 1
    assert [row["message_id"] for row in browser.get(f"{base}letters/").json()["results"]] == ["m"]
    monkeypatch.setattr("feed.webhooks.post", lambda *_args: "")
    assert browser.post(f"{base}letters/{letter.pk}/replay/").json() == {"error": ""}
    letter.refresh_from_db()
    assert letter.taken_at is not None
    other = Subscription.objects.create(name="y", url="https://example.com/", kinds=[], made_by=admin.user)
    assert browser.post(f"/api/v1/webhooks/{other.uid}/letters/{letter.pk}/replay/").status_code == 404
    assert web.get("/api/v1/webhooks/").status_code == 403


def test_the_history_of_a_clients_tiers(web, own, stranger):
    TierChange.objects.create(business_date=date(2026, 11, 19), client=own, after="B", reason="entered")
    TierChange.objects.create(business_date=date(2026, 11, 20), client=own, before="B", after="A", reason="own")
    rows = web.get(f"/api/v1/tier-changes/?client_no={own.client_no}").json()["results"]
    assert [(row["before"], row["after"], row["reason"]) for row in rows] == [("B", "A", "own"), ("", "B", "entered")]
    assert web.get("/api/v1/tier-changes/").status_code == 400
    browser = Browser()
    browser.force_login(stranger.user)
    assert browser.get(f"/api/v1/tier-changes/?client_no={own.client_no}").status_code == 404


def test_policies_and_the_calendar_are_read(web, head):
    CalendarDay.objects.bulk_create(
        CalendarDay(date=date(2031, 1, day), is_workday=day > 1, is_trading_day=day > 1) for day in (1, 2, 3)
    )
    days = web.get("/api/v1/calendar/?from_on=2031-01-01&to_on=2031-01-02").json()["results"]
    assert [(day["date"], day["is_trading_day"]) for day in days] == [("2031-01-01", False), ("2031-01-02", True)]
    assert web.get("/api/v1/ranking-policies/").status_code == 403
    browser = Browser()
    browser.force_login(head.user)
    assert browser.get("/api/v1/ranking-policies/1/").json()["cut_a"] == "55.00"


def test_a_duty_is_waived_by_whoever_may(web, own, manager, head):
    month = date(2031, 1, 1)
    ensure_months("visits_duty", [month])
    Duty.objects.create(
        month=month, client=own, number=1, manager=manager, tier="A", in_person=True, from_on=month, to_on=month
    )
    body = {"client_no": own.client_no, "month": "2031-01-01", "number": 1, "reason": "head"}
    assert web.post("/api/v1/duties/waive/", body, JSON).status_code == 403
    assert web.post("/api/v1/duties/waive/", body | {"number": 2, "reason": "away"}, JSON).status_code == 404
    assert web.post("/api/v1/duties/waive/", body | {"reason": "closed"}, JSON).status_code == 400
    done = web.post("/api/v1/duties/waive/", body | {"reason": "client"}, JSON)
    assert (done.status_code, done.json()["state"], done.json()["waiver"]) == (200, "waived", "client")
    assert web.post("/api/v1/duties/waive/", body | {"reason": "client"}, JSON).status_code == 400
