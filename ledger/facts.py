"""Monthly facts and trailing totals (N2, step 'facts'): only the months and clients that an intake touched."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection, transaction

from clients.search import set_weights
from crm.partitions import ensure_months, month_start, next_month
from crm.temporary import drop


@dataclass(frozen=True)
class Window:
    """Both days included."""

    start: date
    end: date


@dataclass(frozen=True)
class FactCounts:
    """Rows written: monthly facts, totals."""

    facts: int
    totals: int


_TAKE_DIRTY = """
WITH taken AS (
    DELETE FROM ledger_dirtymonth d USING clients_client c
     WHERE c.id = d.client_id AND c.branch_id %% %(parts)s = %(part)s
    RETURNING d.client_id, d.month
)
INSERT INTO dirty SELECT client_id, month FROM taken
"""

_FACTS = """
WITH trade AS (
    SELECT d.client_id, d.month, sum(t.commission - t.exchange_fees)::bigint AS net_commission, count(*) AS trades,
           sum(t.amount)::bigint AS turnover, max(t.date) AS last_trade_on
      FROM dirty d JOIN ledger_trade t ON t.client_id = d.client_id AND date_trunc('month', t.date)::date = d.month
     WHERE t.date >= %(first)s AND t.date < %(after)s
     GROUP BY 1, 2
), fee AS (
    SELECT d.client_id, d.month,
           sum(f.amount) FILTER (WHERE f.kind = 'margin_interest')::bigint AS margin_interest,
           sum(f.amount) FILTER (WHERE f.kind = 'product_fee')::bigint AS product_fee,
           sum(f.amount) FILTER (WHERE f.kind = 'advisory_fee')::bigint AS advisory_fee,
           sum(f.amount) FILTER (WHERE f.kind = 'other')::bigint AS other_fee
      FROM dirty d JOIN ledger_fee f ON f.client_id = d.client_id AND date_trunc('month', f.date)::date = d.month
     WHERE f.date >= %(first)s AND f.date < %(after)s
     GROUP BY 1, 2
), flow AS (
    SELECT d.client_id, d.month, sum(CASE w.direction WHEN 'in' THEN w.amount ELSE -w.amount END)::bigint AS net_inflow
      FROM dirty d JOIN ledger_cashflow w ON w.client_id = d.client_id AND date_trunc('month', w.date)::date = d.month
     WHERE w.date >= %(first)s AND w.date < %(after)s
     GROUP BY 1, 2
), asset AS (
    SELECT DISTINCT ON (d.client_id, d.month) d.client_id, d.month, a.cash + a.securities_value - a.liabilities AS assets_end
      FROM dirty d JOIN ledger_assetsnapshot a ON a.client_id = d.client_id AND date_trunc('month', a.date)::date = d.month
     WHERE a.date >= %(first)s AND a.date < %(after)s
     ORDER BY d.client_id, d.month, a.date DESC
)
INSERT INTO ledger_monthlyfact AS kept (month, client_id, net_commission, margin_interest, product_fee, advisory_fee,
       other_fee, trades, turnover, last_trade_on, assets_end, net_inflow)
SELECT d.month, d.client_id, coalesce(trade.net_commission, 0), coalesce(fee.margin_interest, 0),
       coalesce(fee.product_fee, 0), coalesce(fee.advisory_fee, 0), coalesce(fee.other_fee, 0), coalesce(trade.trades, 0),
       coalesce(trade.turnover, 0), trade.last_trade_on, asset.assets_end, coalesce(flow.net_inflow, 0)
  FROM dirty d
  LEFT JOIN trade USING (client_id, month) LEFT JOIN fee USING (client_id, month)
  LEFT JOIN flow USING (client_id, month) LEFT JOIN asset USING (client_id, month)
    ON CONFLICT (month, client_id) DO UPDATE SET
       net_commission = excluded.net_commission, margin_interest = excluded.margin_interest,
       product_fee = excluded.product_fee, advisory_fee = excluded.advisory_fee, other_fee = excluded.other_fee,
       trades = excluded.trades, turnover = excluded.turnover, last_trade_on = excluded.last_trade_on,
       assets_end = excluded.assets_end, net_inflow = excluded.net_inflow
 WHERE (kept.net_commission, kept.margin_interest, kept.product_fee, kept.advisory_fee, kept.other_fee, kept.trades,
        kept.turnover, kept.last_trade_on, kept.assets_end, kept.net_inflow)
       IS DISTINCT FROM
       (excluded.net_commission, excluded.margin_interest, excluded.product_fee, excluded.advisory_fee, excluded.other_fee,
        excluded.trades, excluded.turnover, excluded.last_trade_on, excluded.assets_end, excluded.net_inflow)
