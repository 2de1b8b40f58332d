"""The one money unit of the database.

Amounts are stored as BIGINT in 1/10,000 元. That keeps fund prices and fees, which carry up to four decimals, exact;
sums stay exact in float8 (limits: 9.0e11 元 per sum) and in BIGINT (9.2e14 元).
"""

from decimal import ROUND_HALF_UP, Decimal

UNITS_PER_YUAN = 10_000
#: Largest amount accepted from outside, in 元; beyond it a figure is a mistake, not money.
MAX_YUAN = Decimal("100000000000")

_UNIT = Decimal(1)


def to_units(yuan: Decimal | int | str) -> int:
    """Turn 元 into stored units; digits beyond the fourth decimal are rounded half up."""
    return int((Decimal(yuan) * UNITS_PER_YUAN).quantize(_UNIT, rounding=ROUND_HALF_UP))


def to_yuan(units: int) -> Decimal:
    """Turn stored units into 元 with four decimals."""
    return Decimal(units).scaleb(-4)
