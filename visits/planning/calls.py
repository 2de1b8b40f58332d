"""Telephone calls of the month (V4): in the gaps between the ways, spread over the days."""

from collections.abc import Sequence

from visits.planning.book import Book, Missing, Need, Placed
from visits.planning.ways import metres_between
from visits.rules import STEP, Span, road_metres, travel_minutes

#: Minutes of a day.
DAY = 24 * 60
#: Calls keep to these hours, whatever the working day (domain: quiet hours).
CALL_HOURS = Span(9 * 60, 20 * 60)


def place_calls(
    book: Book, calls: list[tuple[Need, str]], visits: Sequence[Placed]
) -> tuple[list[Placed], list[Missing]]:
    """Calls in the gaps between the ways, on the least busy day of their window; whoever has the least choice first."""
    cadence = book.cadence
    gaps = [_gaps(book, n, visits) for n in range(len(book.days))]
    free = [sum(span.minutes for span in spans) - cadence.desk_minutes for spans in gaps]
    contacts: dict[int, list[int]] = {}
    for one in visits:
        contacts.setdefault(one.need.client_id, []).append(one.day)
    for kept in book.kept:
        contacts.setdefault(kept.client_id, []).append(kept.day)
    placed: list[Placed] = []
    missing: list[Missing] = []
    for need, reason in sorted(calls, key=lambda call: (call[0].last - call[0].first, call[0].tier, call[0].client_id)):
        length = cadence.phone_minutes
        window = range(need.first, min(need.last, len(book.days) - 1) + 1)
        days = [n for n in window if free[n] >= length]
        # Not on the heels of another contact, if that can be had; never twice on one day.
        taken = contacts.get(need.client_id, [])
        days = [n for n in days if n not in taken]
        days.sort(key=lambda n: (any(abs(n - other) < cadence.gap_days for other in taken), -free[n], n))
        slot = next(((n, at) for n in days if (at := _slot(gaps[n], need.hours, length)) is not None), None)
        if slot is None:
            open_hours = need.hours is None or any(
                _slot(list(book.days[n].spans), need.hours, length) is not None for n in window
            )
            missing.append(Missing(need, "time" if open_hours else "hours"))
            continue
        n, at = slot
        gaps[n] = [part for span in gaps[n] for part in _split(span, at, length)]
        free[n] -= length
        contacts.setdefault(need.client_id, []).append(n)
        placed.append(Placed(need, n, at, length, "phone", reason))
    return placed, missing


def _gaps(book: Book, n: int, visits: Sequence[Placed]) -> list[Span]:
    """Free stretches of a day: without visits and the ways between them, there and back."""
    gaps = list(book.days[n].spans)
    if not gaps:
        return []
    cadence = book.cadence
    taken = [Span(one.start - one.travel_minutes, one.start + one.minutes) for one in visits if one.day == n]
    for span in book.days[n].spans:
        inside = [one for one in visits if one.day == n and span.start <= one.start < span.end]
        if inside:
            last = max(inside, key=lambda one: one.start)
            back = cadence.unknown_travel_minutes
            if last.need.place and book.home:
                straight = float(metres_between([last.need.place], [book.home])[0, 0])
                back = travel_minutes(road_metres(straight, cadence.detour_percent), cadence.speed_kmh)
            taken.append(Span(last.start + last.minutes, last.start + last.minutes + back))
    taken += [Span(one.start, one.start + one.minutes) for one in book.kept if one.day == n]
    for busy in taken:
        gaps = [part for span in gaps for part in _split(span, busy.start, busy.minutes)]
    return gaps


def _split(span: Span, at: int, length: int) -> list[Span]:
    if at >= span.end or at + length <= span.start:
        return [span]
    parts = [Span(span.start, at), Span(at + length, span.end)]
    return [part for part in parts if part.minutes >= STEP]


def _slot(gaps: Sequence[Span], hours: Span | None, length: int) -> int | None:
    """Earliest start of a call in the gaps, within call hours and the client's."""
    for span in sorted(gaps, key=lambda one: one.start):
        start = max(span.start, CALL_HOURS.start, hours.start if hours else 0)
        start = -(-start // STEP) * STEP
        if start + length <= min(span.end, CALL_HOURS.end, hours.end if hours else DAY):
            return start
    return None
