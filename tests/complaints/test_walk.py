"""A case as a state machine: random commands by random people at random times, a model of its own beside (X1–X5, U5, U6).

The suite walks some hundred steps; COMPLAINT_WALK=20000 walks the whole way.
"""

import os
import random
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from complaints import rules, services
from complaints.models import Clock, Complaint, ComplaintEvent, StepRun
from complaints.rules import Refused
from complaints.services import Stale
from complaints.verify import broken
from org.calendar import is_workday, load
from tests.complaints.cases import RECORDS, T0, ZONE, Office
from tests.factories import StaffFactory

pytestmark = pytest.mark.django_db
STEPS = int(os.environ.get("COMPLAINT_WALK", "600"))


@dataclass
class Model:
    """What a case is, thought out again without `complaints.rules`."""

    handler: str
    about: str | None
    state: str = "received"
    step: int = 1
    paused: bool = False
    recorded: set[int] = field(default_factory=set)
    amount: bool = False
    approved: set[str] = field(default_factory=set)
    promises: list[bool] = field(default_factory=list)  # whether followed up
    extended: bool = False
    events: int = 1
    chosen_none: bool = False
    #: What the clocks need.
    received: datetime = T0
    answered: datetime | None = None
    pauses: list[list[datetime | None]] = field(default_factory=list)
    merged: bool = False
    kind: str = "complaint"
    #: Who asked for which labels.
    asked: tuple[str, dict] | None = None

    OPEN = ("received", "accepted", "in_work", "answered", "reopened")

    def may(self, who: str, command: str, data: dict) -> bool:
        """Whether it must work."""
        if who in ("stranger", self.about):
            return False
        steers = who in ("head", "officer", "second", "compliance")
        mine = who == self.handler
        if self.paused and command in ("accept", "advance", "back", "pause", "approve", "answer", "promise", "follow",
                                       "close", "reopen", "archive"):  # fmt: skip
            return False
        working = self.state in ("in_work", "reopened")
        checks = {
            "accept": lambda: self.state == "received" and (mine or steers),
            "handover": lambda: self.state in self.OPEN and (mine or steers) and data["to"] not in (self.handler, self.about)
            and data["reason"] != "",
            "record": lambda: self.state in self.OPEN and mine,
            "advance": lambda: self._may_advance() and mine,
            "back": lambda: self.state in ("in_work", "answered", "reopened") and self.step > 1 and (mine or steers),
            "pause": lambda: self.state in ("accepted", "in_work", "reopened") and mine and data["ground"] != "holiday",
            "resume": lambda: self.paused and self.state in ("accepted", "in_work", "reopened") and (mine or steers),
            "note": lambda: self.state != "archived",
            "extend": lambda: (self.state == "accepted" or working) and who in ("head", "compliance") and not mine
            and not self.extended,
            "approve": lambda: working and self.step == 4 and who in ("head", "compliance") and not mine and self.amount
            and 4 in self.recorded and who not in self.approved,
            "answer": lambda: working and self.step >= 5 and mine,
            "promise": lambda: self.state in ("accepted", "in_work", "answered", "reopened") and self.step >= 5 and mine,
            "follow": lambda: self.state in ("accepted", "in_work", "answered", "reopened") and self.step == 6 and mine
            and data["no"] <= len(self.promises) and not self.promises[data["no"] - 1],
            "close": lambda: self.state == "answered" and self.step == 6 and mine and 6 in self.recorded
            and all(self.promises) and data["proof"] != "",
            "withdraw": lambda: self.state in self.OPEN and (mine or steers),
            "reopen": lambda: self.state == "closed" and data["to"] <= self.step,
            "archive": lambda: self.state == "closed" and (mine or steers),
            "relabel": lambda: self.state != "archived" and (mine or steers) and self.asked is None
            and data["kind"] != self.kind,
            "relabel_confirm": lambda: self.state != "archived" and self.asked is not None and not mine
            and who in ("head", "compliance") and who != self.asked[0],
            "relabel_decline": lambda: self.state != "archived" and self.asked is not None and (mine or steers),
        }  # fmt: skip
        return checks[command]()

    def _may_advance(self) -> bool:
        if self.state not in ("accepted", "in_work", "answered", "reopened") or self.step == 6:
            return False
        if self.step not in self.recorded:
            return False
        if self.step == 4 and self.amount and self.approved != {"head", "compliance"}:
            return False
        return not (self.step == 5 and not self.promises and not self.chosen_none)

    def do(self, who: str, command: str, data: dict, at: datetime) -> None:
        """What follows when it works."""
        self.events += 1
        if command == "accept":
            self.state = "accepted"
        elif command == "handover":
            self.handler = data["to"]
        elif command == "record":
            self.recorded.add(self.step)
            if self.step == 4:
                self.amount, self.approved = bool(data["record"]["proposals"][0]["amount"]), set()
            if self.step == 5:
                self.chosen_none = data["record"]["choice"] == "none"
        elif command == "advance":
            self.step += 1
            self.state = "in_work" if self.state in ("accepted", "reopened") else self.state
        elif command in ("back", "reopen"):
            self._again(self.step - 1 if command == "back" else data["to"], at, command == "reopen")
        elif command == "pause":
            self.paused = True
            self.pauses.append([at, None])
        elif command == "resume":
            self._resume(at)
        elif command == "extend":
            self.extended = True
        elif command == "approve":
            self.approved.add(who)
        elif command == "answer":
            self.state, self.answered = "answered", at
        elif command == "promise":
            self.promises.append(False)
        elif command == "follow":
            self.promises[data["no"] - 1] = True
        elif command in ("close", "withdraw"):
            self._resume(at)
            self.state = "closed"
            self.answered = self.answered or at
        elif command == "archive":
            self.state = "archived"
        elif command == "relabel":
            self.asked = (who, data)
        elif command in ("relabel_confirm", "relabel_decline"):
            self.kind = self.asked[1]["kind"] if command == "relabel_confirm" else self.kind
            self.asked = None

    def _resume(self, at: datetime) -> None:
        self.paused = False
        if self.pauses and self.pauses[-1][1] is None:
            self.pauses[-1][1] = at

    def _again(self, to: int, at: datetime, reopened: bool) -> None:
        self.step, self.answered = to, None
        self.recorded = {step for step in self.recorded if step < to}
        if to <= 4:
            self.approved = set()
        if 4 not in self.recorded:
            self.amount = False
        self.state = "reopened" if reopened else "in_work"
        if reopened:
            self.received, self.extended = at, False

    def answer_due(self) -> datetime | None:
        """15 (30) calendar days, days that stood still all day left out; counted day by day."""
        left, day = 30 if self.extended else 15, self.received.astimezone(ZONE).date()
        while left:
            day += timedelta(days=1)
            begin = datetime.combine(day, time.min, ZONE)
            end = begin + timedelta(days=1)
            for start, until in self.pauses:
                if start <= begin and until is None:
                    return None
                if start <= begin and until >= end:
                    break
            else:
                left -= 1
        return datetime.combine(day + timedelta(days=1), time.min, ZONE)


