"""What the analyses add to the record page (offers) and to the client list (the list behind a figure)."""

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from analyses.forms import OfferForm
from analyses.models import Offer
from analyses.reading import clients_behind, parse
from clients import cards, columns, timeline
from clients.cards import Card, Place
from clients.models import Client
from crm.clock import today
from org.rights import may
from org.templatetags.fmt import month as month_text

OUTCOME_WORDS = dict(Offer.Outcome.choices)
SHOWN = 8


class CellField(forms.CharField):
    """A figure in the address; a broken one is told, not guessed."""

    widget = forms.HiddenInput

    def clean(self, value: Any) -> str:
        found = super().clean(value)
        if found and parse(found) is None:
            raise forms.ValidationError(_("This figure does not exist."))
        return found


class CellFilter(django_filters.Filter):
    """The clients that a figure of an analysis counted."""

    field_class = CellField
    right = "analyses.view"

    @staticmethod
    def words(value: str, user: Any) -> str:
        """The figure in words."""
        found = parse(value)
        if found is None:
            return value
        dimension, month, key = found
        return f"{dimension.label}: {dimension.names.get(key, key)} ({month_text(month)})"

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        found = parse(value) if value else None
        return clients_behind(qs, *found) if found else qs


def _offers(client: Client, request: HttpRequest) -> str:
    editable = may(request.user, "clients.edit")
    rows = list(client.offers.order_by("-made_on", "-pk")[:SHOWN])
    if not rows and not editable:
        return ""
    form = OfferForm(initial={"made_on": today()}) if editable else None
    return render_to_string("analyses/offers.html", {"client": client, "offers": rows, "form": form}, request)


def _offer(data: dict[str, Any]) -> str:
    outcome = str(OUTCOME_WORDS.get(data["outcome"], data["outcome"]))
    return gettext("Offer of %(product)s: %(outcome)s") % {"product": data["product"], "outcome": outcome}


def register() -> None:
    """Everything that the analyses add to the pages of the clients."""
    timeline.register("offer", "briefcase", _offer)
    cards.register(Card("analyses.offers", Place.HISTORY, _offers, order=40))
    columns.register_filter("cell", lambda: CellFilter(label=_("Figure of an analysis")))
