"""The commands of a case: from which states, to which state, by whom (X1, X5, U6). One table; docs are drawn from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from complaints.choices import OPEN_STATES, Category, Cause, Ground, Kind, Result, Severity, State
from complaints.rules.case import Case
from complaints.rules.records import MAX_TEXT, clean_record, forbidden_words, highest_amount, missing


class Refused(Exception):
    """A command the rules do not allow; `message` says why, in the reader's language; `code` for programs."""

    def __init__(self, code: str, message: str | Lazy) -> None:
        super().__init__(str(message))
        self.code, self.message = code, message


@dataclass(frozen=True)
class Actor:
    """Who asks. `staff` is None for the system and for service accounts, which come with rights of their own.

    `steers`: may assign and hand over others' cases (officers, heads, compliance). `role`: for approvals. `acting`: the
    absent colleague whose rights are used; they end where the case is about him.
    """

    staff: int | None = None
    role: str = ""
    steers: bool = False
    acting: int | None = None
    trusted: bool = False


#: Who may give a command.
HANDLER, STEERING, APPROVER, ANYBODY = "handler", "handler or steering", "approver", "anybody who sees it"


@dataclass(frozen=True)
class Command:
    """One command. `to` None: the state stays. `right`: of org.rights. `event`: the kind it writes."""

    key: str
    label: Lazy
    event: str
    sources: tuple[str, ...]
    to: str | None
    who: str
    right: str = "complaints.handle"
    steps: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    while_paused: bool = False


_WORKED = (State.ACCEPTED, State.IN_WORK, State.ANSWERED, State.REOPENED)
_BUSY = (State.IN_WORK, State.REOPENED)
_UNARCHIVED = (*OPEN_STATES, State.CLOSED)

