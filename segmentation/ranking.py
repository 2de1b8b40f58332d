"""Ranking (S1): who is A, B or C on a business date; set-based, repeatable, one transaction per part.

run = open_run(date)            # what will be ranked, by which policy and window
rank_part(run, part=0, parts=2) # any number of parts at once, each its own transaction
finish_run(run)                 # counts; from here on the run is the date's result
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F, Max, Q, Sum

from crm.clock import now
from crm.partitions import ensure_months
from ledger import facts
from ledger.facts import FactCounts, Window
from org.audit import record
from org.models import User
from org.rights import require
from segmentation.models import RankingPolicy, RankingRun, RunTotal, Scope, TierChange
from segmentation.policies import policy_on, window_of
from segmentation.session import Session, series

__all__ = [
    "MoveCounts",
    "NoLongerMine",
    "Overtaken",
    "finish_run",
    "open_run",
    "prepare",
    "preview",
    "rank",
    "rank_part",
    "refresh_facts",
    "series",
]


class NoLongerMine(Exception):
    """The job was given to another worker; what this one did is rolled back."""


class Overtaken(Exception):
    """A later date was ranked meanwhile; standings already follow that one. Open the run again: it will be one apart."""


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


def refresh_facts(
    business_date: date, *, scope: str | None = None, window: Window | None = None, part: int = 0, parts: int = 1
) -> FactCounts:
    """Bring the facts up to date for ranking a date; see `ledger.facts.refresh`.

    Totals stay with the newest usual run, whose standings they explain: a run apart sums for itself what it needs beyond.
    """
    policy, apart = _policy_and_whether_apart(business_date, scope, window)
    newest = RankingRun.objects.filter(apart=False).order_by("-business_date").first() if apart else None
    if newest is not None:
        business_date = newest.business_date
        policy = policy_on(business_date)
    return facts.refresh(business_date, window=window_of(policy, business_date), part=part, parts=parts)


def _policy_and_whether_apart(
    business_date: date, scope: str | None, window: Window | None
) -> tuple[RankingPolicy, bool]:
    """The policy in force, and whether a run stands beside the chain: another scope or window, or an older date."""
    policy = policy_on(business_date)
    other = (scope or policy.scope) != policy.scope or (window or window_of(policy, business_date)) != window_of(
        policy, business_date
    )
    later = RankingRun.objects.filter(apart=False, business_date__gt=business_date)
    return policy, other or later.exists()


@transaction.atomic
def open_run(
    business_date: date, *, scope: str | None = None, window: Window | None = None, user: User | None = None
) -> RankingRun:
    """The run of a date and scope, made or opened again.

    A run is *apart* from the chain that standings follow when its scope or window is not the policy's, or a newer date is
    ranked already. It is *full* (keeps a mark of everybody) when it is apart, the first, or its window moved.
    """
    with connection.cursor() as cursor:
        # Two sessions opening the same date wait for each other.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('segmentation.run'))")
    policy, apart = _policy_and_whether_apart(business_date, scope, window)
    scope, wanted = scope or policy.scope, window or window_of(policy, business_date)
    done = RankingRun.objects.filter(apart=False, scope=scope, state="done", business_date__lt=business_date)
    previous = done.order_by("-business_date").first()
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
    # Here and not in the parts, which would wait for each other.
    ensure_months("segmentation_rankmark", [business_date])
    if user is not None:
        record("ranking.run", user=user, object_kind="ranking", object_no=f"{scope}:{business_date}")
    return run


def rank_part(run: RankingRun, *, part: int = 0, parts: int = 1, still_mine: Callable[[], bool] = lambda: True) -> int:
    """Rank a share of the branches (`branch_id % parts = part`); returns rows written.

    Sessions that rank the same branches wait for each other. Raises NoLongerMine when `still_mine` says so at the end, and
    Overtaken when a later date was ranked since the run was opened; both leave nothing behind.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        session = Session(cursor, run, part=part, parts=parts)
        session.lock()
        later = RankingRun.objects.filter(apart=False, business_date__gt=run.business_date)
        if not run.apart and later.exists():
            raise Overtaken(f"ranking {run.scope} {run.business_date}")
        session.draw_lines()
        written = session.keep_apart() if run.apart else session.keep()
        session.keep_totals()
        if not still_mine():
            raise NoLongerMine(f"ranking {run.scope} {run.business_date}, part {part}")
    return written


@transaction.atomic
def finish_run(run: RankingRun) -> RankingRun:
    """Add the parts up; from now on the run is its date's result."""
    sums = RunTotal.objects.filter(run=run).aggregate(clients=Sum("clients"), data_as_of=Max("data_as_of"))
    run.clients, run.data_as_of = sums["clients"] or 0, sums["data_as_of"]
    if not run.apart:
        ranked = Q(before__gt="", after__gt="")
        moves = TierChange.objects.filter(business_date=run.business_date, what="tier").aggregate(
            up=Count("pk", filter=ranked & Q(after__lt=F("before"))),
            down=Count("pk", filter=ranked & Q(after__gt=F("before"))),
            entered=Count("pk", filter=Q(before="")),
        )
        run.moved_up, run.moved_down, run.entered = moves["up"], moves["down"], moves["entered"]
    run.state, run.finished_at = "done", now()
    run.save()
    return run


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


def prepare(cursor: Any, run: RankingRun) -> None:
    """Make the temporary relation `ranked` for a run that is not stored: who is where before anything is written.

    Columns: client_id, branch_id, scope_id, contribution, assets, tier.

    The caller reads it and rolls the transaction back.
    """
    session = Session(cursor, run)
    session.draw_lines()
    session.show_ranked()
