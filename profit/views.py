"""Pages of client profit (S7): the picture, the costs of a month, proposals for remote service."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from clients.models import STAYING, Client
from crm import replica
from crm.clock import now, today
from crm.money import UNITS_PER_YUAN, to_units, to_yuan
from crm.partitions import month_start
from org.masking import mask_name
from org.models import Branch
from org.rights import may
from org.scope import scope_of
from org.templatetags.fmt import yuan
from org.views import month_or_404, page
from profit import services
from profit.forms import DecisionForm, PoolForms, TotalForm, UseForm
from profit.models import CostMonth, RemoteProposal
from profit.reading import cost_months, curve, picture, totals, whole_branches
from profit.services import Conflict, Pool

WORST = 10
PROPOSALS = 50


def _branch(request: HttpRequest) -> Branch | None:
    number = request.GET.get("branch", "")
    return get_object_or_404(whole_branches(request.user), branch_no=number) if number else None


@page("profit.view")
@require_GET
@replica.reads
def overview(request: HttpRequest) -> HttpResponse:
    """From revenue to net contribution, and whom it costs money to keep."""
    branch = _branch(request)
    list_url = _lists(branch)
    found = picture(request.user, branch)
    masked = scope_of(request.user).masked
    worst = totals(request.user, branch).filter(net__lt=0).select_related("client").order_by("net", "client_id")[:WORST]
    newest = cost_months(request.user, branch).filter(state="published").first()
    context = {
        "branch": branch,
        "branches": whole_branches(request.user),
        "picture": found,
        "newest": newest,
        "worst": [(row, mask_name(row.client.name) if masked else row.client.name) for row in worst],
        "losers_url": list_url(net_below=0),
        "all_url": list_url(has_profit="true"),
        "proposals": RemoteProposal.objects.visible_to(request.user).filter(state="open").count(),
        "data_url": f"{reverse('profit:curve')}?{urlencode({'branch': branch.branch_no} if branch else {})}",
    }
    return render(request, "profit/overview.html", context)


def _lists(branch: Branch | None) -> Callable[..., str]:
    """Makes the addresses of lists within a branch and those below it; closed clients are not counted here."""
    wanted: dict[str, Any] = {"status": STAYING}
    if branch is not None:
        below = Branch.objects.filter(path__startswith=branch.path).order_by("branch_no")
        wanted["branch"] = list(below.values_list("branch_no", flat=True))
    start = reverse("clients:list")
    return lambda **more: f"{start}?{urlencode({**wanted, **more}, doseq=True)}"


@page("profit.view")
@require_GET
@replica.reads
def curve_data(request: HttpRequest) -> JsonResponse:
    """Running net contribution from the best client to the worst; a mark opens the clients it adds."""
    branch = _branch(request)
    list_url = _lists(branch)
    labels, titles, urls, counts, running, total, clients = [], [], [], [], [], 0, 0
    for part in curve(request.user, branch):
        first, clients, total = clients + 1, clients + part.clients, total + part.net
        labels.append(str(clients))
        titles.append(_("Places %(places)s") % {"places": f"{first}–{clients}" if part.clients > 1 else str(first)})
        urls.append(list_url(net_places=part.stretch))
        counts.append(part.clients)
        running.append(total)
    most = max((abs(value) for value in running), default=0)
    scale, unit = (UNITS_PER_YUAN * 10_000, _("10k yuan")) if most >= 10**9 else (UNITS_PER_YUAN, _("yuan"))
    return JsonResponse(
        {
            "labels": labels,
            "titles": titles,
            "urls": urls,
            "series": [
                {
                    "name": _("Net contribution, running sum"),
                    "values": [value / scale for value in running],
                    "exact": [f"{yuan(value)} {_('yuan')}" for value in running],
                    "counts": counts,
                }
            ],
            "unit": unit,
            "names": {"label": _("Clients, best first"), "count": _("Clients")},
        }
    )


# --- Costs -------------------------------------------------------------------------------------------------------------


@page("profit.view")
@require_GET
def months(request: HttpRequest) -> HttpResponse:
    """The months whose costs are entered."""
    branch = _branch(request)
    context = {
        "branch": branch,
        "branches": whole_branches(request.user),
        "months": cost_months(request.user, branch)[:60],
        "may_edit": may(request.user, "profit.edit"),
        "this_month": services.months_before(month_start(today()), 1),
    }
    return render(request, "profit/months.html", context)


@page("profit.view", post="profit.edit")
def month(request: HttpRequest, branch_no: str, month: str) -> HttpResponse:
    """The costs of one month: enter, save, share out."""
    branch = get_object_or_404(whole_branches(request.user), branch_no=branch_no)
    first = month_or_404(month)
    row = CostMonth.objects.filter(branch=branch, month=first).first()
    if request.method == "POST":
        return _save(request, branch, first, row)
    return _page(request, branch, first, row, *_forms(branch, first, row))


def _forms(branch: Branch, first: date, row: CostMonth | None) -> tuple[TotalForm, Any]:
    """Filled with what is there, or with the names of the month before and no amounts."""
    if row is not None:
        pools = [
            {
                "name": p.name,
                "amount": to_yuan(p.amount).quantize(Decimal("0.01")),
                "level": p.level,
                "driver": p.driver,
            }
            for p in row.pools.order_by("pk")
        ]
        total = to_yuan(row.total).quantize(Decimal("0.01"))
        return TotalForm(initial={"total": total, "version": row.version}), PoolForms(initial=pools, prefix="pools")
    before = CostMonth.objects.filter(branch=branch, month__lt=first).order_by("-month").first()
    names = before.pools.order_by("pk").values("name", "level", "driver") if before else []
    return TotalForm(initial={"version": 0}), PoolForms(initial=list(names), prefix="pools")


def _page(
    request: HttpRequest, branch: Branch, first: date, row: CostMonth | None, total: Any, pools: Any, status: int = 200
) -> HttpResponse:
    context = {
        "branch": branch,
        "month": first,
        "row": row,
        "total": total,
        "pools": pools,
        "may_edit": may(request.user, "profit.edit"),
    }
    return render(request, "profit/month.html", context, status=status)


def _save(request: HttpRequest, branch: Branch, first: date, row: CostMonth | None) -> HttpResponse:
    total, pools = TotalForm(request.POST), PoolForms(request.POST, prefix="pools")
    if not (total.is_valid() and pools.is_valid()):
        return _page(request, branch, first, row, total, pools, 422)
    wanted = [
        Pool(
            f.cleaned_data["name"],
            to_units(f.cleaned_data["amount"]),
            f.cleaned_data["level"],
            f.cleaned_data["driver"],
        )
        for f in pools
        if f.filled
    ]
    try:
        saved = services.save_month(
            branch,
            first,
            to_units(total.cleaned_data["total"]),
            wanted,
            version=total.cleaned_data["version"],
            user=request.user,
        )
        if "publish" in request.POST:
            services.publish(saved, version=saved.version, user=request.user)
            messages.success(request, _("Shared out over the clients."))
        else:
            messages.success(request, _("Saved as a draft."))
    except Conflict as conflict:
        total.add_error(
            None,
            _("Somebody else saved this month in between. Yours are kept below; save again to replace theirs."),
        )
        _set_version(total, conflict.current.version)
        return _page(request, branch, first, conflict.current, total, pools, 409)
    except ValidationError as error:
        total.add_error(None, error)
        kept = CostMonth.objects.filter(branch=branch, month=first).first()
        if kept is not None:
            _set_version(total, kept.version)
        return _page(request, branch, first, kept, total, pools, 422)
    return redirect("profit:month", branch.branch_no, f"{first:%Y-%m}")


def _set_version(form: TotalForm, version: int) -> None:
    """Let the next attempt start from what is saved now."""
    data = form.data.copy()
    data["version"] = str(version)
    form.data = data


# --- Remote service ----------------------------------------------------------------------------------------------------


@page("profit.view")
@require_GET
def remote(request: HttpRequest) -> HttpResponse:
    """Proposals to be decided, those that save most first."""
    branch = _branch(request)
    state = request.GET.get("state", "open")
    if state not in RemoteProposal.State:
        raise Http404
    found = RemoteProposal.objects.visible_to(request.user).filter(state=state)
    if branch is not None:
        found = found.filter(client__branch__path__startswith=branch.path)
    masked = scope_of(request.user).masked
    rows = found.select_related("client__branch", "decided_by__staff").order_by("net", "id")[: PROPOSALS + 1]
    context = {
        "branch": branch,
        "branches": whole_branches(request.user),
        "state": state,
        "states": RemoteProposal.State.choices,
        "rows": [(row, mask_name(row.client.name) if masked else row.client.name) for row in rows[:PROPOSALS]],
        "more": len(rows) > PROPOSALS,
        "count": found.count(),
        "saving": sum(found.values_list("saving", flat=True)),
        "may_edit": may(request.user, "profit.edit"),
    }
    return render(request, "profit/remote.html", context)


@page("profit.edit")
@require_POST
def decide(request: HttpRequest, proposal_id: int) -> HttpResponse:
    """Agree or decline, with the reason."""
    get_object_or_404(RemoteProposal.objects.visible_to(request.user), pk=proposal_id)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Give the reason; it is kept with the client."))
        return redirect("profit:remote")
    try:
        services.decide(
            proposal_id, form.cleaned_data["accept"], form.cleaned_data["reason"], user=request.user, at=now()
        )
        messages.success(request, _("Decided; the reason is on the client's timeline."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("profit:remote")


@page("profit.edit")
@require_POST
def use(request: HttpRequest, client_no: str) -> HttpResponse:
    """Seats and service time of a client, from a month on."""
    get_object_or_404(Client.objects.visible_to(request.user), client_no=client_no)
    form = UseForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        services.set_use(client_no, given["month"], given["seats"] or 0, given["minutes"] or 0, user=request.user)
        messages.success(request, _("Saved; it counts when the month's costs are shared out next."))
    else:
        messages.error(request, " ".join(message for errors in form.errors.values() for message in errors))
    return redirect("clients:record", client_no)
