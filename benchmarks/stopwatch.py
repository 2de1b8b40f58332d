"""Timing: medians of interleaved rounds, so that a busy moment of the machine hits both sides alike."""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Result:
    """One line of results.json. `ratio` = value / floor; `value` and `floor` in `unit`."""

    name: str
    size: int
    ratio: float | None
    floor: float | None
    value: float
    unit: str

    def as_dict(self) -> dict[str, object]:
        return {key: round(v, 4) if isinstance(v, float) else v for key, v in asdict(self).items()}


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def interleaved(value: Callable[[], object], floor: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Median seconds of two calls made in turns; the first round warms up and does not count."""
    values, floors = [], []
    for number in range(rounds + 1):
        pair = seconds(floor), seconds(value)
        if number:
            floors.append(pair[0])
            values.append(pair[1])
    return statistics.median(values), statistics.median(floors)


def ratio(name: str, size: int, value: float, floor: float, unit: str) -> Result:
    return Result(name, size, value / floor if floor else None, floor, value, unit)
