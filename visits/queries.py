"""Reading of visits: a day, a span of days, coverage (V10), briefing (V6). Each function one or two statements."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Avg, Count, Q, QuerySet, Window
from django.db.models.functions import Coalesce, RowNumber, TruncWeek

from clients.models import Client, TimelineEvent
from clients.scope import client_scope
from org.masking import mask_name
from org.models import Staff
from org.scope import scope_of
from visits.models import Channel, Contact, Duty, Feeling, MonthPlan, Photo, Promise, Unmet, Visit
from visits.planning.load import Place, place_of
from visits.rules import IN_PERSON

#: States of visits that stand in a calendar.
SHOWN = ("planned", "done", "missed")


def people(user: Any, on: date) -> QuerySet[Staff]:
    """Staff whose visits the viewer may look at: managers and heads in service of the own scope, by name."""
    scope = scope_of(user)
    found = Staff.objects.serving(on).filter(role__in=["account_manager", "branch_head"]).select_related("branch")
    if not scope.firm:
        found = found.filter(Q(pk__in=list(scope.staff_ids)) | Q(branch__in=list(scope.branch_ids)))
    return found.order_by("branch__branch_no", "staff_no")


def visits_of(user: Any, staff: Staff, first: date, last: date, *, proposals: bool = False) -> list[Visit]:
    """A manager's visits of a span, both days included, in order of time; names masked for whom they are masked."""
    states = (*SHOWN, "proposed") if proposals else SHOWN
    found = list(
        Visit.objects.visible_to(user)
        .filter(manager=staff, date__range=(first, last), state__in=states)
        .select_related("client", "client__care")
        .order_by("date", "start", "order", "pk")
    )
    hide_names(user, (visit.client for visit in found))
    return found


def hide_names(user: Any, clients: Iterable[Client]) -> None:
    """Mask names in place where the viewer's role sees personal data masked."""
    if scope_of(user).masked:
        for client in clients:
            client.name = mask_name(client.name)


# --- Map of a day (V3) -------------------------------------------------------------------------------------------------

WIDTH, HEIGHT, EDGE = 640, 420, 36


@dataclass(frozen=True)
class Dot:
    """A stop on the map: its number in the day, its place in the picture, the visit."""

    number: int
    x: float
    y: float
    visit: Visit


@dataclass(frozen=True)
class Map:
    """A day's way as a drawing without tiles: points in a box of WIDTH × HEIGHT, a bar of `bar_km` kilometres."""

    dots: list[Dot]
    line: str
    home: tuple[float, float] | None
    bar: float
    bar_km: float
    grid_x: list[float] = field(default_factory=list)
    grid_y: list[float] = field(default_factory=list)


