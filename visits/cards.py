"""What visits show on the record page and the timeline; registered in `AppConfig.ready`."""

from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext

from clients import cards, timeline
from clients.cards import Card, Place
from clients.models import Client
from crm.clock import today
from org.rights import may
from org.scope import scope_of
from visits.models import Channel, Feeling, Outcome
from visits.queries import summary

ICONS = {
    "visit": "map-pin",
    "phone": "phone",
    "letter": "mail",
    "demo": "device-desktop",
    "club": "users",
    "decide": "users-group",
}


def _card(client: Client, request: HttpRequest) -> str:
    found = summary(client.pk, today())
    done = sum(1 for duty in found.duties if duty["state"] == "done")
    wanted = sum(1 for duty in found.duties if duty["state"] != "waived")
    context = {
        "client": client,
        "summary": found,
        "done": done,
        "wanted": wanted,
        "masked": scope_of(request.user).masked,
        "may_edit": may(request.user, "visits.edit"),
    }
    return render_to_string("visits/card.html", context, request)


def _line(data: dict[str, Any]) -> str:
    channel = Channel(data["channel"]).label
    text = f"{channel} · {Outcome(data['outcome']).label}"
    if data.get("feeling"):
        text += f" · {Feeling(data['feeling']).label}"
    return text


def _more(data: dict[str, Any]) -> str:
    parts = [data.get("text", "")]
    parts += [
        gettext("Promised until %(day)s: %(text)s") % {"day": on, "text": text} for text, on in data.get("promises", [])
    ]
    if data.get("next"):
        parts.append(
            gettext("Next: %(text)s") % {"text": " ".join(filter(None, [data["next"], data.get("next_on", "")]))}
        )
    if data.get("photos"):
        parts.append(gettext("Photos: %(n)s") % {"n": data["photos"]})
    parts.append(data.get("by", ""))
    return " · ".join(part for part in parts if part)


def register() -> None:
    """Everything that visits add to the pages of the clients."""
    timeline.register("visit.contact", "message", _line, detail=_more, private=True, words=("text", "promises", "next"))
    cards.register(Card("visits.contacts", Place.OVERVIEW, _card, right="visits.view", order=5))
