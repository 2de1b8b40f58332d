"""Pages of the Pareto (S2): the picture of any day (S12), its data, the clients behind a column."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from crm import replica
from crm.clock import today
from crm.money import to_yuan
from org.masking import mask_name
from org.models import Branch
from org.scope import scope_of
from org.templatetags.fmt import yuan
from org.views import page
from segmentation import policies
from segmentation.explain import newest_run
from segmentation.forms import ParetoForm
from segmentation.history import run_on
from segmentation.models import RankingRun, Tier
from segmentation.pareto import NOBODY, Column, Figures, Part, Selection, figures, managers_of, places, select
from segmentation.rules import share

#: Clients on a page of the list behind a column.
PAGE_SIZE = 50


@dataclass(frozen=True)
class Asked:
    """What a page is about: whose clients, by which run. `past`: another run than the one that standings follow."""

    selection: Selection
    day: date | None
    run: RankingRun | None
    newest: RankingRun | None
    form: ParetoForm

    @property
    def past(self) -> RankingRun | None:
        return self.run if self.run != self.newest else None

    @property
    def query(self) -> dict[str, str]:
        """The same question as parameters."""
        return self.selection.query | ({"date": self.day.isoformat()} if self.day else {})

    def places_url(self, part: Part) -> str:
        """The list of the clients of a part."""
        return f"{reverse('segmentation:pareto-clients')}?{urlencode(self.query | part.query)}"

    def list_url(self, tiers: list[str]) -> str:
        """The clients of some tiers: in the client list, which knows the newest run; else in the list of places."""
        if self.past is not None:
            return self.places_url(Part(tier=tiers[0] if len(tiers) == 1 else ""))
        return f"{reverse('clients:list')}?{urlencode(self._listed | {'tier': tiers}, doseq=True)}"

    @cached_property
    def _listed(self) -> dict[str, str | list[str]]:
        return self.selection.list_query()


def _asked(request: HttpRequest) -> Asked:
    """Raises Http404 for a question that makes no sense, and for what is out of the viewer's scope."""
    form = ParetoForm(request.GET)
    if not form.is_valid():
        raise Http404
    asked = form.cleaned_data
    selection = select(request.user, asked["branch"], asked["manager"])
    newest, day = newest_run(), asked["date"]
    if day is None or newest is None or day >= newest.business_date:
        return Asked(selection, None, newest, newest, form)
    return Asked(selection, day, run_on(day, policies.policy_on(day).scope), newest, form)


def _figures(request: HttpRequest, asked: Asked) -> Figures:
    if asked.run is None:
        return NOBODY
    return figures(request.user, asked.selection, columns=True, past=asked.past)


@page("pareto.view")
@require_GET
@replica.reads
def pareto(request: HttpRequest) -> HttpResponse:
    """Who brings the contribution on a day, and how far the composition is from the ideal."""
    asked = _asked(request)
    found = _figures(request, asked)
    context = {
        "asked": asked,
        "run": asked.run,
        "selection": asked.selection,
        "figures": found,
        "composition": _composition(found, asked),
        "list_url": asked.list_url(list(Tier.values)),
        "data_url": f"{reverse('segmentation:pareto-data')}?{urlencode(asked.query)}",
        "now_query": urlencode(asked.selection.query),
        "branches": Branch.objects.visible_to(request.user).order_by("branch_no"),
        "managers": managers_of(request.user, asked.selection),
        "columns": [column for column in found.columns if column.contribution > 0][:20],
    }
    return render(request, "segmentation/pareto.html", context)


@page("pareto.view")
@require_GET
@replica.reads
def pareto_data(request: HttpRequest) -> JsonResponse:
    """The chart's data: at most `pareto.MAX_COLUMNS` columns, each with the way to the clients behind it."""
    asked = _asked(request)
    found = _figures(request, asked)
    masked = scope_of(request.user).masked
    scale, unit = (10_000, _("10k yuan")) if found.contribution >= 10_000_000_000 else (1, _("yuan"))
    return JsonResponse(
        {
            "labels": [_place(column) for column in found.columns],
            "titles": [_title(column, masked=masked) for column in found.columns],
            "columns": [float(to_yuan(column.contribution)) / scale for column in found.columns],
            "exact": [f"{yuan(column.contribution)} {_('yuan')}" for column in found.columns],
            "cumulative": [float(column.cumulative) for column in found.columns],
            "tiers": [column.tier for column in found.columns],
            "tier_names": ["–".join((c.tiers[0], c.tiers[-1])) if len(c.tiers) > 1 else c.tier for c in found.columns],
            "urls": [_column_url(column, asked) for column in found.columns],
            "lines": [{"at": float(cut) / 100, "label": f"{cut.normalize():f}%"} for cut in _cuts(asked.run)],
            "unit": unit,
            "names": {
                "label": _("Clients by contribution"),
                "column": _("Contribution"),
                "cumulative": _("Cumulative share"),
                "tier": _("Tier"),
            },
        }
    )


@page("pareto.view")
@require_GET
@replica.reads
def pareto_clients(request: HttpRequest) -> HttpResponse:
    """The clients behind a column or a tier, in their order; as many as the column or the tier says."""
    asked = _asked(request)
    values = asked.form.cleaned_data
    part = Part(values["first"], values["last"], values["tier"])
    number = values["page"] or 1
    rows, found, everybody = (
        places(request.user, asked.selection, part, past=asked.past, size=PAGE_SIZE, page=number)
        if asked.run
        else ([], 0, 0)
    )
    if number > 1 and not rows:
        raise Http404
    masked = scope_of(request.user).masked
    url = asked.places_url(part)
    start = (number - 1) * PAGE_SIZE
    context = {
        "asked": asked,
        "part": part,
        "rows": [(row, mask_name(row.name) if masked else row.name) for row in rows],
        "found": found,
        "everybody": everybody,
        "back": f"{reverse('segmentation:pareto')}?{urlencode(asked.query)}",
        "pager": {
            "previous_url": f"{url}&page={number - 1}" if number > 1 else "",
            "next_url": f"{url}&page={number + 1}" if start + len(rows) < found else "",
            "label": f"{start + 1:,}–{start + len(rows):,} / {found:,}",
        },
    }
    return render(request, "segmentation/pareto_clients.html", context)


def _place(column: Column) -> str:
    return str(column.first) if column.single else f"{column.first}–{column.last}"


def _title(column: Column, *, masked: bool) -> str:
    if not column.single:
        return _("Places %(places)s") % {"places": _place(column)}
    return f"{column.first} {mask_name(column.name) if masked else column.name}"


def _column_url(column: Column, asked: Asked) -> str:
    if column.single:
        return reverse("clients:record", args=[column.client_no])
    return asked.places_url(Part(column.first, column.last))


def _cuts(run: RankingRun | None) -> list[Decimal]:
    policy = run.policy if run else policies.policy_on(today())
    return [policy.cut_a, policy.cut_b]


def _composition(found: Figures, asked: Asked) -> list[dict[str, Any]]:
    """Rows of the table beside the chart: measured against the ideal 20 / 40 / 40 (S2)."""
    policy = asked.run.policy if asked.run else policies.policy_on(today())
    ideal = {"A": policy.ideal_a, "B": policy.ideal_b, "C": 100 - policy.ideal_a - policy.ideal_b}
    return [
        {
            "tier": tier,
            "clients": count,
            "share": share(count, found.clients),
            "ideal": ideal[tier] / 100,
            "contribution": contribution,
            "contribution_share": share(contribution, found.contribution),
            "url": asked.list_url([tier]),
        }
        for tier, (count, contribution) in found.by_tier.items()
    ]
