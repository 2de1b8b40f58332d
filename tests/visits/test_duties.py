"""The duty ledger (U3, V1, V2, V8) on real rows."""

import itertools
from collections import Counter
from datetime import date

import pytest
import time_machine

from clients.models import ClientCare
from org.calendar import load
from org.models import Leave
from segmentation.models import Standing
from tests.factories import ClientFactory, StaffFactory
from visits import cadence, duties
from visits.cadence import cadences_on
from visits.models import CadencePolicy, Duty, Visit
from visits.preview import preview_of
from visits.rules import added_on_promotion, prorated, windows

MONTH = date(2026, 10, 1)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def autumn(db):
    load([2026])
    with time_machine.travel("2026-10-08 10:00+08:00", tick=False):
        yield


def ranked(tier: str, **more):
    client = ClientFactory(**more)
    Standing.objects.create(
        client=client, scope_id=client.branch_id, contribution=1, tier=tier, tier_since=MONTH, service_tier=tier,
        service_since=MONTH,
    )  # fmt: skip
    return client


def publish(values, *, by, on):
    return cadence.publish(cadence.draft(values, by=by, on=on).version, by=by, on=on)


def promote(client, tier: str) -> None:
    Standing.objects.filter(client=client).update(tier=tier, service_tier=tier)


def owed(client) -> list[tuple[int, str, str]]:
    return list(
        Duty.objects.filter(client=client, month=MONTH).order_by("number").values_list("number", "tier", "state")
    )


def test_a_month_owes_what_the_cadence_says_and_nothing_twice(manager):
    clients = [ranked(tier, manager=manager) for tier in "AABBCCC"]
    for _ in range(2):
        duties.refresh(MONTH)
    per_client = Counter(Duty.objects.filter(month=MONTH).values_list("client_id", flat=True))
    assert [per_client[client.pk] for client in clients] == [3, 3, 2, 2, 1, 1, 1]
    assert set(Duty.objects.values_list("manager", flat=True)) == {manager.pk}
    firsts = Duty.objects.filter(tier="A", number=1).values_list("from_on", "to_on").distinct()
    # 1–7 October has no working day; the 10th is a make-up Saturday (V2).
    assert list(firsts) == [(date(2026, 10, 8), date(2026, 10, 13))]
    assert Duty.objects.filter(tier="B", in_person=True).count() == 2


def test_who_comes_in_mid_month_owes_the_share_and_a_promotion_adds_the_difference(manager):
    stays = ranked("C", manager=manager)
    duties.refresh(MONTH)
    new = ranked("A", manager=manager)
    duties.refresh(date(2026, 10, 20))
    assert len(owed(new)) == 2, "9 of 18 working days are left: half of three, half up"
    promote(stays, "A")
    for _ in range(2):
        duties.refresh(date(2026, 10, 20))
    assert owed(stays) == [(1, "C", "owed"), (2, "A", "owed")], "one more: half of the difference of two"
    promote(stays, "C")
    duties.refresh(date(2026, 10, 21))
    assert len(owed(stays)) == 2, "a demotion takes nothing away"


def test_open_duties_go_with_the_client_and_closed_ones_stay(manager, stranger):
    client = ranked("B", manager=manager)
    duties.refresh(MONTH)
    Duty.objects.filter(client=client, number=1).update(state="done", done_on=date(2026, 10, 8), channel="visit")
    visit = Visit.objects.create(client=client, manager=manager, date=date(2026, 10, 20), start="10:00", minutes=30)
    client.manager = stranger
    client.save()
    duties.refresh(date(2026, 10, 9))
    assert list(Duty.objects.filter(client=client).order_by("number").values_list("manager", flat=True)) == [
        manager.pk,
        stranger.pk,
    ]
    visit.refresh_from_db()
    assert (visit.manager_id, visit.version) == (stranger.pk, 2)


def test_silence_and_closing_waive_what_is_open_and_call_visits_off(manager):
    quiet, closed = ranked("B", manager=manager), ranked("C", manager=manager)
    duties.refresh(MONTH)
    visit = Visit.objects.create(client=quiet, manager=manager, date=date(2026, 10, 20), start="10:00", minutes=30)
    ClientCare.objects.create(client=quiet, do_not_contact=True, do_not_contact_reason="不希望被打扰")
    closed.status = "closed"
    closed.save()
    duties.refresh(date(2026, 10, 9))
    assert set(Duty.objects.filter(client=quiet).values_list("state", "waiver")) == {("waived", "silence")}
    assert set(Duty.objects.filter(client=closed).values_list("state", "waiver")) == {("waived", "closed")}
    visit.refresh_from_db()
    assert visit.state == "cancelled"


