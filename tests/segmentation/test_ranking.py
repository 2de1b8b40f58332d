"""S1, U2, S12: the set-based ranking against the plain rules, repeated, replayed, moved."""

import io
from datetime import date
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clients.models import TimelineEvent
from crm.partitions import ensure_months
from ledger.facts import Window
from ledger.models import AssetSnapshot, ClientTotals, DirtyMonth, Fee
from segmentation.history import run_on, write_tiers
from segmentation.models import RankingPolicy, RankingRun, RankMark, RunTotal, Standing, TierChange
from segmentation.ranking import NoLongerMine, finish_run, open_run, preview, rank, rank_part
from segmentation.rules import Contender, classify
from tests.factories import BranchFactory, StaffFactory
from tests.segmentation.conftest import DAY, WINDOW, empty_ranking, totals_of

CUTS = Decimal(55), Decimal(85)

amounts = st.one_of(
    st.sampled_from([0, 0, 1, -1, 5, 10, 10_000]),
    st.integers(-(10**6), 10**6),
    st.integers(10**11, 10**13),
)
rows = st.lists(st.tuples(amounts, st.integers(0, 3)), max_size=25)


def tiers_by_no(scope: str = "branch", day: date = DAY) -> dict[str, tuple[str, int]]:
    """client_no → (tier, rank) from the CSV."""
    return {line["client_no"]: (line["tier"], int(line["rank"])) for line in csv_of(scope, day)}


def csv_of(scope: str = "branch", day: date = DAY) -> list[dict[str, str]]:
    import csv

    out = io.StringIO()
    write_tiers(out, run_on(day, scope))
    out.seek(0)
    return list(csv.DictReader(out))


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows)
def test_sql_ranks_as_the_plain_rules_do(rows):
    empty_ranking()
    branch = BranchFactory()
    totals_of(branch, rows)
    rank(DAY)
    expected = classify(
        (Contender(str(number).rjust(20, "0"), c, a) for number, (c, a) in enumerate(rows, start=1)), *CUTS
    )
    assert tiers_by_no() == {
        str(int(contender.no_key)): (tier, place) for place, (contender, tier) in enumerate(expected, start=1)
    }
    total = RunTotal.objects.filter(run__scope="branch").first()
    if rows:
        assert total.clients == len(rows)
        assert total.contribution == sum(c for c, _ in rows if c > 0)
        assert [total.clients_a, total.clients_b, total.clients_c] == [
            sum(tier == wanted for _, tier in expected) for wanted in "ABC"
        ]


def test_worked_example(branch):
    totals_of(branch, [(n * 10_000, 0) for n in (50, 20, 10, 8, 5, 4, 3)])
    rank(DAY)
    assert "".join(line["tier"] for line in csv_of()) == "AABBCCC"
    assert [line["cumulative_share"][:4] for line in csv_of()] == [
        "0.50",
        "0.70",
        "0.80",
        "0.88",
        "0.93",
        "0.97",
        "1.00",
    ]
    assert csv_of()[0] == {
        "scope": "branch",
        "scope_no": branch.branch_no,
        "client_no": "1",
        "tier": "A",
        "rank": "1",
        "contribution": "50.00",
        "share": "0.500000000000",
        "cumulative_share": "0.500000000000",
    }


def test_sums_beyond_float_stay_exact(branch):
    huge = 2**53
    totals_of(branch, [(huge, 0), (1, 0), (1, 0)])
    cuts = {"cut_a": Decimal("99.99"), "cut_b": Decimal(100)}
    RankingPolicy.objects.create(version=2, state="published", valid_from=DAY, **cuts)
    rank(DAY)
    # In float8 the running sum would swallow both units and the last client would still count as inside 100 %.
    assert [line["tier"] for line in csv_of()] == ["A", "B", "B"]


def test_running_again_changes_nothing(branch):
    totals_of(branch, [(100, 1), (50, 2), (0, 0), (-5, 0)])
    rank(DAY)

    def everything():
        return (
            list(Standing.objects.order_by("client_id").values()),
            list(RankMark.objects.order_by("client_id").values()),
            list(TierChange.objects.order_by("client_id").values_list("client_id", "before", "after", "reason")),
            csv_of(),
        )

    before = everything()
    rank(DAY, parts=3)
    assert everything() == before
    assert RankingRun.objects.count() == 1


