"""The month planner (V3, V7, U4): our rules set the problem up, PyVRP solves its combinatorial part.

Each free stretch of a day is a 'vehicle' that starts and ends at the branch; each visit owed is a stop whose time window
is its part of the month on one axis of minutes. Stops are optional with a prize by tier, so that the solver leaves out
what does not fit and, for clients who may be called, takes along what lies on the way. Calls fill the gaps afterwards.
The same book gives the same plan: a fixed seed, and an end by iterations and not by the clock.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from pyvrp import (
    Client,
    ClientGroup,
    Depot,
    Location,
    ProblemData,
    Result,
    Solution,
    VehicleType,
)
from pyvrp.stop import MaxIterations

from visits.planning.book import Book, Kept, Missing, Need, Place, Placed, Plan
from visits.planning.calls import place_calls
from visits.planning.search import search
from visits.planning.ways import metres_between
from visits.rules import STEP, Span, road_metres, shares, travel_minutes

#: The search ends after so many iterations, fewer for many stops: half a second on one core either way.
ITERATIONS = 5000
_STOPS_TIMES_ITERATIONS = 60_000
_FEWEST = 200
#: Minutes of one day on the axis of the month.
DAY = 24 * 60
#: What leaving a visit out costs, in metres of way.
PRIZES = {"A": 1_000_000, "B": 300_000, "C": 100_000}


@dataclass(frozen=True)
class _Node:
    """A stop of the problem: a need, or a visit that is kept. `day` set: this alternative is for that day alone."""

    need: Need | None
    kept: Kept | None
    at: int
    extra: int = 0
    on_the_way: bool = False


def plan_month(book: Book, *, iterations: int | None = None) -> Plan:
    """Plan a manager's month. Every rule of the cadence holds in what is returned; what cannot be met is said.

    Time: O(iterations × stops); deterministic.
    """
    original = {_key(need): need for need in book.needs}
    needs, missing = _apart(book)
    plan = _planned(replace(book, needs=tuple(needs)), iterations)
    placed = [replace(one, need=original[_key(one.need)]) for one in plan.placed]
    left = [replace(one, need=original[_key(one.need)]) for one in [*missing, *plan.missing]]
    return Plan(placed, left)


def _apart(book: Book) -> tuple[list[Need], list[Missing]]:
    """Windows of one client made disjoint, and without days on which he is seen anyway: never twice on one day."""
    by_client: dict[int, list[Need]] = {}
    for need in book.needs:
        by_client.setdefault(need.client_id, []).append(need)
    seen: dict[int, set[int]] = {}
    for kept in book.kept:
        seen.setdefault(kept.client_id, set()).add(kept.day)
    found: list[Need] = []
    missing: list[Missing] = []
    for client_id, needs in by_client.items():
        needs = sorted(needs, key=lambda one: (one.last, one.first, one.number))
        if any(later.first <= earlier.last for earlier, later in pairwise(needs)):
            needs, without = _disjoint(needs)
            missing += without
        for need in needs:
            days = _longest([n for n in range(need.first, need.last + 1) if n not in seen.get(client_id, ())])
            if days:
                found.append(replace(need, first=days[0], last=days[-1]))
            else:
                missing.append(Missing(need, "no_day"))
    return found, missing


def _disjoint(needs: list[Need]) -> tuple[list[Need], list[Missing]]:
    """Overlapping windows of one client, in order of their ends: each at its earliest day, then up to the next one's."""
    slots: list[tuple[Need, int]] = []
    missing: list[Missing] = []
    for need in needs:
        earliest = max(need.first, slots[-1][1] + 1 if slots else 0)
        if earliest > need.last:
            missing.append(Missing(need, "no_day"))
        else:
            slots.append((need, earliest))
    ends = [day - 1 for _need, day in slots[1:]] + [10**6]
    found = [replace(need, first=day, last=min(need.last, end)) for (need, day), end in zip(slots, ends, strict=True)]
    return found, missing


def _longest(days: list[int]) -> list[int]:
    """The longest run of consecutive days; of equal ones the first."""
    runs: list[list[int]] = []
    for day in days:
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return max(runs, key=len, default=[])


def _planned(book: Book, iterations: int | None) -> Plan:
    personal, by_phone, missing = _sorted_needs(book)
    visits, left_out = _visits(book, personal, by_phone, iterations)
    taken = {_key(one.need) for one in visits}
    missing += left_out
    calls = [(need, reason) for need, reason in by_phone if _key(need) not in taken]
    # A visit to C that found no room is a call instead (V4).
    calls += [(one.need, "no_time") for one in left_out if one.need.tier == "C" and one.reason == "time"]
    missing = [one for one in missing if not (one.need.tier == "C" and one.reason == "time")]
    spoken, silent = place_calls(book, calls, visits)
    placed = sorted([*visits, *spoken], key=lambda one: (one.day, one.start, one.need.client_id))
    return Plan(placed, [*missing, *silent])