def test_what_is_open_when_the_month_is_over_is_missed(manager):
    client = ranked("B", manager=manager)
    duties.refresh(MONTH)
    Duty.objects.filter(client=client, number=1).update(state="waived", waiver="client")
    duties.refresh(date(2026, 11, 1))
    assert owed(client) == [(1, "B", "waived"), (2, "B", "missed")]
    assert Duty.objects.filter(client=client, month=date(2026, 11, 1)).count() == 2


def test_a_planned_visit_without_a_note_is_missed_and_its_contact_owed_again(manager):
    client = ranked("C", manager=manager)
    duties.refresh(MONTH)
    Duty.objects.update(state="booked")
    visit = Visit.objects.create(
        client=client,
        manager=manager,
        date=date(2026, 10, 9),
        start="10:00",
        minutes=30,
        duty_month=MONTH,
        duty_number=1,
    )
    duties.refresh(date(2026, 10, 9))
    visit.refresh_from_db()
    assert visit.state == "planned", "the day is not over"
    duties.refresh(date(2026, 10, 10))
    visit.refresh_from_db()
    assert (visit.state, owed(client)) == ("missed", [(1, "C", "owed")])


def test_a_month_to_come_follows_the_tier_down_as_long_as_nothing_is_agreed(manager):
    client, agreed = ranked("A", manager=manager), ranked("A", manager=manager)
    duties.prepare(date(2026, 11, 1), date(2026, 10, 25))
    Duty.objects.filter(client=agreed, number=1).update(state="booked")
    promote(client, "C")
    promote(agreed, "C")
    duties.refresh(date(2026, 11, 1))
    assert Duty.objects.filter(client=client, month=date(2026, 11, 1)).count() == 1
    assert Duty.objects.filter(client=agreed, month=date(2026, 11, 1)).count() == 3


def test_a_branch_with_a_cadence_of_its_own(manager, stranger, admin):
    publish(
        {"valid_from": date(2026, 10, 9), "branch": stranger.branch, "contacts_a": 5, "in_person_a": 2, "note": "试点"},
        by=admin.user,
        on=date(2026, 10, 8),
    )
    ours, theirs = ranked("A", manager=manager), ranked("A", manager=stranger)
    assert cadences_on(date(2026, 10, 9)).of(stranger.branch_id).contacts["A"] == 5
    duties.refresh(date(2026, 11, 1))
    november = Duty.objects.filter(month=date(2026, 11, 1))
    assert november.filter(client=ours).count() == 3
    assert november.filter(client=theirs).count() == 5
    assert november.filter(client=theirs, in_person=True).count() == 2


def test_a_published_cadence_is_never_changed():
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        CadencePolicy.objects.update(visit_minutes=45)


def test_queries_do_not_grow_with_clients(manager, django_assert_max_num_queries):
    for tier in "ABC" * 5:
        ranked(tier, manager=manager)
    with django_assert_max_num_queries(28):
        duties.refresh(MONTH)


def test_rules_of_proration():
    assert [prorated(3, left, 22) for left in (22, 15, 11, 4, 1, 0)] == [3, 2, 2, 1, 1, 0]
    assert [prorated(2, left, 22) for left in (22, 16, 11, 1)] == [2, 1, 1, 1]
    assert [added_on_promotion(1, 3, left, 22) for left in (22, 11, 5, 0)] == [2, 1, 0, 0]
    assert added_on_promotion(3, 1, 22, 22) == 0


@pytest.mark.parametrize("days", range(1, 24))
@pytest.mark.parametrize("count", range(1, 6))
def test_windows_cover_the_month_in_order(count, days):
    found = windows(count, days, tier="A")
    assert [one.number for one in found] == list(range(1, count + 1))
    assert all(0 <= one.first <= one.last < days for one in found)
    assert [one.first for one in found] == sorted(one.first for one in found)
    assert found[-1].last == days - 1 or (count == 1 and found[-1].last == min(4, days - 1))
    if days >= count * 4:
        assert all(later.first > earlier.last for earlier, later in itertools.pairwise(found))


def test_somebody_on_leave_is_planned_around(manager):
    Leave.objects.create(
        staff=manager, deputy=StaffFactory(branch=manager.branch), from_on=date(2026, 10, 8), to_on=date(2026, 10, 31),
        entered_by=manager.user,
    )  # fmt: skip
    from visits.models import Unmet
    from visits.services import make_plan

    client = ranked("A", manager=manager)
    duties.refresh(MONTH)
    plan = make_plan(manager, MONTH, user=manager.user, begin=date(2026, 10, 8))
    assert not Visit.objects.filter(plan=plan).exists()
    assert list(Unmet.objects.values_list("client", "missing", "reason")) == [(client.pk, 3, "leave")]


