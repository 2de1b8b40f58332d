"""Pages of the dashboards: a branch (D2), the firm (D3), their parts, exports, targets."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm import replica
from crm.clock import today
from crm.partitions import month_start
from dashboards import charts, deviations, services
from dashboards import firm as side_by_side
from dashboards.asked import NO_MANAGER, Asked, ask, branches_of, managers_in, own_branch
from dashboards.forms import TargetForm, WhatIf
from dashboards.models import Target
from dashboards.parts import Section, Table
from dashboards.rules import Period, period_of
from dashboards.sections import SECTIONS, allowed
from dashboards.sections.managers import build_churn
from org import audit
from org.listing.export import MAKERS
from org.models import Branch
from org.rights import may
from org.scope import scope_of
from org.templatetags.fmt import month as month_text
from org.templatetags.fmt import thousands
from org.views import page
from segments.models import Segment

#: Months, quarters and years on offer.
_OFFERED = {"month": 13, "quarter": 6, "year": 3}


def _branch(request: HttpRequest, branch_no: str) -> Branch:
    return get_object_or_404(branches_of(request.user, None), branch_no=branch_no)


def _ask(request: HttpRequest, branch: Branch | None) -> Asked:
    wanted = {name: request.GET.get(name, "") for name in ("period", "manager", "segment")}
    return ask(request.user, branch, **wanted)


def _sees_firm(user: Any) -> bool:
    return scope_of(user).firm


def period_words(period: Period) -> str:
    """A period in the reader's language."""
    if period.kind == "month":
        return month_text(period.first)
    if period.kind == "quarter":
        return _("Q%(n)s %(year)s") % {"n": period.first.month // 3 + 1, "year": period.first.year}
    return str(period.first.year)


def period_choices(asked: Asked) -> list[tuple[str, str]]:
    """Periods on offer: value in the address, words."""
    start = asked.as_of or today()
    spans = []
    for kind, count in _OFFERED.items():
        span = period_of(kind, start)
        for _step in range(count):
            spans.append(span)
            span = span.before
    if asked.period not in spans:
        spans.insert(0, asked.period)
    return [(str(one), period_words(one)) for one in spans]


def _context(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """What the head of a page and its filters need."""
    clients = asked.sees_clients
    return {
        "asked": asked,
        "period_words": period_words(asked.period),
        "periods": period_choices(asked),
        "managers": managers_in(request.user, asked.branch) if clients and asked.branch is not None else [],
        "segments": Segment.objects.visible_to(request.user).order_by("name") if clients else [],
        "nobody": NO_MANAGER,
    }


@page("figures.view")
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The firm for head office, the own branch for its head, the own figures for a manager."""
    if not may(request.user, "dashboards.view"):
        return redirect("dashboards:mine")
    return redirect("dashboards:firm" if _sees_firm(request.user) else "dashboards:own")


@page("dashboards.view")
@require_GET
def own(request: HttpRequest) -> HttpResponse:
    """The own branch; those who see the firm choose one there."""
    found = own_branch(request.user)
    if found is None:
        if _sees_firm(request.user):
            return redirect("dashboards:firm")
        raise Http404
    query = request.GET.urlencode()
    return redirect(f"{reverse('dashboards:branch', args=[found.branch_no])}{'?' if query else ''}{query}")


@page("dashboards.view")
@require_GET
@replica.reads
def branch(request: HttpRequest, branch_no: str) -> HttpResponse:
    """A branch with those below it: what deviates and who should act; the parts are fetched at once after it."""
    asked = _ask(request, _branch(request, branch_no))
    context = _context(request, asked) | {
        "lines": deviations.find(asked),
        "sections": [(key, SECTIONS[key][0], _section_url(request, asked, key)) for key in allowed(asked)],
        "siblings": branches_of(request.user, None).order_by("branch_no") if asked.sees_clients else [],
        "sees_firm": _sees_firm(request.user),
        "may_wall": may(request.user, "walls.edit"),
    }
    return render(request, "dashboards/branch.html", context)


def _section_url(request: HttpRequest, asked: Asked, key: str) -> str:
    query = {"churn": request.GET["churn"]} if key == "churn" and request.GET.get("churn") else {}
    address = reverse("dashboards:section", args=[asked.branch.branch_no, key])
    return f"{address}?{asked.query}{'&' if query else ''}{urlencode(query)}"


@page("dashboards.view")
@require_GET
@replica.reads
def section(request: HttpRequest, branch_no: str, key: str) -> HttpResponse:
    """A part of the page: as a fragment, or on a page of its own for those who follow its address."""
    asked = _ask(request, _branch(request, branch_no))
    if key not in allowed(asked):
        raise Http404
    context = {"section": _build(request, asked, key), "asked": asked}
    if key == "churn":
        context["what_if"] = WhatIf(request.GET)
    if key == "targets":
        context |= _target_form(request, asked)
    whole = request.headers.get("HX-Request") != "true"
    if whole:
        context |= {"branch": asked.branch, "period_words": period_words(asked.period)}
    return render(request, f"dashboards/{'part_page' if whole else '_part'}.html", context)


def _build(request: HttpRequest, asked: Asked, key: str) -> Section:
    if key == "churn":
        form = WhatIf(request.GET)
        rate = form.cleaned_data["churn"] if form.is_valid() else None
        return build_churn(asked, rate / 100 if rate is not None else None)
    return SECTIONS[key][1](asked)


def _target_form(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    if not may(request.user, "targets.edit") or asked.branch is None:
        return {"may_edit": False}
    start = asked.period if asked.period.last >= month_start(today()) else period_of("month", today())
    quarter, year = period_of("quarter", today()), period_of("year", today())
    offered = dict.fromkeys([start, start.next, quarter, quarter.next, year, year.next])
    return {
        "may_edit": True,
        "goals": Target.Goal.choices,
        "managers": managers_in(request.user, asked.branch).filter(role="account_manager"),
        "offered": [(str(one), period_words(one)) for one in offered],
    }


# --- Firm ----------------------------------------------------------------------------------------------------------------


#: Rows of the table on the page; the workbook has all.
BRANCHES_SHOWN = 50


def _firm(request: HttpRequest) -> tuple[Asked, list[side_by_side.Line], str]:
    """Branches side by side for whoever sees several of them whole. Raises Http404 otherwise."""
    asked = _ask(request, None)
    if not asked.sees_clients:
        raise Http404
    sort = request.GET.get("sort", "")
    if sort.removeprefix("-") not in side_by_side.ORDERS:
        sort = f"-{side_by_side.ORDERS[0]}"
    return asked, side_by_side.in_order(side_by_side.lines(asked), sort), sort


@page("dashboards.view")
@require_GET
@replica.reads
def firm(request: HttpRequest) -> HttpResponse:
    """Branches side by side, trend and forecast, what deviates among them."""
    asked, lines, sort = _firm(request)
    url = f"{reverse('dashboards:firm')}?{asked.query}"
    shown = Paginator(lines, BRANCHES_SHOWN).get_page(request.GET.get("page"))
    side_by_side.add_bars(asked, shown.object_list)
    table = side_by_side.table(asked, shown.object_list)
    start = f"{url}&sort={sort}&page="
    context = _context(request, asked) | {
        "table": table,
        "alerts": side_by_side.alerts(asked, lines),
        "sorting": {"sort": sort, "url": url, "keys": side_by_side.ORDERS},
        "pager": {
            "previous_url": f"{start}{shown.number - 1}" if shown.has_previous() else "",
            "next_url": f"{start}{shown.number + 1}" if shown.has_next() else "",
            "label": f"{shown.start_index()}–{shown.end_index()} / {thousands(len(lines))}",
        },
        "revenue_url": f"{reverse('dashboards:revenue')}?{asked.query}",
        "funds_url": reverse("forecasts:funds-data"),
        "query": f"{asked.query}&sort={sort}",
    }
    return render(request, "dashboards/firm.html", context)


@page("dashboards.view")
@require_GET
def firm_export(request: HttpRequest) -> HttpResponseBase:
    """The branches side by side as a workbook."""
    asked, lines, _sort = _firm(request)
    return workbook(request, side_by_side.table(asked, lines), "firm", asked)


# --- Export, chart -------------------------------------------------------------------------------------------------------


@page("dashboards.view")
@require_GET
def export(request: HttpRequest, branch_no: str) -> HttpResponseBase:
    """One table of a branch's page as a workbook: `table` names it."""
    asked = _ask(request, _branch(request, branch_no))
    wanted = request.GET.get("table", "")
    if wanted == "deviations":
        return workbook(request, deviations.as_table(deviations.find(asked)), branch_no, asked)
    for key in allowed(asked):
        if wanted in TABLES.get(key, ()):
            for table in _build(request, asked, key).tables:
                if table.key == wanted:
                    return workbook(request, table, branch_no, asked)
    raise Http404


#: Which part of the page makes which tables.
TABLES = {
    "money": ("months",),
    "clients": ("composition", "cells"),
    "contacts": ("coverage", "today"),
    "complaints": ("funnel",),
    "managers": ("managers",),
    "churn": ("economics",),
    "targets": ("targets",),
}


def workbook(request: HttpRequest, table: Table, whose: str, asked: Asked, *, kind: str = "branch") -> HttpResponseBase:
    """A table as a workbook, with its row in the audit trail; `whose`: business number of a branch or a manager."""
    detail = {"table": table.key, "period": str(asked.period), "rows": len(table.rows)}
    audit.record("dashboard.export", user=request.user, object_kind=kind, object_no=whose, detail=detail)
    return MAKERS["xlsx"](table.heads, table.exported(), f"{whose}-{table.key}-{asked.period}")


@page("dashboards.view")
@require_GET
@replica.reads
def revenue_data(request: HttpRequest) -> JsonResponse:
    """Revenue by month with its forecast, the year before and the target; each month opens its clients."""
    number = request.GET.get("branch", "")
    asked = _ask(request, _branch(request, number) if number else None)
    if not asked.sees_clients:
        raise Http404
    return JsonResponse(charts.revenue(asked))


# --- Targets -------------------------------------------------------------------------------------------------------------


@page("targets.edit")
@require_POST
def set_target(request: HttpRequest, branch_no: str) -> HttpResponse:
    """Set or change a target of the branch or one of its managers."""
    found = get_object_or_404(Branch.objects.visible_to(request.user), branch_no=branch_no)
    form = TargetForm(request.POST)
    back = f"{reverse('dashboards:branch', args=[branch_no])}#targets"
    if not form.is_valid():
        messages.error(request, _errors(form))
        return redirect(back)
    wanted = form.cleaned_data
    try:
        services.set_target(
            found.branch_no, wanted["period"], wanted["goal"], form.units, user=request.user, staff_no=wanted["staff"]
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("The target is set."))
        back = f"{reverse('dashboards:branch', args=[branch_no])}?{urlencode({'period': _shown(wanted['period'])})}#targets"
    return redirect(back)


def _shown(period: Period) -> str:
    """The period to show after a target was set: one to come is not shown yet, its first month may be."""
    return str(period if period.first <= month_start(today()) else period_of("month", today()))


def _errors(form: TargetForm) -> str:
    labels = {name: form.fields[name].label for name in form.fields}
    return " ".join(f"{labels.get(name, '')} {errors[0]}".strip() for name, errors in form.errors.items())


@page("targets.edit")
@require_POST
def drop_target(request: HttpRequest, target_id: int) -> HttpResponse:
    """Take a target back."""
    found = get_object_or_404(Target.objects.visible_to(request.user).select_related("branch"), pk=target_id)
    services.drop_target(found.pk, user=request.user)
    messages.success(request, _("The target is taken back."))
    return redirect(f"{reverse('dashboards:branch', args=[found.branch.branch_no])}#targets")
