"""Reminders (V9): each once, quiet hours kept, by the ways that somebody wishes; the messenger speaks to a real server."""

import hashlib
import hmac
import json
import threading
from datetime import date, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from zoneinfo import ZoneInfo

import pytest
import time_machine

from nights.models import Notice
from org.calendar import load
from tests.factories import StaffFactory
from tests.visits.test_duties import ranked
from visits import reminders
from visits.models import Reminder, ReminderWish, Visit

pytestmark = pytest.mark.django_db
SHANGHAI = ZoneInfo("Asia/Shanghai")
EVENING = datetime(2026, 10, 8, 18, 5, tzinfo=SHANGHAI)


@pytest.fixture(autouse=True)
def autumn(db):
    load([2026])
    with time_machine.travel(EVENING, tick=False):
        yield


@pytest.fixture
def visit(manager):
    manager.email = "manager@example.com"
    manager.save()
    client = ranked("A", manager=manager)
    return Visit.objects.create(client=client, manager=manager, date=date(2026, 10, 9), start="09:30", minutes=30)


def test_the_evening_before_once_in_the_app_and_by_mail(visit, mailoutbox):
    for _ in range(3):
        reminders.make(EVENING)
        reminders.send(EVENING)
    assert Notice.objects.filter(kind="visits.evening").count() == 1
    (mail,) = mailoutbox
    assert mail.to == ["manager@example.com"]
    assert "2026-10-09" in mail.body
    assert visit.client.name not in mail.body, "no names leave the house"
    assert mail.extra_headers["Message-ID"].startswith("<evening.")


def test_nothing_for_an_evening_that_is_over(visit):
    with time_machine.travel(EVENING + timedelta(hours=7), tick=False):
        assert reminders.make(EVENING + timedelta(hours=5)) == 0


def test_quiet_hours_hold_mail_back_but_not_the_app(visit, manager, mailoutbox):
    ReminderWish.objects.create(staff=manager, quiet_from=time(17, 0), quiet_to=time(7, 30))
    reminders.make(EVENING)
    reminders.send(EVENING)
    assert Notice.objects.count() == 1
    assert mailoutbox == []
    mail = Reminder.objects.get(way="email")
    assert mail.due_at == datetime(2026, 10, 9, 7, 30, tzinfo=SHANGHAI)


def test_who_wants_none_gets_none(visit, manager):
    ReminderWish.objects.create(staff=manager, evening=False)
    assert reminders.make(EVENING) == 0


def test_a_mail_server_that_is_down_is_tried_again_and_given_up(visit, mailoutbox, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise ConnectionRefusedError

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
    reminders.make(EVENING)
    moment = EVENING
    for _ in range(6):
        reminders.send(moment)
        moment += timedelta(hours=2)
    mail = Reminder.objects.get(way="email")
    assert (mail.state, mail.attempts, mail.error) == ("failed", 5, "ConnectionRefusedError")
    assert Notice.objects.count() == 1, "the app is not held up"


def test_what_a_dead_worker_had_claimed_is_sent_by_the_next(visit, mailoutbox):
    reminders.make(EVENING)
    Reminder.objects.filter(way="email").update(state="sending", due_at=EVENING, attempts=1)
    reminders.send(EVENING)
    assert mailoutbox == [], "it may still be under way"
    reminders.send(EVENING + timedelta(minutes=11))
    assert len(mailoutbox) == 1


def test_a_missed_visit_rises_to_the_head(visit, manager, head):
    Visit.objects.update(state="missed", date=date(2026, 10, 8))
    monday = datetime(2026, 10, 10, 8, 0, tzinfo=SHANGHAI)
    with time_machine.travel(monday, tick=False):
        for _ in range(2):
            reminders.make(monday)
            reminders.send(monday)
    (notice,) = Notice.objects.filter(kind="visits.risen")
    assert (notice.user, notice.data["n"]) == (head.user, 1)


def test_the_messenger_gets_a_signed_message_once(visit, manager, settings):
    got: list[tuple[dict[str, str], bytes]] = []

    class Messenger(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Messenger)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.MESSENGER_URL = f"http://127.0.0.1:{server.server_port}/hook"
    settings.MESSENGER_SECRET = "between-us"
    ReminderWish.objects.create(staff=manager, by_messenger=True, by_email=False)
    try:
        for _ in range(2):
            reminders.make(EVENING)
            reminders.send(EVENING)
    finally:
        server.shutdown()
        server.server_close()
    ((headers, body),) = got
    told = json.loads(body)
    assert told["to"] == manager.staff_no
    assert headers["Idempotency-Key"] == told["key"]
    wanted = hmac.new(b"between-us", headers["X-Timestamp"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Signature"] == f"sha256={wanted}"


@pytest.mark.parametrize(
    ("at", "quiet", "sent"),
    [
        ("21:00", ("20:00", "07:30"), "07:30"),
        ("06:00", ("20:00", "07:30"), "07:30"),
        ("12:30", ("12:00", "14:00"), "14:00"),
        ("12:30", ("20:00", "07:30"), "12:30"),
        ("12:30", ("08:00", "08:00"), "12:30"),
    ],
)
def test_quiet_hours(at, quiet, sent):
    due = datetime.combine(date(2026, 10, 8), time.fromisoformat(at), tzinfo=SHANGHAI)
    found = reminders.after_quiet(due, time.fromisoformat(quiet[0]), time.fromisoformat(quiet[1]))
    assert found.astimezone(SHANGHAI).strftime("%H:%M") == sent
    assert found >= due


def test_many_people_cost_a_few_statements(manager, django_assert_max_num_queries):
    for _ in range(6):
        staff = StaffFactory(branch=manager.branch)
        Visit.objects.create(
            client=ranked("A", manager=staff), manager=staff, date=date(2026, 10, 9), start="09:30", minutes=30
        )
    with django_assert_max_num_queries(12):
        reminders.make(EVENING)