def test_the_preview_of_a_ranking_policy_counts_by_the_cadence_of_each_branch(manager, stranger, admin):
    """U1: what a policy costs in contacts is what would be owed, branches with a cadence of their own included."""
    from ledger.models import ClientTotals
    from segmentation.models import RankingPolicy
    from segmentation.preview import preview_of

    for staff in (manager, stranger):
        for tier in "AB":
            client = ranked(tier, manager=staff)
            ClientTotals.objects.update_or_create(
                client=client,
                defaults={
                    "branch_id": client.branch_id, "manager_id": staff.pk, "contribution": 100, "assets": 0,
                    "no_key": client.client_no, "ranked": True,
                },
            )  # fmt: skip
    publish(
        {"valid_from": date(2026, 10, 9), "branch": stranger.branch, "contacts_a": 5, "in_person_a": 2, "note": "试点"},
        by=admin.user,
        on=date(2026, 10, 8),
    )
    policy = RankingPolicy.objects.latest("version")
    # Today A and B in each: 3 + 2 in the one, 5 + 2 in the other.
    assert preview_of(policy, date(2026, 10, 9), admin.user).contacts_now == 12


def test_a_draft_says_what_it_would_cost_and_who_could_not_keep_it(manager, stranger, head, admin):
    """U4 before it is promised: contacts with and without the draft, as the ledger then makes them; whose time is short."""
    for staff, tiers in ((manager, "A" * 40 + "B"), (stranger, "AC")):
        for tier in tiers:
            ranked(tier, manager=staff)
    ranked("C", manager=None, branch=manager.branch)
    ClientCare.objects.create(client=ranked("A", manager=manager), do_not_contact=True, do_not_contact_reason="不愿")
    values = {"valid_from": date(2026, 11, 1), "contacts_a": 9, "in_person_a": 9, "in_person_b": 1, "note": "更密"}
    draft = cadence.draft(values, by=admin.user, on=date(2026, 10, 8))
    seen = preview_of(draft, admin.user, date(2026, 10, 8))
    assert (seen.contacts_now, seen.contacts_then) == (41 * 3 + 2 + 2, 41 * 9 + 2 + 2)
    assert (seen.month, seen.unkept, seen.managers) == (date(2026, 11, 1), 1, 2)
    # 361 visits do not fit 21 days of at most 8.
    assert (seen.short_now, seen.short_then) == (0, 1)
    assert [(load.staff, load.then.visits, load.then.most) for load in seen.loads] == [(manager, 361, 168)]
    assert not Duty.objects.exists()
    # A head sees the own branch only.
    assert preview_of(draft, head.user, date(2026, 10, 8)).contacts_then == 40 * 9 + 2 + 1
    cadence.publish(draft.version, by=admin.user, on=date(2026, 10, 8))
    duties.refresh(date(2026, 11, 1))
    assert Duty.objects.filter(month=date(2026, 11, 1)).count() == seen.contacts_then


def test_a_draft_is_one_and_is_changed_thrown_away_and_never_published_late(client, admin, manager):
    client.force_login(admin.user)
    page = client.get("/policies/cadence/")
    values = {
        name: one.value() if one.value() is not None else ""
        for name, one in ((f.name, f) for f in page.context["form"])
    }
    assert client.post("/policies/cadence/", values | {"visit_minutes": 45}).status_code == 302
    assert client.post("/policies/cadence/", values | {"visit_minutes": 50}).status_code == 302
    draft = CadencePolicy.objects.get(state="draft")
    assert draft.visit_minutes == 50
    assert "hx-get" in client.get("/policies/cadence/").content.decode()
    assert client.get("/policies/cadence/preview/").status_code == 200
    assert client.post("/policies/cadence/", values | {"valid_from": "2026-10-08"}).status_code == 422
    with time_machine.travel("2026-11-02 10:00+08:00", tick=False):
        client.post(f"/policies/cadence/{draft.version}/publish/")
    assert CadencePolicy.objects.get(pk=draft.pk).state == "draft"
    client.force_login(manager.user)
    assert client.post(f"/policies/cadence/{draft.version}/discard/").status_code == 403
    client.force_login(admin.user)
    assert client.post(f"/policies/cadence/{draft.version}/discard/").status_code == 302
    assert client.post(f"/policies/cadence/{draft.version}/publish/").status_code == 404
    assert client.get("/policies/cadence/preview/").status_code == 404
