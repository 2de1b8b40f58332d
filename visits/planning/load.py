"""A manager's month out of the tables: seven queries, whatever the number of clients."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from crm.partitions import next_month
from org import calendar
from org.models import Leave, Staff
from visits.cadence import Cadences
from visits.models import Busy, Duty, Visit
from visits.planning.book import Book, Day, Kept, Need, Place
from visits.rules import IN_PERSON, Span, free_spans, minutes_of, usable


@dataclass(frozen=True)
class Loaded:
    """The book, what it knows beside it, and the visits that may still be moved (not fixed, not done, not past)."""

    book: Book
    provisional: int
    movable: frozenset[int]


def load(manager: Staff, month: date, *, begin: date, cadences: Cadences) -> Loaded:
    """The book of a manager from `begin` on; working days before it hold nothing more.

    Duties whose part of the month is over may fall on any day left. Without coordinates of the branch the middle of the
    clients' places is home.
    """
    last = next_month(month) - timedelta(days=1)
    cadence = cadences.of(manager.branch_id)
    calendar_days = [one for one in calendar.days(month, last) if one.is_workday]
    dates = [one.date for one in calendar_days]
    away = _away(manager, month, last)
    busy: dict[date, list[Span]] = {}
    for entry in Busy.objects.filter(staff=manager, date__range=(month, last)):
        busy.setdefault(entry.date, []).append(Span(minutes_of(entry.start), minutes_of(entry.end)))
    days = tuple(
        Day(one, () if one in away or one < begin else tuple(free_spans(cadence, busy.get(one, ()))), one in away)
        for one in dates
    )
    visits = (
        Visit.objects.filter(manager=manager, date__range=(month, last), state__in=["planned", "done"])
        .select_related("client")
        .order_by("date", "start", "pk")
    )
    position = {one: n for n, one in enumerate(dates)}
    kept, movable = [], set()
    for visit in visits:
        if visit.date not in position:
            continue
        place = place_of(visit.client.lat, visit.client.lon)
        kept.append(
            Kept(
                visit.pk,
                visit.client_id,
                position[visit.date],
                minutes_of(visit.start),
                visit.minutes,
                visit.kind in IN_PERSON,
                place,
                visit.tier,
            )
        )
        if not visit.fixed and visit.state == "planned" and visit.date >= begin and visit.duty_number is not None:
            movable.add(visit.pk)
    needs = tuple(_needs(manager, month, dates, begin))
    home = place_of(manager.branch.lat, manager.branch.lon) or _middle(need.place for need in needs)
    book = Book(manager.pk, home, cadence, days, needs, tuple(kept))
    return Loaded(book, sum(one.provisional for one in calendar_days), frozenset(movable))


def place_of(lat: float | None, lon: float | None) -> Place | None:
    """Coordinates that can be a place, or None."""
    return (lat, lon) if lat is not None and lon is not None and usable(lat, lon) else None


def need_of(duty: Duty, dates: list[date], begin: date) -> Need:
    """A duty as the planner takes it; `dates` are the working days of its month."""
    start = next((n for n, one in enumerate(dates) if one >= begin), len(dates))
    first = next((n for n, one in enumerate(dates) if one >= duty.from_on), len(dates))
    last = max((n for n, one in enumerate(dates) if one <= duty.to_on), default=-1)
    if last < start:
        last = len(dates) - 1
    client, care = duty.client, getattr(duty.client, "care", None)
    hours = None
    if care is not None and (care.contact_from or care.contact_to):
        hours = Span(
            minutes_of(care.contact_from) if care.contact_from else 0,
            minutes_of(care.contact_to) if care.contact_to else 24 * 60,
        )
    wish = care.preferred_channel if care is not None and care.preferred_channel in ("phone", "visit") else "any"
    place = place_of(client.lat, client.lon)
    return Need(duty.client_id, duty.number, duty.tier, duty.in_person, max(first, start), last, place, hours, wish)


def _needs(manager: Staff, month: date, dates: list[date], begin: date) -> Iterable[Need]:
    duties = (
        Duty.objects.filter(month=month, manager=manager, state="owed")
        .select_related("client", "client__care")
        .order_by("client_id", "number")
    )
    for duty in duties:
        yield need_of(duty, dates, begin)


def _away(manager: Staff, first: date, last: date) -> set[date]:
    found: set[date] = set()
    for leave in Leave.objects.filter(staff=manager, from_on__lte=last, to_on__gte=first):
        day = max(first, leave.from_on)
        while day <= min(last, leave.to_on):
            found.add(day)
            day += timedelta(days=1)
    return found


def _middle(places: Iterable[Place | None]) -> Place | None:
    known = [place for place in places if place is not None]
    if not known:
        return None
    return sum(p[0] for p in known) / len(known), sum(p[1] for p in known) / len(known)
