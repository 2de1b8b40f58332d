"""One ranking at work in the database: from totals to lines, from lines to what differs, written within one transaction.

The statements are in `queries`; this module says in which order, and which of them a run needs.
"""

from datetime import date, datetime, time
from typing import Any

from django.utils import timezone

from crm.temporary import drop
from ledger.facts import Window, contributions
from segmentation import queries
from segmentation.models import RankingRun

#: A sum of contributions below this is exact in float8.
EXACT_BELOW = 2**53


class Session:
    """A share of the branches of a run, in the caller's transaction."""

    def __init__(self, cursor: Any, run: RankingRun, *, part: int = 0, parts: int = 1) -> None:
        self.cursor, self.run = cursor, run
        earlier = RankingRun.objects.filter(apart=False, state="done", business_date__lt=run.business_date)
        previous = earlier.order_by("-business_date").first()
        self.first = previous is None
        # Totals then say how clients stand on a later date, even where the window is the same.
        self.older = RankingRun.objects.filter(apart=False, business_date__gt=run.business_date).exists()
        self._values: dict[str, Any] = {
            "run": run.pk,
            "series": series(run),
            "day": run.business_date,
            "start": run.window_from,
            "end": run.window_to,
            "part": part,
            "parts": parts,
            "cut_a": run.policy.cut_a,
            "cut_b": run.policy.cut_b,
            "watch_months": run.policy.watch_months,
            "policy_changed": previous is not None and previous.policy_id != run.policy_id,
            "first": self.first,
            "at": _evening_of(run.business_date),
        }
        self._names = {
            "source": "ledger_clienttotals",
            "scope_id": queries.SCOPE_ID[run.scope],
            "mine": queries.PART,
            "tier": queries.TIER,
        }

    def do(self, statement: str, **names: str) -> int:
        """Execute a statement of `queries`; returns the rows it wrote."""
        self.cursor.execute(statement.format(**self._names, **names), self._values)
        return max(self.cursor.rowcount, 0)

    def lock(self) -> None:
        """Wait until no other session ranks these branches."""
        self.do(queries.LOCK_BRANCHES)

    def draw_lines(self) -> None:
        """Make the temporary table `line`: from the sums kept ready, or from the facts where those are of another window."""
        # More memory makes these sorts slower, not faster (measured).
        self.cursor.execute("SET LOCAL work_mem = '16MB'")
        drop(self.cursor, "source", "line", "moved")
        if self.older:
            self._sum_anew(queries.ASSETS_THEN)
        self.do(queries.LINES)
        stale, largest, split = self._check()
        if stale:
            self._sum_anew(queries.ASSETS_NOW)
            largest, split = self._redraw(queries.LINES)
        if largest >= EXACT_BELOW:
            _, split = self._redraw(queries.LINES.replace("float8", "numeric"))
        if split:
            for line in "ab":
                self.do(queries.SPLIT, x=line)

    def _check(self) -> tuple[bool, int, bool]:
        self.cursor.execute(queries.LINES_CHECK)
        return self.cursor.fetchone()

    def _redraw(self, statement: str) -> tuple[int, bool]:
        drop(self.cursor, "line")
        self.do(statement)
        _, largest, split = self._check()
        return largest, split

    def _sum_anew(self, assets: str) -> None:
        sums, parameters = contributions(Window(self.run.window_from, self.run.window_to))
        self._values |= parameters
        self.do(queries.AD_HOC_SOURCE, sums=sums, assets=assets)
        self.cursor.execute("ANALYZE source")
        self._names["source"] = "source"

    def show_ranked(self) -> None:
        """Make the temporary view `ranked` (client_id, branch_id, scope_id, contribution, assets, tier)."""
        # Room for the standings it is mostly compared with.
        self.cursor.execute("SET LOCAL work_mem = '64MB'")
        self.do(queries.RANKED)

    def keep(self) -> int:
        """Standing, history, changes and timeline of the usual run: only what differs is written. Returns rows written."""
        self.do(queries.TAKE_BACK_LEFT)
        if self.first and self._nobody_stands():
            # Nobody moved, nothing is to be said: twice a million rows less to write.
            self.do(queries.DELETE_MARKS)
            return self.do(queries.FIRST_STANDING) + self.do(queries.APART_MARKS)
        # Room for all standings at once. Merging both in the order of client ids is a little quicker, but four times slower
        # once updates have strewn the rows over the table.
        self.cursor.execute("SET LOCAL work_mem = '64MB'")
        self.do(queries.MOVED)
        self.cursor.execute("ANALYZE moved")
        written = 0
        self.do(queries.UNSAY)
        steps = [queries.UPDATE_STANDING, queries.INSERT_STANDING, queries.DELETE_STANDING, queries.SAY]
        if self.run.full:
            self.do(queries.DELETE_MARKS)
            steps.append(queries.FULL_MARKS)
        else:
            steps.append(queries.CHANGED_MARKS)
        for statement in [*steps, queries.GONE_MARKS]:
            written += self.do(statement)
        return written

    def _nobody_stands(self) -> bool:
        self.do(queries.ANYBODY_STANDS)
        return not self.cursor.fetchone()[0]

    def keep_apart(self) -> int:
        """A run beside the chain: everybody's mark, and nothing else moves."""
        self.do(queries.DELETE_MARKS)
        return self.do(queries.APART_MARKS)

    def keep_totals(self) -> None:
        """The figures of each scope (S2)."""
        self.do(queries.DELETE_TOTALS)
        self.do(queries.TOTALS)


def series(run: RankingRun) -> str:
    """Under which name the run's marks are kept."""
    return f"{run.scope}*" if run.apart else run.scope


def _evening_of(day: date) -> datetime:
    """Where the changes of a business date stand on the timeline."""
    return timezone.make_aware(datetime.combine(day, time(20, 0)))
