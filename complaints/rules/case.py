"""A case as its events make it: `fold(events)` is the whole truth, rows of the database only mirror it (U5)."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from complaints.choices import Kind, Result, Severity, State


@dataclass(frozen=True)
class Happening:
    """One event of a file: what, when, by whom (id of a log-in, None: the system), and its data."""

    kind: str
    at: datetime
    by: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Promise:
    """A promise of step 6; `kept` is None until somebody followed it up. Dates are ISO text."""

    no: int
    text: str
    due_on: str
    kept: bool | None = None


@dataclass(frozen=True)
class Asked:
    """Other labels that somebody wishes for a case and a second person has not confirmed yet; ids are those of staff."""

    to: Mapping[str, str]
    was: Mapping[str, str]
    staff: int | None
    reason: str


@dataclass(frozen=True)
class Case:
    """A case at one moment. `version` counts its events; ids are those of staff."""

    version: int = 0
    state: str = ""
    step: int = 1
    round: int = 1
    receiver: int | None = None
    handler: int | None = None
    about: int | None = None
    superior: int | None = None
    severity: str = Severity.NORMAL
    category: str = ""
    kind: str = Kind.COMPLAINT
    asked: Asked | None = None
    amount: int | None = None
    paused: str = ""
    records: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    approvals: tuple[tuple[str, int], ...] = ()
    extended: bool = False
    promises: tuple[Promise, ...] = ()
    result: str = ""
    cause: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def named(self) -> frozenset[int]:
        """Whom the complaint is about; none of them ever handles or approves it (U6)."""
        return frozenset(one for one in (self.about, self.superior) if one is not None)


def fold(events: Iterable[Happening]) -> Case:
    """The case after its events."""
    case = Case()
    for event in events:
        case = apply(case, event)
    return case


def apply(case: Case, event: Happening) -> Case:
    """The case after one more event. Raises KeyError for an event of an unknown kind."""
    return replace(_APPLY[event.kind](case, event.data), version=case.version + 1)


def said(before: str, number: str, sequence: int, event: Happening) -> str:
    """The text that a link of the hash chain is made of: the link before it and everything the event says."""
    return json.dumps(
        [before, number, sequence, event.kind, event.at.astimezone(UTC).isoformat(), event.by, event.data],
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    )


def digest(before: str, number: str, sequence: int, event: Happening) -> str:
    """The link of the hash chain: SHA-256 of what is `said`."""
    return hashlib.sha256(said(before, number, sequence, event).encode()).hexdigest()


_OF_CASE = ("about", "superior", "severity", "category", "kind", "amount")


def _registered(case: Case, data: Mapping[str, Any]) -> Case:
    known = {name: data[name] for name in _OF_CASE if name in data}
    return replace(
        case,
        state=State.RECEIVED,
        receiver=data.get("receiver"),
        handler=data.get("handler"),
        facts=dict(data),
        **known,
    )


def _corrected(case: Case, data: Mapping[str, Any]) -> Case:
    to = data["to"]
    case = replace(case, facts={**case.facts, **to}, **{name: to[name] for name in _OF_CASE if name in to})
    # Whoever turns out to be meant has approved nothing.
    return replace(case, approvals=tuple(one for one in case.approvals if one[1] not in case.named))


def _relabel_asked(case: Case, data: Mapping[str, Any]) -> Case:
    return replace(case, asked=Asked(data["to"], data["from"], data["staff"], data["reason"]))


def _relabelled(case: Case, data: Mapping[str, Any]) -> Case:
    return replace(_corrected(case, data), asked=None)


def _assigned(case: Case, data: Mapping[str, Any]) -> Case:
    return replace(case, handler=data["to"])


def _recorded(case: Case, data: Mapping[str, Any]) -> Case:
    records = {**case.records, data["step"]: data["record"]}
    # Other proposals than those approved want to be approved again.
    return replace(case, records=records, approvals=() if data["step"] == 4 else case.approvals)


def _advanced(case: Case, data: Mapping[str, Any]) -> Case:
    working = case.state in (State.ACCEPTED, State.REOPENED)
    return replace(case, step=data["step"] + 1, state=State.IN_WORK if working else case.state)


def _back_to(case: Case, data: Mapping[str, Any]) -> Case:
    """Records from the step on are to be made again; the old ones stay in the file."""
    records = {step: record for step, record in case.records.items() if step < data["to"]}
    approvals = case.approvals if data["to"] > 4 else ()
    return replace(case, step=data["to"], round=case.round + 1, records=records, approvals=approvals, paused="")


def _stepped_back(case: Case, data: Mapping[str, Any]) -> Case:
    return replace(_back_to(case, data), state=State.IN_WORK)


def _reopened(case: Case, data: Mapping[str, Any]) -> Case:
    return replace(_back_to(case, data), state=State.REOPENED, result="", cause="", extended=False)


def _closed(case: Case, data: Mapping[str, Any]) -> Case:
    return replace(case, state=State.CLOSED, result=data["result"], cause=data["cause"], paused="")


def _merged(case: Case, data: Mapping[str, Any]) -> Case:
    return replace(case, state=State.CLOSED, result=Result.MERGED, paused="")


def _withdrawn(case: Case, data: Mapping[str, Any]) -> Case:
    return replace(case, state=State.CLOSED, result=Result.WITHDRAWN, paused="")


def _approved(case: Case, data: Mapping[str, Any]) -> Case:
    return replace(case, approvals=(*case.approvals, (data["role"], data["staff"])))


def _promised(case: Case, data: Mapping[str, Any]) -> Case:
    made = Promise(len(case.promises) + 1, data["text"], data["due_on"])
    return replace(case, promises=(*case.promises, made))


def _followed(case: Case, data: Mapping[str, Any]) -> Case:
    done = tuple(replace(one, kept=data["kept"]) if one.no == data["no"] else one for one in case.promises)
    return replace(case, promises=done)


def _same(case: Case, data: Mapping[str, Any]) -> Case:
    return case


_APPLY = {
    "registered": _registered,
    "intake_added": _same,
    "accepted": lambda case, data: replace(case, state=State.ACCEPTED),
    "assigned": _assigned,
    "handed_over": _assigned,
    "recorded": _recorded,
    "advanced": _advanced,
    "stepped_back": _stepped_back,
    "paused": lambda case, data: replace(case, paused=data["ground"]),
    "resumed": lambda case, data: replace(case, paused=""),
    "corrected": _corrected,
    "relabel_asked": _relabel_asked,
    "relabelled": _relabelled,
    "relabel_declined": lambda case, data: replace(case, asked=None),
    "extended": lambda case, data: replace(case, extended=True),
    "approved": _approved,
    "promised": _promised,
    "promise_followed": _followed,
    "answered": lambda case, data: replace(case, state=State.ANSWERED, paused=""),
    "closed": _closed,
    "withdrawn": _withdrawn,
    "reopened": _reopened,
    "archived": lambda case, data: replace(case, state=State.ARCHIVED),
    "merged": _merged,
    "absorbed": _same,
    "noted": _same,
    "attached": _same,
    "escalated": _same,
    "followed_up": _same,
    "satisfaction": _same,
}
#: Every kind of event.
KINDS = tuple(_APPLY)
