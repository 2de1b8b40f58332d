"""Cards of the record page: apps to the right show what they know of a client.

cards.register(Card("tier", Place.HEADER, tier_badge, related=("standing",)))
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest

from clients.models import Client


class Place:
    """Where a card stands on the record page."""

    HEADER = "header"  # beside the name: badges
    FIGURES = "figures"  # the row of key figures: <c-figure> elements
    OVERVIEW = "overview"  # whole cards on the first tab
    HISTORY = "history"  # whole cards on the history tab


@dataclass(frozen=True)
class Card:
    """`render(client, request)` gives safe HTML, or '' to stay away.

    `related`: one-to-one relations of `Client` fetched with the record, so that the card needs no query of its own.
    `right`: needed to see the card. Cards of a place stand by `order`.
    """

    key: str
    place: str
    render: Callable[[Client, HttpRequest], str]
    related: tuple[str, ...] = ()
    right: str = ""
    order: int = 50


_cards: dict[str, Card] = {}


def register(*cards: Card) -> None:
    """Add cards; the same key again replaces."""
    for card in cards:
        _cards[card.key] = card


def of(place: str) -> list[Card]:
    """The cards of a place, in order."""
    return sorted((card for card in _cards.values() if card.place == place), key=lambda card: (card.order, card.key))


def related() -> list[str]:
    """All relations that cards want fetched with the record."""
    return sorted({name for card in _cards.values() for name in card.related})