def test_the_order_of_rows_never_matters(branch):
    values = [(30, 1), (30, 2), (30, 2), (7, 0), (0, 0)]
    totals_of(branch, values)
    rank(DAY)
    first = [(line["tier"], line["contribution"]) for line in csv_of()]
    empty_ranking()
    totals_of(branch, reversed(values))
    rank(DAY)
    assert [(line["tier"], line["contribution"]) for line in csv_of()] == first


def test_ties_go_by_assets_then_by_number(branch):
    totals_of(branch, [(10, 5), (10, 9), (10, 5)], start=9)
    rank(DAY)
    assert [line["client_no"] for line in csv_of()] == ["10", "9", "11"]


def test_closed_clients_are_not_ranked_and_leave_with_a_change(branch):
    best, second = totals_of(branch, [(100, 0), (10, 0)])
    rank(DAY)
    ClientTotals.objects.filter(client=best).update(ranked=False)
    rank(date(2026, 11, 23))
    assert list(tiers_by_no(day=date(2026, 11, 23))) == [second.client_no]
    assert list(tiers_by_no()) == [best.client_no, second.client_no]
    change = TierChange.objects.get(client=best)
    assert (change.before, change.after, change.reason) == ("A", "", "left")
    assert not Standing.objects.filter(client=best).exists()


def test_each_scope_ranks_within_itself(branch):
    other = BranchFactory()
    first = totals_of(branch, [(100, 0), (1, 0)])
    second = totals_of(other, [(10, 0)], start=50)
    anna = StaffFactory(branch=branch)
    ClientTotals.objects.filter(client=first[1]).update(manager_id=anna.pk)
    for scope in ("branch", "manager", "firm"):
        rank(DAY, scope=scope)
    assert tiers_by_no("branch") == {"1": ("A", 1), "2": ("C", 2), "50": ("A", 1)}
    assert tiers_by_no("firm") == {"1": ("A", 1), "50": ("C", 2), "2": ("C", 3)}
    assert tiers_by_no("manager")["2"] == ("A", 1)
    assert {line["scope_no"] for line in csv_of("manager")} == {"", anna.staff_no}
    assert second[0].client_no == "50"


def test_history_answers_any_day_and_standing_is_rewritten_only_where_it_changed(branch, set_contribution):
    clients = totals_of(branch, [(100, 0), (60, 0), (30, 0), (1, 0)])
    rank(date(2026, 11, 18))
    set_contribution(clients[3], 500)
    rank(date(2026, 11, 19))
    rank(DAY)
    assert RankMark.objects.filter(business_date=date(2026, 11, 18)).count() == 4
    moved = RankMark.objects.filter(business_date=date(2026, 11, 19))
    assert moved.count() < 4 or {mark.client_id for mark in moved} == {c.pk for c in clients}
    assert not RankMark.objects.filter(business_date=DAY).exists()
    assert tiers_by_no(day=date(2026, 11, 18))["4"][0] == "C"
    assert tiers_by_no(day=date(2026, 11, 19))["4"] == ("A", 1)
    assert tiers_by_no(day=DAY) == tiers_by_no(day=date(2026, 11, 19))
    assert run_on(date(2026, 11, 17), "branch") is None


def test_changes_stand_on_the_timeline_once_with_the_reason(branch, set_contribution):
    clients = totals_of(branch, [(100, 0), (60, 0), (30, 0), (1, 0)])
    rank(date(2026, 11, 18))
    set_contribution(clients[3], 500)
    rank(DAY)
    rank(DAY)
    up = TierChange.objects.get(client=clients[3], what="tier")
    assert (up.before, up.after, up.reason, up.contribution_before, up.contribution_after) == ("C", "A", "own", 1, 500)
    down = TierChange.objects.get(client=clients[0], what="tier")
    assert (down.before, down.after, down.reason) == ("A", "B", "line")
    events = TimelineEvent.objects.filter(client=clients[3], kind="segmentation.tier")
    assert [event.data["after"] for event in events] == ["A"]


def test_who_rises_with_a_smaller_contribution_rises_because_the_line_moved(branch, set_contribution):
    clients = totals_of(branch, [(120, 0), (60, 0), (30, 0), (1, 0)])
    rank(date(2026, 11, 18))
    set_contribution(clients[0], 10)
    set_contribution(clients[1], 59)
    rank(DAY)
    up = TierChange.objects.get(client=clients[1], what="tier")
    assert (up.before, up.after, up.reason) == ("B", "A", "line")


