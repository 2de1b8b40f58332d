"""Figures of complaints (X7, X8): set-based, within the viewer's scope; each knows the list that holds the same cases.

A case merged into another is no matter of its own; it and what two persons called a question or suggestion are left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from typing import Any

from django.db import connection
from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils.http import urlencode

from complaints.choices import COUNTED, OPEN_STATES, Category, Cause, Channel, Kind, Step
from complaints.lists import MATTERS, repeats
from complaints.models import Complaint
from complaints.scope import complaint_scope

#: Rows of a breakdown shown before the rest is left to the list.
SHOWN = 15


@dataclass(frozen=True)
class Period:
    """Cases received from the first to the last day, both included."""

    first: date
    last: date

    @property
    def year_before(self) -> "Period":
        return Period(_year_back(self.first), _year_back(self.last))

    def url(self, **more: Any) -> str:
        """The list of the period's cases, narrowed further."""
        return self._list({"matter": "true", **more})

    def others_url(self) -> str:
        """The list of what two persons called a question or a suggestion."""
        return self._list({"kind": [kind for kind in Kind.values if kind not in COUNTED]})

    def _list(self, narrowed: dict[str, Any]) -> str:
        query = {"received_from": self.first, "received_to": self.last, **narrowed}
        return f"{reverse('complaints:list')}?{urlencode(query, doseq=True)}"


def _year_back(on: date) -> date:
    try:
        return on.replace(year=on.year - 1)
    except ValueError:
        return on.replace(year=on.year - 1, day=28)


def cases(user: Any, period: Period) -> QuerySet[Complaint]:
    """The matters of a period that the viewer may see."""
    return _received(user, period).filter(MATTERS)


def _received(user: Any, period: Period) -> QuerySet[Complaint]:
    seen = Complaint.objects.visible_to(user)
    return seen.filter(received_at__date__gte=period.first, received_at__date__lte=period.last)


@dataclass(frozen=True)
class Row:
    """A line of a breakdown; `cumulative` is the share of it and those before it, 0–1."""

    key: str
    label: str
    count: int
    cumulative: float
    url: str


def _rows(found: Iterable[tuple[str, str, int]], period: Period, name: str) -> list[Row]:
    ordered = sorted(found, key=lambda one: (-one[2], one[0]))
    total, running, rows = sum(one[2] for one in ordered), 0, []
    for key, label, count in ordered:
        running += count
        rows.append(Row(key, label, count, running / total, period.url(**{name: key})))
    return rows


def causes(user: Any, period: Period) -> list[Row]:
    """Root causes of the cases that have one, the most frequent first (Pareto)."""
    found = cases(user, period).exclude(cause="").values_list("cause").annotate(n=Count("pk")).order_by()
    return _rows(((key, str(Cause(key).label), n) for key, n in found), period, "cause")


def by_choice(user: Any, period: Period, name: str) -> list[Row]:
    """By business line or channel."""
    words = {"category": Category, "channel": Channel}[name]
    found = cases(user, period).values_list(name).annotate(n=Count("pk")).order_by()
    return _rows(((key, str(words(key).label), n) for key, n in found), period, name)


def by_relation(user: Any, period: Period, name: str, number: str, label: str) -> list[Row]:
    """By branch ('branch__branch_no') or person complained about; cases without one are left out."""
    found = cases(user, period).exclude(**{number: None}).values_list(number, label).annotate(n=Count("pk")).order_by()
    return _rows(found, period, name)


def by_product(user: Any, period: Period) -> list[Row]:
    """By product; cases without one are left out."""
    found = cases(user, period).exclude(product="").values_list("product").annotate(n=Count("pk")).order_by()
    return _rows(((key, key, n) for key, n in found), period, "product")


@dataclass(frozen=True)
class StepTime:
    """How long a step took: median and longest in days, and the median of the year before (None: no case)."""

    step: Step
    cases: int
    median: float
    longest: float
    before: float | None
    url: str

    @property
    def change(self) -> float | None:
        """Against the year before, as a share."""
        return None if not self.before else self.median / self.before - 1


_TIMES = """
SELECT s.step, count(DISTINCT s.complaint_id), percentile_cont(0.5) WITHIN GROUP (ORDER BY s.days), max(s.days)
  FROM (SELECT complaint_id, step, extract(epoch FROM sum(done_at - started_at)) / 86400.0 AS days
          FROM complaints_steprun WHERE done_at IS NOT NULL AND complaint_id IN ({cases})
         GROUP BY complaint_id, step) s
 GROUP BY s.step ORDER BY s.step
"""


