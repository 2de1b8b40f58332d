"""Month plan (V7, U4), coverage (V10), duties behind each figure."""

from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from clients.errors import Conflict
from crm.clock import today
from crm.partitions import month_start, next_month
from org.models import Branch, Staff
from org.rights import may
from org.views import month_or_404, page
from segments.reading import segment_or_404
from visits import duties, queries, services
from visits.forms import WaiveForm
from visits.models import Channel, Duty, MonthPlan, Visit
from visits.pages.days import asked_day, asked_staff, people_context
from visits.services.scope import plannable

#: Duties shown on one page; the figure above says how many there are.
SHOWN = 300


@page("visits.view")
@require_GET
def plan(request: HttpRequest) -> HttpResponse:
    """The proposal for a manager's month: what fits, what does not and why, whether the promises fit the time."""
    month = month_start(asked_day(request, "month"))
    staff = asked_staff(request)
    context: dict[str, Any] = {
        "month": month,
        "earlier": month_start(month - timedelta(days=1)),
        "later": next_month(month),
        "over": next_month(month) <= today(),
        "personal": True,
        **people_context(request, staff),
    }
    if staff is None:
        context["rows"] = _team(request, month)
        return render(request, "visits/plans.html", context)
    found = queries.plan_of(staff, month)
    context |= {
        "plan": found,
        "may_edit": may(request.user, "visits.edit") and plannable(request.user).filter(pk=staff.pk).exists(),
        "counts": _counts(request, staff, month),
    }
    if found is not None:
        proposed = Visit.objects.visible_to(request.user).filter(plan=found, state="proposed").select_related("client")
        visits = list(proposed.order_by("date", "start"))
        queries.hide_names(request.user, (visit.client for visit in visits))
        by_day: dict[date, list[Visit]] = {}
        for visit in visits:
            by_day.setdefault(visit.date, []).append(visit)
        context |= {
            "proposals": sorted(by_day.items()),
            "proposed": len(visits),
            "unmet": queries.unmet_of(request.user, found),
            "advice": _advice(found),
        }
    return render(request, "visits/plan.html", context)


def _counts(request: HttpRequest, staff: Staff, month: date) -> dict[str, int]:
    cell = queries.Cell()
    for row in queries.coverage(request.user, month, today(), manager_id=staff.pk):
        cell.add(row.total)
    return {
        "wanted": cell.wanted,
        "done": cell.done,
        "booked": cell.booked,
        "open": cell.wanted - cell.done - cell.booked - cell.missed,
    }


