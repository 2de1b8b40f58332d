"""Decisions of ranking as plain functions (S1, U1, U2). The SQL in `queries` does the same set-based; tests hold them equal."""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from crm.money import UNITS_PER_YUAN

TIERS = "ABC"
#: Money units of 0.01 元.
CENT = UNITS_PER_YUAN // 100
#: Digits of a share, in results, in the API and on pages (which show fewer of them).
SHARE = Decimal(1).scaleb(-12)


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


@dataclass(frozen=True)
class Line:
    """Where a line falls among the others of a scope, ranked without the client that is asked about. Money units.

    `total`: their positive contributions; `inside`: what those inside the line bring. `before_last` and `before_next`: the
    least contribution with which the client stands before the last of them, and before the best one outside that brings
    something. None where there is no such client.
    """

    total: int
    inside: int
    before_last: int | None
    before_next: int | None


def line_among(me: Contender, others: Iterable[Contender], cut: Decimal) -> Line:
    """The line at `cut` % among the others (U1): the plain form of `lines`."""
    ordered = sorted((c for c in others if c.contribution > 0), key=lambda c: (-c.contribution, -c.assets, c.no_key))
    total = sum(c.contribution for c in ordered)
    inside, last, following = 0, None, None
    for c in ordered:
        if inside >= ceiling(total, cut):
            following = to_pass(me, c)
            break
        inside, last = inside + c.contribution, to_pass(me, c)
    return Line(total, inside, last, following)


def to_pass(me: Contender, other: Contender) -> int:
    """The least contribution with which one client stands before another."""
    behind_when_equal = (-other.assets, other.no_key) < (-me.assets, me.no_key)
    return other.contribution + behind_when_equal


def least_inside(line: Line, cut: Decimal) -> int:
    """The least contribution, in money units, with which a client is inside a line (U1); exact.

    More of it raises the total and with it the line. So the client is inside either behind all who were, once the raised
    line goes beyond them, or in front of the last of them, who may then fall out. Nobody can be inside behind somebody who
    was outside: what that one brings would have to be covered by less of the client's own.
    """
    cover = int((line.inside * 100 / cut).to_integral_value(ROUND_FLOOR)) - line.total + 1
    behind = max(1, cover, line.before_next or 1)
    return behind if line.before_last is None else min(behind, line.before_last)


def missing(own: int, least: int) -> int:
    """What has to be added to reach a contribution, rounded up to 0.01 元 so that the sum shown suffices. Money units."""
    return max(0, -(-(least - own) // CENT) * CENT)


def to_spare(own: int, least: int) -> int:
    """What may be lost without falling below a contribution, rounded down to 0.01 元. Money units."""
    return max(0, (own - least) // CENT * CENT)


def share(part: int, whole: int) -> Decimal | None:
    """A share with 12 digits, half up: as the results are written (`queries.RESULT`). None of nothing."""
    return (Decimal(part) / whole).quantize(SHARE, ROUND_HALF_UP) if whole else None