def step_times(user: Any, period: Period) -> list[StepTime]:
    """Handling time per step, all rounds of a case added up, and its change against the year before."""
    now, before = _times(user, period), _times(user, period.year_before)
    return [
        StepTime(
            Step(step), n, median, longest, before[step][1] if step in before else None, period.url(done_step=step)
        )
        for step, (n, median, longest) in now.items()
    ]


def _times(user: Any, period: Period) -> dict[int, tuple[int, float, float]]:
    sql, values = cases(user, period).order_by().values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_TIMES.format(cases=sql), values)
        return {step: (n, float(median), float(longest)) for step, n, median, longest in cursor.fetchall()}


@dataclass(frozen=True)
class Totals:
    """The figures on top, each with its list."""

    cases: int
    open: int
    overdue: int
    repeats: int
    others: int


def totals(user: Any, period: Period, at: Any) -> Totals:
    """Counts of a period; one statement each for the plain ones and for the repeats."""
    found = cases(user, period)
    return Totals(
        cases=found.count(),
        open=found.filter(state__in=OPEN_STATES).count(),
        overdue=found.filter(state__in=OPEN_STATES, due_at__lt=at).count(),
        repeats=found.filter(repeats()).count(),
        others=_received(user, period).exclude(kind__in=COUNTED).count(),
    )


# --- What it is worth (X7) ------------------------------------------------------------------------------------------

#: Clients kept, per cent, as training slides reprint it: decades-old consumer figures. A reference, never a target.
CLASSIC = {"silent": 9, "unresolved": 19, "resolved": 54, "fast": 82}
_GROUPS = ("silent", "unresolved", "resolved", "fast")

_WORTH = """
WITH last AS (
    SELECT DISTINCT ON (c.client_id) c.client_id,
           CASE WHEN c.state NOT IN ('closed', 'archived') OR c.result IN ('not_upheld', 'court') THEN 'unresolved'
                WHEN c.fast THEN 'fast' ELSE 'resolved' END AS kind
      FROM complaints_complaint c
     WHERE c.client_id IS NOT NULL AND c.id IN ({cases})
     ORDER BY c.client_id, c.received_at DESC, c.id DESC
)
SELECT coalesce(last.kind, 'silent'), count(*), count(*) FILTER (WHERE k.closed_on IS NULL OR k.closed_on > %s)
  FROM clients_client k LEFT JOIN last ON last.client_id = k.id
 WHERE k.opened_on <= %s AND (k.closed_on IS NULL OR k.closed_on >= %s) AND {clients}
 GROUP BY 1
"""


@dataclass(frozen=True)
class Worth:
    """Clients of a group, how many are still clients, and the 95 % interval of that share (Wilson)."""

    key: str
    clients: int
    kept: int
    low: float
    high: float
    classic: int

    @property
    def share(self) -> float | None:
        return self.kept / self.clients if self.clients else None


def worth(user: Any, period: Period, on: date) -> list[Worth]:
    """Clients kept until a day, by how their last complaint of the period ended. Clients there on the first day only.

    Resolved: closed, and neither turned down nor left to a court; fast: answered within the policy's working days.
    """
    scope = complaint_scope(user)
    clients, places = ("TRUE", []) if scope.firm else ("k.branch_id = ANY(%s)", [list(scope.branch_ids)])
    sql, values = cases(user, period).order_by().values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_WORTH.format(cases=sql, clients=clients), [*values, on, period.first, period.first, *places])
        found = {kind: (n, kept) for kind, n, kept in cursor.fetchall()}
    return [
        Worth(key, n, kept, *wilson(kept, n), CLASSIC[key]) for key in _GROUPS for n, kept in [found.get(key, (0, 0))]
    ]


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share after Wilson; (0, 1) without any observation."""
    if n == 0:
        return 0.0, 1.0
    z = 1.959963984540054
    middle = (hits + z * z / 2) / (n + z * z)
    spread = z / (n + z * z) * sqrt(hits * (n - hits) / n + z * z / 4)
    return max(0.0, middle - spread), min(1.0, middle + spread)


def usual_period(on: date) -> Period:
    """The year that ends on a day."""
    return Period(_year_back(on) + timedelta(days=1), on)
