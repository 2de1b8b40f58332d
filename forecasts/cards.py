"""What the forecasts show on the record page and in the client list; registered in `AppConfig.ready`."""

from datetime import date
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from clients import cards, columns
from clients.cards import Card, Place
from clients.models import Client
from crm.money import UNITS_PER_YUAN, to_yuan
from forecasts.reading import behind_month
from forecasts.rules import cents, so_far
from org.listing import Column, Kind
from org.templatetags.fmt import money, month


def _value(client: Client, request: HttpRequest) -> str:
    value = getattr(client, "value", None)
    if value is None:
        return ""
    parts = so_far(to_yuan(value.historic), value.days, value.first_on, value.as_of)
    context = {
        "client": client,
        "value": value,
        "order": int(parts.order * UNITS_PER_YUAN),
        "orders": cents(parts.orders),
        "years": cents(parts.years),
    }
    return render_to_string("forecasts/card_value.html", context, request)


def _funds(client: Client, request: HttpRequest) -> str:
    return render_to_string("forecasts/card_funds.html", {"client": client}, request)


class _Yuan(django_filters.NumberFilter):
    """A bound given in 元 on an amount kept in units."""

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return super().filter(qs, None if value is None else int(value * UNITS_PER_YUAN))


class MonthField(forms.CharField):
    widget = forms.HiddenInput

    def clean(self, value: Any) -> str:
        found = super().clean(value)
        if found:
            try:
                month_of(found)
            except ValueError as error:
                raise forms.ValidationError(_("This figure does not exist.")) from error
        return found


def month_of(text: str) -> date:
    """First day of `YYYY-MM`. Raises ValueError."""
    return date.fromisoformat(f"{text}-01")


class FundsFilter(django_filters.Filter):
    """The clients whose funds a month of the growth of funds counted."""

    field_class = MonthField

    @staticmethod
    def words(value: str, user: Any) -> str:
        """The month in words."""
        try:
            return month(month_of(value))
        except ValueError:
            return value

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return behind_month(qs, month_of(value)) if value else qs


def register() -> None:
    """Everything that the forecasts add to the pages of the clients."""
    cards.register(
        Card("forecasts.value", Place.OVERVIEW, _value, related=("value",), right="clients.view", order=40),
        Card("forecasts.funds", Place.HISTORY, _funds, right="clients.view", order=30),
    )
    columns.register(
        Column(
            key="clv_12m",
            label=_("Expected in 12 months"),
            reads=("value__clv_12m",),
            cell=money,
            kind=Kind.MONEY,
            sort="value__clv_12m",
            nullable=True,
            tie="value__client_id",
            down_first=True,
            shown=False,
        )
    )
    columns.register_filter(
        "clv_from", lambda: _Yuan(field_name="value__clv_12m", lookup_expr="gte", label=_("Expected from, yuan"))
    )
    columns.register_filter(
        "clv_below", lambda: _Yuan(field_name="value__clv_12m", lookup_expr="lt", label=_("Expected below, yuan"))
    )
    columns.register_filter("funds", lambda: FundsFilter(label=_("With funds at the end of")))
    columns.register_filter(
        "has_value",
        lambda: django_filters.BooleanFilter(
            field_name="value__clv_12m", lookup_expr="isnull", exclude=True, label=_("With a forecast")
        ),
    )
