"""Growth of funds (S8): the forecast of a monthly series and the proof that it is worth showing.

Exponential smoothing with a damped trend (statsmodels) stands against the naive forecast 'stays as it is' on months that are
held back; the one that was nearer is used, and both results are shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

#: Months shown ahead, and held back for the test; a test needs several origins.
HORIZON = 6
#: Below this the naive forecast stands alone: a trend cannot be told from chance.
LEAST_MONTHS = 18
#: Coverage of the interval.
COVERAGE = 0.8


@dataclass(frozen=True)
class Test:
    """Mean absolute error of both forecasts over the held-back months, in the unit of the series; `months` compared."""

    smoothing: float
    naive: float
    months: int

    @property
    def better(self) -> str:
        return "smoothing" if self.smoothing < self.naive else "naive"


@dataclass(frozen=True)
class Forecast:
    """`HORIZON` months ahead: the middle and the ends of the interval. `test` is None where the series is too short."""

    method: str
    middle: list[float]
    low: list[float]
    high: list[float]
    test: Test | None


def forecast(series: Sequence[float]) -> Forecast | None:
    """The forecast of a gapless monthly series, oldest first; None for fewer than three months."""
    from forecasts.smoothing import best  # numpy, pandas and statsmodels: slow to load, and few requests need them

    return best(series) if len(series) >= 3 else None
