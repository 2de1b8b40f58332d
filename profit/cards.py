"""What client profit shows on the record page and in the client list; registered in `AppConfig.ready`."""

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clients import cards, columns, timeline
from clients.cards import Card, Place
from clients.models import Client
from crm.clock import today
from crm.money import UNITS_PER_YUAN
from org.listing import Column, Kind
from org.rights import may
from org.templatetags.fmt import money, yuan
from profit.forms import UseForm
from profit.reading import Stretch
from profit.rules import Profit


def _profit(client: Client, request: HttpRequest) -> str:
    total = getattr(client, "profit", None)
    editable = may(request.user, "profit.edit")
    if total is None and not editable:
        return ""
    used = client.service_uses.order_by("-month_from").first()
    start: dict[str, Any] = {"month": today().replace(day=1)}
    if used is not None:
        start |= {"seats": used.seats, "minutes": used.minutes}
    context = {
        "client": client,
        "total": total,
        "profit": total and Profit(total.revenue, total.direct, total.service, total.overhead),
        "used": used,
        "form": UseForm(initial=start) if editable else None,
    }
    return render_to_string("profit/card.html", context, request)


class _Yuan(django_filters.NumberFilter):
    """A bound given in 元 on an amount kept in units."""

    right = "profit.view"

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return super().filter(qs, None if value is None else int(value * UNITS_PER_YUAN))


class PlacesField(forms.CharField):
    widget = forms.HiddenInput

    def clean(self, value: Any) -> str:
        found = super().clean(value)
        if found and Stretch.parse(found) is None:
            raise forms.ValidationError(_("This figure does not exist."))
        return found


class PlacesFilter(django_filters.Filter):
    """The clients of one mark of the curve."""

    field_class = PlacesField
    right = "profit.view"

    @staticmethod
    def words(value: str, user: Any) -> str:
        """The stretch in words."""
        found = Stretch.parse(value)
        if found is None:
            return value
        return gettext("%(high)s to %(low)s yuan") % {"high": yuan(found.first[0]), "low": yuan(found.last[0])}

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        found = Stretch.parse(value) if value else None
        return qs.filter(found.condition()) if found else qs


class _Has(django_filters.BooleanFilter):
    right = "profit.view"


def _agreed(data: dict[str, Any]) -> str:
    return gettext("Remote service agreed by %(by)s") % data


def _declined(data: dict[str, Any]) -> str:
    return gettext("Remote service declined by %(by)s") % data


def _reason(data: dict[str, Any]) -> str:
    return str(data["reason"])


def register() -> None:
    """Everything that client profit adds to the pages of the clients."""
    timeline.register("profit.remote_accepted", "phone", _agreed, detail=_reason, private=True, words=("reason",))
    timeline.register(
        "profit.remote_declined", "building-bank", _declined, detail=_reason, private=True, words=("reason",)
    )
    cards.register(
        Card("profit.profit", Place.OVERVIEW, _profit, related=("profit",), right="profit.view", order=45),
    )
    columns.register(
        Column(
            key="net_contribution",
            label=_("Net contribution"),
            reads=("profit__net",),
            cell=money,
            kind=Kind.MONEY,
            sort="profit__net",
            nullable=True,
            tie="profit__client_id",
            right="profit.view",
            shown=False,
        )
    )
    columns.register_filter(
        "net_below", lambda: _Yuan(field_name="profit__net", lookup_expr="lt", label=_("Net contribution below, yuan"))
    )
    columns.register_filter(
        "net_from", lambda: _Yuan(field_name="profit__net", lookup_expr="gte", label=_("Net contribution from, yuan"))
    )
    columns.register_filter("net_places", lambda: PlacesFilter(label=_("Net contribution")))
    columns.register_filter(
        "has_profit",
        lambda: _Has(field_name="profit__net", lookup_expr="isnull", exclude=True, label=_("With shared costs")),
    )
