"""Monthly facts and trailing totals (N2, step 'facts'): only the months and clients that an intake touched.

Sums follow by what changed: a fact made anew adds its difference, a window that moves adds the months that enter and takes
off those that leave. `UPDATE ledger_clienttotals SET window_from = NULL` has the next refresh sum everything anew.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection, transaction

from clients.search import set_weights
from crm.partitions import ensure_months, month_start, next_month
from crm.temporary import drop
from ledger import facts_sql as sql
from ledger.intake.months import existing_months


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


def refresh(business_date: date, *, window: Window, part: int = 0, parts: int = 1) -> FactCounts:
    """Bring monthly facts and totals of a share of the clients (`id % parts = part`) up to date.

    One transaction; a second call writes nothing. The window is what the totals shall cover from now on. Assets are those
    of the newest snapshot on or before the business date; business dates ascend, an older one takes back nothing. Sessions
    that work side by side must name the same `parts`.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        _wait_for_others(cursor, part, parts)
        job = _Refresh(cursor, business_date, window, part, parts)
        months = job.take_dirty()
        totals = job.copy_clients()
        if job.whole:
            # On the facts as they were summed; what is new in them adds its difference afterwards.
            totals += job.move_window()
        facts = job.make_facts(months) if months else 0
        if not job.whole:
            totals += job.sum_anew(sql.STALE_OR_DIRTY)
        if months:
            totals += job.keep_totals()
    return FactCounts(facts, totals)


def _wait_for_others(cursor: Any, part: int, parts: int) -> None:
    """Differences must not be added twice: one session for each share, and nobody else while one takes all."""
    shared = "_shared" if parts > 1 else ""
    cursor.execute(f"SELECT pg_advisory_xact_lock{shared}(hashtext('ledger.facts'), -1)")
    cursor.execute("SELECT pg_advisory_xact_lock(hashtext('ledger.facts'), %s)", [part])


