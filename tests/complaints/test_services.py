"""The verbs on the database: the whole way, what is refused, what the database itself refuses (X1–X5, U6)."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from clients.models import TimelineEvent
from complaints import rules, services
from complaints.models import Complaint, ComplaintEvent, ComplaintPolicy, FollowUp, Intake, StepRun
from complaints.rules import Refused
from complaints.services import Stale
from complaints.services.core import append
from org.models import AuditEvent, Role
from tests.complaints.cases import RECORDS, T0, Office
from tests.factories import LeaveFactory, StaffFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def office() -> Office:
    return Office()


def act(complaint, key, user, **data):
    return services.act(complaint.number, key, data, user=user, at=T0 + timedelta(days=1))


# --- The whole way --------------------------------------------------------------------------------------------------


def test_a_case_from_intake_to_archive(office):
    complaint = office.take_in()
    assert (complaint.number, complaint.state, complaint.step, complaint.handler) == (
        "TS2026000001", "received", 1, office.officer,
    )  # fmt: skip
    assert complaint.due_key == "step_1"
    closed = office.walk(complaint, "closed")
    assert (closed.state, closed.step, closed.result, closed.fast) == ("closed", 6, "upheld", True)
    assert list(StepRun.objects.values_list("step", flat=True).order_by("step")) == [1, 2, 3, 4, 5, 6]
    assert not StepRun.objects.filter(done_at=None).exists()
    assert [row.days for row in FollowUp.objects.order_by("days")] == [7, 30, 90]
    assert closed.keep_until.year == 2046
    states = TimelineEvent.objects.filter(client=office.client, kind="complaint").order_by("pk")
    assert [row.data["state"] for row in states] == [
        "received", "accepted", "in_work", "answered", "closed",
    ]  # fmt: skip
    archived = act(closed, "archive", office.officer.user)
    assert archived.state == "archived"
    kinds = list(ComplaintEvent.objects.order_by("sequence").values_list("kind", flat=True))
    assert kinds[0] == "registered"
    assert kinds[-1] == "archived"
    assert len(kinds) == archived.version
    assert AuditEvent.objects.filter(action__startswith="complaint.", object_no=closed.number).count() == len(kinds)


def test_rows_are_what_the_events_say(office):
    closed = office.walk(office.take_in(), "closed")
    case = rules.fold(services.happenings(closed))
    stored = Complaint.objects.get()
    assert (stored.state, stored.step, stored.version, stored.handler_id) == (
        case.state, case.step, case.version, case.handler,
    )  # fmt: skip


@pytest.mark.parametrize("step", range(1, 6))
def test_no_step_without_its_record(office, step):
    complaint = office.walk(office.take_in(), step if step > 1 else "accepted")
    with pytest.raises(Refused) as refused:
        act(complaint, "advance", office.officer.user)
    assert refused.value.code == "record_missing"
    assert Complaint.objects.get().step == step


def test_no_close_without_answer_proof_and_kept_promises(office):
    complaint = office.walk(office.take_in(), 6)
    end = {"result": "upheld", "cause": "fee", "proof": "x"}
    with pytest.raises(Refused, match="state"):
        act(complaint, "close", office.officer.user, **end)
    act(complaint, "answer", office.officer.user, text="Fee back", way="phone")
    act(complaint, "record", office.officer.user, record=RECORDS[6])
    with pytest.raises(Refused) as refused:
        act(complaint, "close", office.officer.user, **end)
    assert refused.value.code == "promise_open"
    act(complaint, "follow", office.officer.user, no=1, kept=False, note="Paid late")
    with pytest.raises(Refused, match="proves"):
        act(complaint, "close", office.officer.user, result="upheld", cause="price", proof=" ")


def test_going_back_keeps_everything_and_asks_again(office):
    complaint = office.walk(office.take_in(), 4)
    back = act(complaint, "back", office.officer.user, reason="New recording found")
    assert (back.step, back.round, back.state) == (3, 2, "in_work")
    with pytest.raises(Refused):
        act(back, "advance", office.officer.user)
    assert StepRun.objects.filter(step=3).count() == 2
    assert StepRun.objects.get(step=3, round=1).record == RECORDS[3]


def test_reopening_drops_follow_ups_and_runs_new_clocks(office):
    closed = office.walk(office.take_in(), "closed")
    opened = services.act(
        closed.number,
        "reopen",
        {"reason": "Money never came", "to": 3},
        user=office.manager.user,
        at=T0 + timedelta(days=9),
    )
    assert (opened.state, opened.step, opened.result, opened.closed_at) == ("reopened", 3, "", None)
    assert FollowUp.objects.filter(dropped=False).count() == 0
    assert opened.clocks.get(key="answer").started_at == T0 + timedelta(days=9)


def test_withdrawing_ends_the_case_that_day_with_evidence(office):
    complaint = office.walk(office.take_in(), 3)
    with pytest.raises(Refused, match="wish"):
        act(complaint, "withdraw", office.officer.user, reason="Settled at home")
    gone = act(complaint, "withdraw", office.officer.user, reason="Settled at home", evidence="Letter")
    assert (gone.state, gone.result) == ("closed", "withdrawn")


def test_pauses_only_by_named_ground_and_nothing_happens_meanwhile(office):
    complaint = office.walk(office.take_in(), 3)
    with pytest.raises(Refused, match="ground"):
        act(complaint, "pause", office.officer.user, ground="holiday", reason="x")
    paused = act(complaint, "pause", office.officer.user, ground="papers", reason="Statement of the other bank")
    assert paused.clocks.get(key="step_3").due_at is None
    with pytest.raises(Refused, match="paused"):
        act(paused, "advance", office.officer.user)
    assert act(paused, "resume", office.officer.user).paused == ""


# --- U6 -------------------------------------------------------------------------------------------------------------


def test_the_first_who_hears_it_stays_responsible_unless_it_is_about_him(office):
    mine = office.take_in(user=office.manager.user)
    assert mine.handler == office.manager
    about = office.take_in(user=office.manager.user, about=office.manager)
    assert about.receiver == office.manager
    assert about.handler == office.officer
    assert not Complaint.objects.visible_to(office.manager.user).filter(pk=about.pk).exists()


def test_against_the_branch_head_nobody_of_the_branch_head_decides(office):
    complaint = office.take_in(about=office.head, superior=office.officer)
    assert complaint.handler == office.second
    assert not Complaint.objects.visible_to(office.head.user).exists()
    for person in (office.head, office.officer):
        with pytest.raises(Complaint.DoesNotExist):
            services.act(complaint.number, "accept", user=person.user, at=T0)
        with pytest.raises(Refused, match="himself"):
            services.give_to(complaint.number, person.staff_no, "x", user=office.second.user, at=T0)


def test_the_database_refuses_it_too(office):
    complaint = office.take_in(about=office.head)
    with pytest.raises(DatabaseError), transaction.atomic():
        Complaint.objects.filter(pk=complaint.pk).update(handler=office.head)
    events = services.happenings(complaint)
    with pytest.raises(DatabaseError, match="himself"), transaction.atomic():
        append(complaint, events, [("noted", {"reason": "x"})], by=office.head.user, at=T0)
    complaint = Complaint.objects.get()
    with pytest.raises(DatabaseError), transaction.atomic():
        append(complaint, events, [("assigned", {"to": office.head.pk})], by=office.officer.user, at=T0)
    complaint = Complaint.objects.get()
    approved = {"role": "branch_head", "staff": office.officer.pk}
    with pytest.raises(DatabaseError, match="does not approve"), transaction.atomic():
        append(complaint, events, [("approved", approved)], by=office.officer.user, at=T0)
    assert ComplaintEvent.objects.count() == 1


def test_naming_the_handler_wants_a_hand_over_first(office):
    complaint = office.take_in()
    with pytest.raises(Refused) as refused:
        services.correct(complaint.number, {"about": office.officer}, "Named now", user=office.head.user, at=T0)
    assert refused.value.code == "hand_over_first"
    services.give_to(complaint.number, office.second.staff_no, "It is about her", user=office.head.user, at=T0)
    services.correct(complaint.number, {"about": office.officer}, "Named now", user=office.head.user, at=T0)
    assert not Complaint.objects.visible_to(office.officer.user).exists()


def test_an_amount_wants_two_roles_none_of_them_the_handler(office):
    complaint = office.walk(office.take_in(), 4)
    record = RECORDS[4] | {"proposals": [{"text": "Settlement", "amount": 50_000_000}]}
    act(complaint, "record", office.officer.user, record=record)
    with pytest.raises(Refused) as refused:
        act(complaint, "advance", office.officer.user)
    assert refused.value.code == "approval_missing"
    with pytest.raises(PermissionDenied):
        act(complaint, "approve", office.officer.user)
    act(complaint, "approve", office.head.user)
    with pytest.raises(Refused, match="waits for your"):
        act(complaint, "approve", office.head.user)
    act(complaint, "approve", office.compliance.user)
    assert act(complaint, "advance", office.officer.user).step == 5


def test_a_heads_deputy_approves_for_him_but_not_what_is_about_him(office):
    deputy = StaffFactory(branch=office.branch)
    today = timezone.localdate()
    LeaveFactory(staff=office.head, deputy=deputy, from_on=today, to_on=today)
    amount = RECORDS[4] | {"proposals": [{"text": "Settlement", "amount": 50_000_000}]}
    ordinary = office.walk(office.take_in(), 4)
    about_him = office.walk(office.take_in(about=office.head), 4)
    for complaint in (ordinary, about_him):
        act(complaint, "record", office.officer.user, record=amount)
    act(ordinary, "approve", deputy.user)
    for key in ("approve", "extend"):
        with pytest.raises(Refused, match="himself"):
            act(about_him, key, deputy.user, reason="x")
    with pytest.raises(Refused):
        act(about_him, "withdraw", deputy.user, reason="x", evidence="y")


def test_a_promise_to_make_good_losses_is_refused(office):
    complaint = office.walk(office.take_in(), 4)
    with pytest.raises(Refused, match="forbids"):
        act(
            complaint,
            "record",
            office.officer.user,
            record=RECORDS[4] | {"proposals": [{"text": "我们兜底", "amount": 1}]},
        )


# --- What the database refuses --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [{"step": 2}, {"state": "closed"}, {"handler": None}, {"version": F("version") + 1}, {"severity": "major"}],
)
def test_nothing_changes_without_an_event(office, change):
    office.take_in()
    with pytest.raises(DatabaseError), transaction.atomic():
        Complaint.objects.update(**change)


def test_the_file_cannot_be_changed_or_deleted(office):
    complaint = office.walk(office.take_in(), 3)
    for forbidden in (
        lambda: ComplaintEvent.objects.update(data={}),
        lambda: ComplaintEvent.objects.all()._raw_delete("default"),
        lambda: Complaint.objects.all()._raw_delete("default"),
        lambda: StepRun.objects.filter(step=1).update(record={}),
        lambda: StepRun.objects.filter(step=3).update(done_at=T0),
        lambda: ComplaintPolicy.objects.update(follow_up_days=[]),
        lambda: ComplaintEvent.objects.create(complaint=complaint, sequence=99, kind="noted", at=T0, hash="x"),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            forbidden()


# --- Intake ---------------------------------------------------------------------------------------------------------


def test_the_same_outside_number_is_the_same_case(office):
    first, new = services.register(office.told(source="hotline", external_ref="A1"), user=office.officer.user, at=T0)
    again, renewed = services.register(
        office.told(source="hotline", external_ref="A1", narrative="Other words"), user=office.officer.user, at=T0
    )
    assert (new, renewed, again) == (True, False, first)
    assert Complaint.objects.count() == 1


def test_one_matter_by_two_channels_is_one_case_with_two_intakes(office):
    first = office.take_in(at=T0)
    second = office.take_in(
        at=T0 + timedelta(days=1), received_at=T0 - timedelta(days=1), channel="12386_transfer", source="12386",
        external_ref="P7",
    )  # fmt: skip
    assert list(services.likely_duplicates(second, office.officer.user)) == [first]
    stays = services.merge(second.number, first.number, "Same fund, same day", user=office.officer.user, at=T0)
    assert Intake.objects.filter(complaint=stays).count() == 2
    assert stays.received_at == T0 - timedelta(days=1)
    assert stays.clocks.filter(key="platform").exists()
    second.refresh_from_db()
    assert (second.state, second.result, second.merged_into) == ("closed", "merged", first)
    again, new = services.register(
        office.told(channel="12386_transfer", source="12386", external_ref="P7"), user=office.officer.user, at=T0
    )
    assert (again, new) == (first, False)
    with pytest.raises(Refused, match="merged"):
        services.act(second.number, "reopen", {"reason": "x"}, user=office.officer.user, at=T0)


def test_bad_intakes_name_their_fields(office):
    for wrong, field in (
        ({"narrative": " \x00"}, "narrative"),
        ({"narrative": "x" * 40_001}, "narrative"),
        ({"received_at": T0 + timedelta(hours=1)}, "received_at"),
        ({"channel": "12386_direct"}, "external_ref"),
        ({"client": None}, "client"),
        ({"party": "non_client", "client": None}, "complainant"),
        ({"category": "weather"}, "category"),
        ({"amount": -1}, "amount"),
    ):
        with pytest.raises(ValidationError) as error:
            services.register(office.told(**wrong), user=office.officer.user, at=T0)
        assert field in error.value.message_dict
    assert Complaint.objects.count() == 0


def test_anonymous_long_and_group_complaints_are_taken(office):
    anonymous = office.take_in(party="anonymous", client=None, narrative="投诉" * 5000)
    assert anonymous.complainant == ""
    group = office.take_in(persons=5)
    assert group.severity == "group"
    assert group.handler == office.compliance
    assert list(Complaint.objects.order_by("pk").values_list("number", flat=True)) == ["TS2026000001", "TS2026000002"]


# --- Two at once, scope ---------------------------------------------------------------------------------------------


def test_the_second_of_two_is_told(office):
    complaint = office.walk(office.take_in(), 2)
    version = complaint.version
    services.act(
        complaint.number,
        "record",
        {"record": RECORDS[2]},
        user=office.officer.user,
        at=T0 + timedelta(days=1),
        version=version,
    )
    with pytest.raises(Stale) as stale:
        services.act(
            complaint.number, "back", {"reason": "x"}, user=office.head.user, at=T0 + timedelta(days=1), version=version
        )
    assert stale.value.complaint.version == version + 1


def test_who_sees_which_cases(office):
    own = office.take_in()
    elsewhere = office.take_in(about=StaffFactory(name="远方"), client=None, party="non_client", complainant="王五")
    outsider = StaffFactory(role=Role.COMPLAINT_OFFICER)
    everything = {own.pk, elsewhere.pk}
    for person, expected in (
        (office.manager, {own.pk}),
        (office.head, {own.pk}),
        (office.officer, everything),  # she received both
        (office.second, {own.pk}),
        (office.compliance, everything),
        (StaffFactory(role=Role.ANALYST), everything),
        (outsider, set()),
        (StaffFactory(role=Role.ADMIN), set()),
        (StaffFactory(role=Role.AUDITOR), set()),
        (StaffFactory(role=Role.CALLBACK_AGENT), set()),
    ):
        found = set(Complaint.objects.visible_to(person.user).values_list("pk", flat=True))
        assert found == expected, person.role


def test_a_stranger_learns_nothing_and_an_analyst_acts_on_nothing(office):
    complaint = office.take_in()
    with pytest.raises(Complaint.DoesNotExist):
        services.act(complaint.number, "accept", user=StaffFactory().user, at=T0)
    with pytest.raises(PermissionDenied):
        services.act(complaint.number, "accept", user=StaffFactory(role=Role.ANALYST).user, at=T0)


def test_events_of_one_file_are_numbered_once(office):
    complaint = office.take_in()
    row = ComplaintEvent.objects.get()
    with pytest.raises((IntegrityError, DatabaseError)), transaction.atomic():
        ComplaintEvent.objects.create(complaint=complaint, sequence=1, kind="noted", at=T0, hash="x", before=row.before)