"""

_SYNC_TOTALS = """
UPDATE ledger_clienttotals t
   SET branch_id = c.branch_id, manager_id = c.manager_id, no_key = c.no_key, ranked = c.status <> 'closed'
  FROM clients_client c
 WHERE c.id = t.client_id AND c.branch_id %% %(parts)s = %(part)s
   AND (t.branch_id, t.manager_id, t.no_key, t.ranked)
       IS DISTINCT FROM (c.branch_id, c.manager_id, c.no_key, c.status <> 'closed')
"""

_NEW_TOTALS = """
INSERT INTO ledger_clienttotals (client_id, branch_id, manager_id, no_key, ranked, contribution, assets)
SELECT c.id, c.branch_id, c.manager_id, c.no_key, c.status <> 'closed', 0, 0
  FROM clients_client c
 WHERE c.branch_id %% %(parts)s = %(part)s AND NOT EXISTS (SELECT FROM ledger_clienttotals t WHERE t.client_id = c.id)
"""

#: The clients whose sum may have moved: those touched, or all of the part when the window itself moved.
_STALE = """
CREATE TEMP TABLE stale ON COMMIT DROP AS
SELECT DISTINCT client_id FROM dirty
 UNION
SELECT t.client_id FROM ledger_clienttotals t
 WHERE t.branch_id %% %(parts)s = %(part)s AND (t.window_from, t.window_to) IS DISTINCT FROM (%(start)s, %(end)s)
"""

_CONTRIBUTIONS = """
UPDATE ledger_clienttotals t
   SET contribution = coalesce(s.contribution, 0), window_from = %(start)s, window_to = %(end)s
  FROM stale LEFT JOIN ({sums}) s USING (client_id)
 WHERE t.client_id = stale.client_id
   AND (t.contribution, t.window_from, t.window_to) IS DISTINCT FROM (coalesce(s.contribution, 0), %(start)s, %(end)s)
"""

#: The newest last trade from the first touched month on; older months are asked only if the trade that counted is gone.
_LAST_TRADES = """
UPDATE ledger_clienttotals t SET last_trade_on = n.last_trade_on
  FROM (SELECT t.client_id,
               CASE WHEN s.last_trade_on IS NOT NULL THEN s.last_trade_on
                    WHEN t.last_trade_on < %(first)s OR t.last_trade_on IS NULL THEN t.last_trade_on
                    ELSE (SELECT max(o.last_trade_on) FROM ledger_monthlyfact o
                           WHERE o.client_id = t.client_id AND o.month < %(first)s) END AS last_trade_on
          FROM ledger_clienttotals t
          JOIN (SELECT DISTINCT client_id FROM dirty) d USING (client_id)
          LEFT JOIN (SELECT m.client_id, max(m.last_trade_on) AS last_trade_on
                       FROM ledger_monthlyfact m WHERE m.month >= %(first)s GROUP BY m.client_id) s USING (client_id)
       ) n
 WHERE t.client_id = n.client_id AND t.last_trade_on IS DISTINCT FROM n.last_trade_on
"""

#: The newest snapshot, looked for from the first touched month on.
_ASSETS = """
UPDATE ledger_clienttotals t SET assets = s.assets, assets_on = s.date
  FROM (SELECT DISTINCT ON (a.client_id) a.client_id, a.date, a.cash + a.securities_value - a.liabilities AS assets
          FROM ledger_assetsnapshot a JOIN (SELECT DISTINCT client_id FROM dirty) d USING (client_id)
         WHERE a.date >= %(first)s AND a.date <= %(business_date)s
         ORDER BY a.client_id, a.date DESC) s
 WHERE t.client_id = s.client_id AND (t.assets, t.assets_on) IS DISTINCT FROM (s.assets, s.date)
"""

#: A snapshot that was taken back: the one before it counts again.
_ASSETS_BEFORE = """
UPDATE ledger_clienttotals t SET assets = coalesce(s.assets, 0), assets_on = s.date
  FROM (SELECT DISTINCT client_id FROM dirty) d
  LEFT JOIN LATERAL (SELECT a.date, a.cash + a.securities_value - a.liabilities AS assets
                       FROM ledger_assetsnapshot a
                      WHERE a.client_id = d.client_id AND a.date <= %(business_date)s
                      ORDER BY a.date DESC LIMIT 1) s ON TRUE
 WHERE t.client_id = d.client_id AND t.assets_on >= %(first)s
   AND NOT EXISTS (SELECT FROM ledger_assetsnapshot a WHERE a.client_id = d.client_id AND a.date = t.assets_on)