class _Refresh:
    """The statements of one refresh, in the caller's transaction."""

    def __init__(self, cursor: Any, business_date: date, window: Window, part: int, parts: int) -> None:
        self._cursor, self._window = cursor, window
        self._business_date = business_date
        whole_from, whole_to = _whole_months(window)
        #: Whether the window is made of whole months; otherwise its edges are read day by day from the rows themselves.
        self.whole = not _edges(window, whole_from, whole_to)
        # Without whole months in the window nothing lies between them; facts then add no difference of their own.
        self._values: dict[str, Any] = {
            "part": part,
            "parts": parts,
            "business_date": business_date,
            "start": window.start,
            "end": window.end,
            "whole_from": whole_from,
            "whole_to": whole_to,
        }
        # Room for the totals of a share of a million clients at once.
        cursor.execute("SET LOCAL work_mem = '64MB'")
        drop(cursor, "dirty", "differing", "rolling", "stale", "fresh", "goal")

    def do(self, statement: str, **values: Any) -> int:
        """Execute a statement of `facts_sql`; returns the rows it wrote."""
        self._cursor.execute(statement, self._values | values)
        return max(self._cursor.rowcount, 0)

    def _sums(self, statement: str, only: str) -> int:
        sums, parameters = contributions(self._window, only=only)
        return self.do(statement.format(sums=sums), **parameters)

    def take_dirty(self) -> list[date]:
        """Note what an intake touched; returns the months, oldest first, for which there are partitions then."""
        self.do(sql.DIRTY)
        if not self.do(sql.TAKE_DIRTY):
            return []
        self._cursor.execute("ANALYZE dirty")
        self._cursor.execute("SELECT DISTINCT month FROM dirty ORDER BY month")
        months = [month for (month,) in self._cursor.fetchall()]
        # Before anything is read from the table: sessions that read it and then both make a month would block each other.
        ensure_months("ledger_monthlyfact", months)
        return months

    def copy_clients(self) -> int:
        """Branch, manager, number and whether the client is ranked, as its row says; a row for who has none."""
        if not self.do(sql.DIFFERING):
            return 0
        self._cursor.execute("ANALYZE differing")
        return self.do(sql.COPY_CLIENTS) + self._sums(sql.NEW_TOTALS, "differing")

    def move_window(self) -> int:
        """All totals cover the window from here on."""
        self.do(sql.OTHER_WINDOWS)
        written, rest = 0, False
        for start, end in self._cursor.fetchall():
            entering, leaving = _rolled(start, end, self._window)
            if not entering and not leaving:
                rest = True
                continue
            drop(self._cursor, "rolling")
            self.do(sql.ROLLING, entering=entering, leaving=leaving)
            self._cursor.execute("ANALYZE rolling")
            written += self.do(sql.ROLL, old_start=start, old_end=end)
        return written + (self.sum_anew(sql.STALE) if rest else 0)

    def sum_anew(self, which: str) -> int:
        """Sum the window of some clients from the facts kept."""
        if not self.do(which):
            return 0
        self._cursor.execute("ANALYZE stale")
        return self._sums(sql.SUM_ANEW, "stale")

    def make_facts(self, months: list[date]) -> int:
        """Make the dirty months anew from their rows."""
        self.do(sql.FRESH)
        for month in months:
            after = next_month(month)
            self.do(sql.MONTH, month=month, after=after)
            if after > self._business_date + timedelta(days=1):
                self.do(sql.STILL_DIRTY, month=month, after=after)
        self._cursor.execute("ANALYZE fresh")
        return self.do(sql.KEEP_FACTS)

    def keep_totals(self) -> int:
        """What the facts made anew say of each client's totals, written once."""
        nothing = {} if self.whole else {"whole_from": date.max, "whole_to": date.min}
        self.do(sql.GOAL, **nothing)
        self._cursor.execute("ANALYZE goal")
        self._cursor.execute(sql.LOST)
        trade_lost, assets_lost = self._cursor.fetchone()
        # Back through the months until everybody is found; most are in the first.
        for month in sorted(existing_months("ledger_monthlyfact"), reverse=True) if trade_lost or assets_lost else ():
            if trade_lost and self.do(sql.FIND_TRADE, month=month):
                self._cursor.execute(sql.LOST)
                trade_lost, _ = self._cursor.fetchone()
            if assets_lost and self.do(sql.FIND_ASSETS, month=month, after=next_month(month)):
                self._cursor.execute(sql.LOST)
                _, assets_lost = self._cursor.fetchone()
        return self.do(sql.KEEP_TOTALS) + set_weights(sql.ASSETS)


def contributions(window: Window, *, only: str = "") -> tuple[str, dict[str, Any]]:
    """SQL (client_id, contribution) over a window, both days included: whole months from facts, edges by day.

    `only` names a temporary table of client ids to look at. Returns the SELECT and its parameters.
    """
    whole_from, whole_to = _whole_months(window)
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


def _whole_months(window: Window) -> tuple[date, date]:
    """First days of the first and the last month that lie wholly in the window; the last before the first: none does."""
    first, after = month_start(window.start), next_month(window.end)
    whole_from = first if window.start == first else next_month(window.start)
    last_is_whole = window.end == after - timedelta(days=1)
    return whole_from, month_start(window.end) if last_is_whole else first_of_previous(window.end)


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


def _months(first: date, last: date) -> set[date]:
    found = set()
    while first <= last:
        found.add(first)
        first = next_month(first)
    return found


def _rolled(start: date | None, end: date | None, to: Window) -> tuple[list[date], list[date]]:
    """Months that enter and that leave when a window moves; both empty when it is quicker (or the only way) to sum anew."""
    if start is None or end is None:
        return [], []
    old_from, old_to = _whole_months(Window(start, end))
    if _edges(Window(start, end), old_from, old_to):
        return [], []
    old, new = _months(old_from, old_to), _months(*_whole_months(to))
    entering, leaving = sorted(new - old), sorted(old - new)
    return (entering, leaving) if len(entering) + len(leaving) < len(new) else ([], [])
