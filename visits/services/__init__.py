"""The verbs of visits: each a transaction that checks the right, writes, and keeps duties, timeline and audit."""

from visits.services.contacts import Note, keep_promise, record_contact, waive
from visits.services.plans import accept_plan, make_plan, plan_all
from visits.services.visits import add_busy, add_visit, cancel, check_in, move, remove_busy, reorder

__all__ = [
    "Note",
    "accept_plan",
    "add_busy",
    "add_visit",
    "cancel",
    "check_in",
    "keep_promise",
    "make_plan",
    "move",
    "plan_all",
    "record_contact",
    "remove_busy",
    "reorder",
    "waive",
]
