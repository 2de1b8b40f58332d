"""What the measures show on the record page and in the client list; registered in `AppConfig.ready`."""

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from clients import cards, columns
from clients.cards import Card, Place
from clients.models import Client
from measures.models import Kind, Manner, RfmGroup, Size
from measures.reading import CELLS, moved, names_of, newest_run, parse_move
from measures.rules import waterfall
from measures.words import STANCES, group_advice
from org.listing import Column
from org.templatetags.fmt import day

PARTS = {
    "contribution": _("Low cost and large contribution"),
    "growth": _("Growth potential of funds"),
    "products": _("Acceptance of new products"),
    "influence": _("Influence on clients around"),
    "social": _("Standing and social resources"),
}


def _segments(client: Client, request: HttpRequest) -> str:
    found = getattr(client, "measures", None)
    if found is None:
        return ""
    run = newest_run()
    if run is None:
        return ""
    parts = {name: getattr(found, f"part_{name}") for name in PARTS}
    weights = {name: getattr(run.policy, f"weight_{name}") for name in PARTS}
    steps = [(PARTS[name], value, points, weights[name]) for name, value, points in waterfall(parts, weights)]
    context = {
        "measures": found,
        "measured_on": run.business_date,
        "steps": steps,
        "stance": STANCES[Kind(found.kind)],
        "advice": group_advice(found.rfm_group),
    }
    return render_to_string("measures/card.html", context, request)


class MoveField(forms.CharField):
    widget = forms.HiddenInput

    def clean(self, value: Any) -> str:
        found = super().clean(value)
        if found and parse_move(found) is None:
            raise forms.ValidationError(_("This figure does not exist."))
        return found


class MoveFilter(django_filters.Filter):
    """The clients of one stream of the migration."""

    field_class = MoveField

    @staticmethod
    def words(value: str, user: Any) -> str:
        """The stream in words."""
        found = parse_move(value)
        if found is None:
            return value
        scheme, start, end, before, after = found
        names = names_of(scheme)
        return f"{names[before]} → {names[after]} ({day(start)} – {day(end)})"

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        found = parse_move(value) if value else None
        return moved(qs, *found) if found else qs


def _choices(field: str, choices: Any, label: Any) -> Any:
    return lambda: django_filters.MultipleChoiceFilter(
        field_name=f"measures__{field}", choices=choices, label=label, distinct=False
    )


def register() -> None:
    """Everything that the measures add to the pages of the clients."""
    cards.register(Card("measures.segments", Place.OVERVIEW, _segments, related=("measures",), order=20))
    names = [(key, format_lazy("{} · {}", size, manner)) for key, (size, manner) in CELLS.items()]
    fives = [(n, str(n)) for n in range(1, 6)]
    for name, maker in {
        "nine_cell": _choices("cell", names, _("Nine cells")),
        "rfm_group": _choices("rfm_group", RfmGroup.choices, _("RFM group")),
        "rfm_r": _choices("r", fives, _("Recency, 1–5")),
        "rfm_f": _choices("f", fives, _("Frequency, 1–5")),
        "rfm_m": _choices("m", fives, _("Contribution, 1–5")),
        "kind": _choices("kind", Kind.choices, _("Kind of client")),
        "score_from": lambda: django_filters.NumberFilter("measures__score", "gte", label=_("Score from")),
        "score_to": lambda: django_filters.NumberFilter("measures__score", "lte", label=_("Score up to")),
        "move": lambda: MoveFilter(label=_("Moved between two dates")),
    }.items():
        columns.register_filter(name, maker)
    columns.register(
        Column(
            key="score",
            label=_("Score"),
            reads=("measures__score",),
            cell=lambda score: "" if score is None else str(score),
            sort="measures__score",
            nullable=True,
            tie="measures__client_id",
            down_first=True,
            shown=False,
        ),
        Column(
            key="kind",
            label=_("Kind of client"),
            reads=("measures__kind",),
            cell=lambda kind: str(Kind(kind).label) if kind else "",
            shown=False,
        ),
        Column(
            key="nine_cell",
            label=_("Nine cells"),
            reads=("measures__cell",),
            cell=lambda cell: f"{Size(cell[0]).label} · {Manner(cell[1]).label}" if cell else "",
            shown=False,
        ),
        Column(
            key="rfm_group",
            label=_("RFM group"),
            reads=("measures__rfm_group",),
            cell=lambda group: str(RfmGroup(group).label) if group else "",
            shown=False,
        ),
    )
