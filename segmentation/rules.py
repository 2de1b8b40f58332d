"""Decisions of ranking as plain functions (S1, U1, U2). The SQL in `queries` does the same set-based; tests hold them equal."""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal

from crm.money import UNITS_PER_YUAN

TIERS = "ABC"
#: Money units of 0.01 元.
CENT = UNITS_PER_YUAN // 100


@dataclass(frozen=True)
class Contender:
    """A client in a scope: contribution and assets in money units, the ordering key of its number."""

    no_key: str
    contribution: int
    assets: int = 0


def ceiling(total: int, cut: Decimal) -> int:
    """Smallest whole number of money units that reaches `cut` % of a total."""
    return int((Decimal(total) * cut / 100).to_integral_value(ROUND_CEILING))


def classify(contenders: Iterable[Contender], cut_a: Decimal, cut_b: Decimal) -> list[tuple[Contender, str]]:
    """ABC of one scope, best first (S1): the plain form, for explanation and as the oracle of the SQL."""
    ordered = sorted(contenders, key=lambda c: (-c.contribution, -c.assets, c.no_key))
    total = sum(c.contribution for c in ordered if c.contribution > 0)
    line_a, line_b = ceiling(total, cut_a), ceiling(total, cut_b)
    before, result = 0, []
    for c in ordered:
        tier = "C"
        if c.contribution > 0:
            tier = "A" if before < line_a else "B" if before < line_b else "C"
            before += c.contribution
        result.append((c, tier))
    return result


def months_between(earlier: date, later: date) -> int:
    """Month borders crossed between two dates."""
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def service_tier(
    service: str, below_since: date | None, computed: str, on: date, watch_months: int
) -> tuple[str, date | None]:
    """(service tier, since when the computed tier is below it) after a run (U2): up at once, down at a month's start."""
    if computed <= service:
        return computed, None
    since = below_since or on
    if months_between(since, on) > watch_months:
        return computed, None
    return service, since


def window_on(
    kind: str, business_date: date, months: int, start: date | None = None, end: date | None = None
) -> tuple[date, date]:
    """First and last day of the window of a policy for a business date, both included (S1).

    `months`: the trailing whole months before the month of the business date; `to_date`: the trailing months up to and
    including the business date; `range`: the days given.
    """
    if kind == "range":
        if start is None or end is None:
            raise ValueError("a date range needs both days")
        return start, end
    if kind == "months":
        last = business_date.replace(day=1) - timedelta(days=1)
        return shift_months(last.replace(day=1), -(months - 1)), last
    return shift_months(business_date, -months) + timedelta(days=1), business_date


def shift_months(day: date, months: int) -> date:
    """The same day some months away; the last day of the month where it has no such day."""
    number = day.year * 12 + day.month - 1 + months
    year, month = divmod(number, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def enough_for(own: int, floor: int) -> int:
    """How much more contribution is certainly enough for the tier whose last client brings `floor` (U1).

    One unit above the last client of a tier takes its place: those ranked ahead stay the same, and the total, with it every
    line, only rises. In money units, rounded up to 0.01 元 so that the sum shown suffices.
    """
    needed = floor - own + 1
    return max(0, -(-needed // CENT) * CENT)
