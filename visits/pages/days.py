"""A day in order with its way (V3), the calendar, and what people change there by hand (V7)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from clients.errors import Conflict
from crm.clock import today
from crm.partitions import month_start, next_month
from org import audit, calendar
from org.models import Staff
from org.rights import may
from org.views import page
from visits import queries, services
from visits.cadence import cadences_on
from visits.forms import BusyForm, MoveForm
from visits.models import Busy, Visit
from visits.planning.load import place_of
from visits.rules import IN_PERSON
from visits.services.scope import editable, plannable


def asked_day(request: HttpRequest, name: str = "date") -> date:
    """The day of the URL; today when there is none. Raises Http404 for nonsense."""
    text = request.GET.get(name, "")
    if not text:
        return today()
    try:
        found = date.fromisoformat(text if len(text) != 7 else f"{text}-01")
    except ValueError:
        raise Http404 from None
    if not 2000 <= found.year <= 2100:
        raise Http404
    return found


def asked_staff(request: HttpRequest) -> Staff | None:
    """Whose visits: the one of the URL, else oneself for a manager; None: a team. Raises Http404 out of scope."""
    number = request.GET.get("manager", "")
    allowed = queries.people(request.user, today())
    if number:
        return get_object_or_404(allowed, staff_no=number)
    own = getattr(request.user, "staff", None)
    if own is not None and own.role == "account_manager":
        return allowed.filter(pk=own.pk).first()
    return None


def people_context(request: HttpRequest, staff: Staff | None) -> dict[str, Any]:
    """What the choice of a manager needs."""
    people = list(queries.people(request.user, today())[:300])
    return {"staff": staff, "people": people if len(people) > 1 else []}


# --- The day -----------------------------------------------------------------------------------------------------------


@page("visits.view")
@require_GET
def day(request: HttpRequest) -> HttpResponse:
    """The visits of a day in order, on a map without tiles; a head who names nobody sees the team."""
    on = asked_day(request)
    staff = asked_staff(request)
    if staff is None:
        return redirect(f"{reverse('visits:calendar')}?{urlencode({'date': on.isoformat(), 'view': 'week'})}")
    visits = queries.visits_of(request.user, staff, on, on)
    audit.note_clients(visit.client.client_no for visit in visits)
    home = place_of(staff.branch.lat, staff.branch.lon)
    standing = [visit for visit in visits if visit.state != "missed" or visit.date >= today()]
    kind = calendar.day(on)
    context = {
        "day": on,
        "kind": kind,
        "visits": visits,
        "map": queries.map_of(standing, home),
        "road_m": sum(visit.travel_m for visit in standing),
        "minutes": sum(visit.minutes for visit in standing),
        "travel": sum(visit.travel_minutes for visit in standing),
        "busy": Busy.objects.filter(staff=staff, date=on).order_by("start"),
        "busy_form": BusyForm(initial={"date": on}),
        "may_edit": may(request.user, "visits.edit") and plannable(request.user).filter(pk=staff.pk).exists(),
        "earlier": on - timedelta(days=1),
        "later": on + timedelta(days=1),
        "is_today": on == today(),
        "personal": True,
        **people_context(request, staff),
    }
    return render(request, "visits/day.html", context)


@page("visits.edit")
@require_POST
def reorder(request: HttpRequest, staff_no: str) -> HttpResponse:
    """A new order of a day: `date`, and `order` as the numbers of its visits."""
    staff = get_object_or_404(plannable(request.user), staff_no=staff_no)
    form = MoveForm({"version": "0", "date": request.POST.get("date", "")})
    numbers = [text for text in request.POST.getlist("order") if text.isdecimal() and len(text) < 19]
    back = f"{reverse('visits:day')}?{urlencode({'date': request.POST.get('date', ''), 'manager': staff.staff_no})}"
    if not form.is_valid():
        raise Http404
    try:
        services.reorder(
            staff.pk, form.cleaned_data["date"], [int(number) for number in numbers], user=request.user, today=today()
        )
    except Conflict:
        messages.error(request, _("The day changed in the meantime. Look at it and order it again."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect(back)


# --- Calendar ----------------------------------------------------------------------------------------------------------


#: Visits of a day shown in a month; calls are a number there.
_IN_MONTH = 6


@dataclass
class Box:
    """One day of the calendar. In a month (`brief`) visits are shown up to a number, calls are counted."""

    day: calendar.Day
    visits: list[Visit]
    inside: bool
    brief: bool
    most: int
    busy: int = 0

    @property
    def _personal(self) -> list[Visit]:
        return [visit for visit in self.visits if visit.kind in IN_PERSON]

    @property
    def shown(self) -> list[Visit]:
        return self._personal[:_IN_MONTH] if self.brief else self.visits

    @property
    def more(self) -> int:
        return max(0, len(self._personal) - _IN_MONTH) if self.brief else 0

    @property
    def calls(self) -> int:
        return len(self.visits) - len(self._personal) if self.brief else 0

    @property
    def full(self) -> bool:
        """More visits in person than the policy allows."""
        return sum(1 for visit in self._personal if visit.state != "missed") > self.most


@page("visits.view")
@require_GET
def calendar_page(request: HttpRequest) -> HttpResponse:
    """Month or week of one manager, or of the team (a row for each manager)."""
    on = asked_day(request)
    view = "week" if request.GET.get("view") == "week" else "month"
    staff = asked_staff(request)
    if view == "month":
        month = month_start(on)
        first = queries.monday(month)
        last = queries.monday(next_month(month) - timedelta(days=1)) + timedelta(days=6)
        earlier, later = month_start(month - timedelta(days=1)), next_month(month)
    else:
        first, last = queries.monday(on), queries.monday(on) + timedelta(days=6)
        earlier, later = on - timedelta(days=7), on + timedelta(days=7)
    context = {
        "on": on,
        "view": view,
        "first": first,
        "last": last,
        "earlier": earlier,
        "later": later,
        "month": month_start(on),
        "today": today(),
        "personal": True,
        **people_context(request, staff),
    }
    if staff is None:
        context["team"] = _team(request, first, last)
        context["days"] = list(calendar.days(first, last))
        return render(request, "visits/team.html", context)
    boxes = _boxes(request, staff, first, last, month_start(on) if view == "month" else None)
    audit.note_clients(visit.client.client_no for box in boxes for visit in box.shown)
    context["weeks"] = [boxes[n : n + 7] for n in range(0, len(boxes), 7)]
    context["may_edit"] = may(request.user, "visits.edit") and plannable(request.user).filter(pk=staff.pk).exists()
    return render(request, "visits/calendar.html", context)


def _boxes(request: HttpRequest, staff: Staff, first: date, last: date, month: date | None) -> list[Box]:
    most = cadences_on(first).of(staff.branch_id).visits_a_day
    by_day: dict[date, list[Visit]] = {}
    for visit in queries.visits_of(request.user, staff, first, last, proposals=True):
        by_day.setdefault(visit.date, []).append(visit)
    busy = dict(Busy.objects.filter(staff=staff, date__range=(first, last)).values_list("date").annotate(n=Count("pk")))
    boxes = []
    for one in calendar.days(first, last):
        inside = month is None or month_start(one.date) == month
        boxes.append(Box(one, by_day.get(one.date, []), inside, month is not None, most, busy.get(one.date, 0)))
    return boxes


def _team(request: HttpRequest, first: date, last: date) -> list[tuple[Staff, list[dict[str, Any]]]]:
    people = list(queries.people(request.user, today())[:300])
    counted = (
        Visit.objects.visible_to(request.user)
        .filter(manager__in=people, date__range=(first, last), state__in=queries.SHOWN)
        .values("manager_id", "date")
        .annotate(
            all=Count("pk"),
            done=Count("pk", filter=Q(state="done")),
            personal=Count("pk", filter=Q(kind__in=IN_PERSON)),
        )
    )
    found = {(row["manager_id"], row["date"]): row for row in counted.order_by()}
    cadences = cadences_on(first)
    nothing = {"all": 0, "done": 0, "personal": 0}
    rows = []
    for one in people:
        most = cadences.of(one.branch_id).visits_a_day
        cells = []
        for number in range((last - first).days + 1):
            on = first + timedelta(days=number)
            cell = found.get((one.pk, on), nothing)
            cells.append({**cell, "date": on, "full": cell["personal"] > most})
        rows.append((one, cells))
    return rows


@page("visits.edit")
@require_POST
def move(request: HttpRequest, visit_id: int) -> HttpResponse:
    """Move a visit to another day or time; answers JSON to the calendar's drag and drop, a page otherwise."""
    visit = get_object_or_404(editable(request.user), pk=visit_id)
    form = MoveForm(request.POST)
    wants_json = "application/json" in request.headers.get("Accept", "")
    if not form.is_valid():
        return _answer(request, visit, wants_json, 422, _first_error(form.errors.values()))
    before = (visit.date, visit.start, visit.fixed)
    try:
        moved = services.move(
            visit.pk,
            user=request.user,
            version=form.cleaned_data["version"],
            on=form.cleaned_data["date"],
            start=form.cleaned_data["start"] or visit.start,
            today=today(),
            fixed=request.POST.get("fixed") != "no",
        )
    except Conflict:
        return _answer(request, visit, wants_json, 409, _("Somebody else changed this visit in the meantime."))
    except ValidationError as error:
        return _answer(request, visit, wants_json, 422, " ".join(error.messages))
    undo = _undo_url(moved.visit, *before)
    words = _("Moved to %(day)s, %(time)s.") % {
        "day": moved.visit.date.isoformat(),
        "time": moved.visit.start.isoformat("minutes"),
    }
    text = " ".join([words, *moved.warnings])
    messages.add_message(
        request, messages.WARNING if moved.warnings else messages.SUCCESS, text, extra_tags=f"undo={undo}"
    )
    return _answer(request, moved.visit, wants_json, 200, text)


