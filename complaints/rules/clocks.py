"""Limits, deadlines, reminders (X4, U5): pure functions of a case's events, its policy and a calendar."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from complaints.choices import PLATFORM, Basis, Unit
from complaints.rules.case import Happening

#: No limit reaches further; beyond it the calendar was not asked.
HORIZON_DAYS = 400


@dataclass(frozen=True)
class Calendar:
    """Kinds of days: date → (working day, trading day); a date that is not there is answered by its weekday."""

    zone: ZoneInfo
    known: Mapping[date, tuple[bool, bool]] = field(default_factory=dict)

    def counts(self, on: date, unit: str) -> bool:
        """Whether a date counts in a unit of days."""
        if unit == Unit.CALENDAR_DAY:
            return True
        works, trades = self.known.get(on, (on.weekday() < 5,) * 2)
        return works if unit == Unit.WORKING_DAY else trades

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self.zone)

    def end_of(self, on: date) -> datetime:
        """The first moment after a date."""
        return datetime.combine(on + timedelta(days=1), time.min, self.zone)


@dataclass(frozen=True)
class Limit:
    """One limit of a policy. It runs from the event `starts` until `stops`; `applies` narrows it to some cases.

    `starts`/`stops`: 'received', 'accepted', 'answered', 'step_1' … 'step_6' (begun / done). `amount` is in `unit`s.
    `extended`: the amount after an approved extension, None: it cannot be extended.
    """

    key: str
    starts: str
    stops: str
    amount: int
    unit: str
    basis: str
    pausable: bool
    applies: Mapping[str, Sequence[str]] = field(default_factory=dict)
    extended: int | None = None

    @property
    def stands_still(self) -> bool:
        """Whether a pause stops it; a statutory clock is never stopped, whatever the policy says."""
        return self.pausable and self.basis != Basis.LAW


@dataclass(frozen=True)
class Span:
    """A pause; open as long as `until` is None."""

    start: datetime
    until: datetime | None = None


@dataclass(frozen=True)
class Deadline:
    """One clock of a case. `due` is None while it stands still; `met` is when it was stopped, None while it runs."""

    limit: Limit
    started: datetime
    due: datetime | None
    met: datetime | None = None

    @property
    def kept(self) -> bool | None:
        """Whether it was met in time; None while it runs."""
        if self.met is None:
            return None
        return self.due is None or self.met <= self.due


def due_after(start: datetime, amount: int, unit: str, pauses: Sequence[Span], calendar: Calendar) -> datetime | None:
    """The moment a limit ends: hours run on without pauses; days count whole, the first one is the day after the start.

    A day is left out only if the clock stood still all of it. None: an open pause keeps it from ending.
    """
    if unit == Unit.HOUR:
        return _after_hours(start, timedelta(hours=amount), pauses)
    on, left = calendar.local(start).date(), amount
    for _ in range(HORIZON_DAYS * 4):
        if left == 0:
            return calendar.end_of(on)
        on += timedelta(days=1)
        begin, end = calendar.end_of(on - timedelta(days=1)), calendar.end_of(on)
        still = next((p for p in pauses if p.start <= begin and (p.until is None or p.until >= end)), None)
        if still is not None and still.until is None:
            return None
        if still is None and calendar.counts(on, unit):
            left -= 1
    return None


def _after_hours(start: datetime, length: timedelta, pauses: Sequence[Span]) -> datetime | None:
    at, left = start, length
    for pause in sorted(pauses, key=lambda one: one.start):
        if pause.until is not None and pause.until <= at:
            continue
        if pause.start - at >= left:
            break
        left -= max(pause.start - at, timedelta())
        if pause.until is None:
            return None
        at = max(at, pause.until)
    return at + left


def pauses_of(events: Iterable[Happening]) -> list[Span]:
    """The pauses of a case, in order."""
    found: list[Span] = []
    for event in events:
        if event.kind == "paused":
            found.append(Span(event.at))
        elif found and found[-1].until is None and (event.kind == "resumed" or event.kind in _ENDS):
            found[-1] = Span(found[-1].start, event.at)
    return found


#: Whatever ends the work ends a pause too.
_ENDS = frozenset({"answered", "closed", "withdrawn", "merged"})


def deadlines(events: Sequence[Happening], policy: "PolicyLike", calendar: Calendar) -> list[Deadline]:
    """Every clock of a case, in the order of its policy (U5). Nothing but the arguments decides.

    A case that was reopened starts its clocks anew at that moment; a step begun again, the step's.
    """
    begun, ended, facts, extended = _marks(events)
    pauses = pauses_of(events)
    found = []
    for limit in policy.limits:
        start = begun.get(limit.starts)
        if start is None or not applies(limit, facts):
            continue
        amount = limit.extended if extended and limit.extended else limit.amount
        due = due_after(start, amount, limit.unit, pauses if limit.stands_still else (), calendar)
        found.append(Deadline(limit, start, due, ended.get(limit.stops)))
    return found


class PolicyLike:
    """What `deadlines` reads of a policy."""

    limits: Sequence[Limit]


def applies(limit: Limit, facts: Mapping[str, Any]) -> bool:
    """Whether a limit concerns a case: each fact it names has one of the values it lists."""
    return all(facts.get(name) in wanted for name, wanted in limit.applies.items())


def _marks(
    events: Sequence[Happening],
) -> tuple[dict[str, datetime], dict[str, datetime], dict[str, Any], bool]:
    """When what began and ended last, the facts limits ask for, whether an extension is in force."""
    begun: dict[str, datetime] = {}
    ended: dict[str, datetime] = {}
    facts: dict[str, Any] = {"platform": "no"}
    extended = False
    for event in events:
        data = event.data
        if event.kind in ("registered", "intake_added"):
            received = datetime.fromisoformat(data["received_at"])
            first = min(received, begun.get("received", received))
            begun["received"] = first
            if data.get("channel") in PLATFORM:
                facts["platform"] = "yes"
            if event.kind == "registered":
                begun["step_1"] = event.at
                facts |= {name: data.get(name) for name in ("category", "severity")}
        elif event.kind in ("corrected", "relabelled"):
            facts |= {name: data["to"][name] for name in ("category", "severity") if name in data["to"]}
        elif event.kind == "accepted":
            begun["accepted"] = ended["accepted"] = event.at
        elif event.kind == "advanced":
            ended[f"step_{data['step']}"] = begun[f"step_{data['step'] + 1}"] = event.at
        elif event.kind in ("stepped_back", "reopened"):
            _again(event, begun, ended)
            extended = extended and event.kind != "reopened"
        elif event.kind == "extended":
            extended = True
        elif event.kind in _ENDS:
            _end(event, ended)
    return begun, ended, facts, extended


def _again(event: Happening, begun: dict[str, datetime], ended: dict[str, datetime]) -> None:
    """A step is begun again: it and those after it are open; reopening starts the whole case's clock anew."""
    step = event.data["to"]
    for later in range(step, 7):
        ended.pop(f"step_{later}", None)
        begun.pop(f"step_{later}", None)
    begun[f"step_{step}"] = event.at
    ended.pop("answered", None)
    ended.pop("closed", None)
    if event.kind == "reopened":
        begun["received"] = event.at


