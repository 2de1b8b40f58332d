"""Policies (S1, U1): what is published stays as it is, in the database too; a preview counts by both cadences."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from org.models import Role
from segmentation.models import RankingPolicy, Standing
from segmentation.policies import change, discard, draft, policy_on, publish
from segmentation.preview import preview_of
from segmentation.ranking import rank
from tests.factories import StaffFactory
from tests.segmentation.conftest import DAY, totals_of

FIRST = "WHERE version = 1"


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE segmentation_rankingpolicy SET cut_a = 40 {FIRST}",
        f"UPDATE segmentation_rankingpolicy SET state = 'draft' {FIRST}",
        f"UPDATE segmentation_rankingpolicy SET valid_from = '2099-01-01' {FIRST}",
        f"DELETE FROM segmentation_rankingpolicy {FIRST}",
    ],
)
def test_the_database_refuses_to_change_a_published_policy(db, statement):
    before = RankingPolicy.objects.filter(version=1).values().get()
    with (
        pytest.raises(IntegrityError, match="policy 1 is published"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert RankingPolicy.objects.filter(version=1).values().get() == before


def test_a_draft_changes_goes_and_is_published_and_then_supersedes(admin):
    first = RankingPolicy.objects.get(version=1)
    thrown = draft(by=admin.user, base=first)
    change(thrown, {"cut_a": Decimal(40)}, by=admin.user)
    discard(RankingPolicy.objects.get(pk=thrown.pk), by=admin.user)
    made = draft(by=admin.user, base=first)
    change(made, {"cut_a": Decimal(50), "valid_from": date(2099, 1, 1)}, by=admin.user)
    published = publish(made, by=admin.user, not_before=date(2098, 1, 1))
    assert (policy_on(date(2098, 12, 31)), policy_on(date(2099, 1, 1))) == (first, published)
    published.cut_a = Decimal(60)
    with pytest.raises(IntegrityError), transaction.atomic():
        published.save()


@pytest.mark.django_db(transaction=True)
def test_the_migration_goes_back_and_forth():
    call_command("migrate", "segmentation", "0005", verbosity=0)
    try:
        RankingPolicy.objects.filter(version=1).update(note="changed without the guard")
    finally:
        call_command("migrate", verbosity=0)  # what hangs on it in other apps was taken back, too
    with pytest.raises(IntegrityError), transaction.atomic():
        RankingPolicy.objects.filter(version=1).update(note="")


def test_contacts_are_counted_by_the_cadence_of_each_policy(branch, admin):
    totals_of(branch, [(100, 0), (80, 0), (30, 0), (0, 0)])
    rank(DAY)
    assert list(Standing.objects.order_by("client_id").values_list("tier", flat=True)) == ["A", "A", "C", "C"]
    made = draft(by=admin.user, base=RankingPolicy.objects.get(version=1))
    assert preview_of(made, DAY, admin.user).contacts_change == 0
    change(made, {"visits_a": 5, "visits_b": 4, "visits_c": 0}, by=admin.user)
    preview = preview_of(RankingPolicy.objects.get(pk=made.pk), DAY, admin.user)
    # Today 2 × 3 + 2 × 1; afterwards 2 × 5 + 2 × 0.
    assert (preview.moved, preview.contacts_now, preview.contacts_then) == (0, 8, 10)


def test_the_preview_counts_what_the_later_run_moves(branch, admin):
    totals_of(branch, [(100 - n, n % 3) for n in range(40)])
    rank(DAY)
    before = dict(Standing.objects.values_list("client_id", "tier"))
    made = draft(by=admin.user, base=RankingPolicy.objects.get(version=1))
    later = DAY + timedelta(days=1)
    change(made, {"cut_a": Decimal(30), "cut_b": Decimal(60), "valid_from": later}, by=admin.user)
    made.refresh_from_db()
    head = StaffFactory(branch=branch, role=Role.BRANCH_HEAD).user
    seen = preview_of(made, DAY, head)
    publish(made, by=admin.user, not_before=later)
    rank(later)
    after = dict(Standing.objects.values_list("client_id", "tier"))
    moved = {client for client in before if before[client] != after[client]}
    assert seen.moved == len(moved) > 0
    assert len(seen.movers) == min(len(moved), 50)
    matrix = {(b, a): n for b, counts in seen.matrix for a, n in zip("ABC", counts, strict=True)}
    assert all(n == sum(1 for c in before if (before[c], after[c]) == pair) for pair, n in matrix.items())
