"""Growth of funds (S8): the forecast of a monthly series and the proof that it is worth showing.

Exponential smoothing with a damped trend (statsmodels) stands against the naive forecast 'stays as it is' on months that are
held back; the one that was nearer is used, and both results are shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Months shown ahead, and held back for the test; a test needs several origins.
HORIZON = 6
#: Below this the naive forecast stands alone: a trend cannot be told from chance.
LEAST_MONTHS = 18
#: Coverage of the interval.
COVERAGE = 0.8
_Z = 1.2815515655446004


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
    values = np.asarray(series, dtype=float)
    if len(values) < 3:
        return None
    test = compare(values) if len(values) >= LEAST_MONTHS else None
    if test is not None and test.better == "smoothing":
        smoothed = _smoothing(values, HORIZON)
        if smoothed is not None:
            return Forecast("smoothing", *smoothed, test)
    return Forecast("naive", *_naive(values, HORIZON), test)


def compare(values: Any) -> Test | None:
    """Both forecasts from each of the last `HORIZON` origins, against what came; None if smoothing never settles."""
    errors: dict[str, list[float]] = {"smoothing": [], "naive": []}
    for origin in range(len(values) - HORIZON, len(values)):
        known, came = values[:origin], values[origin:]
        smoothed = _smoothing(known, len(came))
        if smoothed is None:
            return None
        errors["smoothing"] += list(np.abs(np.asarray(smoothed[0]) - came))
        errors["naive"] += list(np.abs(known[-1] - came))
    return Test(float(np.mean(errors["smoothing"])), float(np.mean(errors["naive"])), len(errors["naive"]))


def _naive(values: Any, months: int) -> tuple[list[float], list[float], list[float]]:
    """Stays as it is; the interval widens with the root of time, as a random walk's does."""
    spread = _Z * float(np.std(np.diff(values))) * np.sqrt(np.arange(1, months + 1))
    middle = np.full(months, values[-1])
    return middle.tolist(), (middle - spread).tolist(), (middle + spread).tolist()


def _smoothing(values: Any, months: int) -> tuple[list[float], list[float], list[float]] | None:
    """Additive error, damped additive trend; None where the numbers do not settle."""
    import warnings

    import pandas as pd  # slow to load, both of them, and only these pages need them
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    scale = float(np.max(np.abs(values))) or 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit that does not settle is handled below
        try:
            fitted = ETSModel(pd.Series(values / scale), error="add", trend="add", damped_trend=True).fit(disp=False)
            frame = fitted.get_prediction(start=len(values), end=len(values) + months - 1).summary_frame(
                alpha=1 - COVERAGE
            )
        except (ValueError, np.linalg.LinAlgError):
            return None
    columns = [np.asarray(frame[name]) * scale for name in ("mean", "pi_lower", "pi_upper")]
    if not all(np.isfinite(column).all() for column in columns):
        return None
    return columns[0].tolist(), columns[1].tolist(), columns[2].tolist()
