"""What the planner is given and gives back: plain values, so that a plan can be made, repeated and checked without tables."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from visits.rules import Cadence, Span

#: Latitude and longitude.
Place = tuple[float, float]


@dataclass(frozen=True)
class Day:
    """A working day of the month: the stretches in which the manager can see clients. `away`: on leave."""

    date: date
    spans: tuple[Span, ...]
    away: bool = False


@dataclass(frozen=True)
class Need:
    """One open duty. `first` … `last` are positions in the days of the book, both included."""

    client_id: int
    number: int
    tier: str
    in_person: bool
    first: int
    last: int
    place: Place | None = None
    hours: Span | None = None
    wish: str = "any"


@dataclass(frozen=True)
class Kept:
    """A visit that stays where it is: fixed by a person, agreed with the client, or done."""

    visit_id: int
    client_id: int
    day: int
    start: int
    minutes: int
    in_person: bool
    place: Place | None = None
    tier: str = ""


@dataclass(frozen=True)
class Book:
    """One manager's month. `home` is the branch, where the ways of each half day begin and end."""

    manager_id: int
    home: Place | None
    cadence: Cadence
    days: tuple[Day, ...]
    needs: tuple[Need, ...]
    kept: tuple[Kept, ...] = ()


@dataclass(frozen=True)
class Placed:
    """A need with its day and time (minutes after midnight), the way there, and why."""

    need: Need
    day: int
    start: int
    minutes: int
    kind: str
    reason: str
    travel_minutes: int = 0
    travel_m: int = 0
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Missing:
    """A need without a place in the month, and why."""

    need: Need
    reason: str


@dataclass(frozen=True)
class Plan:
    """What came out: the visits in order of time, and what could not be met."""

    placed: Sequence[Placed]
    missing: Sequence[Missing]
