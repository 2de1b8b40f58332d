"""What the page of a case is put together from: stepper, clocks, records, promises, entries of the file."""

from datetime import date
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from complaints import rules, services
from complaints.choices import State, Step
from complaints.forms import ActionForm, LetterForm, StepForm
from complaints.models import Complaint, ComplaintEvent
from complaints.rules import Case
from complaints.services.letters import may_write
from complaints.words import changes, clock_words, due_cell, event_detail, event_title, limit_words
from org.models import Staff


def asked(folded: Case) -> dict[str, Any] | None:
    """Other labels that wait for a second person: what they are, who asked, why."""
    if folded.asked is None:
        return None
    who = Staff.objects.filter(pk=folded.asked.staff).first() if folded.asked.staff else None
    return {
        "changes": changes(folded.asked.was, folded.asked.to),
        "who": who.name if who else _("The system"),
        "reason": folded.asked.reason,
    }


def letters(complaint: Complaint, folded: Case, user: Any) -> LetterForm | None:
    if not may_write(complaint, user):
        return None
    form = LetterForm(case=folded, complaint=complaint)
    return form if form.fields["letter"].choices else None


def approvals(complaint: Complaint, folded: Case) -> list[str]:
    if folded.step != 4:
        return []
    return rules.approvals_missing(folded, services.terms_of(complaint.policy).terms)


def my_approval(request: HttpRequest, complaint: Complaint, folded: Case) -> bool:
    return services.actor_of(request.user).role in approvals(complaint, folded)


def steps(complaint: Complaint, folded: Case) -> list[dict[str, Any]]:
    """The six steps as the stepper shows them: done, now or to come."""
    ended = complaint.state in (State.CLOSED, State.ARCHIVED)
    found = []
    for step in Step:
        done = step < complaint.step or (ended and step == complaint.step == Step.KEEP)
        here = step == complaint.step and not ended
        found.append({"step": step, "state": "done" if done else "here" if here else "ahead"})
    return found


def clocks(complaint: Complaint, at: Any) -> list[dict[str, Any]]:
    limits = {one.key: one for one in services.terms_of(complaint.policy).limits}
    rows = []
    for clock in complaint.clocks.order_by("due_at", "key"):
        limit = limits[clock.key]
        rows.append(
            {
                "label": clock_words(clock.key),
                "limit": limit_words(limit.amount, limit.unit),
                "basis": clock.get_basis_display(),
                "law": clock.basis == "law",
                "due_at": clock.due_at,
                "met_at": clock.met_at,
                "late": clock.met_at is not None and clock.due_at is not None and clock.met_at > clock.due_at,
                "left": due_cell(clock.due_at, at) if clock.met_at is None else "",
            }
        )
    return rows


def step_form(complaint: Complaint, folded: Case, data: Any = None) -> StepForm:
    record = dict(folded.records.get(complaint.step, {}))
    if complaint.step == 1:
        record.setdefault("told", complaint.narrative)
    return StepForm(
        data,
        step=complaint.step,
        proposals=list(folded.records.get(4, {}).get("proposals", [])),
        initial=StepForm.initial_of(record),
    )


def records(folded: Case, current: int) -> list[dict[str, Any]]:
    """What was recorded at the steps before, as label and text."""
    found = []
    for step, record in sorted(folded.records.items()):
        if step == current:
            continue
        facts = []
        for field in rules.FIELDS[step]:
            value = record.get(field.key)
            if field.kind == "proposals":
                facts += [(_("Proposal %s") % n, one["text"], one["amount"]) for n, one in enumerate(value or [], 1)]
            elif field.kind == "tick":
                facts.append((field.label, _("Yes") if value else _("No"), None))
            else:
                facts.append((field.label, dict(field.choices).get(value, value), None))
        found.append({"step": Step(step), "facts": facts})
    return found


def promises(
    complaint: Complaint, folded: Case, request: HttpRequest, may_follow: bool, bound: Any
) -> list[dict[str, Any]]:
    found = []
    for one in folded.promises:
        form = None
        if may_follow and one.kept is None:
            form = (
                bound
                if bound is not None and bound.data.get("no") == str(one.no)
                else ActionForm(
                    key="follow",
                    complaint=complaint,
                    user=request.user,
                    initial={"version": complaint.version, "no": one.no, "kept": True},
                )
            )
        found.append({"promise": one, "due_on": date.fromisoformat(one.due_on), "form": form})
    return found


def entry(event: ComplaintEvent, masked: bool) -> dict[str, Any]:
    who = _("The system")
    if event.by is not None:
        who = event.by.staff.name if getattr(event.by, "staff", None) else event.by.username
    return {
        "sequence": event.sequence,
        "at": event.at,
        "who": who,
        "title": event_title(event.kind, event.data),
        "detail": [] if masked else event_detail(event.kind, event.data),
        "hash": event.hash[:12],
    }
