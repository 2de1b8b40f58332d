"""Lifetime value as the firm counts it by hand (S13): value of an order × orders a year × years."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

#: A forecast in bands of 元, from … up to (not included); None: open. Each opens its list.
BANDS: tuple[tuple[int | None, int | None], ...] = (
    (None, 0),
    (0, 100),
    (100, 1_000),
    (1_000, 10_000),
    (10_000, 100_000),
    (100_000, None),
)
YEAR_DAYS = Decimal("365.25")
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Lifetime:
    """`order` in 元, `orders` a year, `years`: what a client is worth over the whole time."""

    order: Decimal
    orders: Decimal
    years: Decimal

    @property
    def value(self) -> Decimal:
        """元, exact: 10 × 10 × 1 = 100; 100 a week for 40 years = 208,000."""
        return self.order * self.orders * self.years

    def changed(self, order: Decimal, orders: Decimal, years: Decimal) -> "Lifetime":
        """The same with each part changed by so many %: three times + 10 % make × 1.331."""
        return Lifetime(self.order * _factor(order), self.orders * _factor(orders), self.years * _factor(years))


def _factor(percent: Decimal) -> Decimal:
    return 1 + Decimal(percent) / 100


def so_far(contribution: Decimal, days: int, first_on: date, as_of: date) -> Lifetime:
    """What a client brought, taken apart: contribution of a trading day, trading days a year, years since the first.

    The years count from the first trade to `as_of`, at least one day, so that the product gives the contribution back.
    """
    years = Decimal(max((as_of - first_on).days, 1)) / YEAR_DAYS
    return Lifetime(contribution / days, days / years, years)


def cents(value: Decimal) -> Decimal:
    """To 0.01, half to even: for showing."""
    return value.quantize(_CENT, rounding=ROUND_HALF_EVEN)
