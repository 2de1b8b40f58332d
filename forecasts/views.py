"""Pages of the forecasts: lifetime value with a what-if (S13), growth of funds (S8)."""

from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from clients.models import STAYING, Client
from crm import replica
from crm.money import UNITS_PER_YUAN, to_yuan
from forecasts import services
from forecasts.forms import WhatIf
from forecasts.funds import COVERAGE
from forecasts.reading import Growth, Values, best, growth_of, growth_of_client, values_of
from forecasts.rules import Lifetime, cents, so_far
from forecasts.words import foretold, open_columns
from org.models import Branch
from org.scope import scope_of
from org.templatetags.fmt import month as month_text
from org.templatetags.fmt import thousands, yuan
from org.views import page
from segmentation.pareto import Selection, select
from segmentation.views import managers_of

#: The product page's own examples: value of an order, orders a year, years.
EXAMPLES = ((10, 10, 1), (11, 11, 11), (100, 52, 40))


def _selection(request: HttpRequest) -> Selection:
    return select(request.user, request.GET.get("branch", ""), request.GET.get("manager", ""))


def _choice(request: HttpRequest, selection: Selection) -> dict[str, Any]:
    """What the selection's two fields offer."""
    return {
        "selection": selection,
        "branches": Branch.objects.visible_to(request.user).order_by("branch_no"),
        "managers": managers_of(request.user, selection),
    }


# --- Lifetime value ----------------------------------------------------------------------------------------------------


@page("pareto.view")
@require_GET
@replica.reads
def value(request: HttpRequest) -> HttpResponse:
    """What the clients of a scope brought, and what the model expects of the coming year."""
    selection = _selection(request)
    found = values_of(request.user, selection)
    context = {
        **_choice(request, selection),
        "values": found,
        "bands": [(band_name(b.low, b.high), b.clients, _band_url(selection, b.low, b.high)) for b in found.bands],
        "best": best(request.user, selection),
        "masked": scope_of(request.user).masked,
        "model": services.newest(),
        "list_url": _list_url(selection, has_value="true"),
        "data_url": f"{reverse('forecasts:value-data')}?{urlencode(selection.query)}",
    }
    return render(request, "forecasts/value.html", context)


@page("pareto.view")
@require_GET
@replica.reads
def value_data(request: HttpRequest) -> JsonResponse:
    """How many clients stand in each band of expected contribution."""
    selection = _selection(request)
    found: Values = values_of(request.user, selection)
    return JsonResponse(
        {
            "labels": [band_name(band.low, band.high) for band in found.bands],
            "series": [{"name": _("Clients"), "values": [band.clients for band in found.bands]}],
            "urls": [_band_url(selection, band.low, band.high) for band in found.bands],
            "names": {"label": _("Expected in 12 months, yuan")},
        }
    )


def band_name(low: int | None, high: int | None) -> str:
    """A band in words, in 元."""
    if low is None:
        return _("below %(high)s") % {"high": thousands(high)}
    if high is None:
        return _("%(low)s and more") % {"low": thousands(low)}
    return f"{thousands(low)}–{thousands(high)}"


def _list_url(selection: Selection, **more: Any) -> str:
    """A list within a selection; closed clients have no value to come."""
    wanted = {**selection.list_query(), "status": STAYING, **{k: v for k, v in more.items() if v is not None}}
    query = urlencode(wanted, doseq=True)
    return f"{reverse('clients:list')}?{query}"


def _band_url(selection: Selection, low: int | None, high: int | None) -> str:
    return _list_url(selection, has_value="true", clv_from=low, clv_below=high)


@page("pareto.view")
@require_GET
@replica.reads
def what_if(request: HttpRequest) -> HttpResponse:
    """Three numbers, three changes, one result; the numbers may be those of a client."""
    client = None
    start: dict[str, Any] = {"order": 10, "orders": 10, "years": 10}
    if client_no := request.GET.get("client", ""):
        client = get_object_or_404(Client.objects.visible_to(request.user).select_related("value"), client_no=client_no)
        start = _start_of(client) or start
    form = WhatIf({**{f"more_{name}": 10 for name in start}, **start, **request.GET.dict()})
    now = then = None
    if form.is_valid():
        given = form.cleaned_data
        now = Lifetime(given["order"], given["orders"], given["years"])
        then = now.changed(given["more_order"], given["more_orders"], given["more_years"])
    context = {
        "form": form,
        "client": client,
        "now": cents(now.value) if now else None,
        "then": cents(then.value) if then else None,
        "factor": cents(then.value / now.value * 1000) / 1000 if now and then and now.value else None,
        "gain": cents(then.value - now.value) if now and then else None,
        "examples": [(*parts, cents(Lifetime(*map(Decimal, parts)).value)) for parts in EXAMPLES],
    }
    template = "forecasts/_what_if.html" if request.headers.get("HX-Request") == "true" else "forecasts/what_if.html"
    return render(request, template, context)