def map_of(visits: Sequence[Visit], home: Place | None) -> Map | None:
    """The drawing of a day's visits in person; None without a single known place."""
    stops = [
        (number, place, visit)
        for number, visit in enumerate(visits, start=1)
        if visit.kind in IN_PERSON and (place := place_of(visit.client.lat, visit.client.lon)) is not None
    ]
    places = [place for _number, place, _visit in stops] + ([home] if home else [])
    if not stops:
        return None
    middle = sum(place[0] for place in places) / len(places)
    shrink = math.cos(math.radians(middle))
    flat = [(place[1] * shrink, -place[0]) for place in places]
    left, right = min(x for x, _ in flat), max(x for x, _ in flat)
    top, bottom = min(y for _, y in flat), max(y for _, y in flat)
    scale = min((WIDTH - 2 * EDGE) / max(right - left, 0.004), (HEIGHT - 2 * EDGE) / max(bottom - top, 0.004))
    off_x = (WIDTH - (right - left) * scale) / 2 - left * scale
    off_y = (HEIGHT - (bottom - top) * scale) / 2 - top * scale

    def drawn(place: Place) -> tuple[float, float]:
        return round(place[1] * shrink * scale + off_x, 1), round(-place[0] * scale + off_y, 1)

    dots = [Dot(number, *drawn(place), visit) for number, place, visit in stops]
    start = [drawn(home)] if home else []
    line = " ".join(f"{x},{y}" for x, y in [*start, *((dot.x, dot.y) for dot in dots), *start])
    km = scale / 111.195  # picture units of one kilometre
    bar_km = next((size for size in (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if size * km >= 50), 200)
    step = bar_km * km
    return Map(
        dots,
        line,
        drawn(home) if home else None,
        round(step, 1),
        bar_km,
        [round(n * step, 1) for n in range(1, int(WIDTH / step) + 1)],
        [round(n * step, 1) for n in range(1, int(HEIGHT / step) + 1)],
    )


# --- Coverage (V10) ----------------------------------------------------------------------------------------------------


def duties_in(user: Any, month: date) -> QuerySet[Duty]:
    """The month's duties of the viewer's clients, each with the Monday of its week (`week`): done on, else due until."""
    duties = Duty.objects.visible_to(user).filter(month=month)
    return duties.annotate(day=Coalesce("done_on", "to_on")).annotate(week=TruncWeek("day"))


@dataclass
class Cell:
    """Counts of duties: `late` are open ones whose part of the month is over."""

    total: int = 0
    done: int = 0
    booked: int = 0
    missed: int = 0
    waived: int = 0
    late: int = 0

    @property
    def wanted(self) -> int:
        """What was to be done: waived duties do not count."""
        return self.total - self.waived

    @property
    def share(self) -> float | None:
        """Done of wanted, 0 … 1."""
        return self.done / self.wanted if self.wanted else None

    @property
    def shade(self) -> str:
        """Step of the heat map, 0 … 5; '' when nothing was to be done."""
        return "" if self.share is None else str(min(5, int(self.share * 5)))

    def add(self, other: "Cell") -> None:
        for name in ("total", "done", "booked", "missed", "waived", "late"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True)
class Row:
    """A manager's month: a cell for each week, for each tier, and all together. `staff` None: clients without one."""

    staff: Staff | None
    weeks: dict[date, Cell]
    tiers: dict[str, Cell]
    total: Cell


def coverage(
    user: Any, month: date, today: date, *, manager_id: int | None = None, within: Q | None = None
) -> list[Row]:
    """Coverage of a month by manager, in one statement beside the names. `within`: a condition on the duties."""
    duties = duties_in(user, month)
    if within is not None:
        duties = duties.filter(within)
    if manager_id is not None:
        duties = duties.filter(manager_id=manager_id)
    counted: Any = duties.values("manager_id", "week", "tier").annotate(  # type: ignore[misc]  # week is annotated above
        total=Count("*"),
        done=Count("client_id", filter=Q(state="done")),
        booked=Count("client_id", filter=Q(state="booked")),
        missed=Count("client_id", filter=Q(state="missed")),
        waived=Count("client_id", filter=Q(state="waived")),
        late=Count("client_id", filter=Q(state__in=["owed", "booked"], to_on__lt=today)),
    )
    rows: dict[int | None, Row] = {}
    for entry in counted.order_by():
        row = rows.setdefault(entry["manager_id"], Row(None, {}, {}, Cell()))
        cell = Cell(**{name: entry[name] for name in ("total", "done", "booked", "missed", "waived", "late")})
        row.weeks.setdefault(entry["week"], Cell()).add(cell)
        row.tiers.setdefault(entry["tier"], Cell()).add(cell)
        row.total.add(cell)
    staff = Staff.objects.select_related("branch").in_bulk([key for key in rows if key is not None])
    found = [Row(staff.get(key) if key else None, row.weeks, row.tiers, row.total) for key, row in rows.items()]
    return sorted(found, key=_place_in_table)


def _place_in_table(row: Row) -> tuple[bool, int, str]:
    return (True, 0, "") if row.staff is None else (False, row.staff.branch_id, row.staff.staff_no)


def channels(user: Any, month: date) -> dict[str, int]:
    """Contacts of the month that are done, by the way in which they were made (V5), in the order of the channels."""
    done = Duty.objects.visible_to(user).filter(month=month, state="done")
    counts = dict(done.order_by().values_list("channel").annotate(Count("client_id")))
    return {channel: counts[channel] for channel in Channel.values if channel in counts}


def quality(user: Any, since: date) -> list[dict[str, Any]]:
    """Weekly mean of how contacts felt (1 … 7) and their number, oldest first."""
    found = Contact.objects.visible_to(user).filter(at__date__gte=since, feeling__isnull=False)
    weekly = found.annotate(week=TruncWeek("at")).values("week").annotate(feeling=Avg("feeling"), contacts=Count("*"))
    return [dict(row) for row in weekly.order_by("week")]


def plan_of(staff: Staff, month: date) -> MonthPlan | None:
    """The newest plan of a month, or None."""
    return MonthPlan.objects.filter(manager=staff, month=month).order_by("-run_no").first()


def unmet_of(user: Any, plan: MonthPlan) -> list[Unmet]:
    """What a plan could not meet, A first; only clients the viewer may see."""
    found = list(
        Unmet.objects.filter(client_scope(user).condition("client__"), plan=plan)
        .select_related("client")
        .order_by("tier", "reason", "client__name_key", "client_id")
    )
    hide_names(user, (one.client for one in found))
    return found


# --- Briefing (V6) -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Briefing:
    """What to know before a contact: what happened since the last one, promises, next steps, what is still owed."""

    last: Contact | None
    promises: list[Promise]
    events: list[TimelineEvent]
    duties: list[Duty]
    photos: list[Photo]


#: Events and photos of a briefing.
_EVENTS, _PHOTOS = 6, 9


def briefings(clients: Iterable[Client], today: date) -> dict[int, Briefing]:
    """What a visit page opens with, by client; five statements, however many clients, all fetched in the viewer's scope."""
    ids = sorted({client.pk for client in clients})
    last = {
        one.client_id: one
        for one in Contact.objects.filter(client__in=ids).order_by("client_id", "-at", "-pk").distinct("client_id")
    }
    promises = Promise.objects.filter(client__in=ids, kept_at__isnull=True).order_by("due_on", "pk")
    events = TimelineEvent.objects.filter(client__in=ids).exclude(kind="visit.contact")
    newest = events.annotate(n=Window(RowNumber(), partition_by="client_id", order_by=["-at", "-pk"]))
    duties = Duty.objects.filter(client__in=ids, month=today.replace(day=1)).order_by("number")
    photos = Photo.objects.filter(contact__client__in=ids).select_related("contact")
    of_client = Window(RowNumber(), partition_by="contact__client_id", order_by=["-contact__at", "number"])
    found = {pk: Briefing(last.get(pk), [], [], [], []) for pk in ids}
    for promise in promises:
        found[promise.client_id].promises.append(promise)
    for event in newest.filter(n__lte=_EVENTS).order_by("-at", "-pk"):
        since = last.get(event.client_id)
        if since is None or event.at >= since.at:
            found[event.client_id].events.append(event)
    for duty in duties:
        found[duty.client_id].duties.append(duty)
    for photo in photos.annotate(n=of_client).filter(n__lte=_PHOTOS).order_by("-contact__at", "number"):
        found[photo.contact.client_id].photos.append(photo)
    return found


def briefing(client: Client, today: date) -> Briefing:
    """The same for one client."""
    return briefings([client], today)[client.pk]


@dataclass(frozen=True)
class Summary:
    """What the record's card shows: next visits, last contact, the month's duties, open promises."""

    upcoming: list[dict[str, Any]]
    last: dict[str, Any] | None
    duties: list[dict[str, Any]]
    promises: list[dict[str, Any]]


_SUMMARY = """
SELECT (SELECT coalesce(jsonb_agg(to_jsonb(v)), '[]') FROM (
            SELECT id, date, to_char(start, 'HH24:MI') AS start, kind FROM visits_visit
             WHERE client_id = %(client)s AND date >= %(today)s AND state = 'planned' ORDER BY date, start LIMIT 3) v),
       (SELECT to_jsonb(k) FROM (
            SELECT at, channel, feeling FROM visits_contact WHERE client_id = %(client)s ORDER BY at DESC, id DESC LIMIT 1) k),
       (SELECT coalesce(jsonb_agg(to_jsonb(d) ORDER BY d.number), '[]') FROM (
            SELECT number, state, from_on, to_on FROM visits_duty WHERE client_id = %(client)s AND month = %(month)s) d),
       (SELECT coalesce(jsonb_agg(to_jsonb(p)), '[]') FROM (
            SELECT text, due_on FROM visits_promise WHERE client_id = %(client)s AND kept_at IS NULL
             ORDER BY due_on, id LIMIT 5) p)
"""


def summary(client_id: int, today: date) -> Summary:
    """The record's card in one statement; the client was fetched in the viewer's scope."""
    with connection.cursor() as cursor:
        cursor.execute(_SUMMARY, {"client": client_id, "today": today, "month": today.replace(day=1)})
        upcoming, last, duties, promises = (
            json.loads(value) if isinstance(value, str) else value for value in cursor.fetchone()
        )
    for row, names in ((upcoming, ("date",)), (duties, ("from_on", "to_on")), (promises, ("due_on",))):
        for one in row:
            for name in names:
                one[name] = date.fromisoformat(one[name])
    for one in upcoming:
        one["kind"] = Channel(one["kind"]).label
    for one in duties:
        one["word"] = Duty.State(one["state"]).label
    if last is not None:
        last["at"] = datetime.fromisoformat(last["at"])
        last["channel"] = Channel(last["channel"]).label
        last["feeling"] = Feeling(last["feeling"]).label if last["feeling"] else ""
    return Summary(upcoming, last, duties, promises)


# --- My day (D1) -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Due:
    """Promises and next steps of a member of staff that are due up to a day, the oldest first."""

    promises: list[Promise]
    steps: list[Contact]


def due_of(staff: Staff, user: Any, on: date) -> Due:
    """Own promises and next steps due, towards clients still in the own scope."""
    mine = client_scope(user).condition("client__")
    promises = Promise.objects.filter(mine, staff=staff, kept_at__isnull=True, due_on__lte=on).select_related("client")
    steps = Contact.objects.filter(
        mine, Q(next_staff=staff) | Q(next_staff=None, staff=staff), next_done_at__isnull=True, next_on__lte=on
    ).select_related("client")
    return Due(list(promises.order_by("due_on", "pk")[:12]), list(steps.order_by("next_on", "pk")[:12]))


_RISEN = """
SELECT v.manager_id, count(*)
  FROM visits_visit v JOIN clients_client c ON c.id = v.client_id
 WHERE v.state = 'missed' AND v.date BETWEEN %(since)s AND %(until)s AND {scope}
   AND NOT EXISTS (SELECT FROM visits_contact k WHERE k.client_id = v.client_id AND k.outcome <> 'absent'
                      AND k.at >= v.date)
 GROUP BY 1 ORDER BY 2 DESC, 1
"""


def risen(user: Any, since: date, until: date) -> list[tuple[Staff, int]]:
    """Missed visits not made good since, by manager: what rises to the branch head (V9)."""
    condition, values = client_scope(user).sql("c")
    with connection.cursor() as cursor:
        cursor.execute(_RISEN.format(scope=condition), values | {"since": since, "until": until})
        counts = cursor.fetchall()
    staff = Staff.objects.in_bulk([key for key, _count in counts])
    return [(staff[key], count) for key, count in counts if key in staff]


def monday(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())
