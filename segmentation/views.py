"""Pages of segmentation: Pareto (S2), policies (S1, U1), tier history of a client (S12)."""

from datetime import date
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from clients.models import Client
from clients.scope import client_scope
from crm.clock import today
from crm.money import to_yuan
from org.masking import mask_name
from org.models import Branch, Role, Staff
from org.rights import may
from org.scope import scope_of
from org.templatetags.fmt import day, yuan
from org.views import page
from segmentation import policies
from segmentation.explain import newest_run, sees_branch_figures
from segmentation.forms import PolicyForm
from segmentation.models import RankingPolicy, Tier, TierChange
from segmentation.pareto import Figures, Selection, figures, select
from segmentation.preview import preview_of


def _selection(request: HttpRequest) -> Selection:
    return select(request.user, request.GET.get("branch", ""), request.GET.get("manager", ""))


@page("pareto.view")
@require_GET
def pareto(request: HttpRequest) -> HttpResponse:
    """Who brings the contribution, and how far the composition is from the ideal."""
    selection = _selection(request)
    run = newest_run()
    found = figures(request.user, selection, columns=True)
    wanted = selection.list_query()
    context = {
        "run": run,
        "selection": selection,
        "figures": found,
        "composition": _composition(found, wanted, run),
        "list_url": _list_url(wanted, tier=list(Tier.values)),
        "data_url": f"{reverse('segmentation:pareto-data')}?{urlencode(selection.query)}",
        "branches": Branch.objects.visible_to(request.user).order_by("branch_no"),
        "managers": managers_of(request.user, selection),
        "columns": [column for column in found.columns if column.contribution > 0][:20],
    }
    return render(request, "segmentation/pareto.html", context)


@page("pareto.view")
@require_GET
def pareto_data(request: HttpRequest) -> JsonResponse:
    """The chart's data: at most `pareto.MAX_COLUMNS` columns."""
    found = figures(request.user, _selection(request), columns=True)
    masked = scope_of(request.user).masked
    scale, unit = (10_000, _("10k yuan")) if found.contribution >= 10_000_000_000 else (1, _("yuan"))
    single = all(column.first == column.last for column in found.columns)
    return JsonResponse(
        {
            "labels": [_place(column.first, column.last) for column in found.columns],
            "titles": [
                f"{_place(c.first, c.last)} {mask_name(c.name) if masked else c.name}"
                if single
                else _place(c.first, c.last)
                for c in found.columns
            ],
            "columns": [float(to_yuan(column.contribution)) / scale for column in found.columns],
            "exact": [f"{yuan(column.contribution)} {_('yuan')}" for column in found.columns],
            "cumulative": [column.cumulative for column in found.columns],
            "tiers": [column.tier for column in found.columns],
            "urls": [reverse("clients:record", args=[column.client_no]) for column in found.columns]
            if single
            else None,
            "lines": [{"at": float(cut) / 100, "label": f"{cut:.0f}%"} for cut in _cuts()],
            "unit": unit,
            "names": {
                "label": _("Clients by contribution"),
                "column": _("Contribution"),
                "cumulative": _("Cumulative share"),
                "tier": _("Tier"),
            },
        }
    )


def _place(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"


def _cuts() -> list[Any]:
    run = newest_run()
    policy = run.policy if run else policies.policy_on(today())
    return [policy.cut_a, policy.cut_b]


def _list_url(wanted: dict[str, str | list[str]], **more: str | list[str]) -> str:
    query = urlencode(wanted | more, doseq=True)
    return f"{reverse('clients:list')}?{query}" if query else reverse("clients:list")


def _composition(found: Figures, wanted: dict[str, str | list[str]], run: Any) -> list[dict[str, Any]]:
    """Rows of the table beside the chart: measured against the ideal 20 / 40 / 40 (S2)."""
    policy = run.policy if run else policies.policy_on(today())
    ideal = {"A": policy.ideal_a, "B": policy.ideal_b, "C": 100 - policy.ideal_a - policy.ideal_b}
    return [
        {
            "tier": tier,
            "clients": count,
            "share": count / found.clients if found.clients else None,
            "ideal": ideal[tier] / 100,
            "contribution": contribution,
            "contribution_share": contribution / found.contribution if found.contribution else None,
            "url": _list_url(wanted, tier=tier),
        }
        for tier, (count, contribution) in found.by_tier.items()
    ]


def managers_of(user: Any, selection: Selection) -> Any:
    """The managers a viewer may choose within a selection."""
    scope = scope_of(user)
    if not sees_branch_figures(user):
        return Staff.objects.filter(pk__in=scope.staff_ids).order_by("staff_no")
    managers = Staff.objects.filter(role=Role.ACCOUNT_MANAGER)
    if selection.branch is not None:
        managers = managers.filter(branch__path__startswith=selection.branch.path)
    elif scope.firm:
        # A whole firm's managers are found through their branch.
        return managers.none()
    else:
        managers = managers.filter(branch__in=scope.branch_ids)
    return managers.order_by("staff_no")


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
