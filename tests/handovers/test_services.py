"""A book handed over and taken back (U10): counts before = after, undo restores, later work stays."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clients.errors import Conflict, Refused
from clients.models import Client, ClientSearch, CoManager, TimelineEvent
from clients.services import reassign
from complaints.models import Complaint
from crm.clock import now
from handovers import services
from handovers.models import Handover, Move
from handovers.services import Wish
from nights.models import Notice
from org.models import AuditEvent, User
from tests.factories import StaffFactory
from tests.handovers.conftest import DAY
from tests.visits.test_duties import ranked
from tests.visits.test_services import note
from visits import services as visits
from visits.models import Contact, Duty, Promise, Visit
from visits.queries import due_of

pytestmark = pytest.mark.django_db


def everything() -> dict[str, list]:
    """All that a hand-over may touch, without versions and times."""
    due = Duty.objects.order_by("client", "month", "number")
    return {
        "clients": list(Client.objects.order_by("pk").values_list("pk", "manager")),
        "duties": list(due.values_list("client", "month", "number", "manager", "state")),
        "visits": list(Visit.objects.order_by("pk").values_list("pk", "manager", "date", "start", "state")),
        "promises": list(Promise.objects.order_by("pk").values_list("pk", "staff")),
        "steps": list(Contact.objects.order_by("pk").values_list("pk", "staff", "next_staff")),
        "cases": list(Complaint.objects.order_by("pk").values_list("pk", "handler")),
        "beside": list(CoManager.objects.order_by("client", "staff").values_list("client", "staff")),
    }


def make(wish, head):
    seen = services.preview(wish, user=head.user, on=DAY)
    return services.hand_over(wish, digest=seen.digest, user=head.user, on=DAY, at=now()), seen


def test_counts_before_are_counts_after_and_undo_restores(manager, head, heirs, book):
    before = everything()
    wish = Wish(manager, heirs, "离职")
    made, seen = make(wish, head)
    after = everything()
    for kind in before:
        if kind != "beside":
            assert len(before[kind]) == len(after[kind]), kind
    assert {what: made.moved[what] for what in seen.counts} == seen.counts
    assert seen.counts == {"client": 6, "duty": 11, "visit": 11, "promise": 1, "step": 1, "case": 1} | {
        what: sum(row.what == what for row in Move.objects.all()) for what in ("duty", "visit")
    }
    assert not Client.objects.filter(manager=manager).exists()
    assert not Duty.objects.filter(manager=manager, state__in=["owed", "booked"]).exists()
    assert not Visit.objects.filter(manager=manager, state="planned").exists()
    # Each thing went where its client went.
    owners = dict(Client.objects.values_list("pk", "manager"))
    assert owners == seen.to
    assert all(
        owners[client] == staff
        for client, staff in Visit.objects.filter(state="planned").values_list("client", "manager")
    )
    assert Complaint.objects.get().handler_id == owners[book[2].pk]
    # A and A, B and B, C and C are shared evenly, 3 + 2 + 1 contacts a month each.
    assert [heir.contacts for heir in seen.heirs] == [6, 6]
    assert set(ClientSearch.objects.values_list("manager_id", flat=True)) <= {one.pk for one in heirs}

    services.undo(made.pk, user=head.user, on=DAY, at=now())
    assert everything() == before
    made.refresh_from_db()
    assert (made.undone_by, made.stayed) == (head.user, {})


def test_what_moved_on_since_stays_and_is_counted(manager, head, heirs, book):
    made, _seen = make(Wish(manager, heirs[:1], "转岗"), head)
    third = StaffFactory(branch=manager.branch)
    reassign(Client.objects.filter(pk=book[5].pk), third.staff_no, reason="x", user=head.user, on=DAY, at=now())
    visit = Visit.objects.filter(client=book[1], state="planned").earliest("date")
    visits.record_contact(book[1].client_no, note(at=now()), user=heirs[0].user, visit_id=visit.pk)
    done = Duty.objects.filter(state="done", manager=heirs[0]).count()
    assert done == 1
    services.undo(made.pk, user=head.user, on=DAY, at=now())
    made.refresh_from_db()
    assert made.stayed["client"] == 1
    assert Client.objects.get(pk=book[5].pk).manager == third
    assert Duty.objects.filter(state="done", manager=heirs[0]).count() == done, "what was done stays whose it was"
    assert not Duty.objects.filter(client__in=book[:5], manager=heirs[0], state__in=["owed", "booked"]).exists()


def test_tiers_and_next_steps(manager, head, heirs, book):
    made, seen = make(Wish(manager, heirs[:1], "分担", tiers=("A",)), head)
    assert seen.counts["client"] == made.moved["client"] == 2
    assert Client.objects.filter(manager=manager).count() == 4
    assert [step.client_id for step in due_of(heirs[0], heirs[0].user, DAY).steps] == [book[0].pk]
    assert due_of(manager, manager.user, DAY).steps == []
    assert Complaint.objects.get().handler == manager, "it is on a B client"


def test_both_work_beside_each_other_until_the_day(manager, head, heirs, book):

    def visible() -> int:
        return Client.objects.visible_to(User.objects.get(pk=manager.user_id)).count()

    made, _seen = make(Wish(manager, heirs[:1], "交接", overlap_until=DAY + timedelta(days=3)), head)
    assert visible() == 6
    assert services.end_overlaps(DAY + timedelta(days=3), now()) == 0, "the last day counts"
    assert services.end_overlaps(DAY + timedelta(days=4), now()) == 6
    assert services.end_overlaps(DAY + timedelta(days=4), now()) == 0
    assert visible() == 0
    # An overlap that is over does not come back with the undoing, nor is it lacking.
    services.undo(made.pk, user=head.user, on=DAY + timedelta(days=5), at=now())
    assert Client.objects.filter(manager=manager).count() == 6
    assert not CoManager.objects.filter(staff=manager).exists()


def test_another_book_than_the_one_seen_is_not_handed_over(manager, head, heirs, book):
    wish = Wish(manager, heirs, "离职")
    seen = services.preview(wish, user=head.user, on=DAY)
    before = everything()
    ranked("A", manager=manager)
    with pytest.raises(Conflict):
        services.hand_over(wish, digest=seen.digest, user=head.user, on=DAY, at=now())
    assert everything() | {"clients": before["clients"]} == before
    assert not Handover.objects.exists()


@pytest.mark.parametrize("case", ["himself", "nobody", "elsewhere", "left", "too long", "no reason", "no clients"])
def test_what_is_refused(manager, head, heirs, stranger, book, case):
    wish = {
        "himself": Wish(manager, [manager], "x"),
        "nobody": Wish(manager, [], "x"),
        "elsewhere": Wish(manager, [stranger], "x"),
        "left": Wish(manager, [StaffFactory(branch=manager.branch, left_on=DAY)], "x"),
        "too long": Wish(manager, heirs, "x", overlap_until=DAY + timedelta(days=61)),
        "no reason": Wish(manager, heirs, " \x00"),
        "no clients": Wish(heirs[0], heirs[1:], "x"),
    }[case]
    with pytest.raises(Refused):
        make(wish, head)
    assert Client.objects.filter(manager=manager).count() == 6


def test_only_the_head_of_the_branch(manager, head, heirs, stranger, book):
    elsewhere = StaffFactory(role="branch_head", branch=stranger.branch)
    wish = Wish(manager, heirs, "x")
    with pytest.raises(PermissionDenied):
        services.preview(wish, user=manager.user, on=DAY)
    with pytest.raises(Refused):
        services.preview(wish, user=elsewhere.user, on=DAY)
    made, _seen = make(wish, head)
    with pytest.raises(Handover.DoesNotExist):
        services.undo(made.pk, user=elsewhere.user, on=DAY, at=now())


def test_undone_once_and_in_time(manager, head, heirs, book):
    made, _seen = make(Wish(manager, heirs, "x"), head)
    with pytest.raises(Refused):
        services.undo(made.pk, user=head.user, on=DAY + timedelta(days=8), at=now())
    services.undo(made.pk, user=head.user, on=DAY + timedelta(days=7), at=now())
    with pytest.raises(Refused):
        services.undo(made.pk, user=head.user, on=DAY, at=now())


def test_everybody_is_told_and_it_is_in_the_trail(manager, head, heirs, book):
    make(Wish(manager, heirs, "离职"), head)
    assert set(Notice.objects.filter(kind__startswith="handovers.").values_list("user", "kind")) == {
        (heirs[0].user_id, "handovers.received"),
        (heirs[1].user_id, "handovers.received"),
        (manager.user_id, "handovers.given"),
    }
    assert AuditEvent.objects.get(action="handover.made").object_no == manager.staff_no
    assert AuditEvent.objects.filter(action="client.reassign").count() == 6
    assert TimelineEvent.objects.filter(kind="reassigned").count() == 6


def test_statements_do_not_grow_with_the_book(manager, head, heirs):
    for _n in range(2):
        ranked("A", manager=manager)
    wish = Wish(manager, heirs, "x")

    def cost() -> int:
        head.user.__dict__.pop("_scope", None)
        with CaptureQueriesContext(connection) as asked:
            made, _seen = make(wish, head)
        services.undo(made.pk, user=head.user, on=DAY, at=now())
        return len(asked)

    cost()  # reads the new names once
    few = cost()
    for _n in range(12):
        ranked("B", manager=manager)
    cost()
    assert cost() == few
