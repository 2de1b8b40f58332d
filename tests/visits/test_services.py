"""Plans taken over, visits moved, notes kept (V6, V7): through the services, with their conflicts and doubles."""

import uuid
from dataclasses import replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.exceptions import PermissionDenied, ValidationError

from clients.errors import Conflict
from clients.models import Client, TimelineEvent
from org.calendar import load
from org.models import Staff
from tests.visits.test_duties import MONTH, owed, ranked
from visits import duties, services
from visits.models import Busy, Contact, Duty, MonthPlan, Promise, Visit
from visits.services import Note

pytestmark = pytest.mark.django_db
DAY = date(2026, 10, 8)
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture(autouse=True)
def autumn(db):
    load([2026])
    with time_machine.travel("2026-10-08 18:00+08:00", tick=False):
        yield


@pytest.fixture
def book(manager):
    clients = [ranked(tier, manager=manager, lat=31.23 + n / 200, lon=121.47) for n, tier in enumerate("ABC")]
    duties.refresh(MONTH)
    return clients


def note(**more) -> Note:
    start = Note(
        key=uuid.uuid4(), channel="visit", at=datetime(2026, 10, 8, 15, 0, tzinfo=SHANGHAI), outcome="talk", feeling=5,
        text="聊了行情",
    )  # fmt: skip
    return replace(start, **more)


def test_a_plan_is_proposed_taken_over_and_booked(manager, book):
    plan = services.make_plan(manager, MONTH, user=manager.user, begin=DAY)
    proposals = Visit.objects.filter(plan=plan, state="proposed")
    assert proposals.count() == 6
    assert not Duty.objects.filter(state="booked").exists(), "a proposal books nothing"
    assert services.accept_plan(plan.pk, user=manager.user) == 6
    assert set(Duty.objects.values_list("state", flat=True)) == {"booked"}
    with pytest.raises(Conflict):
        services.accept_plan(plan.pk, user=manager.user)


def test_an_older_proposal_cannot_be_taken_over(manager, book):
    first = services.make_plan(manager, MONTH, user=manager.user, begin=DAY)
    services.make_plan(manager, MONTH, user=manager.user, begin=DAY)
    with pytest.raises(Conflict):
        services.accept_plan(first.pk, user=manager.user)
    assert MonthPlan.objects.count() == 2


def test_planning_again_keeps_what_was_taken_over_and_fixed(manager, book):
    services.accept_plan(services.make_plan(manager, MONTH, user=manager.user, begin=DAY).pk, user=manager.user)
    moved = Visit.objects.filter(tier="A").first()
    services.move(
        moved.pk, user=manager.user, version=moved.version, on=date(2026, 10, 21), start=time(16, 0), today=DAY
    )
    before = set(Visit.objects.values_list("pk", "date", "start"))
    ranked("B", manager=manager, lat=31.24, lon=121.48)
    duties.refresh(date(2026, 10, 9))
    again = services.make_plan(manager, MONTH, user=manager.user, begin=date(2026, 10, 9))
    services.accept_plan(again.pk, user=manager.user)
    assert before <= set(Visit.objects.values_list("pk", "date", "start"))
    assert Visit.objects.count() == len(before) + 2


def test_what_changed_meanwhile_is_left_out(manager, book):
    plan = services.make_plan(manager, MONTH, user=manager.user, begin=DAY)
    services.record_contact(book[2].client_no, note(channel="phone"), user=manager.user)
    assert services.accept_plan(plan.pk, user=manager.user) == 5
    assert owed(book[2]) == [(1, "C", "done")]


def test_moving_fixes_warns_and_can_be_taken_back(manager, book):
    made = services.add_visit(
        book[0].client_no, user=manager.user, on=date(2026, 10, 9), start=time(10), minutes=30, kind="visit", today=DAY
    )
    assert owed(book[0])[0] == (1, "A", "booked"), "a visit by hand books the first open duty"
    Busy.objects.create(
        staff=manager, date=date(2026, 10, 11), start=time(9), end=time(12), title="会议", created_by=manager.user
    )
    moved = services.move(made.visit.pk, user=manager.user, version=1, on=date(2026, 10, 11), start=time(10), today=DAY)
    assert len(moved.warnings) == 2, "a Sunday, and the meeting"
    with pytest.raises(Conflict):
        services.move(made.visit.pk, user=manager.user, version=1, on=date(2026, 10, 12), start=time(10), today=DAY)
    with pytest.raises(ValidationError):
        services.move(made.visit.pk, user=manager.user, version=2, on=date(2026, 10, 7), start=time(10), today=DAY)


def test_a_visit_moved_into_the_next_month_frees_its_duty(manager, book):
    made = services.add_visit(
        book[2].client_no, user=manager.user, on=date(2026, 10, 9), start=time(10), minutes=30, kind="visit", today=DAY
    )
    services.move(made.visit.pk, user=manager.user, version=1, on=date(2026, 11, 3), start=time(10), today=DAY)
    assert owed(book[2]) == [(1, "C", "owed")]


