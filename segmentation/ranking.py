"""Ranking (S1): who is A, B or C on a business date; set-based, repeatable, one transaction per part.

run = open_run(date)            # what will be ranked, by which policy and window
rank_part(run, part=0, parts=2) # any number of parts at once, each its own transaction
finish_run(run)                 # counts; from here on the run is the date's result
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from crm.clock import now
from crm.partitions import ensure_months
from crm.temporary import drop
from ledger.facts import Window, contributions
from org.audit import record
from org.models import User
from org.rights import require
from segmentation import queries
from segmentation.models import RankingPolicy, RankingRun, RunTotal, Scope, TierChange
from segmentation.policies import policy_on, window_of

#: A sum of contributions up to here is exact in float8.
EXACT_UP_TO = 2**53


class NoLongerMine(Exception):
    """The job was given to another worker; what this one did is rolled back."""


@dataclass(frozen=True)
class MoveCounts:
    """How many clients a ranking would move. `matrix` maps (before, after) to clients; '' before: new."""

    ranked: int
    moved: int
    matrix: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def percent(self) -> float:
        """Moved clients in % of those ranked before."""
        known = sum(count for (before, _), count in self.matrix.items() if before)
        return 100 * self.moved / known if known else 0.0


def rank(
    business_date: date,
    *,
    scope: str | None = None,
    window: Window | None = None,
    user: User | None = None,
    parts: int = 1,
) -> RankingRun:
    """Rank a date whole. Repeating it gives the same rows; a window given here overrides the policy's and is kept.

    Raises PermissionDenied for a user without 'nights.run'.
    """
    if user is not None:
        require(user, "nights.run")
    run = open_run(business_date, scope=scope, window=window, user=user)
    parts = parts if run.scope == Scope.BRANCH else 1
    for part in range(parts):
        rank_part(run, part=part, parts=parts)
    return finish_run(run)


@transaction.atomic
def open_run(
    business_date: date, *, scope: str | None = None, window: Window | None = None, user: User | None = None
) -> RankingRun:
    """The run of a date and scope, made or opened again.

    A run is *apart* from the chain that standings follow when its scope or window is not the policy's, or a newer date is
    ranked already. It is *full* (keeps a mark of everybody) when it is apart, the first, or its window moved.
    """
    policy = policy_on(business_date)
    scope = scope or policy.scope
    usual = window_of(policy, business_date)
    wanted = window or usual
    with connection.cursor() as cursor:
        # Two sessions opening the same date wait for each other.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('segmentation.run'))")
    chain = RankingRun.objects.filter(apart=False)
    apart = scope != policy.scope or wanted != usual or chain.filter(business_date__gt=business_date).exists()
    previous = chain.filter(scope=scope, business_date__lt=business_date).order_by("-business_date").first()
    full = apart or previous is None or (previous.window_from, previous.window_to) != (wanted.start, wanted.end)
    run, _made = RankingRun.objects.get_or_create(
        scope=scope,
        business_date=business_date,
        apart=apart,
        defaults={"policy": policy, "window_from": wanted.start, "window_to": wanted.end},
    )
    run.full = run.full or full
    run.policy, run.window_from, run.window_to, run.started_by = policy, wanted.start, wanted.end, user
    run.state, run.started_at, run.finished_at = "running", now(), None
    run.save()
    if user is not None:
        record("ranking.run", user=user, object_kind="ranking", object_no=f"{scope}:{business_date}")
    return run


def rank_part(run: RankingRun, *, part: int = 0, parts: int = 1, still_mine: Callable[[], bool] = lambda: True) -> int:
    """Rank a share of the branches (`branch_id % parts = part`); returns rows written.

    Raises NoLongerMine, with everything rolled back, when `still_mine` says so at the end.
    """
    policy = run.policy
    values = _values(run, policy, part, parts)
    with transaction.atomic(), connection.cursor() as cursor:
        # More memory makes these sorts slower, not faster (measured).
        cursor.execute("SET LOCAL work_mem = '16MB'")
        ensure_months("segmentation_rankmark", [run.business_date])
        _make_ranked(cursor, run, values)
        written = _keep_apart(cursor, values) if run.apart else _keep(cursor, run, values)
        _totals(cursor, run, values, part, parts)
        if not still_mine():
            raise NoLongerMine(f"ranking {run.scope} {run.business_date}, part {part}")
    return written


@transaction.atomic
def finish_run(run: RankingRun) -> RankingRun:
    """Add the parts up; from now on the run is its date's result."""
    changes = TierChange.objects.filter(business_date=run.business_date, what="tier")
    run.clients = sum(RunTotal.objects.filter(run=run).values_list("clients", flat=True))
    if not run.apart:
        run.moved_up = changes.filter(after__gt="", after__lt=F("before")).count()
        run.moved_down = changes.filter(before__gt="", after__gt=F("before")).count()
        run.entered = changes.filter(before="").count()
    run.data_as_of = _newest_fact()
    run.state, run.finished_at = "done", now()
    run.save()
    return run


def series(run: RankingRun) -> str:
    """Under which name the run's marks are kept."""
    return f"{run.scope}*" if run.apart else run.scope