def _undo_url(visit: Visit, on: date, start: time, fixed: bool) -> str:
    query = {"version": visit.version, "date": on.isoformat(), "start": start.isoformat("minutes")}
    return f"{reverse('visits:undo', args=[visit.pk])}?{urlencode(query | ({} if fixed else {'fixed': 'no'}))}"


@page("visits.edit")
@require_POST
def undo(request: HttpRequest, visit_id: int) -> HttpResponse:
    """Take a move back: the former day, time and freedom stand in the URL."""
    visit = get_object_or_404(editable(request.user), pk=visit_id)
    form = MoveForm(request.GET)
    if not form.is_valid():
        raise Http404
    try:
        services.move(
            visit.pk,
            user=request.user,
            version=form.cleaned_data["version"],
            on=form.cleaned_data["date"],
            start=form.cleaned_data["start"] or visit.start,
            today=today(),
            fixed=request.GET.get("fixed") != "no",
        )
    except (Conflict, ValidationError):
        messages.error(request, _("It cannot be taken back any more."))
    else:
        messages.success(request, _("Taken back."))
    return redirect(request.headers.get("Referer") or reverse("visits:day"))


def _first_error(errors: Iterable[Any]) -> str:
    return " ".join(str(text) for one in errors for text in one)


def _answer(request: HttpRequest, visit: Visit, wants_json: bool, status: int, text: str) -> HttpResponse:
    if wants_json:
        return JsonResponse({"text": text, "version": visit.version}, status=status)
    if status != 200:
        messages.error(request, text)
    return redirect("visits:visit", visit.pk)


# --- Other appointments ------------------------------------------------------------------------------------------------


@page("visits.edit")
@require_POST
def busy(request: HttpRequest, staff_no: str) -> HttpResponse:
    """Enter time that is not for clients."""
    staff = get_object_or_404(plannable(request.user), staff_no=staff_no)
    form = BusyForm(request.POST, instance=Busy(staff=staff, created_by=request.user))
    on = today()
    if form.is_valid():
        data = form.cleaned_data
        try:
            services.add_busy(
                staff.pk, user=request.user, on=data["date"], start=data["start"], end=data["end"], title=data["title"]
            )
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        on = data["date"]
    else:
        messages.error(request, _first_error(form.errors.values()))
    return redirect(f"{reverse('visits:day')}?{urlencode({'date': on.isoformat(), 'manager': staff.staff_no})}")


@page("visits.edit")
@require_POST
def free(request: HttpRequest, busy_id: int) -> HttpResponse:
    """Take such time away."""
    found = get_object_or_404(Busy, staff__in=plannable(request.user), pk=busy_id)
    services.remove_busy(found.pk, user=request.user)
    return redirect(
        f"{reverse('visits:day')}?{urlencode({'date': found.date.isoformat(), 'manager': found.staff.staff_no})}"
    )