def _end(event: Happening, ended: dict[str, datetime]) -> None:
    ended.setdefault("answered", event.at)
    if event.kind == "answered":
        return
    ended["closed"] = event.at
    for name in ("accepted", *(f"step_{number}" for number in range(1, 7))):
        ended.setdefault(name, event.at)


@dataclass(frozen=True)
class Rung:
    """A rung of the escalation ladder: at so many % of a limit, to whom. Above 100 % it is late."""

    percent: int
    to: str


@dataclass(frozen=True)
class Alarm:
    """A reminder or escalation: when, about which clock, from which rung."""

    moment: datetime
    deadline: Deadline
    rung: Rung

    @property
    def key(self) -> str:
        return f"{self.deadline.limit.key}:{self.rung.percent}:{self.rung.to}"


def alarms(found: Iterable[Deadline], ladder: Sequence[Rung]) -> list[Alarm]:
    """All alarms of the clocks still running, in order of time."""
    made = [
        Alarm(one.started + (one.due - one.started) * rung.percent / 100, one, rung)
        for one in found
        if one.met is None and one.due is not None
        for rung in ladder
    ]
    return sorted(made, key=lambda alarm: (alarm.moment, alarm.key))


def resolved_fast(events: Sequence[Happening], fast_workdays: int, calendar: Calendar) -> bool:
    """X7: answered by the end of the n-th working day after receipt."""
    begun, ended, _facts, _extended = _marks(events)
    done = ended.get("answered")
    if done is None or "received" not in begun:
        return False
    due = due_after(begun["received"], fast_workdays, Unit.WORKING_DAY, (), calendar)
    return due is not None and done <= due
