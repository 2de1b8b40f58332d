"""My day (D1): the page that everybody opens in the morning. Answer first: what changed in the night, and for whom."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from clients.scope import client_scope
from crm.clock import now, today
from nights import myday, services
from nights.models import Notice
from nights.notices import text_of, url_of
from org.navigation import forget_count
from org.rights import ANYBODY, may
from org.scope import scope_of
from org.views import page
from visits import queries as visits
from visits.cadence import rise_day


@page(ANYBODY)
@require_GET
def my_day(request: HttpRequest) -> HttpResponse:
    """Moves, stale records and notices of the viewer; the state of the night for those who look after it."""
    user = request.user
    scope = client_scope(user)
    nights = myday.nights()
    notices = myday.newest_notices(user)
    request.unread_notices = notices.unread  # type: ignore[attr-defined]  saves the navigation from asking again
    context: dict[str, Any] = {
        "today": today(),
        "nights": nights,
        "notices": [(notice, text_of(notice), url_of(notice)) for notice in notices.rows],
        "sees_clients": may(user, "clients.view") and myday.shows_clients(scope),
        "sees_nights": may(user, "nights.view"),
        "may_run": may(user, "nights.run"),
        "steers": bool(scope.scope.branch_ids) or scope.scope.firm,
    }
    if context["sees_clients"]:
        context["stale"] = myday.stale(user, today())
        context["personal"] = True
        if nights.done is not None:
            context |= _moves(user, nights.done)
        context |= _visits(user)
    if context["sees_nights"]:
        context["waiting"] = services.waiting_night(now())
    return render(request, "home/my_day.html", context)


def _moves(user, night) -> dict[str, Any]:
    found = myday.moves(user, night.business_date)
    query = {"moved_since": (found.day or night.business_date).isoformat()}
    door = reverse("clients:list")
    return {
        "moves": found,
        "moves_url": f"{door}?{urlencode(query)}",
        "groups": [(group, f"{door}?{urlencode(query | {found.by: group.number or '-'})}") for group in found.groups],
    }


def _visits(user) -> dict[str, Any]:
    """A manager's visits and what is due; for whoever steers, what rose from the team."""
    staff, on = getattr(user, "staff", None), today()
    if staff is None or not may(user, "visits.view"):
        return {}
    if scope_of(user).branch_ids:
        until = rise_day(on)
        return {"risen": visits.risen(user, on - timedelta(days=14), until) if until else []}
    if not may(user, "visits.edit"):
        return {}
    return {"visits": visits.visits_of(user, staff, on, on), "due": visits.due_of(staff, user, on), "visiting": True}


@page(ANYBODY)
@require_POST
def notices_read(request: HttpRequest) -> HttpResponse:
    """Mark the viewer's notices as read: the one named by `notice`, or all."""
    unread = Notice.objects.visible_to(request.user).filter(read_at=None)
    chosen = request.POST.get("notice", "")
    if chosen.isdecimal() and len(chosen) < 19:
        unread = unread.filter(pk=int(chosen))
    unread.update(read_at=now())
    forget_count(request.user.pk, "home")
    return redirect("home")


def unread_count(request: HttpRequest) -> int:
    """The number beside 'My day' in the navigation."""
    known = getattr(request, "unread_notices", None)
    return Notice.objects.visible_to(request.user).filter(read_at=None).count() if known is None else known
