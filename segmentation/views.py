"""Pages of segmentation: policies (S1, U1), tier history of a client (S12). The Pareto pages are in `pareto_views`."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from clients.models import Client
from clients.scope import client_scope
from crm.clock import today
from org.rights import may
from org.templatetags.fmt import day
from org.views import page
from segmentation import policies
from segmentation.explain import newest_run
from segmentation.forms import PolicyForm
from segmentation.models import RankingPolicy, TierChange
from segmentation.pareto import managers_of  # noqa: F401  other rooms ask for it here
from segmentation.preview import preview_of

# --- Policies ----------------------------------------------------------------------------------------------------------


@page("policies.view")
@require_GET
def policy_list(request: HttpRequest) -> HttpResponse:
    """All versions, newest first, and which one is in force."""
    versions = list(RankingPolicy.objects.select_related("published_by__staff").order_by("-version"))
    context = {
        "versions": versions,
        "in_force": policies.policy_on(today()),
        "may_edit": may(request.user, "policies.edit"),
    }
    return render(request, "segmentation/policies.html", context)


@page("policies.edit")
@require_POST
def policy_draft(request: HttpRequest) -> HttpResponse:
    """Open the draft, made from the policy in force if there is none."""
    made = policies.draft(by=request.user, base=RankingPolicy.objects.filter(state="published").latest("version"))
    return redirect("segmentation:policy", version=made.version)


@page("policies.view")
def policy(request: HttpRequest, version: int) -> HttpResponse:
    """One version: a form while it is a draft, its values afterwards."""
    found = get_object_or_404(RankingPolicy, version=version)
    editable = found.state == "draft" and may(request.user, "policies.edit")
    form = PolicyForm(request.POST or None, instance=RankingPolicy.objects.get(pk=found.pk)) if editable else None
    if request.method == "POST" and form is not None and form.is_valid():
        policies.change(found, form.cleaned_data, by=request.user)
        messages.success(request, _("The draft is saved."))
        return redirect(f"{reverse('segmentation:policy', args=[version])}#preview")
    values = [(field.verbose_name, _value(found, field)) for field in _fields()]
    return render(request, "segmentation/policy.html", {"policy": found, "form": form, "values": values})


def _fields() -> list[Any]:
    return [RankingPolicy._meta.get_field(name) for name in policies.FIELDS]


def _value(found: RankingPolicy, field: Any) -> Any:
    display = getattr(found, f"get_{field.name}_display", None)
    value = display() if display else getattr(found, field.name)
    if value in (None, ""):
        return "–"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return day(value) if isinstance(value, date) else value


@page("policies.view")
@require_GET
def policy_preview(request: HttpRequest, version: int) -> HttpResponse:
    """Who would move if the version were in force, and what it costs in contacts (U1)."""
    found = get_object_or_404(RankingPolicy, version=version)
    run = newest_run()
    preview = preview_of(found, run.business_date, request.user) if run else None
    return render(request, "segmentation/preview.html", {"policy": found, "preview": preview, "run": run})


@page("policies.edit")
@require_POST
def policy_publish(request: HttpRequest, version: int) -> HttpResponse:
    """Publish the draft; what stands against it is said on its page."""
    found = get_object_or_404(RankingPolicy, version=version)
    try:
        policies.publish(found, by=request.user, not_before=today())
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("segmentation:policy", version=version)
    messages.success(request, _("Published."))
    return redirect("segmentation:policies")


@page("policies.edit")
@require_POST
def policy_discard(request: HttpRequest, version: int) -> HttpResponse:
    """Throw the draft away."""
    found = get_object_or_404(RankingPolicy, version=version)
    try:
        policies.discard(found, by=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("segmentation:policies")


# --- One client --------------------------------------------------------------------------------------------------------


@page("clients.view")
@require_GET
def tier_history(request: HttpRequest, client_no: str) -> HttpResponse:
    """All tier changes of one client, newest first (S12)."""
    client = get_object_or_404(Client.objects.filter(client_scope(request.user).condition()), client_no=client_no)
    changes = TierChange.objects.filter(client=client).order_by("-business_date", "what")
    return render(request, "segmentation/history.html", {"client": client, "changes": changes})
