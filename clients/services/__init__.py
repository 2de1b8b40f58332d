"""The verbs of the client records: each a transaction that checks the right, writes, and keeps audit and timeline."""

from clients.services.care import confirm, confirm_many, init_care, settle, update_care
from clients.services.events import Event, add_events, add_note
from clients.services.people import add_co_manager, reassign, remove_co_manager
from clients.services.viewing import record_view, reveal, seen, viewers

__all__ = [
    "Event",
    "add_co_manager",
    "add_events",
    "add_note",
    "confirm",
    "confirm_many",
    "init_care",
    "reassign",
    "record_view",
    "remove_co_manager",
    "reveal",
    "seen",
    "settle",
    "update_care",
    "viewers",
]
