"""Analysis (X8), worth (X7), the regulatory ledger."""

from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_GET

from complaints import analysis
from complaints.analysis import Period
from complaints.choices import Category, Cause, Channel, Result, Severity, State
from complaints.choices import Kind as Matter
from complaints.models import Complaint
from crm.clock import now, today
from org import audit
from org.listing import Column, Kind
from org.listing.export import MAKERS
from org.rights import may
from org.views import page

WORDS = {
    "silent": gettext_lazy("Did not complain"),
    "unresolved": gettext_lazy("Complained, not resolved"),
    "resolved": gettext_lazy("Resolved"),
    "fast": gettext_lazy("Resolved fast"),
}


def _period(request: HttpRequest) -> Period:
    """The dates of the address; a year up to today without any, or with nonsense."""
    usual = analysis.usual_period(today())
    try:
        first = date.fromisoformat(request.GET.get("from") or usual.first.isoformat())
        last = date.fromisoformat(request.GET.get("to") or usual.last.isoformat())
    except ValueError:
        return usual
    return Period(first, last) if date(1990, 1, 1) <= first <= last <= date(2100, 1, 1) else usual


@page("complaints.analyse")
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """Causes, handling time, repeats, breakdowns, what it is worth."""
    period, user = _period(request), request.user
    query = urlencode({"from": period.first, "to": period.last})
    parts: list[tuple[str, list[analysis.Row]]] = [
        (_("By business line"), analysis.by_choice(user, period, "category")),
        (_("By channel"), analysis.by_choice(user, period, "channel")),
        (_("By product"), analysis.by_product(user, period)),
        (_("By branch"), analysis.by_relation(user, period, "branch", "branch__branch_no", "branch__name")),
        (
            _("By person complained about"),
            analysis.by_relation(user, period, "about", "about_person__staff_no", "about_person__name"),
        ),
    ]
    context = {
        "period": period,
        "totals": analysis.totals(user, period, now()),
        "urls": {
            "cases": period.url(),
            "open": period.url(open="true"),
            "overdue": period.url(overdue="true"),
            "repeats": period.url(repeat="true"),
            "others": period.others_url(),
        },
        "causes": analysis.causes(user, period),
        "causes_url": f"{reverse('complaints:causes')}?{query}",
        "times": analysis.step_times(user, period),
        "parts": [(title, rows[: analysis.SHOWN], len(rows) - analysis.SHOWN) for title, rows in parts],
        "worth": [(WORDS[one.key], one) for one in analysis.worth(user, period, today())],
        "query": query,
        "may_export": may(user, "complaints.export"),
    }
    return render(request, "complaints/analysis.html", context)


@page("complaints.analyse")
@require_GET
def causes(request: HttpRequest) -> HttpResponse:
    """The causes as the Pareto chart reads them; each column opens its list."""
    rows = analysis.causes(request.user, _period(request))
    return JsonResponse(
        {
            "labels": [row.label for row in rows],
            "columns": [row.count for row in rows],
            "cumulative": [row.cumulative for row in rows],
            "urls": [row.url for row in rows],
            "lines": [{"at": 0.8, "label": "80 %"}],
            "unit": "",
            "names": {"label": _("Root cause"), "column": _("Cases"), "cumulative": _("Running share")},
        }
    )


# --- The regulatory ledger ------------------------------------------------------------------------------------------


def _words(choices: Any) -> Any:
    return lambda key: str(choices(key).label) if key else ""


#: The ledger names no complainant: the client number leads whoever may see it to the name.
LEDGER = (
    Column(key="number", label=pgettext_lazy("complaint", "Number"), reads=("number",)),
    Column(key="channel", label=pgettext_lazy("complaint", "Channel"), reads=("channel",), export=_words(Channel)),
    Column(key="received", label=gettext_lazy("Received"), reads=("received_at",)),
    Column(key="client", label=gettext_lazy("Client number"), reads=("client__client_no",)),
    Column(key="persons", label=gettext_lazy("Persons complaining"), reads=("persons",), kind=Kind.NUMBER),
    Column(key="kind", label=gettext_lazy("Kind of matter"), reads=("kind",), export=_words(Matter)),
    Column(key="category", label=gettext_lazy("Business line"), reads=("category",), export=_words(Category)),
    Column(key="severity", label=gettext_lazy("Severity"), reads=("severity",), export=_words(Severity)),
    Column(key="product", label=gettext_lazy("Product"), reads=("product",)),
    Column(key="branch", label=gettext_lazy("Branch"), reads=("branch__name",)),
    Column(key="about", label=gettext_lazy("Complained about"), reads=("about_person__staff_no",)),
    Column(key="handler", label=gettext_lazy("Handler"), reads=("handler__staff_no",)),
    Column(key="amount", label=gettext_lazy("Amount claimed, yuan"), reads=("amount",), kind=Kind.MONEY),
    Column(key="state", label=gettext_lazy("State"), reads=("state",), export=_words(State)),
    Column(key="accepted", label=gettext_lazy("Accepted at"), reads=("accepted_at",)),
    Column(key="answered", label=gettext_lazy("Answered at"), reads=("answered_at",)),
    Column(key="closed", label=gettext_lazy("Closed at"), reads=("closed_at",)),
    Column(key="result", label=gettext_lazy("Result"), reads=("result",), export=_words(Result)),
    Column(key="cause", label=gettext_lazy("Root cause"), reads=("cause",), export=_words(Cause)),
)


@page("complaints.export")
@require_GET
def ledger(request: HttpRequest) -> HttpResponseBase:
    """All cases received in a range, merged ones too, as CSV or XLSX; in the audit trail with its count."""
    format_ = request.GET.get("format", "")
    if format_ not in MAKERS:
        raise Http404
    period = _period(request)
    rows = Complaint.objects.visible_to(request.user).filter(
        received_at__date__gte=period.first, received_at__date__lte=period.last
    )
    detail = {"rows": rows.count(), "format": format_, "from": str(period.first), "to": str(period.last)}
    audit.record("complaint.ledger", user=request.user, object_kind="list", object_no="complaints", detail=detail)
    paths = [column.reads[0] for column in LEDGER]
    found = rows.order_by("received_at", "pk").values_list(*paths).iterator(chunk_size=2000)
    cells = (tuple(c.exported((value,), False) for c, value in zip(LEDGER, row, strict=True)) for row in found)
    return MAKERS[format_](LEDGER, cells, f"complaints-{period.first}-{period.last}")
