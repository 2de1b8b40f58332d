"""Pages of the nights (N2, U14): list, one night with its steps, and the decisions an administrator takes."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.clock import now
from nights import queries, services
from nights.forms import AgainForm, StartForm
from nights.models import Night
from org.rights import may
from org.views import page

#: Nights on one page of the list.
PAGE = 30


@page("nights.view")
@require_GET
def night_list(request: HttpRequest) -> HttpResponse:
    """All nights, newest first, and the one that is waited for."""
    found = queries.night_page(request.user, request.GET.get("before", ""), PAGE)
    context = {
        "nights": found.nights,
        "page": found,
        "waiting": _waiting(),
        "may_run": may(request.user, "nights.run"),
        "form": StartForm(),
    }
    return render(request, "nights/list.html", context)


def _waiting() -> dict[str, Any] | None:
    """The next night, if it is late, and why."""
    moment = now()
    waiting = services.waiting_night(moment)
    if waiting is None:
        return None
    return {"night": waiting, "late": waiting.late_seconds(moment)}


@page("nights.view")
@require_GET
def night(request: HttpRequest, day: date) -> HttpResponse:
    """One night; htmx asks for its body alone while it is running."""
    found = get_object_or_404(
        Night.objects.visible_to(request.user).select_related("started_by__staff", "released_by__staff"),
        business_date=day,
    )
    context = {
        "night": found,
        "report": queries.report(found),
        "may_run": may(request.user, "nights.run"),
        "again": AgainForm(stopped=found.state in (Night.State.FAILED, Night.State.PARTIAL, Night.State.CANCELLED)),
    }
    name = "nights/_night.html" if request.htmx and not request.htmx.history_restore_request else "nights/night.html"
    return render(request, name, context)


@page("nights.run")
@require_POST
def night_start(request: HttpRequest) -> HttpResponse:
    """Start a night by hand, whatever the drop folder says."""
    form = StartForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(error for errors in form.errors.values() for error in errors))
        return redirect("nights:list")
    day = form.cleaned_data["date"]
    if Night.objects.visible_to(request.user).filter(business_date=day).exists():
        messages.info(request, _("This night exists already; it can be run again here."))
        return redirect("nights:night", day)
    return _act(request, lambda: services.start(day, user=request.user), _("The night has started."), day)


@page("nights.run")
@require_POST
def night_again(request: HttpRequest, day: date) -> HttpResponse:
    """Another run of a night."""
    found = get_object_or_404(Night.objects.visible_to(request.user), business_date=day)
    form = AgainForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose what is to run."))
        return redirect("nights:night", day)
    what = form.cleaned_data["what"]
    choice: dict[str, Any] = {"rest": True} if what == "rest" else {"link": None if what == "all" else what}
    return _act(
        request,
        lambda: services.start_again(found.business_date, user=request.user, **choice),
        _("The night runs again."),
        day,
    )


@page("nights.run")
@require_POST
def night_release(request: HttpRequest, day: date) -> HttpResponse:
    """Let a held night go on."""
    found = get_object_or_404(Night.objects.visible_to(request.user), business_date=day)
    return _act(request, lambda: services.release(found, user=request.user), _("The night goes on."), day)


@page("nights.run")
@require_POST
def night_cancel(request: HttpRequest, day: date) -> HttpResponse:
    """Give a night up."""
    found = get_object_or_404(Night.objects.visible_to(request.user), business_date=day)
    return _act(request, lambda: services.cancel(found, user=request.user), _("The night is cancelled."), day)


def _act(request: HttpRequest, act: Callable[[], Any], done: str, day: date) -> HttpResponse:
    try:
        act()
    except services.NightRefused:
        messages.error(request, _("That is not possible now: the night, or another one, has moved on meanwhile."))
    else:
        messages.success(request, done)
    target = reverse("nights:night", args=[day])
    return redirect(
        target if Night.objects.visible_to(request.user).filter(business_date=day).exists() else "nights:list"
    )