def test_a_note_closes_the_visit_its_duty_and_tells_the_story_once(manager, book):
    made = services.add_visit(
        book[0].client_no, user=manager.user, on=DAY, start=time(15), minutes=30, kind="visit", today=DAY
    )
    written = note(promises=(("发送资料", date(2026, 10, 12)),), next_step="约饭", next_on=date(2026, 10, 20))
    first, new = services.record_contact(book[0].client_no, written, user=manager.user, visit_id=made.visit.pk)
    second, again = services.record_contact(book[0].client_no, written, user=manager.user, visit_id=made.visit.pk)
    assert (new, again, first.pk) == (True, False, second.pk)
    made.visit.refresh_from_db()
    assert made.visit.state == "done"
    assert owed(book[0])[0] == (1, "A", "done")
    assert TimelineEvent.objects.filter(kind="visit.contact").count() == 1
    promise = Promise.objects.get()
    services.keep_promise(promise.pk, user=manager.user)
    promise.refresh_from_db()
    assert promise.kept_at is not None


def test_not_met_fulfils_nothing(manager, book):
    made = services.add_visit(
        book[0].client_no, user=manager.user, on=DAY, start=time(15), minutes=30, kind="visit", today=DAY
    )
    services.record_contact(
        book[0].client_no, note(outcome="absent", feeling=None), user=manager.user, visit_id=made.visit.pk
    )
    made.visit.refresh_from_db()
    assert (made.visit.state, owed(book[0])[0][2]) == ("missed", "owed")


def test_a_note_for_a_cancelled_visit_is_kept_without_it(manager, book):
    made = services.add_visit(
        book[0].client_no, user=manager.user, on=DAY, start=time(15), minutes=30, kind="visit", today=DAY
    )
    services.cancel(made.visit.pk, user=manager.user, version=1)
    contact, _new = services.record_contact(book[0].client_no, note(), user=manager.user, visit_id=made.visit.pk)
    made.visit.refresh_from_db()
    assert (contact.visit_id, made.visit.state) == (None, "cancelled")


def test_an_offline_note_a_week_late_makes_a_missed_contact_good(manager, book):
    Duty.objects.filter(client=book[2]).update(state="missed")
    with time_machine.travel("2026-11-02 09:00+08:00", tick=False):
        late = note(channel="phone", at=datetime(2026, 10, 26, 10, 0, tzinfo=SHANGHAI))
        services.record_contact(book[2].client_no, late, user=manager.user)
    duty = Duty.objects.get(client=book[2])
    assert (duty.state, duty.done_on, duty.channel) == ("done", date(2026, 10, 26), "phone")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"feeling": None}, "feeling"),
        ({"outcome": "nonsense"}, "outcome"),
        ({"at": datetime(2026, 10, 9, tzinfo=SHANGHAI)}, "at"),
        ({"at": datetime(2026, 9, 1, tzinfo=SHANGHAI)}, "at"),
        ({"next_on": date(2026, 10, 9)}, "next_step"),
        ({"promises": (("", date(2026, 10, 9)),)}, "promises"),
        ({"text": "长" * 4001}, "text"),
    ],
)
def test_a_wrong_note_says_where(manager, book, wrong, field):
    with pytest.raises(ValidationError) as raised:
        services.record_contact(book[0].client_no, note(**wrong), user=manager.user)
    assert list(raised.value.message_dict) == [field]
    assert not Contact.objects.exists()


def test_nobody_touches_another_branch(manager, stranger, analyst, book):
    made = services.add_visit(
        book[0].client_no, user=manager.user, on=DAY, start=time(15), minutes=30, kind="visit", today=DAY
    )
    with pytest.raises(Visit.DoesNotExist):
        services.move(made.visit.pk, user=stranger.user, version=1, on=DAY, start=time(16), today=DAY)
    with pytest.raises(Client.DoesNotExist):
        services.record_contact(book[0].client_no, note(), user=stranger.user)
    with pytest.raises(PermissionDenied):
        services.record_contact(book[0].client_no, note(), user=analyst.user)
    with pytest.raises(Staff.DoesNotExist):
        services.make_plan(manager, MONTH, user=stranger.user, begin=DAY)
    plan = services.make_plan(manager, MONTH, user=manager.user, begin=DAY)
    with pytest.raises(Staff.DoesNotExist):
        services.accept_plan(plan.pk, user=stranger.user)


def test_only_a_head_waives_for_the_branch(manager, head, book):
    with pytest.raises(PermissionDenied):
        services.waive(book[0].client_no, MONTH, 1, "head", user=manager.user)
    services.waive(book[0].client_no, MONTH, 1, "head", user=head.user)
    assert owed(book[0])[0] == (1, "A", "waived")
    with pytest.raises(ValidationError):
        services.waive(book[0].client_no, MONTH, 1, "client", user=manager.user)


def test_a_day_is_reordered_and_its_times_follow(manager, book):
    pks = []
    for n, client in enumerate(book):
        made = services.add_visit(
            client.client_no,
            user=manager.user,
            on=date(2026, 10, 9),
            start=time(9 + n),
            minutes=30,
            kind="visit",
            today=DAY,
        )
        pks.append(made.visit.pk)
    Visit.objects.update(fixed=False)
    services.reorder(manager.pk, date(2026, 10, 9), pks[::-1], user=manager.user, today=DAY)
    assert list(Visit.objects.order_by("start").values_list("pk", flat=True)) == pks[::-1]
    with pytest.raises(Conflict):
        services.reorder(manager.pk, date(2026, 10, 9), pks[:2], user=manager.user, today=DAY)