PEOPLE = ("manager", "head", "officer", "second", "compliance", "stranger")
#: The way forward is taken often enough to come to the end.
COMMANDS = [
    *("accept", "record", "advance", "approve", "answer", "promise", "follow", "close") * 5,
    *("record", "advance") * 9,
    "handover", "back", "pause", "resume", "resume", "note", "extend", "withdraw", "reopen", "archive",
    "relabel", "relabel", "relabel_confirm", "relabel_decline",
]  # fmt: skip


class Walk:
    """One walk over many cases."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.office = Office()
        self.office.stranger = StaffFactory()
        self.staff = {name: getattr(self.office, name) for name in PEOPLE}
        self.at = T0
        self.closed = self.refused = self.done = 0

    def fresh(self) -> tuple[Complaint, Model]:
        about = self.random.choice([None, None, "head", "officer"])
        self.at = T0
        complaint = self.office.take_in(about=self.staff[about] if about else None)
        return complaint, Model(handler=self.name_of(complaint.handler), about=about)

    def name_of(self, staff) -> str:
        return next(name for name, one in self.staff.items() if one == staff)

    def data(self, model: Model, command: str) -> dict:
        pick = self.random.choice
        if command == "record":
            record = RECORDS[model.step]
            if model.step == 4:
                record = record | {"proposals": [{"text": "Fee back", "amount": pick([None, None, 10_000])}]}
            if model.step == 5:
                record = record | {"choice": pick(["1", "none"])}
            return {"record": record}
        return {
            "handover": {"to": pick(PEOPLE[:5]), "reason": pick(["x", "x", ""])},
            "pause": {"ground": pick(["papers", "mediation", "holiday"]), "reason": "x"},
            "follow": {"no": pick([1, 2]), "kept": pick([True, False]), "note": "x"},
            "promise": {"text": "Pay", "due_on": "2026-12-01"},
            "answer": {"text": "Fee back", "way": "letter"},
            "close": {"result": "upheld", "cause": "price", "proof": pick(["Receipt", ""])},
            "withdraw": {"reason": "x", "evidence": "letter"},
            "reopen": {"reason": "x", "to": pick([1, 3, 5])},
            "accept": {"told_how": "phone"},
            "relabel": {"kind": pick(["complaint", "question", "suggestion"]), "reason": "x"},
        }.get(command, {"reason": "x"})

    def step(self, complaint: Complaint, model: Model) -> None:
        who = model.handler if self.random.random() < 0.6 else self.random.choice(PEOPLE)
        command = self.random.choice(COMMANDS)
        data = self.data(model, command)
        self.at += timedelta(minutes=self.random.choice([1, 40, 300, 1500, 4000]))
        stale = self.random.random() < 0.03
        version = model.events - 1 if stale else self.random.choice([None, model.events])
        expected = model.may(who, command, data) and not stale
        refusal = self.carry_out(complaint, who, command, data, version)
        assert (refusal is None) == expected, (who, command, data, model, refusal)
        if expected:
            model.do(who, command, data, self.at)
        self.done, self.refused = self.done + expected, self.refused + (not expected)
        self.compare(complaint, model)

    def carry_out(self, complaint, who: str, command: str, data: dict, version: int | None):
        """None when it was done, else what it was refused with."""
        user = self.staff[who].user
        try:
            if command == "handover":
                to = self.staff[data["to"]].staff_no
                services.give_to(complaint.number, to, data["reason"], user=user, at=self.at, version=version)
            else:
                services.act(complaint.number, command, data, user=user, at=self.at, version=version)
        except (Refused, PermissionDenied, Complaint.DoesNotExist, Stale, ValidationError) as refusal:
            return refusal

    def compare(self, complaint: Complaint, model: Model) -> None:
        row = Complaint.objects.select_related("handler").get(pk=complaint.pk)
        assert (row.state, row.step, row.version, self.name_of(row.handler), bool(row.paused), row.kind) == (
            model.state, model.step, model.events, model.handler, model.paused, model.kind,
        )  # fmt: skip
        assert ComplaintEvent.objects.filter(complaint=row).count() == model.events
        clock = Clock.objects.get(complaint=row, key="answer")
        assert clock.due_at == model.answer_due()
        assert clock.met_at == model.answered
        assert StepRun.objects.filter(complaint=row, done_at=None).count() <= row.round


def test_no_forbidden_state_no_lost_event_no_wrong_limit():
    load([2026, 2027])
    assert not is_workday(datetime(2026, 10, 1, tzinfo=ZONE).date())
    walk = Walk(seed=20261103)
    complaint, model = walk.fresh()
    for number in range(STEPS):
        if (
            model.state == "archived"
            or (number % 70 == 69 and model.state != "closed")
            or walk.at > T0 + timedelta(days=150)
        ):
            complaint, model = walk.fresh()
        walk.step(complaint, model)
    assert walk.done > STEPS // 8
    assert walk.refused > STEPS // 8
    assert Complaint.objects.filter(closed_at__isnull=False).exists()
    assert list(broken()) == []
    for one in Complaint.objects.all():
        case = rules.fold(services.happenings(one))
        assert case.version == one.version
