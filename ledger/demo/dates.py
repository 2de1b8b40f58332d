"""The demo firm's own small calendar: good enough to look right, no record of real trading days."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

_FIXED = {(1, 1), (5, 1), (5, 2), (5, 3), *((10, day) for day in range(1, 8))}
#: First day of the lunar year; the holidays run from its eve to the seventh day.
_LUNAR_NEW_YEAR = (
    "2018-02-16", "2019-02-05", "2020-01-25", "2021-02-12", "2022-02-01", "2023-01-22", "2024-02-10", "2025-01-29",
    "2026-02-17", "2027-02-06", "2028-01-26", "2029-02-13", "2030-02-03", "2031-01-23", "2032-02-11", "2033-01-31",
    "2034-02-19", "2035-02-08",
)  # fmt: skip
_HOLIDAYS = {date.fromisoformat(first) + timedelta(days=day) for first in _LUNAR_NEW_YEAR for day in range(-1, 7)}


def is_trading(day: date) -> bool:
    """A weekday that is neither one of the fixed public holidays nor in the spring festival."""
    return day.weekday() < 5 and (day.month, day.day) not in _FIXED and day not in _HOLIDAYS


def previous_trading(day: date) -> date:
    """The newest trading day on or before a date."""
    while not is_trading(day):
        day -= timedelta(days=1)
    return day


@dataclass(frozen=True)
class Month:
    """A calendar month of the history. `ago`: 0 for the running month of the end date, 1 for the one before …

    `days` holds its trading days as they are written in files (YYYY-MM-DD, which compare like dates), the running month's
    only up to the end date.
    """

    first: date
    ago: int
    days: tuple[str, ...]

    @property
    def whole(self) -> bool:
        return self.ago > 0


def history(end: date, count: int) -> list[Month]:
    """`count` whole months before the month of `end`, then that month up to `end`; oldest first."""
    newest = end.year * 12 + end.month - 1
    months = []
    for number in range(newest - count, newest + 1):
        first = date(number // 12, number % 12 + 1, 1)
        every = (first.replace(day=day) for day in range(1, monthrange(first.year, first.month)[1] + 1))
        days = tuple(day.isoformat() for day in every if day <= end and is_trading(day))
        months.append(Month(first, newest - number, days))
    return months


def years_before(day: date, years: int) -> date:
    """The same day of an earlier year; 29 February becomes the 28th."""
    return date(day.year - years, day.month, min(day.day, 28) if day.month == 2 else day.day)
