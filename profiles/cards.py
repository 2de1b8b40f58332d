"""What profiles show on the record page and in the client list; registered in `AppConfig.ready`."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clients import cards, columns, timeline
from clients.cards import Card, Place
from clients.models import Client
from crm.clock import today
from org.rights import may
from org.scope import scope_of
from profiles.forms import label_of
from profiles.models import Background, CustomField, Profile, Prospect
from profiles.rules import STAGES, latest_birth, stage_on
from profiles.services import EDITABLE

KIND_WORDS = dict(Prospect.Kind.choices)


def _profile(client: Client, request: HttpRequest) -> str:
    profile: Profile | None = getattr(client, "profile", None)
    stage = stage_on(client.birth_date, today())
    masked = scope_of(request.user).masked
    facts: list[tuple[str, str]] = []
    if profile is not None:
        for name in EDITABLE:
            # What a manager wrote in own words is not for viewers who see personal data masked.
            if masked and name in ("values", "life_style"):
                continue
            value = getattr(profile, name)
            if value not in ("", None):
                label = str(getattr(Profile._meta.get_field(name), "verbose_name", name))
                shown = getattr(profile, f"get_{name}_display", lambda value=value: value)()
                facts.append((label, f"{shown} / 5" if name in ("influence", "social") else str(shown)))
        if profile.custom and not masked:
            facts += _own(profile)
    context = {
        "client": client,
        "profile": profile,
        "stage": stage,
        "facts": facts,
        "may_edit": may(request.user, "clients.edit"),
    }
    return render_to_string("profiles/card.html", context, request)


def _own(profile: Profile) -> list[tuple[str, str]]:
    words = {True: gettext("Yes"), False: gettext("No")}
    return [
        (label_of(field), str(words.get(profile.custom[field.key], profile.custom[field.key])))
        for field in CustomField.objects.filter(key__in=list(profile.custom), retired_at__isnull=True)
    ]


class StageFilter(django_filters.ChoiceFilter):
    """Clients in a stage of life today, by their birth date."""

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        found = next((number for number, stage in enumerate(STAGES) if stage.key == value), None)
        if found is None:
            return qs
        qs = qs.filter(birth_date__lte=latest_birth(STAGES[found].from_age, today()))
        if found + 1 < len(STAGES):
            qs = qs.filter(birth_date__gt=latest_birth(STAGES[found + 1].from_age, today()))
        return qs


def _changed(data: dict[str, Any]) -> str:
    return gettext("Profile changed by %(by)s") % data


def _won(data: dict[str, Any]) -> str:
    return gettext("Was a prospect: %(kind)s") % {"kind": KIND_WORDS.get(data["kind"], data["kind"])}


def _won_note(data: dict[str, Any]) -> str:
    return " · ".join(str(data[name]) for name in ("source", "note") if data.get(name))


def register() -> None:
    """Everything that profiles add to the pages of the clients."""
    timeline.register("profile.changed", "user-check", _changed)
    timeline.register(
        "prospect.won", "user-plus", _won, detail=_won_note, tone="good", private=True, words=("source", "note")
    )
    cards.register(Card("profiles.profile", Place.OVERVIEW, _profile, related=("profile",), order=30))
    columns.register_filter(
        "stage",
        lambda: StageFilter(choices=[(stage.key, stage.label) for stage in STAGES], label=_("Stage of life")),
    )
    columns.register_filter(
        "background",
        lambda: django_filters.MultipleChoiceFilter(
            field_name="profile__background", choices=Background.choices, label=_("Social background"), distinct=False
        ),
    )
