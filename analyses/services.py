"""Making the figures each night (S10)."""

from datetime import date, timedelta
from typing import Any

from django.db import connection, transaction

from analyses.dimensions import DIMENSIONS, STATE_FROM, Dimension, State
from analyses.models import Made
from crm.partitions import month_start, next_month
from crm.temporary import drop

#: Months kept up for dimensions that can be made for the past.
MONTHS = 24

_COUNT = """
SELECT %(dimension)s AS dimension, c.branch_id, r.key, count(*) AS clients, sum(r.amount)::bigint AS amount,
       sum(r.extra)::bigint AS extra
  FROM ({rows}) r JOIN clients_client c ON c.id = r.client_id
 GROUP BY c.branch_id, r.key
"""
#: Clients who are alike in every dimension are counted first, so that few rows are taken apart (unnest: VALUES is made anew
#: for each row and costs more than reading the clients once for each dimension).
_COUNT_STATES = """
WITH person AS (
    SELECT c.branch_id, {keys}, {sums} FROM {rows}
), alike AS (
    SELECT branch_id, {key_names}, count(*) AS clients, {sums_of} FROM person GROUP BY branch_id, {key_names}
)
SELECT d.dimension, a.branch_id, d.key, sum(a.clients)::int AS clients, sum(d.amount)::bigint AS amount,
       sum(d.extra)::bigint AS extra
  FROM alike a CROSS JOIN LATERAL unnest(
       %(dimensions)s::text[], ARRAY[{key_names}]::text[], ARRAY[{amounts}], ARRAY[{extras}]
       ) AS d (dimension, key, amount, extra)
 WHERE d.key IS NOT NULL
 GROUP BY d.dimension, a.branch_id, d.key
"""
_DROP = """
DELETE FROM analyses_cell k
 WHERE k.dimension = ANY(%(dimensions)s) AND k.month = %(month)s
   AND NOT EXISTS (SELECT FROM cell_new n WHERE (n.dimension, n.branch_id, n.key) = (k.dimension, k.branch_id, k.key))
"""
_WRITE = """
INSERT INTO analyses_cell AS kept (branch_id, month, dimension, key, clients, amount, extra)
SELECT branch_id, %(month)s, dimension, key, clients, amount, extra FROM cell_new
    ON CONFLICT (dimension, month, branch_id, key) DO UPDATE SET
       clients = excluded.clients, amount = excluded.amount, extra = excluded.extra
 WHERE (kept.clients, kept.amount, kept.extra) IS DISTINCT FROM (excluded.clients, excluded.amount, excluded.extra)
"""


def refresh(business_date: date) -> int:
    """Bring all figures up to a business date; rows written.

    The current month each time; earlier ones where they are missing, and last month's once more after its end.
    """
    current = month_start(business_date)
    with transaction.atomic():
        written = make_states(current, business_date)
    for dimension in DIMENSIONS.values():
        if dimension.state:
            continue
        there = dict(Made.objects.filter(dimension=dimension.key).values_list("month", "as_of"))
        for month in _months(current) if dimension.past else [current]:
            made_on = there.get(month)
            if month == current or made_on is None or made_on < next_month(month):
                with transaction.atomic():
                    written += make(dimension, month, business_date)
    return written


def _months(current: date) -> list[date]:
    months = [current]
    while len(months) < MONTHS:
        months.append(month_start(months[-1] - timedelta(days=1)))
    return months[::-1]


def values_for(month: date, day: date) -> dict[str, Any]:
    """Parameters of a dimension's rows."""
    return {"month": month, "after": next_month(month), "day": day}


def make(dimension: Dimension, month: date, business_date: date) -> int:
    """One month of one dimension, set-based; repeating it gives the same; rows written."""
    return _keep([dimension], _COUNT.format(rows=dimension.rows), month, business_date)


def make_states(month: date, business_date: date) -> int:
    """All dimensions of the clients' present state in one reading of the clients; rows written."""
    dimensions = [dimension for dimension in DIMENSIONS.values() if dimension.state]
    return _keep(dimensions, _states_sql([d.state for d in dimensions if d.state]), month, business_date)


def _states_sql(states: list[State]) -> str:
    keys = [f"k{number}" for number, _state in enumerate(states)]
    sums: dict[str, str] = {}
    for state in states:
        for expression in (state.amount, state.extra):
            sums.setdefault(expression, f"s{len(sums)}")
    return _COUNT_STATES.format(
        rows=STATE_FROM,
        keys=", ".join(f"{state.key} AS {name}" for state, name in zip(states, keys, strict=True)),
        key_names=", ".join(keys),
        sums=", ".join(f"{expression} AS {name}" for expression, name in sums.items()),
        sums_of=", ".join(f"sum({name})::bigint AS {name}" for name in sums.values()),
        amounts=", ".join(sums[state.amount] for state in states),
        extras=", ".join(sums[state.extra] for state in states),
    )


def _keep(dimensions: list[Dimension], counted: str, month: date, business_date: date) -> int:
    """Write the counted cells where they differ and remember that the month was made."""
    keys = [dimension.key for dimension in dimensions]
    values = values_for(month, business_date) | {"dimension": keys[0], "dimensions": keys}
    with connection.cursor() as cursor:
        drop(cursor, "cell_new")
        cursor.execute(f"CREATE TEMP TABLE cell_new ON COMMIT DROP AS {counted}", values)
        cursor.execute(_DROP, values)
        cursor.execute(_WRITE, values)
        written = cursor.rowcount
    Made.objects.bulk_create(
        [Made(dimension=key, month=month, as_of=business_date) for key in keys],
        update_conflicts=True,
        unique_fields=["dimension", "month"],
        update_fields=["as_of"],
    )
    return written
