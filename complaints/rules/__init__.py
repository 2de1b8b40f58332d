"""Decisions about complaints on plain values (X1–X5, U5, U6): the case, its commands, its clocks, its records."""

from complaints.rules.assignment import Candidate, choose_handler, weighed
from complaints.rules.case import KINDS, Asked, Case, Happening, apply, digest, fold, said
from complaints.rules.clocks import (
    Calendar,
    Deadline,
    Limit,
    Rung,
    Span,
    alarms,
    deadlines,
    due_after,
    pauses_of,
    resolved_fast,
)
from complaints.rules.commands import (
    COMMANDS,
    LABELS,
    Actor,
    Refused,
    Terms,
    allowed,
    approvals_missing,
    decide,
)
from complaints.rules.records import FIELDS, forbidden_words, missing

__all__ = [
    "COMMANDS",
    "FIELDS",
    "KINDS",
    "LABELS",
    "Actor",
    "Asked",
    "Calendar",
    "Candidate",
    "Case",
    "Deadline",
    "Happening",
    "Limit",
    "Refused",
    "Rung",
    "Span",
    "Terms",
    "alarms",
    "allowed",
    "apply",
    "approvals_missing",
    "choose_handler",
    "deadlines",
    "decide",
    "digest",
    "due_after",
    "fold",
    "forbidden_words",
    "missing",
    "pauses_of",
    "resolved_fast",
    "said",
    "weighed",
]
