"""The result of any day in the past (S12)."""

from datetime import date
from typing import Any, TextIO

from django.db import connection

from segmentation import queries
from segmentation.models import RankingRun
from segmentation.session import series

COLUMNS = ("scope", "scope_no", "client_no", "tier", "rank", "contribution", "share", "cumulative_share")


def run_on(business_date: date, scope: str) -> RankingRun | None:
    """The run that holds on a date: its own result, the one made last; otherwise the usual run before it.

    A run apart (other scope or window, an older date ranked again) answers for its own date only, and a usual run no longer
    once the policy ranks within another scope.
    """
    done = RankingRun.objects.filter(state="done")
    own = done.filter(scope=scope, business_date=business_date).order_by("-finished_at").first()
    if own is not None:
        return own
    before = done.filter(apart=False, business_date__lt=business_date).order_by("-business_date").first()
    return before if before is not None and before.scope == scope else None


def _query(run: RankingRun) -> tuple[str, dict[str, Any]]:
    scope_no, join = queries.RESULT_JOIN[run.scope]
    sql = queries.RESULT.format(scope_no=scope_no, join=join)
    return sql, {"scope": run.scope, "series": series(run), "day": run.business_date, "full": base_date(run)}


def base_date(run: RankingRun) -> date:
    """The date of the full run that the run's marks build upon."""
    if run.full:
        return run.business_date
    chain = RankingRun.objects.filter(
        scope=run.scope, apart=False, full=True, state="done", business_date__lt=run.business_date
    )
    return chain.latest("business_date").business_date


def write_tiers(out: TextIO, run: RankingRun) -> None:
    """The whole result of a run as CSV: money in 元 with 2 decimals, shares with 12, best first within each scope."""
    sql, values = _query(run)
    with connection.cursor() as cursor:
        statement = cursor.mogrify(f"COPY ({sql}) TO STDOUT WITH (FORMAT csv, HEADER)", values).decode()
        cursor.copy_expert(statement, out)
