"""Pages of the seven analyses (S10) and of offers (S9)."""

from datetime import date
from io import BytesIO
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from analyses.dimensions import ANALYSES, DIMENSIONS, Dimension, of_analysis
from analyses.forms import OfferForm
from analyses.models import Made
from analyses.offers import record_offer
from analyses.reading import months_made, series, table, whole_branches
from clients.models import Client
from crm import replica
from crm.clock import now
from crm.money import UNITS_PER_YUAN, to_yuan
from crm.partitions import next_month
from forecasts.funds import forecast
from forecasts.words import foretold, open_columns
from org import audit
from org.models import Branch
from org.templatetags.fmt import month as month_text
from org.templatetags.fmt import yuan
from org.views import page

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _branch(request: HttpRequest) -> Branch | None:
    number = request.GET.get("branch", "")
    return get_object_or_404(whole_branches(request.user), branch_no=number) if number else None


def _month(request: HttpRequest, months: list[date]) -> date | None:
    text = request.GET.get("month", "")
    if not text:
        return months[0] if months else None
    try:
        wanted = date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise Http404 from error
    if wanted not in months:
        raise Http404
    return wanted


def _query(branch: Branch | None, month: date | None = None) -> str:
    wanted = {"branch": branch.branch_no if branch else "", "month": f"{month:%Y-%m}" if month else ""}
    return urlencode({name: value for name, value in wanted.items() if value})


@page("analyses.view")
@require_GET
@replica.reads
def analysis(request: HttpRequest, analysis: str = "overview") -> HttpResponse:
    """One analysis: a table and a chart for each of its dimensions; every figure opens its list."""
    if analysis not in ANALYSES:
        raise Http404
    dimensions, branch = of_analysis(analysis), _branch(request)
    months = months_made(dimensions)
    month = _month(request, months)
    as_of = dict(
        Made.objects.filter(dimension__in=[d.key for d in dimensions], month=month).values_list("dimension", "as_of")
    )
    parts = []
    if month is not None:
        for dimension in dimensions:
            rows = table(request.user, dimension, month, branch)
            query = _query(branch, month)
            parts.append(
                {
                    "dimension": dimension,
                    "rows": rows,
                    "as_of": as_of.get(dimension.key),
                    "data_url": f"{reverse('analyses:data', args=[dimension.key])}?{query}",
                    "trend_kind": "forecast" if len(dimension.names) == 1 else "line",
                    "trend_url": f"{reverse('analyses:trend', args=[dimension.key])}?{_query(branch)}"
                    if dimension.past
                    else "",
                }
            )
    context = {
        "analysis": analysis,
        "title": ANALYSES[analysis],
        "analyses": ANALYSES.items(),
        "parts": parts,
        "branch": branch,
        "branches": whole_branches(request.user),
        "month": month,
        "months": months,
        "query": _query(branch, month),
    }
    return render(request, "analyses/analysis.html", context)


def _dimension(key: str) -> Dimension:
    try:
        return DIMENSIONS[key]
    except KeyError as error:
        raise Http404 from error


@page("analyses.view")
@require_GET
@replica.reads
def data(request: HttpRequest, dimension: str) -> JsonResponse:
    """Clients by key in a month."""
    found = _dimension(dimension)
    month = _month(request, months_made([found]))
    rows = table(request.user, found, month, _branch(request)) if month else []
    return JsonResponse(
        {
            "labels": [row.name for row in rows],
            "series": [{"name": _("Clients"), "values": [row.clients for row in rows]}],
            "urls": [row.url for row in rows],
            "names": {"label": str(found.label)},
        }
    )