def _start_of(client: Client) -> dict[str, Decimal] | None:
    value = getattr(client, "value", None)
    if value is None:
        return None
    found = so_far(to_yuan(value.historic), value.days, value.first_on, value.as_of)
    return {"order": cents(found.order), "orders": cents(found.orders), "years": cents(found.years)}


# --- Growth of funds ---------------------------------------------------------------------------------------------------


@page("pareto.view")
@require_GET
@replica.reads
def funds(request: HttpRequest) -> HttpResponse:
    """History and forecast of the funds of a scope."""
    selection = _selection(request)
    context = {
        **_choice(request, selection),
        **_growth_context(growth_of(request.user, selection)),
        "data_url": f"{reverse('forecasts:funds-data')}?{urlencode(selection.query)}",
    }
    return render(request, "forecasts/funds.html", context)


@page("pareto.view")
@require_GET
@replica.reads
def funds_data(request: HttpRequest) -> JsonResponse:
    """The chart's data; each month opens the clients whose funds it counts, one to come those its forecast rests on."""
    selection = _selection(request)
    growth = growth_of(request.user, selection)
    data = _growth_data(growth)
    if growth.months:
        now, staying = growth.months[-1], {} if growth.closed else {"status": STAYING}
        behind = [*growth.months, *([now] * len(growth.ahead))]
        start, wanted = reverse("clients:list"), {**selection.list_query(), **staying}
        urls = [f"{start}?{urlencode({**wanted, 'funds': f'{m.month:%Y-%m}'}, doseq=True)}" for m in behind]
        open_columns(data, urls, [month.clients for month in behind])
        data["titles"] = [*data["labels"][: len(growth.months)], *(foretold(day, now.month) for day in growth.ahead)]
    return JsonResponse(data)


@page("clients.view")
@require_GET
@replica.reads
def client_funds(request: HttpRequest, client_no: str) -> HttpResponse:
    """The card of the record page, fetched when it is looked at."""
    client = get_object_or_404(Client.objects.visible_to(request.user), client_no=client_no)
    context = {
        **_growth_context(growth_of_client(client)),
        "data_url": reverse("forecasts:client-funds-data", args=[client_no]),
    }
    return render(request, "forecasts/_funds.html", context)


@page("clients.view")
@require_GET
@replica.reads
def client_funds_data(request: HttpRequest, client_no: str) -> JsonResponse:
    client = get_object_or_404(Client.objects.visible_to(request.user), client_no=client_no)
    return JsonResponse(_growth_data(growth_of_client(client)))


def _growth_context(growth: Growth) -> dict[str, Any]:
    test = growth.forecast.test if growth.forecast else None
    return {
        "growth": growth,
        "now": growth.months[-1] if growth.months else None,
        "end": int(growth.forecast.middle[-1]) if growth.forecast else None,
        "end_low": int(growth.forecast.low[-1]) if growth.forecast else None,
        "end_high": int(growth.forecast.high[-1]) if growth.forecast else None,
        "test": test and {"smoothing": int(test.smoothing), "naive": int(test.naive), "months": test.months},
        "coverage": COVERAGE,
    }


def _growth_data(growth: Growth) -> dict[str, Any]:
    """The chart's data: the months that were, then those to come; None where a line has no point."""
    most = max((abs(month.assets) for month in growth.months), default=0)
    scale, unit = (UNITS_PER_YUAN * 10_000, _("10k yuan")) if most >= 10**9 else (UNITS_PER_YUAN, _("yuan"))
    past, coming = len(growth.months), len(growth.ahead)
    assets = [month.assets for month in growth.months]
    predicted = growth.forecast

    def line(values: list[float]) -> list[float | None]:
        """A forecast starts where history ends, so that the lines meet."""
        start: list[float | None] = [None] * max(past - 1, 0)
        return [*start, assets[-1] / scale, *(value / scale for value in values)]

    def known(name: str, amounts: list[int]) -> dict[str, Any]:
        return {
            "name": name,
            "values": [amount / scale for amount in amounts] + [None] * coming,
            "exact": [f"{yuan(amount)} {_('yuan')}" for amount in amounts],
        }

    series = [
        known(_("Assets"), assets),
        known(_("Cash"), [m.cash for m in growth.months]),
        known(_("Securities"), [m.securities for m in growth.months]),
        known(_("Net inflow"), [m.net_inflow for m in growth.months]),
    ]
    if predicted is not None:
        series += [
            {"name": _("Forecast"), "values": line(predicted.middle), "role": "middle"},
            {"name": _("Low end"), "values": line(predicted.low), "role": "low"},
            {"name": _("High end"), "values": line(predicted.high), "role": "high"},
        ]
    return {
        "labels": [month_text(day) for day in [*(month.month for month in growth.months), *growth.ahead]],
        "series": series,
        "ahead": coming,
        "unit": unit,
        "names": {"label": _("Month"), "count": _("Clients")},
    }