def _sorted_needs(book: Book) -> tuple[list[Need], list[tuple[Need, str]], list[Missing]]:
    """Needs to be met in person, by phone (with the reason), and those that no day is left for."""
    personal: list[Need] = []
    by_phone: list[tuple[Need, str]] = []
    missing: list[Missing] = []
    far = book.cadence.far_km * 1000
    for need in book.needs:
        window = book.days[need.first : need.last + 1]
        if not window:
            missing.append(Missing(need, "no_day"))
        elif not any(day.spans for day in window):
            missing.append(Missing(need, "leave" if any(day.away for day in window) else "no_day"))
        elif need.wish == "phone":
            by_phone.append((need, "wish"))
        elif need.place and book.home and metres_between([book.home], [need.place])[0, 0] > far:
            by_phone.append((need, "far"))
        elif need.in_person or need.wish == "visit":
            personal.append(need)
        else:
            by_phone.append((need, "by_phone"))
    return personal, by_phone, missing


# --- Visits ------------------------------------------------------------------------------------------------------------


def _visits(
    book: Book, personal: list[Need], by_phone: list[tuple[Need, str]], iterations: int | None
) -> tuple[list[Placed], list[Missing]]:
    """Visits by road around the calls that stay. A call can be made from anywhere, so only one that a visit fell upon is cut
    out of its day, where everybody is back at the branch for it."""
    calls = [one for one in book.kept if not one.in_person]
    cut: list[Kept] = []
    while True:
        found = _routed(_without(book, cut), personal, by_phone, iterations)
        hit = [call for call in calls if call not in cut and any(_overlap(call, one) for one in found[0])]
        if not hit:
            return found
        # A second time all of them: each round costs a search.
        cut = calls if cut else hit


def _overlap(call: Kept, visit: Placed) -> bool:
    return (
        call.day == visit.day and call.start < visit.start + visit.minutes and visit.start < call.start + call.minutes
    )


def _routed(
    book: Book, personal: list[Need], by_phone: list[tuple[Need, str]], iterations: int | None
) -> tuple[list[Placed], list[Missing]]:
    cadence = book.cadence
    places: list[Place] = [book.home or (0.0, 0.0)]
    position: dict[Place, int] = {}

    def located(place: Place | None) -> int:
        if place is None or book.home is None:
            return 0
        if place not in position:
            position[place] = len(places)
            places.append(place)
        return position[place]

    nodes: list[_Node] = []
    for need in personal:
        unknown = need.place is None or book.home is None
        nodes.append(_Node(need, None, located(need.place), cadence.unknown_travel_minutes if unknown else 0))
    nodes += [_Node(None, one, located(one.place)) for one in book.kept if one.in_person and _within(book, one)]
    nodes += [
        _Node(need, None, located(need.place), on_the_way=True)
        for need in _nearby(book, personal, [need for need, reason in by_phone if reason == "by_phone"])
    ]
    if not nodes:
        return [], []
    straight = metres_between(places, places)
    road = np.rint(straight * ((100 + cadence.detour_percent) / 100)).astype(np.int64)
    minutes = np.where(road < 50, 0, np.ceil(road * 60 / (cadence.speed_kmh * 1000) / STEP) * STEP).astype(np.int64)

    clients, owners, groups, hopeless = _stops(book, nodes, minutes[0])
    vehicles, spans = _vehicles(book)
    if not vehicles or not clients:
        return [], hopeless + _out_of_time(personal, hopeless)
    data = ProblemData(
        locations=[Location(float(n), 0.0) for n in range(len(places))],
        clients=clients,
        depots=[Depot(0)],
        vehicle_types=vehicles,
        distance_matrices=[road],  # type: ignore[list-item]
        duration_matrices=[minutes],  # type: ignore[list-item]
        groups=groups,
    )
    result = _search(data, iterations)
    if not result.is_feasible() and not any(node.kept for node in nodes):
        # Nothing is required, so the empty month is a start from which the search never ends without an answer.
        result = _search(data, iterations, Solution(data, []))
    if not result.is_feasible():
        # Visits that people fixed contradict each other: they stay, the others are planned around them.
        apart = _without(book, book.kept)
        return _routed(replace(apart, kept=()), personal, by_phone, iterations)
    placed = _read(book, result.best, owners, spans, places)
    met = {_key(one.need) for one in placed}
    return placed, hopeless + [one for one in _out_of_time(personal, hopeless) if _key(one.need) not in met]


