"""Words of complaints, made on reading in the reader's language: events, clocks, time left, the manner of speaking (X1)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils.functional import Promise as Lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from complaints.choices import Category, Cause, Ground, Kind, Result, Severity, State, Step, Unit, Wish

CLOCKS: dict[str, Lazy] = {
    "acknowledge": gettext_lazy("Acknowledge receipt"),
    "contact": gettext_lazy("First talk with the client"),
    "answer": gettext_lazy("Answer"),
    "answer_complex": gettext_lazy("Answer, complex matter"),
    "platform": gettext_lazy("Answer to 12386"),
    "aml": gettext_lazy("Answer to the objection"),
}


def clock_words(key: str) -> str:
    """What a clock measures: 'Answer', 'Step 3', 'Follow-up after 30 days'."""
    if key.startswith("step_"):
        return pgettext("clock of a complaint", "Step %s") % key.removeprefix("step_")
    if key.startswith("follow_up_"):
        return _("Follow-up after %s days") % key.removeprefix("follow_up_")
    return str(CLOCKS.get(key, key))


#: The five-part manner of speaking for each step: listen and restate, apologise, acknowledge, explain, thank.
PARTS = (
    gettext_lazy("Listen and restate"),
    gettext_lazy("Apologise"),
    gettext_lazy("Acknowledge the feeling"),
    gettext_lazy("Explain what will be done"),
    gettext_lazy("Thank"),
)
ADVICE: dict[int, tuple[Lazy, ...]] = {
    1: (
        gettext_lazy(
            "Please tell me everything from the beginning; I am writing it down. You mean that …, is that right?"
        ),
        gettext_lazy("I am sorry that you had to ring us about this."),
        gettext_lazy("I understand that this makes you angry; it would make me angry too."),
        gettext_lazy("I take this on myself and ring you back by the time we agree on now."),
        gettext_lazy("Thank you for telling us and not just leaving."),
    ),
    2: (
        gettext_lazy("Let me say once more what weighs most for you: …"),
        gettext_lazy("I apologise on behalf of the firm for the trouble this has caused you."),
        gettext_lazy("You relied on us, and we let you wait. That is hard to bear."),
        gettext_lazy("As of now … is stopped, so that nothing gets worse while we look into it."),
        gettext_lazy("Thank you for giving us the chance to put it right."),
    ),
    3: (
        gettext_lazy("So far I have understood: … What have I missed?"),
        gettext_lazy("I am sorry that I have to ask you about this again."),
        gettext_lazy("I know that waiting for an answer is unpleasant."),
        gettext_lazy(
            "I look at the recording, the order and the papers and ask those concerned; you hear from me on …"
        ),
        gettext_lazy("Thank you for your papers and your patience."),
    ),
    4: (
        gettext_lazy("You wish for …; that is what I looked for a solution to."),
        gettext_lazy("This part was our fault, and I apologise for it. That part I have to explain to you."),
        gettext_lazy("I see that not every answer will please you."),
        gettext_lazy("There are these ways: … None of them may be a promise about gains or losses."),
        gettext_lazy("Thank you for going through them with me."),
    ),
    5: (
        gettext_lazy("Which of these ways suits you best, and what would you change?"),
        gettext_lazy("I am sorry that we cannot do everything you wish for."),
        gettext_lazy("It is your decision, and I understand if you want to think it over."),
        gettext_lazy("I write down what you chose, who does what by when, and send it to you."),
        gettext_lazy("Thank you for solving this with us."),
    ),
    6: (
        gettext_lazy("We agreed on …; let me go through it with you point by point."),
        gettext_lazy("If anything was late, I apologise for it."),
        gettext_lazy("I hope that you can trust us again."),
        gettext_lazy("I will ring you again after a week, a month and three months."),
        gettext_lazy("Thank you for staying with us."),
    ),
}

EVENTS: dict[str, Lazy] = {
    "registered": gettext_lazy("Registered"),
    "intake_added": gettext_lazy("Came in by another channel too"),
    "accepted": gettext_lazy("Accepted, receipt acknowledged"),
    "assigned": gettext_lazy("Assigned"),
    "handed_over": gettext_lazy("Handed over"),
    "recorded": gettext_lazy("Record written"),
    "advanced": gettext_lazy("Step done"),
    "stepped_back": gettext_lazy("Went back a step"),
    "paused": gettext_lazy("Paused"),
    "resumed": gettext_lazy("Resumed"),
    "corrected": gettext_lazy("Corrected"),
    "relabel_asked": gettext_lazy("Other labels asked for"),
    "relabelled": gettext_lazy("Other labels, confirmed by a second person"),
    "relabel_declined": gettext_lazy("Other labels declined"),
    "extended": gettext_lazy("Time for the answer extended"),
    "approved": gettext_lazy("Amount approved"),
    "promised": gettext_lazy("Promise made"),
    "promise_followed": gettext_lazy("Promise followed up"),
    "answered": pgettext_lazy("complaint", "Answered"),
    "closed": pgettext_lazy("complaint", "Closed"),
    "withdrawn": gettext_lazy("Withdrawn by the client"),
    "reopened": gettext_lazy("Reopened"),
    "archived": gettext_lazy("Archived"),
    "merged": gettext_lazy("Merged into another case"),
    "absorbed": gettext_lazy("Took in a duplicate"),
    "noted": gettext_lazy("Added to the file"),
    "attached": gettext_lazy("File attached"),
    "escalated": gettext_lazy("Reminder"),
    "followed_up": gettext_lazy("Followed up after closing"),
    "satisfaction": gettext_lazy("The client answered the question about satisfaction"),
}


def event_title(kind: str, data: Mapping[str, Any]) -> str:
    """One line for an event."""
    title = str(EVENTS.get(kind, kind))
    if kind == "escalated":
        late = data.get("percent", 0) >= 100
        title = _("Escalated") if late and data.get("to") != "handler" else _("Reminder")
        return f"{title}: {clock_words(str(data.get('clock')))}, {data.get('percent')} %"
    if kind in ("recorded", "advanced", "stepped_back") and data.get("step") in Step.values:
        return f"{title}: {data['step']} · {Step(data['step']).label}"
    if kind == "closed":
        return f"{title}: {Result(data['result']).label}"
    if kind == "paused":
        return f"{title}: {Ground(data['ground']).label}"
    return title


#: Fields of an event's data that are read as they stand, in this order.
_READ = (
    "reason",
    "text",
    "way",
    "note",
    "evidence",
    "proof",
    "measure",
    "told_how",
    "due_on",
    "number",
    "into",
    "name",
)
_LABELS: dict[str, type] = {
    "kind": Kind, "category": Category, "severity": Severity, "state": State, "cause": Cause, "wish": Wish,
}  # fmt: skip
#: How fields are called where one value became another.
FIELDS: dict[str, Lazy] = {
    "kind": gettext_lazy("Kind of matter"),
    "category": gettext_lazy("Business line"),
    "severity": gettext_lazy("Severity"),
    "wish": gettext_lazy("What the client wants"),
    "product": gettext_lazy("Product"),
    "about": gettext_lazy("Complained about"),
    "superior": gettext_lazy("Superior also named"),
    "client": gettext_lazy("Client"),
    "branch": gettext_lazy("Branch"),
    "complainant": gettext_lazy("Complainant"),
    "contact": gettext_lazy("Contact"),
    "party": gettext_lazy("Who complains"),
    "persons": gettext_lazy("Persons complaining"),
    "amount": gettext_lazy("Amount claimed"),
}


def event_detail(kind: str, data: Mapping[str, Any]) -> list[str]:
    """What an event says beside its title, as plain lines; for those who may read the file."""
    lines = [str(data[name]) for name in _READ if data.get(name)]
    if kind in ("corrected", "relabel_asked", "relabelled"):
        lines += changes(data["from"], data["to"])
    if kind == "closed" and data.get("cause"):
        lines.insert(0, str(Cause(data["cause"]).label))
    if kind == "promise_followed":
        lines.insert(0, _("Kept") if data.get("kept") else _("Not kept"))
    if kind in ("followed_up", "satisfaction") and data.get("satisfaction"):
        lines.insert(0, _("Satisfaction %s of 5") % data["satisfaction"])
    return lines


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """'Severity: Important → Normal' for each field."""
    return [
        f"{FIELDS.get(name, name)}: {_value(name, before.get(name))} → {_value(name, value)}"
        for name, value in after.items()
    ]


def _value(name: str, value: Any) -> str:
    choices = _LABELS.get(name)
    if choices is not None and value in choices.values:  # type: ignore[attr-defined]
        return str(choices(value).label)
    return "–" if value in (None, "") else str(value)


def limit_words(amount: int, unit: str) -> str:
    """'15 calendar days'."""
    if unit == Unit.HOUR:
        words = ngettext("%(n)s hour", "%(n)s hours", amount)
    elif unit == Unit.CALENDAR_DAY:
        words = ngettext("%(n)s calendar day", "%(n)s calendar days", amount)
    elif unit == Unit.WORKING_DAY:
        words = ngettext("%(n)s working day", "%(n)s working days", amount)
    else:
        words = ngettext("%(n)s trading day", "%(n)s trading days", amount)
    return words % {"n": amount}


# --- Time left: in words and colour, never colour alone ----------------------------------------------------------------


def left(due: datetime | None, at: datetime) -> str:
    """'2 days left', 'late by 3 hours'; empty without a date."""
    if due is None:
        return ""
    span = due - at
    late, span = span < timedelta(), abs(span)
    if span >= timedelta(days=2):
        length = ngettext("%(n)s day", "%(n)s days", span.days) % {"n": span.days}
    elif span >= timedelta(hours=1):
        hours = int(span.total_seconds() // 3600)
        length = ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": hours}
    else:
        minutes = int(span.total_seconds() // 60)
        length = ngettext("%(n)s minute", "%(n)s minutes", minutes) % {"n": minutes}
    return (_("late by %s") if late else _("%s left")) % length


def tone(due: datetime | None, at: datetime) -> str:
    """The state mark's colour for a due date."""
    if due is None:
        return "closed"
    if due < at:
        return "failed"
    return "late" if due - at < timedelta(days=1) else "waiting"


def due_cell(due: datetime | None, at: datetime) -> SafeString:
    """Time left as a mark."""
    if due is None:
        return format_html("<span class='crm-quiet'>{}</span>", "–")
    return format_html('<span class="crm-state crm-state-{}">{}</span>', tone(due, at), left(due, at))


#: Colours of the case states' marks.
STATE_TONES = {
    State.RECEIVED: "waiting",
    State.ACCEPTED: "waiting",
    State.IN_WORK: "running",
    State.ANSWERED: "current",
    State.REOPENED: "late",
    State.CLOSED: "done",
    State.ARCHIVED: "closed",
}