COMMANDS: dict[str, Command] = {
    command.key: command
    for command in (
        Command("accept", _("Accept"), "accepted", (State.RECEIVED,), State.ACCEPTED, STEERING),
        Command("assign", _("Assign"), "assigned", OPEN_STATES, None, STEERING, "complaints.assign", while_paused=True),
        Command("handover", _("Hand over"), "handed_over", OPEN_STATES, None, STEERING, while_paused=True),
        Command("record", _("Record"), "recorded", OPEN_STATES, None, HANDLER, while_paused=True),
        Command("advance", _("Next step"), "advanced", _WORKED, State.IN_WORK, HANDLER, steps=(1, 2, 3, 4, 5)),
        Command(
            "back", _("Step back"), "stepped_back", (State.IN_WORK, State.ANSWERED, State.REOPENED), State.IN_WORK,
            STEERING, steps=(2, 3, 4, 5, 6),
        ),
        Command("pause", _("Pause"), "paused", (State.ACCEPTED, State.IN_WORK, State.REOPENED), None, HANDLER),
        Command("resume", _("Resume"), "resumed", (State.ACCEPTED, State.IN_WORK, State.REOPENED), None, STEERING,
                while_paused=True),
        Command("correct", _("Correct"), "corrected", _UNARCHIVED, None, STEERING, while_paused=True),
        Command("relabel", _("Ask for other labels"), "relabel_asked", _UNARCHIVED, None, STEERING, while_paused=True),
        Command("relabel_confirm", _("Confirm the labels"), "relabelled", _UNARCHIVED, None, APPROVER,
                "complaints.approve", while_paused=True),
        Command("relabel_decline", _("Decline the labels"), "relabel_declined", _UNARCHIVED, None, STEERING,
                while_paused=True),
        Command("note", _("Add to the file"), "noted", _UNARCHIVED, None, ANYBODY, while_paused=True),
        Command("attach", _("Attach a file"), "attached", _UNARCHIVED, None, ANYBODY, while_paused=True),
        Command("extend", _("Extend the answer"), "extended", (State.ACCEPTED, *_BUSY), None, APPROVER,
                "complaints.approve", while_paused=True),
        Command("approve", _("Approve the amount"), "approved", _BUSY, None, APPROVER, "complaints.approve", steps=(4,)),
        Command("answer", _("Answer"), "answered", _BUSY, State.ANSWERED, HANDLER, steps=(5, 6)),
        Command("promise", pgettext_lazy("command", "Promise"), "promised", _WORKED, None, HANDLER, steps=(5, 6)),
        Command("follow", _("Promise followed up"), "promise_followed", _WORKED, None, HANDLER, steps=(6,)),
        Command("close", _("Close the case"), "closed", (State.ANSWERED,), State.CLOSED, HANDLER, steps=(6,)),
        Command("withdraw", _("Withdrawn by the client"), "withdrawn", OPEN_STATES, State.CLOSED, STEERING,
                while_paused=True),
        Command("reopen", _("Reopen"), "reopened", (State.CLOSED,), State.REOPENED, ANYBODY),
        Command("archive", _("Archive"), "archived", (State.CLOSED,), State.ARCHIVED, STEERING),
        Command("merge", _("Merge into another case"), "merged", OPEN_STATES, State.CLOSED, STEERING,
                while_paused=True),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Terms:
    """What of a policy the commands ask for. Amounts in 1/10,000 元."""

    approve_from: int = 0
    approve_roles: tuple[str, ...] = ("branch_head", "compliance_officer")


def allowed(case: Case, actor: Actor) -> list[str]:
    """The commands an actor may give now, as far as state, step and person decide."""
    return [key for key in COMMANDS if _standing(case, COMMANDS[key], actor) is None]


def decide(case: Case, key: str, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    """The data of the event a command makes. Raises Refused; the same answer for page, API and job."""
    command = COMMANDS[key]
    refused = _standing(case, command, actor)
    if refused is not None:
        raise refused
    return _MAKE.get(key, _reasoned)(case, actor, data, terms)


def _standing(case: Case, command: Command, actor: Actor) -> Refused | None:
    if actor.staff is not None and actor.staff in case.named:
        return Refused("about_you", _("Nobody handles or approves a complaint about himself."))
    if case.state not in command.sources:
        return Refused("state", _("Not possible in the present state of the case."))
    if case.step not in command.steps:
        return Refused("step", _("Not possible at this step."))
    if case.paused and not command.while_paused:
        return Refused("paused", _("The case is paused; resume it first."))
    if command.key == "pause" and case.paused:
        return Refused("paused", _("The case is paused already."))
    if command.key.startswith("relabel_") and case.asked is None:
        return Refused("nothing_asked", _("Nobody has asked for other labels."))
    if command.key == "resume" and not case.paused:
        return Refused("not_paused", _("The case is not paused."))
    return _person(case, command, actor)


def _person(case: Case, command: Command, actor: Actor) -> Refused | None:
    mine = actor.trusted or (actor.staff is not None and actor.staff == case.handler)
    if command.who == HANDLER and not mine:
        return Refused("handler", _("Only the handler of the case does this."))
    recused = actor.acting is not None and actor.acting in case.named
    if command.who == STEERING and not (mine or (actor.steers and not recused)):
        return Refused("handler", _("Only the handler, or who assigns complaints, does this."))
    if command.who == APPROVER and recused:
        return Refused("about_you", _("Nobody handles or approves a complaint about himself."))
    if command.who == APPROVER and (actor.staff is None or actor.staff == case.handler):
        return Refused("four_eyes", _("Somebody other than the handler approves."))
    if command.key == "relabel_confirm" and case.asked is not None and case.asked.staff == actor.staff:
        return Refused("four_eyes", _("Somebody other than who asked for it confirms."))
    return None


def _text(data: Mapping[str, Any], name: str, words: str | Lazy) -> str:
    text = str(data.get(name) or "").replace("\x00", "").strip()
    if not text:
        raise Refused(f"{name}_missing", words)
    if len(text) > MAX_TEXT:
        raise Refused("too_long", _("A text holds at most 40,000 characters."))
    return text


def _reasoned(case: Case, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    return {**data, "reason": _text(data, "reason", _("Say why."))}


def _accept(case: Case, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    if case.handler is None:
        raise Refused("no_handler", _("Assign a handler first."))
    return {"told_how": str(data.get("told_how") or "")[:200]}


def _assign(case: Case, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    to = data["to"]
    if to in case.named:
        raise Refused("about_you", _("Nobody handles or approves a complaint about himself."))
    if to == case.handler:
        raise Refused("same_handler", _("This is the handler already."))
    return {"to": to, "from": case.handler, "reason": _text(data, "reason", _("Say why."))}


def _record(case: Case, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    try:
        record = clean_record(case.step, data["record"])
    except ValueError:
        raise Refused("too_long", _("A text holds at most 40,000 characters.")) from None
    if case.step == 4:
        words = forbidden_words(*(one["text"] for one in record["proposals"]))
        if words:
            raise Refused("forbidden_words", _("The law forbids such a promise: %s") % ", ".join(words))
    return {"step": case.step, "round": case.round, "record": record}


def _advance(case: Case, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    lacking = missing(case.step, case.records.get(case.step, {}), case.records)
    if lacking:
        names = ", ".join(str(field.label) for field in lacking)
        raise Refused("record_missing", _("Still to be recorded: %s") % names)
    if case.step == 4 and (waiting := approvals_missing(case, terms)):
        raise Refused("approval_missing", _("The amount still wants the approval of: %s") % ", ".join(waiting))
    if case.step == 5 and not case.promises and case.records[5].get("choice") != "none":
        raise Refused("promise_missing", _("Record at least one promise with its date first."))
    return {"step": case.step, "round": case.round}


def approvals_missing(case: Case, terms: Terms) -> list[str]:
    """Roles whose approval the proposals of step 4 still want."""
    highest = highest_amount(case.records)
    if not highest or highest < terms.approve_from:
        return []
    given = {role for role, _staff in case.approvals}
    return [role for role in terms.approve_roles if role not in given]


def _approve(case: Case, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    if actor.role not in approvals_missing(case, terms):
        raise Refused("nothing_to_approve", _("Nothing here waits for your approval."))
    return {"role": actor.role, "staff": actor.staff, "amount": highest_amount(case.records)}


def _back(case: Case, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    return {"step": case.step, "to": case.step - 1, "reason": _text(data, "reason", _("Say why."))}


def _pause(case: Case, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    if data.get("ground") not in Ground.values:
        raise Refused("ground_missing", _("Name the ground of the pause."))
    return {"ground": data["ground"], "reason": _text(data, "reason", _("Say why."))}


#: What one person may correct; the words of the client never, of the labels only a graver severity.
CORRECTABLE = (
    "severity", "amount", "wish", "product", "about", "superior", "client", "branch", "complainant",
    "contact", "party", "persons",
)  # fmt: skip


def _correct(case: Case, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    to = {name: value for name, value in data["to"].items() if name in CORRECTABLE}
    changed = {name: value for name, value in to.items() if case.facts.get(name) != value}
    if not changed:
        raise Refused("nothing_changed", _("Nothing differs from what is recorded."))
    if "severity" in changed and _RANK.get(changed["severity"], 0) < _RANK[case.severity]:
        raise Refused("two_persons", _("Ask for other labels: a lower severity wants a second person."))
    if case.handler is not None and case.handler in (changed.get("about"), changed.get("superior")):
        raise Refused("hand_over_first", _("This is the handler; hand the case over first."))
    before = {name: case.facts.get(name) for name in changed}
    return {"from": before, "to": changed, "reason": _text(data, "reason", _("Say why."))}


#: Graver is higher; whoever sees that a matter is graver says so at once.
_RANK = {severity: rank for rank, severity in enumerate(Severity.values)}
#: Labels that only two persons change: so no complaint vanishes, and no limit, by another name.
LABELS = {"kind": Kind, "category": Category, "severity": Severity}


def _label(case: Case, name: str) -> str:
    return str(getattr(case, name))


def _relabel(case: Case, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    if case.asked is not None:
        raise Refused("asked", _("Other labels wait for a second person already."))
    wanted = {name: str(data[name]) for name in LABELS if data.get(name)}
    if any(value not in LABELS[name].values for name, value in wanted.items()):
        raise Refused("label", _("Not one of the choices."))
    to = {name: value for name, value in wanted.items() if value != _label(case, name)}
    if not to:
        raise Refused("nothing_changed", _("Nothing differs from what is recorded."))
    was = {name: _label(case, name) for name in to}
    return {"to": to, "from": was, "staff": actor.staff, "reason": _text(data, "reason", _("Say why."))}


def _relabel_confirm(case: Case, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    assert case.asked is not None  # _standing saw to it
    asked = case.asked
    if any(_label(case, name) != value for name, value in asked.was.items()):
        raise Refused("label_changed", _("The labels were changed since; decline this and ask anew."))
    return {"to": dict(asked.to), "from": dict(asked.was), "reason": asked.reason, "asked_by": asked.staff}


def _extend(case: Case, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    if case.extended:
        raise Refused("extended", _("It was extended already."))
    return _reasoned(case, actor, data, terms)


def _answer(case: Case, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    text = _text(data, "text", _("Write down the answer."))
    if words := forbidden_words(text):
        raise Refused("forbidden_words", _("The law forbids such a promise: %s") % ", ".join(words))
    return {"text": text, "way": _text(data, "way", _("Say how the answer was given."))}


def _promise(case: Case, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    due_on = _text(data, "due_on", _("A promise needs a date."))
    text = _text(data, "text", _("Say what is promised."))
    if words := forbidden_words(text):
        raise Refused("forbidden_words", _("The law forbids such a promise: %s") % ", ".join(words))
    return {"no": len(case.promises) + 1, "text": text, "due_on": due_on}


def _follow(case: Case, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    promise = next((one for one in case.promises if one.no == data.get("no")), None)
    if promise is None or promise.kept is not None:
        raise Refused("no_promise", _("There is no such open promise."))
    note = _text(data, "note", _("Say what was found."))
    return {"no": promise.no, "kept": bool(data.get("kept")), "note": note}


def _close(case: Case, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    if missing(6, case.records.get(6, {}), case.records):
        raise Refused("record_missing", _("Record first how the promises were carried out."))
    if any(one.kept is None for one in case.promises):
        raise Refused("promise_open", _("Each promise has to be followed up first."))
    ends = set(Result.values) - {Result.WITHDRAWN, Result.MERGED}
    if data.get("result") not in ends or data.get("cause") not in Cause.values:
        raise Refused("result_missing", _("Choose a result and a root cause."))
    return {
        "result": data["result"],
        "cause": data["cause"],
        "proof": _text(data, "proof", _("Say what proves that the matter is settled.")),
        "measure": str(data.get("measure") or "").strip()[:2000],
        "paid": data.get("paid"),
    }


def _withdraw(case: Case, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    reason = _text(data, "reason", _("Say why."))
    return {"reason": reason, "evidence": _text(data, "evidence", _("Say what shows the client's wish."))}


def _reopen(case: Case, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    if case.result == Result.MERGED:
        raise Refused("merged", _("The case was merged into another one; go on there."))
    to = data.get("to", 3)
    if to not in range(1, case.step + 1):
        raise Refused("step", _("Not possible at this step."))
    return {"to": to, "reason": _text(data, "reason", _("Say why."))}


def _resume(case: Case, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    return {"ground": case.paused}


def _nothing(case: Case, actor: Actor, data: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    return dict(data)


_MAKE = {
    "accept": _accept,
    "assign": _assign,
    "handover": _assign,
    "record": _record,
    "advance": _advance,
    "approve": _approve,
    "back": _back,
    "pause": _pause,
    "resume": _resume,
    "correct": _correct,
    "relabel": _relabel,
    "relabel_confirm": _relabel_confirm,
    "extend": _extend,
    "answer": _answer,
    "promise": _promise,
    "follow": _follow,
    "close": _close,
    "withdraw": _withdraw,
    "reopen": _reopen,
    "merge": _reasoned,
    "archive": _nothing,
    "attach": _nothing,
}