@page("analyses.view")
@require_GET
@replica.reads
def trend(request: HttpRequest, dimension: str) -> JsonResponse:
    """The months of a dimension: its first sum, or the clients; a single line carries a forecast.

    Each mark opens the clients it counts; one of the forecast those whom it rests on.
    """
    found = _dimension(dimension)
    if not found.past:
        raise Http404
    money = bool(found.amount)
    months, lines = series(request.user, found, _branch(request))
    values = [line.amounts if money else line.clients for line in lines]
    most = max((abs(v) for line in values for v in line), default=0)
    large = most >= 10**9
    scale = (UNITS_PER_YUAN * (10_000 if large else 1)) if money else 1
    shown: list[dict[str, Any]] = [
        {
            "name": line.name,
            "values": [value / scale for value in shown_values],
            "exact": [f"{yuan(value)} {_('yuan')}" for value in shown_values] if money else None,
            "urls": line.urls,
            "counts": line.clients,
        }
        for line, shown_values in zip(lines, values, strict=True)
    ]
    answer: dict[str, Any] = {
        "labels": [month_text(month) for month in months],
        "series": shown,
        "unit": (_("10k yuan") if large else _("yuan")) if money else "",
        "names": {"label": _("Month"), "count" if money else "value": _("Clients")},
        "ahead": 0,
    }
    if len(lines) == 1:
        _add_forecast(answer, months, values[0], scale)
        ahead = answer["ahead"]  # these rest on the newest month
        urls, clients = shown[0].pop("urls"), shown[0]["counts"]
        open_columns(answer, urls + urls[-1:] * ahead, clients + clients[-1:] * ahead)
    return JsonResponse(answer)


def _add_forecast(answer: dict[str, Any], months: list[date], values: list[int], scale: int) -> None:
    predicted = forecast([float(value) for value in values]) if len(months) > 3 else None
    if predicted is None:
        return
    coming, day = len(predicted.middle), months[-1]
    answer["titles"] = list(answer["labels"])
    for _step in range(coming):
        day = next_month(day)
        answer["labels"].append(month_text(day))
        answer["titles"].append(foretold(day, months[-1]))
    for line in answer["series"]:
        line["values"] += [None] * coming
    start: list[float | None] = [None] * (len(values) - 1)
    answer["ahead"] = coming
    for name, role, ends in (
        (_("Forecast"), "middle", predicted.middle),
        (_("Low end"), "low", predicted.low),
        (_("High end"), "high", predicted.high),
    ):
        joined = [*start, values[-1] / scale, *(value / scale for value in ends)]
        answer["series"].append({"name": name, "values": joined, "role": role})


@page("analyses.view")
@require_GET
def export(request: HttpRequest, analysis: str) -> HttpResponse:
    """The tables of an analysis as a workbook, one sheet each; text stays text, nothing becomes a formula."""
    if analysis not in ANALYSES:
        raise Http404
    dimensions, branch = of_analysis(analysis), _branch(request)
    month = _month(request, months_made(dimensions))
    if month is None:
        raise Http404
    import xlsxwriter  # some megabytes, and few requests need it

    buffer = BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    bold, money = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.00"})
    percent = book.add_format({"num_format": "0.00%"})
    for number, dimension in enumerate(dimensions, 1):
        sheet = book.add_worksheet(f"{number} {dimension.label}"[:31].replace("/", " "))
        heads = [str(dimension.label), _("Clients"), _("Share"), str(dimension.amount), str(dimension.extra)]
        for column, head in enumerate(heads):
            sheet.write_string(0, column, head, bold)
        for line, row in enumerate(table(request.user, dimension, month, branch), 1):
            sheet.write_string(line, 0, row.name)
            sheet.write_number(line, 1, row.clients)
            if row.share is not None:
                sheet.write_number(line, 2, row.share, percent)
            if dimension.amount:
                sheet.write_number(line, 3, float(to_yuan(row.amount)), money)
            if dimension.extra:
                sheet.write_number(line, 4, float(to_yuan(row.extra)), money)
        sheet.autofit()
    book.close()
    audit.record("analysis.export", user=request.user, detail={"analysis": analysis, "month": f"{month:%Y-%m}"})
    response = HttpResponse(buffer.getvalue(), content_type=XLSX)
    response["Content-Disposition"] = f'attachment; filename="{analysis}-{month:%Y-%m}.xlsx"'
    return response


@page("clients.edit")
@require_POST
def offer(request: HttpRequest, client_no: str) -> HttpResponse:
    """Record an offer to a client or its outcome."""
    get_object_or_404(Client.objects.visible_to(request.user), client_no=client_no)
    form = OfferForm(request.POST)
    if form.is_valid():
        try:
            record_offer(client_no, form.cleaned_data, user=request.user, at=now())
            messages.success(request, _("The offer is recorded."))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
    else:
        messages.error(request, " ".join(f"{form.fields[n].label}: {e[0]}" for n, e in form.errors.items()))
    return redirect("clients:record", client_no)
