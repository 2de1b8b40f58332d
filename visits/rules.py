"""Decisions about visits as plain functions of plain values (V1–V4, V8, U3, U4): no clock, no request, no table."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import time

#: Mean radius of the earth in metres, as the public route sets take it.
EARTH_M = 6_371_008.8
TIERS = ("A", "B", "C")
#: Ways to contact for which somebody has to go there (V5).
IN_PERSON = ("visit", "demo", "club", "decide")
#: Starts and ways are rounded up to whole steps of so many minutes: nobody leaves at 10:07.
STEP = 5


@dataclass(frozen=True)
class Cadence:
    """The cadence in force for a branch on a day. Times are minutes after midnight."""

    version: int
    contacts: dict[str, int]
    in_person: dict[str, int]
    first_days_a: int = 5
    gap_days: int = 3
    visit_minutes: int = 30
    phone_minutes: int = 10
    visits_a_day: int = 8
    day_from: int = 540
    day_to: int = 1080
    noon_from: int = 720
    noon_to: int = 840
    desk_minutes: int = 60
    speed_kmh: int = 25
    detour_percent: int = 30
    far_km: float = 60
    near_km: float = 2
    unknown_travel_minutes: int = 30
    rise_after_days: int = 2

    def visits(self, tier: str) -> int:
        """Contacts a month in person; never more than contacts in all."""
        return min(self.in_person[tier], self.contacts[tier])


@dataclass(frozen=True)
class Window:
    """The part of a month one contact belongs into: positions in the list of its working days, both included."""

    number: int
    first: int
    last: int


# --- Duties (V1, V2, V8, U3) -------------------------------------------------------------------------------------------


def windows(
    count: int, days: int, *, tier: str = "", first_days_a: int = 5, gap: int = 3, begin: int = 0
) -> list[Window]:
    """Spread `count` contacts over working days `begin` … `days` − 1 of a month (V2).

    Each gets an equal slice, closed `gap` days early so that the next one is not on its heels; the last one runs to the
    end of the month. A's first contact of a whole month ends with its first five working days. Too few days for all: the
    windows overlap, nothing is lost. No days at all: no windows.
    """
    span = days - begin
    if span <= 0 or count <= 0:
        return []
    found = []
    for number in range(1, count + 1):
        first = begin + min(span - 1, (number - 1) * span // count)
        last = days - 1 if number == count else max(first, begin + number * span // count - max(1, gap))
        if number == 1 and tier == "A" and begin == 0 and first_days_a:
            last = min(first_days_a, span // count if count > 1 else span) - 1
            last = max(last, 0)
        found.append(Window(number, first, last))
    return found


def prorated(count: int, days_left: int, days: int) -> int:
    """Contacts owed when a client comes in the middle of a month: the share of working days left, half up, at least one.

    Of 22 working days 11 are left: A 3 → 2, B 2 → 1, C 1 → 1. No working day left: none.
    """
    if days_left <= 0 or count <= 0 or days <= 0:
        return 0
    if days_left >= days:
        return count
    return max(1, (2 * count * days_left + days) // (2 * days))


def added_on_promotion(before: int, after: int, days_left: int, days: int) -> int:
    """What a promotion in the middle of a month adds (V8): the prorated difference, half up; never less than nothing."""
    if after <= before or days_left <= 0 or days <= 0:
        return 0
    return (2 * (after - before) * min(days_left, days) + days) // (2 * days)


# --- Time and promises (U4) --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Demand:
    """What a month asks of a manager and what there is: contacts, visits among them, minutes needed and at hand.

    `most` is how many visits the days take at most.
    """

    contacts: int = 0
    visits: int = 0
    needed: int = 0
    room: int = 0
    most: int = 0

    @property
    def short(self) -> bool:
        """The promises cannot be kept: not enough minutes, or more visits than the days take."""
        return self.needed > self.room or self.visits > self.most

    @property
    def needed_hours(self) -> int:
        """Hours needed, rounded up."""
        return -(-self.needed // 60)

    @property
    def room_hours(self) -> int:
        """Whole hours at hand."""
        return self.room // 60

    @property
    def lacking(self) -> int:
        """Minutes that are missing; 0 when the time suffices."""
        return max(0, self.needed - self.room)


def demand(contacts: int, visits: int, cadence: Cadence, days: int, way: float) -> Demand:
    """Weigh a month's promises against its time: `days` working days, `way` minutes of travel to a visit on average."""
    spans = sum(span.minutes for span in free_spans(cadence))
    return Demand(
        contacts=contacts,
        visits=visits,
        needed=math.ceil(visits * (cadence.visit_minutes + way) + (contacts - visits) * cadence.phone_minutes),
        room=days * max(0, spans - cadence.desk_minutes),
        most=days * cadence.visits_a_day,
    )


# --- Ways (V3) ---------------------------------------------------------------------------------------------------------


def metres(a: tuple[float, float], b: tuple[float, float]) -> int:
    """Great-circle distance of two (latitude, longitude) in whole metres."""
    lat_a, lat_b = math.radians(a[0]), math.radians(b[0])
    half = math.sin((lat_b - lat_a) / 2) ** 2
    half += math.cos(lat_a) * math.cos(lat_b) * math.sin(math.radians(b[1] - a[1]) / 2) ** 2
    return round(2 * EARTH_M * math.asin(min(1.0, math.sqrt(half))))


