"""Hits of the search as the top bar and the search page show them."""

from dataclasses import dataclass

from clients import columns
from clients.find import find
from clients.lists import STATUS_WORDS, record_url
from clients.models import Client, TimelineEvent
from clients.notes import snippet, words_of
from clients.scope import client_scope
from org.masking import mask_name

#: Hits shown; the rest stands in the list.
SHOWN = 20


@dataclass(frozen=True)
class Hit:
    """One client among the hits; `tier` is HTML of the tier column, if an app registered one.

    `note`: the piece of a note by which it was found, where the words are not in its name or numbers.
    """

    url: str
    name: str
    client_no: str
    branch: str
    manager: str
    status: str
    tier: str
    note: str = ""


@dataclass(frozen=True)
class Hits:
    """`more`: the list holds further ones; `capped`: not all matches were looked at; `masked`: search by number only."""

    hits: list[Hit]
    more: bool = False
    capped: bool = False
    masked: bool = False


def hits(user, text: str) -> Hits:
    """The first hits of a text in the user's scope, in order."""
    found = find(user, text, SHOWN + 1)
    if not found.ids:
        return Hits([], masked=found.masked)
    tier = next((column for column in columns.registered() if column.key == "tier"), None)
    paths = ["pk", "client_no", "name", "branch__name", "manager__name", "status", *(tier.reads if tier else ())]
    rows = {row[0]: row[1:] for row in Client.objects.visible_to(user).filter(pk__in=found.ids).values_list(*paths)}
    masked = client_scope(user).scope.masked
    pieces = _pieces(found.noted, found.ids[:SHOWN], text)
    shown = [
        Hit(
            url=record_url(number),
            name=mask_name(name) if masked else name,
            client_no=number,
            branch=branch,
            manager=manager or "",
            status="" if status == "active" else str(STATUS_WORDS.get(status, status)),
            tier=tier.html(values, False) if tier else "",
            note=pieces.get(pk, ""),
        )
        for pk, (number, name, branch, manager, status, *values) in (
            (pk, rows[pk]) for pk in found.ids[:SHOWN] if pk in rows
        )
    ]
    return Hits(shown, more=len(found.ids) > SHOWN, capped=found.capped)


def _pieces(noted: dict[int, int], ids: list[int], text: str) -> dict[int, str]:
    """Client id → the piece of the note that was found."""
    events = [noted[pk] for pk in ids if pk in noted]
    if not events:
        return {}
    rows = TimelineEvent.objects.filter(pk__in=events).values_list("client_id", "kind", "data")
    return {client_id: snippet(words_of(kind, data), text) for client_id, kind, data in rows}
