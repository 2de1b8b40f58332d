"""What the letters of a case say (X1): acknowledgement, proposal, closing, in Chinese or English.

Only what the law says is called a right or a duty; everything else is what the firm says it will do (docs/complaints.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import get_language, gettext, pgettext, pgettext_lazy

from complaints.choices import Basis, Party, State
from complaints.models import Complaint
from complaints.rules import Case
from complaints.rules.clocks import Deadline
from complaints.words import clock_words
from crm.money import to_yuan
from org.templatetags.fmt import day as day_of


class Letter(models.TextChoices):
    """The letters, in the order of a case."""

    ACKNOWLEDGEMENT = "acknowledgement", pgettext_lazy("letter", "Acknowledgement")
    PROPOSAL = "proposal", pgettext_lazy("letter", "Proposal")
    CLOSING = "closing", pgettext_lazy("letter", "Closing letter")


#: Characters of a text that a letter repeats; more is left to the case.
MOST_CHARACTERS = 8_000
LANGUAGES = (("zh-hans", "简体中文"), ("en", "English"))


@dataclass(frozen=True)
class Facts:
    """What a letter may tell, as the case stands."""

    complaint: Complaint
    case: Case
    deadlines: tuple[Deadline, ...]
    writer: str
    at: datetime


def why_not(letter: str, case: Case, *, approvals_missing: bool) -> str:
    """Why a letter cannot be written now; '' when it can."""
    if case.facts.get("party") == Party.ANONYMOUS:
        return gettext("Nobody is known to write to.")
    if letter == Letter.PROPOSAL:
        if not case.records.get(4, {}).get("proposals"):
            return gettext("Record a proposal at step 4 first.")
        if sum(len(one["text"]) for one in case.records[4]["proposals"]) > MOST_CHARACTERS:
            return gettext("The proposals are too long for a letter.")
        if approvals_missing:
            return gettext("The amount of the proposal is not approved yet.")
    if letter == Letter.CLOSING and case.state not in (State.ANSWERED, State.CLOSED):
        return gettext("Answer the complaint first.")
    return ""


def content(letter: str, facts: Facts, *, draft: bool) -> dict[str, Any]:
    """The data of templates/pdf/letter.typ, in the language that is active."""
    complaint = facts.complaint
    before, boxes, after = _WORDS[Letter(letter)](facts)
    return {
        "title": _TITLES[Letter(letter)](),
        "firm": complaint.branch.name,
        "address": complaint.branch.address,
        "language": "zh" if (get_language() or "").startswith("zh") else "en",
        "to": gettext("Dear %(name)s,") % {"name": complaint.complainant},
        "reference": {"label": gettext("Our reference"), "text": complaint.number},
        "place_day": day_of(timezone.localdate(facts.at)),
        "paragraphs": {"before": before, "after": after},
        "boxes": boxes,
        "closing": gettext("Thank you for telling us."),
        "signature": [facts.writer, complaint.branch.name],
        "draft": gettext("Draft") if draft else "",
        "page_of": gettext("Page {n} of {of}"),
    }


_TITLES: dict[Letter, Callable[[], str]] = {
    Letter.ACKNOWLEDGEMENT: lambda: gettext("We have received your complaint"),
    Letter.PROPOSAL: lambda: gettext("Our proposal for your complaint"),
    Letter.CLOSING: lambda: gettext("How your complaint was settled"),
}

_KEPT: dict[bool | None, Callable[[], str]] = {
    True: lambda: pgettext("promise", "kept"),
    False: lambda: pgettext("promise", "not kept"),
    None: lambda: pgettext("promise", "open"),
}

Box = dict[str, Any]
Words = tuple[list[str], list[Box], list[str]]


def _box(heading: str, rows: list[tuple[str, str]]) -> Box:
    return {"heading": heading, "rows": [{"label": label, "text": text} for label, text in rows]}


def _matter(complaint: Complaint) -> Box:
    rows = [
        (gettext("Received on"), day_of(timezone.localdate(complaint.received_at))),
        (gettext("By way of"), str(complaint.get_channel_display())),
        (gettext("Matter"), complaint.summary),
    ]
    if complaint.amount:
        rows.append((gettext("Amount claimed"), _money(complaint.amount)))
    return _box(gettext("Your complaint"), rows)


def _acknowledgement(facts: Facts) -> Words:
    complaint = facts.complaint
    rows = [
        (str(clock_words(one.limit.key)), _until(one))
        for one in facts.deadlines
        # The limits of single steps are our own business.
        if one.met is None and one.due is not None and not one.limit.key.startswith(("step_", "follow_up_"))
    ]
    handler = complaint.handler.name if complaint.handler else gettext("will be named to you")
    before = [
        gettext(
            "Your complaint has reached us and is on file. We are sorry that you had cause for it, and we take it seriously."
        ),
    ]
    after = [
        gettext("Your complaint is looked after by %(handler)s. Nobody whom it is about takes part in deciding it.")
        % {"handler": handler},
        gettext("If you wish to add papers or facts, please name our reference."),
        _rights(),
    ]
    boxes = [_matter(complaint)]
    if rows:
        boxes.append(_box(gettext("What happens by when"), rows))
    return before, boxes, after


def _until(one: Deadline) -> str:
    due = timezone.localtime(one.due)
    if due.hour == due.minute == 0:
        # A limit that ends with the night: the day before is the last one.
        words = gettext("until the end of %(day)s") % {"day": day_of((due - timedelta(seconds=1)).date())}
    else:
        words = gettext("until %(moment)s") % {"moment": f"{due:%Y-%m-%d %H:%M}"}
    return gettext("%(until)s (by law)") % {"until": words} if one.limit.basis == Basis.LAW else words


def _proposal(facts: Facts) -> Words:
    record = facts.case.records.get(4, {})
    found = facts.case.records.get(3, {}).get("findings", "")
    rows = []
    for number, one in enumerate(record["proposals"], 1):
        text = one["text"]
        if one.get("amount"):
            text += f" ({_money(one['amount'])})"
        rows.append((gettext("Proposal %s") % number, text))
    boxes = [_matter(facts.complaint)]
    if found:
        boxes.append(_box(gettext("What we found"), [("", found[:MOST_CHARACTERS])]))
    boxes.append(_box(gettext("What we propose"), rows))
    before = [gettext("We have looked into your complaint and would like to settle it together with you.")]
    after = [
        gettext(
            "Please tell us which of the proposals suits you, or what you would want instead. The choice is yours."
        ),
        _rights(),
    ]
    return before, boxes, after


def _closing(facts: Facts) -> Words:
    complaint, records = facts.complaint, facts.case.records
    agreed = records.get(5, {})
    offers = records.get(4, {}).get("proposals", [])
    picked = str(agreed.get("choice", ""))
    rows = []
    if complaint.result:
        rows.append((gettext("Result"), str(complaint.get_result_display())))
    if picked.isdecimal() and 1 <= int(picked) <= len(offers):
        one = offers[int(picked) - 1]
        rows.append((gettext("You chose"), one["text"] + (f" ({_money(one['amount'])})" if one.get("amount") else "")))
    for promise in facts.case.promises:
        state = _KEPT[promise.kept]()
        day = gettext("until %(day)s") % {"day": day_of(date.fromisoformat(promise.due_on))}
        rows.append((gettext("We promised"), f"{promise.text} ({day}; {state})"))
    if done := records.get(6, {}).get("carried_out"):
        rows.append((gettext("What was done"), done[:MOST_CHARACTERS]))
    boxes = [_matter(complaint)]
    if rows:
        boxes.append(_box(gettext("The outcome"), rows))
    before = [gettext("We have dealt with your complaint. This is what came of it.")]
    days = ", ".join(str(n) for n in complaint.policy.follow_up_days)
    after = [
        gettext("If you are not content with the outcome, please tell us: the case is then opened again."),
        _rights(),
    ]
    if days:
        after.insert(0, gettext("We will ask you how you are, after %(days)s days.") % {"days": days})
    return before, boxes, after


_WORDS: dict[Letter, Callable[[Facts], Words]] = {
    Letter.ACKNOWLEDGEMENT: _acknowledgement,
    Letter.PROPOSAL: _proposal,
    Letter.CLOSING: _closing,
}


def _rights() -> str:
    return gettext(
        "You may also turn to the investors' hotline 12386. Ordinary investors may ask an investor protection institution for"
        " mediation of a dispute with us, which we shall not refuse (Securities Law, Article 94)."
    )


def _money(units: int) -> str:
    return gettext("CNY %(amount)s") % {"amount": f"{to_yuan(units):,.2f}"}