def road_metres(straight: float, detour_percent: int) -> int:
    """Length on the road of a straight line, by the policy's detour."""
    return round(straight * (100 + detour_percent) / 100)


def travel_minutes(road_m: float, speed_kmh: int) -> int:
    """Minutes for a way, rounded up to whole steps of five; nothing for the same door (under 50 m)."""
    if road_m < 50:
        return 0
    return math.ceil(road_m * 60 / (speed_kmh * 1000) / STEP) * STEP


def usable(lat: float | None, lon: float | None) -> bool:
    """Whether coordinates can be a place: both there, within their ranges, and not the null island of empty fields."""
    if lat is None or lon is None or math.isnan(lat) or math.isnan(lon):
        return False
    return -90 <= lat <= 90 and -180 <= lon <= 180 and not (abs(lat) < 0.01 and abs(lon) < 0.01)


# --- The day -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Span:
    """A stretch of a day, in minutes after midnight; the end is not in it."""

    start: int
    end: int

    @property
    def minutes(self) -> int:
        return self.end - self.start


def minutes_of(at: time) -> int:
    """Minutes after midnight."""
    return at.hour * 60 + at.minute


def time_of(minutes: int) -> time:
    """The time of day so many minutes after midnight (0 … 1439)."""
    return time(minutes // 60, minutes % 60)


def free_spans(cadence: Cadence, busy: Iterable[Span] = ()) -> list[Span]:
    """What is left of a working day for visits: before and after noon, without other appointments; shorter than a visit
    with its way there is left out."""
    found = [Span(cadence.day_from, cadence.noon_from), Span(cadence.noon_to, cadence.day_to)]
    for taken in sorted(busy, key=lambda one: one.start):
        found = [part for span in found for part in _without(span, taken)]
    return [span for span in found if span.minutes >= cadence.visit_minutes]


def _without(span: Span, taken: Span) -> list[Span]:
    if taken.end <= span.start or taken.start >= span.end:
        return [span]
    parts = [Span(span.start, taken.start), Span(taken.end, span.end)]
    return [part for part in parts if part.minutes > 0]


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """Share out a whole number by weights so that the parts add up to it (largest remainders)."""
    whole = sum(weights)
    if whole <= 0:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    left = sorted(range(len(weights)), key=lambda n: (-(total * weights[n] % whole), n))
    for n in left[: total - sum(parts)]:
        parts[n] += 1
    return parts


@dataclass(frozen=True)
class Stop:
    """A visit as the timetable of a day needs it. `place` None: not known where. `at`: promised to the client."""

    key: int
    minutes: int
    place: tuple[float, float] | None = None
    in_person: bool = True
    at: int | None = None
    hours: Span | None = None


@dataclass(frozen=True)
class Timed:
    """A stop with its time; `late` minutes after the promised time or the end of the client's hours or of the day."""

    key: int
    start: int
    travel_minutes: int
    travel_m: int
    late: int


def timetable(
    stops: Sequence[Stop], home: tuple[float, float] | None, cadence: Cadence, busy: Iterable[Span] = ()
) -> list[Timed]:
    """Times of the stops of a day in the order given (V3): drag one, and the others follow.

    Starts at the branch when the day begins; waits for promised times and clients' hours; leaves noon and other
    appointments alone. What does not fit is said as `late`, never dropped.
    """
    pauses = sorted([Span(cadence.noon_from, cadence.noon_to), *busy], key=lambda one: one.start)
    clock, here, found = cadence.day_from, home, []
    for stop in stops:
        way, road = 0, 0
        if stop.in_person:
            if stop.place is None or here is None:
                way = cadence.unknown_travel_minutes
            else:
                road = road_metres(metres(here, stop.place), cadence.detour_percent)
                way = travel_minutes(road, cadence.speed_kmh)
        start = clock + way
        if stop.hours:
            start = max(start, stop.hours.start)
        start = max(start, stop.at) if stop.at is not None else _after_pauses(start, stop.minutes, pauses, way)
        start = -(-start // STEP) * STEP if stop.at is None else start
        ends = start + stop.minutes
        late = max(0, ends - cadence.day_to)
        if stop.at is not None:
            late = max(late, start - stop.at)
        if stop.hours:
            late = max(late, ends - stop.hours.end)
        found.append(Timed(stop.key, start, way, road, late))
        clock = ends
        if stop.in_person and stop.place is not None:
            here = stop.place
    return found


def _after_pauses(start: int, minutes: int, pauses: Sequence[Span], way: int) -> int:
    for pause in pauses:
        if start < pause.end and start + minutes > pause.start:
            start = pause.end + way
    return start


# --- The contact (V6) --------------------------------------------------------------------------------------------------


def duty_done_by(duties: Sequence[tuple[int, str, bool]], channel: str, booked: int | None = None) -> int | None:
    """Which of a month's duties a contact fulfils: (number, state, in person) in order of their numbers.

    The one its visit was booked for; else the first open one that this channel satisfies, calls only where a call will
    do; else, for a visit, the first open one. None: all are done, the contact is one more.
    """
    still = [(number, in_person) for number, state, in_person in duties if state in ("owed", "booked")]
    if booked is not None and any(number == booked for number, _ in still):
        return booked
    if channel not in IN_PERSON:
        return next((number for number, in_person in still if not in_person), None)
    return next((number for number, in_person in still if in_person), still[0][0] if still else None)
