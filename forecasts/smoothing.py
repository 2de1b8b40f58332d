"""The numbers behind `forecasts.funds`: exponential smoothing with a damped trend, the naive forecast, and both put to the test.

Brings numpy, pandas and statsmodels with it: only `forecasts.funds.forecast` imports it, when a page asks.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from forecasts.funds import COVERAGE, HORIZON, LEAST_MONTHS, Forecast, Test

#: Half the width of the interval, in standard deviations, for `COVERAGE`.
_Z = 1.2815515655446004


def best(series: Sequence[float]) -> Forecast:
    """The nearer one of both forecasts of a gapless monthly series of three months and more, oldest first."""
    values = np.asarray(series, dtype=float)
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