def _key(need: Need) -> tuple[int, int]:
    return need.client_id, need.number


def _out_of_time(personal: Sequence[Need], hopeless: Sequence[Missing]) -> list[Missing]:
    gone = {_key(one.need) for one in hopeless}
    return [Missing(need, "time") for need in personal if _key(need) not in gone]


def _search(data: ProblemData, iterations: int | None, start: Solution | None = None) -> Result:
    if iterations is None:
        iterations = max(_FEWEST, min(ITERATIONS, _STOPS_TIMES_ITERATIONS // max(1, data.num_clients)))
    return search(data, MaxIterations(iterations), start)


def _stops(
    book: Book, nodes: list[_Node], ways: np.ndarray
) -> tuple[list[Client], list[_Node], list[ClientGroup], list[Missing]]:
    """The solver's stops and whose they are; a client with hours is one alternative for each day (one of a group).

    `ways`: minutes from the branch to each place. What could not even be done by itself is left out: it costs the search
    its way, for it goes on trying.
    """
    cadence = book.cadence
    clients: list[Client] = []
    owners: list[_Node] = []
    groups: list[ClientGroup] = []
    hopeless: list[Missing] = []
    for node in nodes:
        if node.kept is not None:
            at = node.kept.day * DAY + node.kept.start
            clients.append(
                Client(
                    node.at, delivery=[1], service_duration=node.kept.minutes, tw_early=at, tw_late=at, required=True
                )
            )
            owners.append(node)
            continue
        need = node.need
        assert need is not None
        service = cadence.visit_minutes + 2 * node.extra
        prize = round(cadence.near_km * 2000) if node.on_the_way else PRIZES[need.tier]
        windows = _time_windows(book, need, service, node.extra)
        if not windows:
            if not node.on_the_way:
                hopeless.append(Missing(need, "hours" if need.hours else "no_day"))
            continue
        way = int(ways[node.at])
        windows = [one for one in windows if _alone(book, need, one, service, way)]
        if not windows:
            if not node.on_the_way:
                hopeless.append(Missing(need, "time"))
            continue
        group = None
        if len(windows) > 1:
            group = len(groups)
            groups.append(ClientGroup([], required=False))
        for early, late in windows:
            if group is not None:
                groups[group].add_client(len(clients))
            clients.append(
                Client(
                    node.at,
                    delivery=[1],
                    service_duration=service,
                    tw_early=early,
                    tw_late=late,
                    prize=prize,
                    required=False,
                    group=group,
                )
            )
            owners.append(node)
    return clients, owners, groups, hopeless


def _alone(book: Book, need: Need, window: tuple[int, int], service: int, way: int) -> bool:
    """Whether a visit could be made in a window if it were the only one: there, the visit, back."""
    early, late = window
    return any(
        max(early, n * DAY + span.start + way) <= min(late, n * DAY + span.end - way - service)
        for n in range(need.first, need.last + 1)
        for span in book.days[n].spans
    )


def _time_windows(book: Book, need: Need, service: int, extra: int) -> list[tuple[int, int]]:
    """From when to when a visit may begin, on the axis of the month; one for all days unless the client has hours."""
    cadence = book.cadence
    usable = [n for n in range(need.first, need.last + 1) if book.days[n].spans]
    if not usable:
        return []
    if need.hours is None:
        return [
            (usable[0] * DAY + cadence.day_from, usable[-1] * DAY + max(cadence.day_from, cadence.day_to - service))
        ]
    windows = []
    for n in usable:
        for span in book.days[n].spans:
            # The hours are for the visit itself, `extra` is the way before and after it.
            early = max(span.start, need.hours.start - extra)
            late = min(span.end - service, need.hours.end - service + extra)
            if early <= late:
                windows.append((n * DAY + early, n * DAY + late))
    return windows


def _vehicles(book: Book) -> tuple[list[VehicleType], list[tuple[int, Span]]]:
    """A vehicle for each free stretch of each day, with its share of the day's number of visits and of the desk time."""
    vehicles, owners = [], []
    for n, day in enumerate(book.days):
        weights = [span.minutes for span in day.spans]
        visits = shares(book.cadence.visits_a_day, weights)
        desk = shares(book.cadence.desk_minutes, weights)
        for span, number, kept_free in zip(day.spans, visits, desk, strict=True):
            inside = sum(1 for one in book.kept if one.in_person and one.day == n and _inside(span, one))
            if max(number, inside) == 0:
                continue
            vehicles.append(
                VehicleType(
                    1,
                    [max(number, inside)],
                    tw_early=n * DAY + span.start,
                    tw_late=n * DAY + span.end,
                    shift_duration=span.minutes
                    if inside
                    else max(book.cadence.visit_minutes, span.minutes - kept_free),
                )
            )
            owners.append((n, span))
    return vehicles, owners


def _read(book: Book, best, owners: list[_Node], spans: list[tuple[int, Span]], places: list[Place]) -> list[Placed]:
    """The solver's routes as visits, with ways and reasons."""
    cadence = book.cadence
    found: list[tuple[_Node, int, int, int, int]] = []
    for route in best.routes():
        day, _span = spans[route.vehicle_type()]
        here = 0
        for activity in route.schedule():
            if not activity.is_client():
                continue
            node = owners[activity.idx]
            start = activity.start_time + activity.wait_duration - day * DAY + node.extra
            if node.extra:
                way, road = node.extra, 0
            else:
                straight = metres_between([places[here]], [places[node.at]])[0, 0]
                road = road_metres(float(straight), cadence.detour_percent)
                way = travel_minutes(road, cadence.speed_kmh)
            found.append((node, day, start, way, road))
            here = node.at
    return [_explained(book, one, found) for one in found if one[0].need is not None]


def _explained(
    book: Book, one: tuple[_Node, int, int, int, int], found: Iterable[tuple[_Node, int, int, int, int]]
) -> Placed:
    node, day, start, way, road = one
    need = node.need
    assert need is not None
    reason, data = "due", {}
    if need.tier == "A" and need.number == 1 and need.last < book.cadence.first_days_a:
        reason = "first_days"
    elif need.tier != "A" and need.place is not None:
        near = [
            (int(metres_between([need.place], [place])[0, 0]), tier, client_id)
            for tier, client_id, place in _others(found, day, need.client_id)
        ]
        near = [entry for entry in near if entry[0] <= book.cadence.near_km * 1000]
        if near:
            distance, _tier, client_id = min(near, key=lambda entry: (entry[1], entry[0]))
            reason, data = "nearby", {"client": client_id, "metres": distance}
    return Placed(need, day, start, book.cadence.visit_minutes, "visit", reason, way, road, data)


def _others(
    found: Iterable[tuple[_Node, int, int, int, int]], day: int, client_id: int
) -> list[tuple[str, int, Place]]:
    others = []
    for node, on, _start, _way, _road in found:
        stop = node.need or node.kept
        if (
            stop is None
            or on != day
            or stop.client_id == client_id
            or stop.place is None
            or stop.tier not in ("A", "B")
        ):
            continue
        others.append((stop.tier, stop.client_id, stop.place))
    return others


def _nearby(book: Book, personal: Sequence[Need], callable_: Sequence[Need]) -> list[Need]:
    """Of those who would be called, the ones close to a client who is visited anyway (V3); at most 60, the closest."""
    anchors = [need.place for need in personal if need.place] + [
        one.place for one in book.kept if one.place and one.in_person
    ]
    candidates = [need for need in callable_ if need.place]
    if book.home is None or not anchors or not candidates:
        return []
    nearest = metres_between([need.place for need in candidates if need.place], anchors).min(axis=1)
    close = sorted(zip(nearest.tolist(), range(len(candidates)), strict=True))
    return [candidates[n] for distance, n in close[:60] if distance <= book.cadence.near_km * 1000]


def _inside(span: Span, one: Kept) -> bool:
    return span.start <= one.start and one.start + one.minutes <= span.end


def _within(book: Book, one: Kept) -> bool:
    return any(_inside(span, one) for span in book.days[one.day].spans)


def _without(book: Book, busy: Sequence[Kept]) -> Book:
    """The same month with what is kept cut out of the days: nothing has to be routed through it."""
    days = list(book.days)
    for one in busy:
        day = days[one.day]
        spans = [part for span in day.spans for part in _cut(span, one)]
        days[one.day] = replace(day, spans=tuple(span for span in spans if span.minutes >= book.cadence.visit_minutes))
    return replace(book, days=tuple(days))


def _cut(span: Span, one: Kept) -> list[Span]:
    end = one.start + one.minutes
    if end <= span.start or one.start >= span.end:
        return [span]
    return [Span(span.start, max(span.start, one.start)), Span(min(span.end, end), span.end)]
