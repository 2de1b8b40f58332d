"""The doors of complaints: the only writers. Every verb asks right and scope, writes events, rows and audit at once."""

from complaints.services.assignment import possible_handlers
from complaints.services.core import Stale, act, actor_of, calendar_around, happenings, policy_on, terms_of
from complaints.services.intake import Told, add_intake, likely_duplicates, merge, register
from complaints.services.watch import watch
from complaints.services.work import correct, follow_up, give_to, relabel

__all__ = [
    "Stale",
    "Told",
    "act",
    "actor_of",
    "add_intake",
    "calendar_around",
    "correct",
    "follow_up",
    "give_to",
    "happenings",
    "likely_duplicates",
    "merge",
    "policy_on",
    "possible_handlers",
    "register",
    "relabel",
    "terms_of",
    "watch",
]