def test_a_change_taken_back_on_the_same_day_leaves_no_trace(branch, set_contribution):
    clients = totals_of(branch, [(100, 0), (60, 0), (30, 0), (1, 0)])
    rank(date(2026, 11, 18))
    set_contribution(clients[3], 500)
    rank(DAY)
    set_contribution(clients[3], 1)
    rank(DAY)
    assert not TierChange.objects.filter(client=clients[3]).exists()
    assert not TimelineEvent.objects.filter(client=clients[3]).exists()
    assert tiers_by_no()["4"][0] == "C"


def test_service_tier_rises_at_once_and_falls_with_the_month(branch, set_contribution):
    small, _big = totals_of(branch, [(1, 0), (100, 0)])
    rank(date(2026, 11, 12))
    set_contribution(small, 10_000)
    rank(date(2026, 11, 13))
    assert Standing.objects.get(client=small).service_tier == "A"
    set_contribution(small, 1)
    rank(date(2026, 11, 14))
    rank(date(2026, 11, 30))
    standing = Standing.objects.get(client=small)
    assert (standing.tier, standing.service_tier, standing.below_since) == ("C", "A", date(2026, 11, 14))
    ClientTotals.objects.update(window_from=date(2025, 12, 1), window_to=date(2026, 11, 30))
    rank(date(2026, 12, 2))
    rank(date(2026, 12, 2))
    standing = Standing.objects.get(client=small)
    assert (standing.tier, standing.service_tier, standing.below_since) == ("C", "C", None)
    assert TierChange.objects.get(client=small, what="service", business_date=date(2026, 12, 2)).reason == "month"


def test_a_run_apart_leaves_standing_and_the_chain_alone(branch, set_contribution):
    clients = totals_of(branch, [(100, 0), (60, 0), (30, 0), (1, 0)])
    rank(date(2026, 11, 18))
    before = list(Standing.objects.order_by("client_id").values())
    run = rank(DAY, window=Window(date(2026, 1, 1), date(2026, 3, 31)))
    assert (run.apart, run.full, run.window_from) == (True, True, date(2026, 1, 1))
    assert list(Standing.objects.order_by("client_id").values()) == before
    assert {tier for tier, _ in tiers_by_no().values()} == {"C"}
    set_contribution(clients[3], 500)
    rank(date(2026, 11, 23))
    assert tiers_by_no(day=date(2026, 11, 23))["4"] == ("A", 1)
    assert tiers_by_no(day=date(2026, 11, 19))["4"][0] == "C"


def test_a_run_apart_answers_for_its_own_date_only(branch):
    totals_of(branch, [(100, 0), (1, 0)])
    usual = rank(date(2026, 11, 18))
    apart = rank(DAY, window=Window(date(2026, 1, 1), date(2026, 3, 31)))
    firm = rank(DAY, scope="firm")
    assert run_on(DAY, "branch") == apart
    assert run_on(date(2026, 11, 21), "branch") == usual
    assert run_on(DAY, "firm") == firm
    assert run_on(date(2026, 11, 21), "firm") is None
    assert run_on(date(2026, 11, 19), "firm") is None


def test_the_usual_run_holds_no_longer_once_the_policy_ranks_within_another_scope(branch):
    totals_of(branch, [(100, 0), (1, 0)])
    usual = rank(date(2026, 11, 18))
    RankingPolicy.objects.create(version=2, state="published", valid_from=DAY, scope="firm")
    assert run_on(DAY, "branch") == usual
    rank(DAY)
    assert run_on(date(2026, 11, 19), "branch") == usual
    assert run_on(date(2026, 11, 21), "branch") is None
    assert run_on(date(2026, 11, 21), "firm").business_date == DAY


@pytest.fixture
def two_months(branch):
    """A client each who brought 100 元 in September and in October, with assets before and after the middle of November."""
    first, second = totals_of(branch, [(0, 0), (0, 0)])
    ensure_months("ledger_fee", [date(2026, 9, 1), date(2026, 10, 1)])
    ensure_months("ledger_assetsnapshot", [date(2026, 9, 1), date(2026, 11, 1)])
    for client, day in ((first, date(2026, 9, 5)), (second, date(2026, 10, 5))):
        Fee.objects.create(fee_no=f"F{client.pk}", date=day, client=client, kind="other", amount=1_000_000)
    snapshots = [(first, date(2026, 9, 30), 5), (first, date(2026, 11, 20), 1), (second, date(2026, 11, 3), 3)]
    for client, day, cash in snapshots:
        AssetSnapshot.objects.create(client=client, date=day, cash=cash, securities_value=0, liabilities=0)
    dirty = {(client, day.replace(day=1)) for client, day, _ in snapshots}
    dirty |= {(fee.client, fee.date.replace(day=1)) for fee in Fee.objects.all()}
    DirtyMonth.objects.bulk_create(DirtyMonth(client=client, month=month) for client, month in dirty)
    return first, second


