"""Measuring each night (S3–S6); the policy's versions are in `policies`."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection, transaction

from crm.clock import now
from crm.money import UNITS_PER_YUAN
from crm.partitions import ensure_months, month_start
from crm.planner import whole_tables
from crm.temporary import drop
from ledger.facts import Window
from measures import queries
from measures.models import WEIGHTS, MeasurePolicy, MeasureRun
from measures.policies import policy_on
from segmentation import policies as ranking_policies
from segmentation.explain import newest_run


@dataclass(frozen=True)
class Counts:
    """Clients measured, rows of theirs that changed, history marks written."""

    clients: int
    changed: int
    marks: int


def idle_before(business_date: date, months: int) -> date:
    """Whoever traded last before this day is idle."""
    number = business_date.year * 12 + business_date.month - 1 - months
    year, month = number // 12, number % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(business_date.day, last))


def prepare(cursor: Any, policy: MeasurePolicy, business_date: date) -> tuple[Window, dict[str, Any], int]:
    """Measure all ranked clients by a policy into the temporary table `measured`; clients measured.

    Inside a transaction, at whose end the table goes.
    """
    window = ranking_policies.window_of(ranking_policies.policy_on(business_date), business_date)
    values = {name: getattr(policy, name) for name in (*WEIGHTS, "growth_percent", "cash_months", "short_turnover")} | {
        "day": business_date,
        "first": month_start(window.start),
        "last": month_start(window.end),
        "days": max((window.end - window.start).days + 1, 1),
        "idle_before": idle_before(business_date, policy.idle_months),
        "medium_from": policy.medium_from * UNITS_PER_YUAN,
        "large_from": policy.large_from * UNITS_PER_YUAN,
    }
    with whole_tables():
        drop(cursor, "measure_window", "measured")
        cursor.execute(queries.WINDOW, values)
        cursor.execute("ANALYZE measure_window")
        cursor.execute(queries.MEASURE, values)
        clients = max(cursor.rowcount, 0)
        cursor.execute("ANALYZE measured")
    return window, values, clients


@transaction.atomic
def refresh(business_date: date) -> Counts | None:
    """Measure all ranked clients as of a business date. Repeating it writes nothing.

    None, and nothing written, unless the newest ranking is of this date: history is not rewritten, and nobody is measured
    on a day that is not ranked yet.
    """
    ranked = newest_run()
    if ranked is None or ranked.business_date != business_date:
        return None
    with connection.cursor() as cursor:  # two at once would write the same marks
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('measures.refresh'))")
    policy = policy_on(business_date)
    ensure_months("measures_measuremark", [business_date])
    with connection.cursor() as cursor:
        window, values, clients = prepare(cursor, policy, business_date)
        written: dict[str, int] = {}
        with whole_tables():
            for name in ("MARK", "MARK_GONE", "DROP_GONE", "CHANGE", "ADD"):
                cursor.execute(getattr(queries, name), values)
                written[name] = max(cursor.rowcount, 0)
    counts = Counts(
        clients,
        written["CHANGE"] + written["ADD"] + written["DROP_GONE"],
        written["MARK"] + written["MARK_GONE"],
    )
    MeasureRun.objects.update_or_create(
        business_date=business_date,
        defaults={
            "policy": policy,
            "window_from": window.start,
            "window_to": window.end,
            "clients": counts.clients,
            "changed": counts.changed,
            "finished_at": now(),
        },
    )
    return counts
