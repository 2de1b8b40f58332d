"""What the dashboards add to the client list: the list behind a figure."""

from datetime import date
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from clients import columns
from dashboards.figures import FIGURES, FigureDef
from dashboards.queries import behind
from dashboards.rules import read_period
from org.templatetags.fmt import month as month_text


def parse(value: str) -> tuple[FigureDef, date] | None:
    """`key:YYYY-MM` of the list's filter; None if it is none of ours."""
    key, _colon, text = value.partition(":")
    period = read_period(text)
    figure = FIGURES.get(key)
    if figure is None or not figure.listed or period is None or period.kind != "month":
        return None
    return figure, period.first


class FigureField(forms.CharField):
    """A figure in the address; a broken one is told, not guessed."""

    widget = forms.HiddenInput

    def clean(self, value: Any) -> str:
        found = super().clean(value)
        if found and parse(found) is None:
            raise forms.ValidationError(_("This figure does not exist."))
        return found


class FigureFilter(django_filters.Filter):
    """The clients that a figure of a dashboard counted."""

    field_class = FigureField
    # It narrows what the viewer sees anyway; a manager's own figures open their lists too (D4).
    right = "clients.view"

    @staticmethod
    def words(value: str, user: Any) -> str:
        """The figure in words."""
        found = parse(value)
        return f"{found[0].label} ({month_text(found[1])})" if found else value

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        found = parse(value) if value else None
        return behind(qs, found[0].key, found[1]) if found else qs


def register() -> None:
    columns.register_filter("figure", lambda: FigureFilter(label=_("Figure of a dashboard")))
