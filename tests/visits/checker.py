"""An independent judge of plans: knows the rules of the product page (V1–V4, V7), nothing of the planner."""

import itertools
import math

from visits.planning.book import Book, Plan

EARTH = 6_371_008.8


def minutes_between(book: Book, a, b) -> int:
    """Travel after the policy: great circle, detour, speed, up to whole five minutes."""
    if a is None or b is None:
        return book.cadence.unknown_travel_minutes
    lat1, lon1, lat2, lon2 = map(math.radians, (*a, *b))
    straight = EARTH * math.acos(
        min(1.0, max(-1.0, math.sin(lat1) * math.sin(lat2) + math.cos(lat1) * math.cos(lat2) * math.cos(lon2 - lon1)))
    )
    road = straight * (100 + book.cadence.detour_percent) / 100
    if road < 45:
        return 0
    exact = road * 60 / (book.cadence.speed_kmh * 1000)
    # One metre of rounding must not count as five minutes.
    return math.ceil((exact - 0.01) / 5) * 5


def faults(book: Book, plan: Plan) -> list[str]:
    """Every hard rule that a plan breaks, in words; empty: the plan is right."""
    found = []
    needs = {(need.client_id, need.number): need for need in book.needs}
    seen: dict[tuple[int, int], int] = {}
    for placed in plan.placed:
        key = (placed.need.client_id, placed.need.number)
        seen[key] = seen.get(key, 0) + 1
        if needs.get(key) != placed.need:
            found.append(f"{key} is nobody's need")
        if not placed.need.first <= placed.day <= placed.need.last:
            found.append(f"{key} on day {placed.day}, not in {placed.need.first}–{placed.need.last}")
        if placed.start % 5:
            found.append(f"{key} starts at minute {placed.start}")
        end = placed.start + placed.minutes
        spans = book.days[placed.day].spans
        if not any(span.start <= placed.start and end <= span.end for span in spans):
            found.append(f"{key} at {placed.start} is outside the working time {spans}")
        hours = placed.need.hours
        if hours and not (hours.start <= placed.start and end <= hours.end):
            found.append(f"{key} is outside the client's hours")
        if placed.kind == "phone" and placed.need.in_person and placed.need.wish != "phone" and placed.need.tier != "C":
            far = placed.need.place and book.home and minutes_between(book, book.home, placed.need.place) > 60
            if not far:
                found.append(f"{key} must be met in person")
    for missing in plan.missing:
        key = (missing.need.client_id, missing.need.number)
        seen[key] = seen.get(key, 0) + 1
    for key in needs:
        if seen.get(key, 0) != 1:
            found.append(f"{key} is answered {seen.get(key, 0)} times")
    for n, _day in enumerate(book.days):
        found += _day_faults(book, plan, n)
    return found


def _day_faults(book: Book, plan: Plan, n: int) -> list[str]:
    found = []
    rows = [(p.start, p.minutes, p.need.client_id, p.kind == "visit", p.need.place) for p in plan.placed if p.day == n]
    rows += [(k.start, k.minutes, k.client_id, k.in_person, k.place) for k in book.kept if k.day == n]
    rows.sort()
    for (start, minutes, client, *_), (after, _m, other, *_rest) in itertools.pairwise(rows):
        if start + minutes > after:
            found.append(f"day {n}: {client} and {other} overlap at {after}")
    clients = [row[2] for row in rows]
    if len(set(clients)) != len(clients):
        found.append(f"day {n}: a client twice")
    visits = [row for row in rows if row[3]]
    planned = [row for row in visits if row[2] not in {k.client_id for k in book.kept if k.day == n}]
    if planned and len(visits) > max(book.cadence.visits_a_day, len(visits) - len(planned)):
        found.append(f"day {n}: {len(visits)} visits")
    for span in book.days[n].spans:
        here, clock = book.home, span.start
        inside = [row for row in visits if span.start <= row[0] < span.end]
        for start, minutes, client, _personal, known in inside:
            place = known if book.home else None
            way = minutes_between(book, here, place)
            if clock + way > start:
                found.append(f"day {n}: {client} at {start} cannot be reached before {clock + way}")
            # Where the place is not known, the way back to somewhere known is assumed too.
            clock = start + minutes + (book.cadence.unknown_travel_minutes if place is None else 0)
            here = book.home if place is None else place
        if inside and clock + minutes_between(book, here, book.home) > span.end and here is not None:
            found.append(f"day {n}: not back at the branch by {span.end}")
    return found