"""

#: Clients whose facts changed, with their assets: search hits stand by them (C10).
_CHANGED_ASSETS = (
    "SELECT t.client_id, t.assets FROM ledger_clienttotals t"
    " JOIN (SELECT DISTINCT client_id FROM dirty) d USING (client_id)"
)


def refresh(business_date: date, *, window: Window, part: int = 0, parts: int = 1) -> FactCounts:
    """Bring monthly facts and totals of a part up to date; a second call writes nothing.

    One transaction. The window is the ranking policy's for the business date; when it moved, all sums are made anew.
    """
    values: dict[str, Any] = {"part": part, "parts": parts, "business_date": business_date}
    with transaction.atomic(), connection.cursor() as cursor:
        drop(cursor, "dirty", "stale")
        cursor.execute("CREATE TEMP TABLE dirty (client_id bigint, month date) ON COMMIT DROP")
        cursor.execute(_TAKE_DIRTY, values)
        cursor.execute("ANALYZE dirty")
        cursor.execute("SELECT DISTINCT month FROM dirty")
        months = [month for (month,) in cursor.fetchall()]
        facts = 0
        if months:
            ensure_months("ledger_monthlyfact", months)
            values |= {"first": min(months), "after": next_month(max(months))}
            cursor.execute(_FACTS, values)
            facts = cursor.rowcount
        totals = _refresh_totals(cursor, values, window, months)
    return FactCounts(facts, totals)


def _refresh_totals(cursor: Any, values: dict[str, Any], window: Window, months: list[date]) -> int:
    cursor.execute(_SYNC_TOTALS, values)
    written = cursor.rowcount
    cursor.execute(_NEW_TOTALS, values)
    written += cursor.rowcount
    values = values | {"start": window.start, "end": window.end}
    cursor.execute(_STALE, values)
    cursor.execute("ANALYZE stale")
    sums, parameters = contributions(window, only="stale")
    cursor.execute(_CONTRIBUTIONS.format(sums=sums), values | parameters)
    written += cursor.rowcount
    if months:
        for statement in (_LAST_TRADES, _ASSETS, _ASSETS_BEFORE):
            cursor.execute(statement, values)
            written += cursor.rowcount
        written += set_weights(_CHANGED_ASSETS)
    return written


def contributions(window: Window, *, only: str = "") -> tuple[str, dict[str, Any]]:
    """SQL (client_id, contribution) over a window, both days included: whole months from facts, edges by day.

    `only` names a temporary table of client ids to look at. Returns the SELECT and its parameters.
    """
    first, after = month_start(window.start), next_month(window.end)
    whole_from = first if window.start == first else next_month(window.start)
    last_is_whole = window.end == after - timedelta(days=1)
    whole_to = month_start(window.end) if last_is_whole else month_start(first_of_previous(window.end))
    parameters: dict[str, Any] = {"whole_from": whole_from, "whole_to": whole_to}
    join = f" JOIN {only} USING (client_id)" if only else ""
    selects = [
        "SELECT client_id, net_commission + margin_interest + product_fee + advisory_fee + other_fee AS amount"
        f" FROM ledger_monthlyfact{join} WHERE month BETWEEN %(whole_from)s AND %(whole_to)s"
    ]
    for number, (start, end) in enumerate(_edges(window, whole_from, whole_to)):
        parameters |= {f"edge{number}_from": start, f"edge{number}_to": end}
        between = f"date BETWEEN %(edge{number}_from)s AND %(edge{number}_to)s"
        selects += [
            f"SELECT client_id, commission - exchange_fees FROM ledger_trade{join} WHERE {between}",
            f"SELECT client_id, amount FROM ledger_fee{join} WHERE {between}",
        ]
    union = " UNION ALL ".join(selects)
    return f"SELECT client_id, sum(amount)::bigint AS contribution FROM ({union}) parts GROUP BY client_id", parameters


def first_of_previous(day: date) -> date:
    """First day of the month before a date's."""
    return month_start(month_start(day) - timedelta(days=1))


def _edges(window: Window, whole_from: date, whole_to: date) -> list[tuple[date, date]]:
    """Days of the window outside its whole months."""
    if whole_from > whole_to:
        return [(window.start, window.end)]
    edges = []
    if window.start < whole_from:
        edges.append((window.start, whole_from - timedelta(days=1)))
    if window.end >= next_month(whole_to):
        edges.append((next_month(whole_to), window.end))
    return edges
