"""Decisions about a book that changes hands, on plain values (U10)."""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

#: Days in which a hand-over can be undone as a whole, from its own day on.
UNDO_DAYS = 7
#: Days the clients are watched for leaving.
WATCH_DAYS = 90
#: The former manager stays beside the new one for at most so many days.
MOST_OVERLAP = 60
#: Days within which each client should hear from the new manager, by tier; 14 for who has none.
GREET_DAYS = {"A": 3, "B": 7, "C": 14}


@dataclass(frozen=True)
class Holding:
    """A client of the book: contacts a month that the cadence asks for are the weight of the work."""

    client_id: int
    contacts: int


def share_out(book: Iterable[Holding], loads: Mapping[int, int]) -> dict[int, int]:
    """Client id → staff id: whoever has the fewest contacts a month gets the next client, heaviest clients first.

    `loads`: contacts a month each successor has already. The same book and loads give the same answer. Raises ValueError
    without successors.
    """
    if not loads:
        raise ValueError("nobody to hand over to")
    heap = [(load, staff_id) for staff_id, load in loads.items()]
    heapq.heapify(heap)
    found = {}
    for one in sorted(book, key=lambda holding: (-holding.contacts, holding.client_id)):
        load, staff_id = heap[0]
        found[one.client_id] = staff_id
        heapq.heapreplace(heap, (load + one.contacts, staff_id))
    return found


def greet_by(tier: str, on: date) -> date:
    """The day by which a client handed over on a day should have heard from the new manager."""
    return on + timedelta(days=GREET_DAYS.get(tier, max(GREET_DAYS.values())))