def test_ranking_an_older_date_leaves_everybodys_totals_alone(two_months):
    call_command("rank", f"--date={DAY}", stdout=io.StringIO())
    kept = list(ClientTotals.objects.order_by("pk").values())
    assert {row["window_to"] for row in kept} == {WINDOW[1]}
    call_command("rank", "--date=2026-10-15", stdout=io.StringIO())
    assert list(ClientTotals.objects.order_by("pk").values()) == kept
    # Of then: October's fee is not in the window yet.
    assert [line["contribution"] for line in csv_of(day=date(2026, 10, 15))] == ["100.00", "0.00"]
    assert [line["contribution"] for line in csv_of()] == ["100.00", "100.00"]
    # An ad-hoc window of a date to come neither.
    call_command("rank", "--date=2027-03-05", "--window=2026-09-01:2026-09-30", stdout=io.StringIO())
    assert list(ClientTotals.objects.order_by("pk").values()) == kept
    assert [line["contribution"] for line in csv_of(day=date(2027, 3, 5))] == ["100.00", "0.00"]


def test_an_older_date_ranks_by_the_assets_and_clients_of_then(two_months):
    first, second = two_months
    late = totals_of(first.branch, [(0, 0)], start=9)[0]
    type(late).objects.filter(pk=late.pk).update(opened_on=DAY)
    call_command("rank", f"--date={DAY}", stdout=io.StringIO())
    assert [line["client_no"] for line in csv_of()][:2] == [second.client_no, first.client_no]
    # The same month and window, but the snapshot of the 20th was not there yet.
    call_command("rank", "--date=2026-11-10", stdout=io.StringIO())
    assert [line["client_no"] for line in csv_of(day=date(2026, 11, 10))] == [first.client_no, second.client_no]


def test_a_date_before_the_first_policy_is_answered_clearly(branch):
    with pytest.raises(
        CommandError, match="no ranking policy holds on 1999-12-31; the first one holds from 2000-01-01"
    ):
        call_command("rank", "--date=1999-12-31")


def test_preview_equals_the_later_run(branch, set_contribution):
    clients = totals_of(branch, [(100 - n, 0) for n in range(20)])
    rank(date(2026, 11, 18))
    set_contribution(clients[19], 5000)
    counts = preview(DAY)
    assert not TierChange.objects.exists()
    rank(DAY)
    assert counts.moved == TierChange.objects.filter(what="tier").count() > 0
    assert counts.ranked == 20
    assert counts.percent == pytest.approx(100 * counts.moved / 20)


def test_a_job_that_was_taken_away_writes_nothing(branch):
    totals_of(branch, [(100, 0)])
    run = open_run(DAY)
    with pytest.raises(NoLongerMine):
        rank_part(run, still_mine=lambda: False)
    assert not Standing.objects.exists()
    rank_part(run)
    assert finish_run(run).clients == 1


def test_nobody_to_rank(db):
    run = rank(DAY)
    assert (run.clients, run.state) == (0, "done")
    assert csv_of() == []


def test_two_years_of_nights_flip_less_in_service_than_in_computed_tier(branch, set_contribution):
    import random

    dice = random.Random(7)
    clients = totals_of(branch, [(1000 - 9 * n, 0) for n in range(100)])
    day = date(2024, 12, 16)
    ClientTotals.objects.update(window_from=date(2023, 12, 1), window_to=date(2024, 11, 30))
    for number in range(24):
        year, month = divmod(11 + number, 12)
        for half in (5, 20):
            day = date(2024 + year, month + 1, half)
            start = date(day.year - 1, day.month, 1)
            last = date.fromordinal(day.replace(day=1).toordinal() - 1)
            ClientTotals.objects.update(window_from=start, window_to=last)
            for client in dice.sample(clients, 12):
                set_contribution(client, dice.randrange(1, 1000))
            rank(day)
    computed = TierChange.objects.filter(what="tier").count()
    service = TierChange.objects.filter(what="service").count()
    assert 0 < service < computed


def test_windows_follow_the_policy():
    assert Window(*WINDOW) == Window(date(2025, 11, 1), date(2026, 10, 31))
