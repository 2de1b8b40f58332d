"""Single visits: enter, move, reorder a day, check in, cancel; other appointments of a manager."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from clients.errors import Conflict
from clients.models import Client
from crm.partitions import month_start
from org import audit, calendar
from org.models import Leave, Staff, User
from org.rights import require
from segmentation.models import Standing
from visits.cadence import cadences_on
from visits.models import Busy, Duty, Visit
from visits.planning.load import place_of
from visits.rules import IN_PERSON, Span, Stop, duty_done_by, minutes_of, time_of, timetable
from visits.services.scope import editable, plannable, staff_for
from visits.services.state import owe_again, touch

#: So far ahead visits may be entered.
AHEAD_DAYS = 366


@dataclass(frozen=True)
class Moved:
    """A visit after a move, and what the person should know about its new time; warnings never stop a person."""

    visit: Visit
    warnings: list[str]


@transaction.atomic
def add_visit(
    client_no: str,
    *,
    user: User,
    on: date,
    start: time,
    minutes: int,
    kind: str,
    manager_id: int | None = None,
    agenda: str = "",
    today: date,
) -> Moved:
    """Enter a visit or call by hand: fixed, and booked against an open duty of that month if there is one.

    Raises ValidationError, Client.DoesNotExist out of scope, PermissionDenied.
    """
    require(user, "visits.edit")
    client = Client.objects.visible_to(user).select_related("care").get(client_no=client_no)
    manager = _manager_for(client, user, manager_id)
    _check_day(on, today)
    care = getattr(client, "care", None)
    if care is not None and care.do_not_contact:
        raise ValidationError(_("This client wishes no contact: %(why)s") % {"why": care.do_not_contact_reason})
    standing = Standing.objects.filter(client=client).first()
    visit = Visit(
        client=client,
        manager=manager,
        tier=standing.service_tier if standing else "",
        date=on,
        start=start,
        minutes=minutes,
        kind=kind,
        fixed=True,
        agenda=agenda.strip(),
        changed_by=user,
    )
    _link(visit)
    visit.full_clean(exclude=["manager", "client", "plan", "changed_by", "reason_data", "checked_in_at"])
    visit.save()
    audit.record("visit.add", user=user, object_kind="client", object_no=client.client_no, detail={"visit": visit.pk})
    return Moved(visit, warnings_for(visit))


@transaction.atomic
def move(
    visit_id: int,
    *,
    user: User,
    version: int,
    on: date,
    start: time,
    today: date,
    minutes: int | None = None,
    fixed: bool = True,
) -> Moved:
    """Move a visit (V7); from then on the planner leaves it alone. Undo is a move back with the former `fixed`.

    Raises Conflict when somebody changed it since `version`, Visit.DoesNotExist out of scope, ValidationError.
    """
    require(user, "visits.edit")
    visit = editable(user).select_for_update(of=("self",)).select_related("client", "manager").get(pk=visit_id)
    if visit.version != version:
        raise Conflict
    if visit.state not in ("planned", "proposed"):
        raise ValidationError(_("Only a planned visit can be moved."))
    _check_day(on, today)
    before = {"date": visit.date.isoformat(), "start": visit.start.isoformat("minutes")}
    visit.date, visit.start, visit.fixed = on, start, fixed
    if minutes is not None:
        visit.minutes = minutes
    if visit.duty_month is not None and visit.duty_month != month_start(on):
        _unlink(visit)
    if visit.duty_month is None and visit.state == "planned":
        _link(visit)
    touch(visit, user)
    audit.record(
        "visit.move",
        user=user,
        object_kind="visit",
        object_no=str(visit.pk),
        detail={"before": before, "after": {"date": on.isoformat(), "start": start.isoformat("minutes")}},
    )
    return Moved(visit, warnings_for(visit))


@transaction.atomic
def reorder(staff_id: int, day: date, order: Sequence[int], *, user: User, today: date) -> list[Visit]:
    """Put the planned visits of a day into this order; their times follow (V3). Raises Conflict when the day changed.

    A visit that a person fixed keeps its time and moves in the row only.
    """
    require(user, "visits.edit")
    staff = staff_for(user, staff_id)
    _check_day(day, today)
    found = editable(user).filter(manager=staff, date=day, state="planned")
    visits = {one.pk: one for one in found.select_for_update(of=("self",)).select_related("client", "client__care")}
    if set(order) != set(visits) or len(order) != len(visits):
        raise Conflict
    cadence = cadences_on(day).of(staff.branch_id)
    busy = [Span(minutes_of(one.start), minutes_of(one.end)) for one in Busy.objects.filter(staff=staff, date=day)]
    home = place_of(staff.branch.lat, staff.branch.lon)
    timed = timetable([_stop(visits[pk]) for pk in order], home, cadence, busy)
    for number, one in enumerate(timed, start=1):
        visit = visits[one.key]
        visit.order, visit.start = number, time_of(min(one.start, 24 * 60 - 1))
        visit.travel_minutes, visit.travel_m = one.travel_minutes, one.travel_m
        touch(visit, user)
    audit.record("visit.reorder", user=user, object_kind="staff", object_no=staff.staff_no, detail={"day": str(day)})
    return [visits[pk] for pk in order]


def _stop(visit: Visit) -> Stop:
    care = getattr(visit.client, "care", None)
    hours = None
    if care is not None and care.contact_from and care.contact_to:
        hours = Span(minutes_of(care.contact_from), minutes_of(care.contact_to))
    return Stop(
        visit.pk,
        visit.minutes,
        place_of(visit.client.lat, visit.client.lon),
        visit.kind in IN_PERSON,
        minutes_of(visit.start) if visit.fixed else None,
        hours,
    )


@transaction.atomic
def cancel(visit_id: int, *, user: User, version: int) -> Visit:
    """Call a visit off; its duty is owed again."""
    require(user, "visits.edit")
    visit = editable(user).select_for_update(of=("self",)).get(pk=visit_id)
    if visit.version != version:
        raise Conflict
    if visit.state not in ("planned", "proposed", "missed"):
        raise ValidationError(_("Only a planned visit can be cancelled."))
    owe_again(visit)
    visit.state = "cancelled"
    touch(visit, user)
    audit.record("visit.cancel", user=user, object_kind="visit", object_no=str(visit.pk))
    return visit


@transaction.atomic
def check_in(visit_id: int, *, user: User, at: datetime) -> Visit:
    """The manager is there. A second tap changes nothing."""
    require(user, "visits.edit")
    visit = editable(user).select_for_update(of=("self",)).get(pk=visit_id)
    if visit.checked_in_at is None and visit.state in ("planned", "missed"):
        visit.checked_in_at = at
        touch(visit, user)
    return visit


def add_busy(staff_id: int, *, user: User, on: date, start: time, end: time, title: str) -> Busy:
    """Enter time that is not for clients; the planner works around it. Raises ValidationError."""
    require(user, "visits.edit")
    staff = staff_for(user, staff_id)
    if end <= start:
        raise ValidationError({"end": _("The end is before the beginning.")})
    busy = Busy(staff=staff, date=on, start=start, end=end, title=title.strip(), created_by=user)
    busy.full_clean()
    busy.save()
    return busy


def remove_busy(busy_id: int, *, user: User) -> None:
    """Take such time away again."""
    require(user, "visits.edit")
    Busy.objects.filter(staff__in=plannable(user)).get(pk=busy_id).delete()


# --- Together with the duties ------------------------------------------------------------------------------------------


def _link(visit: Visit) -> None:
    """Book the visit against an open duty of its month, the first that its kind satisfies."""
    month = month_start(visit.date)
    duties = list(Duty.objects.select_for_update().filter(month=month, client_id=visit.client_id).order_by("number"))
    owed = [(one.number, one.state, one.in_person) for one in duties if one.state == "owed"]
    number = duty_done_by(owed, visit.kind)
    if number is not None:
        Duty.objects.filter(month=month, client_id=visit.client_id, number=number).update(state="booked")
        visit.duty_month, visit.duty_number = month, number


def _unlink(visit: Visit) -> None:
    owe_again(visit)
    visit.duty_month = visit.duty_number = None


# --- Checks ------------------------------------------------------------------------------------------------------------


def _manager_for(client: Client, user: User, manager_id: int | None) -> Staff:
    allowed = plannable(user)
    for wanted in (manager_id, client.manager_id, user.staff.pk if hasattr(user, "staff") else None):
        if wanted is not None and (found := allowed.filter(pk=wanted).first()) is not None:
            return found
    raise ValidationError(_("Choose a manager of your branch for this visit."))


def _check_day(on: date, today: date) -> None:
    if on < today:
        raise ValidationError({"date": _("This day is over.")})
    if on > today + timedelta(days=AHEAD_DAYS):
        raise ValidationError({"date": _("At most a year ahead.")})


def warnings_for(visit: Visit) -> list[str]:
    """What speaks against a visit's time, for the person to decide: overlaps, leave, free days, hours, too much."""
    found = []
    day = calendar.day(visit.date)
    if not day.is_workday:
        found.append(_("%(day)s is not a working day.") % {"day": visit.date.isoformat()})
    if Leave.objects.filter(staff=visit.manager_id, from_on__lte=visit.date, to_on__gte=visit.date).exists():
        found.append(_("The manager is on leave on this day."))
    start = minutes_of(visit.start)
    end = start + visit.minutes
    others = Visit.objects.filter(manager=visit.manager_id, date=visit.date, state__in=["planned", "done"])
    for other in others.exclude(pk=visit.pk):
        begins = minutes_of(other.start)
        if begins < end and start < begins + other.minutes:
            found.append(_("Overlaps with another visit at %(time)s.") % {"time": other.start.isoformat("minutes")})
    for busy in Busy.objects.filter(staff=visit.manager_id, date=visit.date):
        if minutes_of(busy.start) < end and start < minutes_of(busy.end):
            found.append(
                _("Overlaps with another appointment at %(time)s.") % {"time": busy.start.isoformat("minutes")}
            )
    cadence = cadences_on(visit.date).of(visit.manager.branch_id)
    if (
        visit.kind in IN_PERSON
        and others.filter(kind__in=IN_PERSON).exclude(pk=visit.pk).count() >= cadence.visits_a_day
    ):
        found.append(_("More than %(n)s visits on this day.") % {"n": cadence.visits_a_day})
    if start < cadence.day_from or end > cadence.day_to:
        found.append(_("Outside the working hours."))
    care = getattr(visit.client, "care", None)
    if care is not None and (
        (care.contact_from and start < minutes_of(care.contact_from))
        or (care.contact_to and end > minutes_of(care.contact_to))
    ):
        found.append(_("Outside the hours the client wishes."))
    same = Visit.objects.filter(client=visit.client_id, date=visit.date, state="planned").filter(~Q(pk=visit.pk))
    if same.exists():
        found.append(_("The client has another visit on this day."))
    return found