def _advice(found: MonthPlan) -> list[str]:
    """What is cheapest to change when the month does not hold all promises (U4)."""
    summary = found.summary
    short = int(summary.get("short_minutes", 0))
    if short <= 0:
        return []
    hours = -(-short // 60)
    texts = [_("About %(hours)s hours are missing this month.") % {"hours": hours}]
    unmet = summary.get("unmet", {})
    if unmet.get("B"):
        texts.append(
            _("Calling B clients instead of visiting them serves most: a call takes a third of the time, and no way.")
        )
    if unmet.get("C"):
        texts.append(_("Handing some C clients to a colleague or to remote service frees their calls."))
    if unmet.get("A"):
        texts.append(
            _("A visits are left over: a deputy for a few days, or fewer other appointments, costs the clients least.")
        )
    return texts


def _team(request: HttpRequest, month: date) -> list[dict[str, Any]]:
    people = list(queries.people(request.user, today())[:300])
    newest = (
        MonthPlan.objects.filter(manager__in=people, month=month).order_by("manager", "-run_no").distinct("manager")
    )
    plans = {one.manager_id: one for one in newest}
    covered = {
        row.staff.pk: row.total for row in queries.coverage(request.user, month, today()) if row.staff is not None
    }
    return [
        {
            "staff": one,
            "plan": plans.get(one.pk),
            "cell": covered.get(one.pk),
            "unmet": sum(plans[one.pk].summary.get("unmet", {}).values()) if one.pk in plans else None,
        }
        for one in people
    ]


@page("visits.edit")
@require_POST
def make(request: HttpRequest, staff_no: str) -> HttpResponse:
    """Plan the month anew; what is fixed, agreed or done stays."""
    staff = get_object_or_404(plannable(request.user).select_related("branch"), staff_no=staff_no)
    month = month_or_404(request.POST.get("month", ""))
    duties.prepare(month, max(today(), month))
    try:
        services.make_plan(staff, month, user=request.user, begin=max(today(), month))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect(_plan_url(staff, month))


@page("visits.edit")
@require_POST
def accept(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Take the proposal over."""
    found = get_object_or_404(
        MonthPlan.objects.select_related("manager"), pk=plan_id, manager__in=plannable(request.user)
    )
    try:
        count = services.accept_plan(found.pk, user=request.user)
    except Conflict:
        messages.error(request, _("There is a newer proposal for this month, or it was taken over already."))
    else:
        messages.success(request, _("%(n)s visits and calls are planned.") % {"n": count})
    return redirect(_plan_url(found.manager, found.month))


def _plan_url(staff: Staff, month: date) -> str:
    return f"{reverse('visits:plan')}?{urlencode({'month': f'{month:%Y-%m}', 'manager': staff.staff_no})}"


# --- Coverage ----------------------------------------------------------------------------------------------------------


@page("visits.view")
@require_GET
def coverage(request: HttpRequest) -> HttpResponse:
    """Manager × week as a heat map, each figure a door to its duties; quality of contacts by week."""
    month = month_start(asked_day(request, "month"))
    rows = queries.coverage(request.user, month, today())
    weeks = sorted({week for row in rows for week in row.weeks})
    whole = queries.Cell()
    for row in rows:
        whole.add(row.total)
    tiers = {tier: queries.Cell() for tier in "ABC"}
    for row in rows:
        for tier, cell in row.tiers.items():
            tiers[tier].add(cell)
    door = reverse("visits:duties")

    def url(**more: str) -> str:
        return f"{door}?{urlencode({'month': f'{month:%Y-%m}', **more})}"

    table = []
    for row in rows:
        manager = row.staff.staff_no if row.staff else "-"
        cells = [(row.weeks.get(week), url(manager=manager, week=week.isoformat())) for week in weeks]
        by_tier = [(row.tiers.get(tier), url(manager=manager, tier=tier)) for tier in "ABC"]
        table.append((row, cells, by_tier, url(manager=manager)))
    context = {
        "month": month,
        "earlier": month_start(month - timedelta(days=1)),
        "later": next_month(month),
        "weeks": [(week, week + timedelta(days=6)) for week in weeks],
        "table": table,
        "whole": whole,
        "figures": [(state.label, getattr(whole, name), url(state=state.value)) for state, name in _FIGURES],
        "late": (whole.late, url(late="1")),
        "channels": [
            (Channel(channel).label, count, url(channel=channel))
            for channel, count in queries.channels(request.user, month).items()
        ],
        "all_url": url(),
        "tiers": [(tier, cell, url(tier=tier)) for tier, cell in tiers.items()],
        "quality": queries.quality(request.user, today() - timedelta(weeks=12)),
    }
    return render(request, "visits/coverage.html", context)


_FIGURES = (
    (Duty.State.DONE, "done"),
    (Duty.State.BOOKED, "booked"),
    (Duty.State.MISSED, "missed"),
    (Duty.State.WAIVED, "waived"),
)


#: What narrows the list of duties, kept when its form is sent.
_DUTY_FILTERS = ("branch", "segment", "manager", "week", "tier", "state", "channel", "late")


@page("visits.view")
@require_GET
def duty_list(request: HttpRequest) -> HttpResponse:
    """The duties behind a figure: month, branch (with those below), segment, manager ('-': none), week (its Monday), tier,
    state, channel, late."""
    month = month_start(asked_day(request, "month"))
    found = queries.duties_in(request.user, month)
    asked = request.GET
    if asked.get("branch"):
        branch = get_object_or_404(Branch.objects.visible_to(request.user), branch_no=asked["branch"])
        found = found.filter(client__branch__path__startswith=branch.path)
    if asked.get("segment"):
        found = found.filter(client__in=segment_or_404(request.user, asked["segment"]))
    if manager := asked.get("manager", ""):
        found = (
            found.filter(manager__isnull=True)
            if manager == "-"
            else found.filter(manager_id__in=list(Staff.objects.filter(staff_no=manager).values_list("pk", flat=True)))
        )
    if asked.get("week"):
        week = asked_day(request, "week")
        found = found.filter(day__range=(week, week + timedelta(days=6)))
    if asked.get("tier") in ("A", "B", "C"):
        found = found.filter(tier=asked["tier"])
    if asked.get("state") in Duty.State.values:
        found = found.filter(state=asked["state"])
    if asked.get("channel") in Channel.values:
        found = found.filter(state="done", channel=asked["channel"])
    if asked.get("late"):
        found = found.filter(state__in=["owed", "booked"], to_on__lt=today())
    count = found.count()
    rows = list(
        found.select_related("client", "manager").order_by("tier", "client__name_key", "client_id", "number")[:SHOWN]
    )
    queries.hide_names(request.user, (row.client for row in rows))
    context = {
        "month": month,
        "rows": rows,
        "count": count,
        "more": count - len(rows),
        "today": today(),
        "waive_form": WaiveForm(),
        "may_edit": may(request.user, "visits.edit"),
        "states": Duty.State.choices,
        "asked": {name: asked.get(name, "") for name in _DUTY_FILTERS},
        "personal": True,
    }
    return render(request, "visits/duties.html", context)