def preview(business_date: date, *, policy: RankingPolicy | None = None) -> MoveCounts:
    """How many clients a ranking of the date would move, by the policy in force or a draft; writes nothing."""
    policy = policy or policy_on(business_date)
    window = window_of(policy, business_date)
    run = RankingRun(
        scope=policy.scope, business_date=business_date, policy=policy, window_from=window.start, window_to=window.end
    )
    with transaction.atomic(), connection.cursor() as cursor:
        prepare(cursor, run)
        cursor.execute(
            "SELECT coalesce(s.tier, ''), r.tier, count(*) FROM ranked r LEFT JOIN segmentation_standing s"
            " USING (client_id) GROUP BY 1, 2"
        )
        matrix = {(before, after): count for before, after, count in cursor.fetchall()}
        transaction.set_rollback(True)
    moved = sum(count for (before, after), count in matrix.items() if before and before != after)
    return MoveCounts(ranked=sum(matrix.values()), moved=moved, matrix=matrix)


# --- Inside ------------------------------------------------------------------------------------------------------------


def prepare(cursor: Any, run: RankingRun) -> None:
    """Make the temporary table `ranked` for a run that need not be stored; the caller rolls back."""
    cursor.execute("SET LOCAL work_mem = '16MB'")
    _make_ranked(cursor, run, _values(run, run.policy, 0, 1))


def _values(run: RankingRun, policy: RankingPolicy, part: int, parts: int) -> dict[str, Any]:
    earlier = RankingRun.objects.filter(apart=False, business_date__lt=run.business_date)
    previous = earlier.order_by("-business_date").first()
    return {
        "run": run.pk,
        "scope": run.scope,
        "series": series(run),
        "day": run.business_date,
        "business_date": run.business_date,
        "part": part,
        "parts": parts,
        "cut_a": policy.cut_a,
        "cut_b": policy.cut_b,
        "watch_months": policy.watch_months,
        "policy_changed": previous is not None and previous.policy_id != policy.pk,
        "first": previous is None,
        "at": _end_of(run.business_date),
    }


def _end_of(day: date) -> datetime:
    """The evening of a business date, where its changes stand on the timeline."""
    return timezone.make_aware(datetime.combine(day, time(20, 0)))


def _make_ranked(cursor: Any, run: RankingRun, values: dict[str, Any]) -> None:
    drop(cursor, "source", "ranked", "moved", "gone")
    window = Window(run.window_from, run.window_to)
    source = "ledger_clienttotals"
    if not _totals_fit(cursor, window):
        sums, parameters = contributions(window)
        cursor.execute(queries.AD_HOC_SOURCE.format(sums=sums), values | parameters)
        source = "source"
    cursor.execute(f"SELECT coalesce(sum(greatest(contribution, 0)), 0) FROM {source}")
    exact = cursor.fetchone()[0] < EXACT_UP_TO
    sql = queries.RANKED.format(scope_id=queries.SCOPE_ID[run.scope], source=source)
    cursor.execute(sql if exact else sql.replace("::float8", "::numeric"), values)


def _totals_fit(cursor: Any, window: Window) -> bool:
    """Whether the kept sums are of this window (no row of another window)."""
    cursor.execute(
        "SELECT NOT EXISTS (SELECT FROM ledger_clienttotals WHERE (window_from, window_to) IS DISTINCT FROM (%s, %s))",
        [window.start, window.end],
    )
    return bool(cursor.fetchone()[0])


def _keep(cursor: Any, run: RankingRun, values: dict[str, Any]) -> int:
    """Standing, history, changes and timeline of the usual run: only what differs is written."""
    written = 0
    for statement in (queries.MOVED, queries.LEFT_BEHIND, "ANALYZE moved"):
        cursor.execute(statement, values)
    for statement in (
        queries.UPDATE_STANDING,
        queries.INSERT_STANDING,
        queries.DELETE_STANDING,
        queries.CHANGES,
        queries.TIMELINE,
    ):
        cursor.execute(statement, values)
        written += cursor.rowcount
    cursor.execute(queries.VOID_CHANGES, values)
    if cursor.rowcount:
        cursor.execute(queries.TIMELINE_VOID, values)
    if run.full:
        cursor.execute(queries.DELETE_MARKS, values)
        join = "JOIN segmentation_standing s USING (client_id)"
        marks = queries.FULL_MARKS.format(service_tier="s.service_tier", join=join)
    else:
        marks = queries.CHANGED_MARKS
    for statement in (marks, queries.GONE_MARKS):
        cursor.execute(statement, values)
        written += cursor.rowcount
    return written


def _keep_apart(cursor: Any, values: dict[str, Any]) -> int:
    """A run beside the chain: everybody's mark, and nothing else moves."""
    cursor.execute(queries.DELETE_MARKS, values)
    cursor.execute(queries.FULL_MARKS.format(service_tier="r.tier", join=""), values)
    return cursor.rowcount


def _totals(cursor: Any, run: RankingRun, values: dict[str, Any], part: int, parts: int) -> None:
    cursor.execute(
        "DELETE FROM segmentation_runtotal WHERE run_id = %(run)s AND (%(parts)s = 1 OR scope_id %% %(parts)s = %(part)s)",
        values,
    )
    cursor.execute(queries.TOTALS, values)


def _newest_fact() -> date | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(greatest(last_trade_on, assets_on)) FROM ledger_clienttotals")
        return cursor.fetchone()[0]
