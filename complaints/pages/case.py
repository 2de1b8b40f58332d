"""The page of a case: stepper, the record of the current step, commands, the file; two at once (X1, X5)."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from complaints import rules, services
from complaints.choices import OPEN_STATES, State
from complaints.forms import ActionForm, AgainForm, FollowUpForm
from complaints.models import Complaint, ComplaintEvent, FollowUp
from complaints.pages import parts
from complaints.rules import Refused
from complaints.scope import complaint_scope
from complaints.services import Stale
from complaints.words import (
    ADVICE,
    PARTS,
    STATE_TONES,
    clock_words,
    due_cell,
)
from crm.clock import now
from org import audit
from org.masking import mask_mobile, mask_name
from org.models import Role, Staff
from org.rights import may
from org.views import page

#: Commands with a small form under "More", in this order; those of the main path stand by themselves.
MORE = ("handover", "assign", "back", "pause", "resume", "extend", "note", "correct", "relabel", "merge", "withdraw")
MAIN = ("accept", "approve", "answer", "promise", "close", "reopen", "archive")
#: Beside what is asked for, not among the rest.
LABELLING = ("relabel_confirm", "relabel_decline")


def _case_of(request: HttpRequest, number: str) -> Complaint:
    rows = Complaint.objects.visible_to(request.user)
    related = ("client", "branch", "handler", "receiver", "about_person", "about_superior", "policy", "merged_into")
    return get_object_or_404(rows.select_related(*related), number=number)


@page("complaints.view")
@require_GET
def case(request: HttpRequest, number: str) -> HttpResponse:
    """The whole case. Looking at one is in the audit trail."""
    complaint = _case_of(request, number)
    audit.record("complaint.view", user=request.user, object_kind="complaint", object_no=number)
    return _show(request, complaint)


def _show(
    request: HttpRequest,
    complaint: Complaint,
    *,
    bound: dict[str, Any] | None = None,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    """Render the case; `bound` holds forms as typed, by command."""
    bound, at = bound or {}, now()
    events = list(ComplaintEvent.objects.filter(complaint=complaint).select_related("by__staff").order_by("sequence"))
    folded = rules.fold(rules.Happening(e.kind, e.at, e.by_id, e.data) for e in events)
    masked = complaint_scope(request.user).masked
    acts = may(request.user, "complaints.handle")
    allowed = set(rules.allowed(folded, services.actor_of(request.user))) if acts else set()
    if not may(request.user, "complaints.approve"):
        allowed -= {"approve", "extend", "relabel_confirm"}
    if not may(request.user, "complaints.assign"):
        allowed -= {"assign"}
    if "approve" in allowed and not parts.my_approval(request, complaint, folded):
        allowed -= {"approve"}
    allowed -= {"handover"} if complaint.handler_id is None else {"assign"}

    def form(key: str) -> ActionForm:
        return bound.get(key) or ActionForm(key=key, complaint=complaint, user=request.user)

    context = {
        "complaint": complaint,
        "name": mask_name(complaint.complainant) if masked else complaint.complainant or _("Anonymous"),
        "contact": mask_mobile(complaint.contact) if masked or not acts else complaint.contact,
        "masked": masked,
        "tone": STATE_TONES[State(complaint.state)],
        "steps": parts.steps(complaint, folded),
        "left": due_cell(complaint.due_at, at),
        "left_of": clock_words(complaint.due_key),
        "clocks": parts.clocks(complaint, at),
        "advice": list(zip(PARTS, ADVICE[complaint.step], strict=True)),
        "step_form": bound.get("record") or parts.step_form(complaint, folded),
        "may_record": "record" in allowed,
        "may_advance": "advance" in allowed,
        "lacking": rules.missing(complaint.step, folded.records.get(complaint.step, {}), folded.records),
        "waiting": [Role(role).label for role in parts.approvals(complaint, folded)],
        "records": [] if masked else parts.records(folded, complaint.step),
        "promises": parts.promises(complaint, folded, request, "follow" in allowed, bound.get("follow")),
        "main": [form(key) for key in MAIN if key in allowed],
        "more": [form(key) for key in MORE if key in allowed],
        "asked": None if masked else parts.asked(folded),
        "labelling": [form(key) for key in LABELLING if key in allowed],
        "file": [parts.entry(event, masked) for event in reversed(events)],
        "files": [] if masked else list(complaint.attachments.order_by("pk")),
        "may_attach": "attach" in allowed,
        "may_export": not masked and may(request.user, "complaints.export"),
        "letters": parts.letters(complaint, folded, request.user) if "attach" in allowed and not masked else None,
        "follow_ups": [
            (row, FollowUpForm(prefix=f"d{row.days}"))
            for row in complaint.follow_ups.filter(dropped=False).order_by("due_on")
        ],
        "watch": None if masked else complaint.watches.filter(dropped=False, round=complaint.round).first(),
        "may_follow_up": acts and complaint.state == State.CLOSED,
        "again": bound.get("again") or AgainForm(auto_id="again-%s", initial={"received_at": timezone.localtime(at)})
        if acts and complaint.state in OPEN_STATES and not masked
        else None,
        "duplicates": services.likely_duplicates(complaint, request.user) if "merge" in allowed else [],
        "intakes": list(complaint.intakes.order_by("received_at", "pk")),
        "error": error,
        "personal": True,
    }
    return render(request, "complaints/case.html", context, status=status)


# --- Commands -------------------------------------------------------------------------------------------------------


@page("complaints.handle")
@require_POST
def act(request: HttpRequest, number: str, key: str) -> HttpResponse:
    """One command. 409 with both versions when somebody was faster; 422 with what was typed when the rules say no."""
    complaint = _case_of(request, number)
    if key not in rules.COMMANDS or key == "attach":
        raise Http404
    if key in ("record", "advance"):
        return _record(request, complaint, key)
    form = ActionForm(request.POST, key=key, complaint=complaint, user=request.user)
    if not form.is_valid():
        return _show(request, complaint, bound={key: form}, error=_first_error(form), status=422)
    try:
        _carry_out(request, complaint, key, dict(form.cleaned_data))
    except Stale:
        return _conflict(request, number, key)
    except Refused as refused:
        return _show(request, _case_of(request, number), bound={key: form}, error=str(refused.message), status=422)
    except ValidationError as error:
        return _show(request, complaint, bound={key: form}, error=" ".join(error.messages), status=422)
    messages.success(request, _("Done: %s") % rules.COMMANDS[key].label)
    if Complaint.objects.visible_to(request.user).filter(number=number).exists():
        return redirect("complaints:case", number)
    return redirect("complaints:list")


@page("complaints.handle")
@require_POST
def again(request: HttpRequest, number: str) -> HttpResponse:
    """The same matter by another channel: a second intake of the case."""
    complaint = _case_of(request, number)
    form = AgainForm(request.POST, auto_id="again-%s")
    error = ""
    if form.is_valid():
        try:
            services.add_intake(number, form.told(), user=request.user, at=now())
        except Refused as refused:
            error = str(refused.message)
        except ValidationError as wrong:
            for name, texts in wrong.message_dict.items():
                form.add_error(name, texts)
        else:
            messages.success(request, _("The second intake stands in the file."))
            return redirect("complaints:case", number)
    return _show(request, complaint, bound={"again": form}, error=error or _first_error(form), status=422)


def _first_error(form: Any) -> str:
    return next((str(text) for texts in form.errors.values() for text in texts), "")


def _carry_out(request: HttpRequest, complaint: Complaint, key: str, data: dict[str, Any]) -> None:
    number, version, user, at = complaint.number, data.pop("version"), request.user, now()
    if key in ("handover", "assign"):
        services.give_to(number, data["to"], data["reason"], user=user, at=at, version=version, key=key)
    elif key == "merge":
        try:
            services.merge(number, data["into"].strip(), data["reason"], user=user, at=at, version=version)
        except Complaint.DoesNotExist:
            raise ValidationError(_("There is no such case.")) from None
    elif key == "relabel":
        services.relabel(number, data, data.pop("reason"), user=user, at=at, version=version)
    elif key == "correct":
        _correct(complaint, data, user, at, version)
    else:
        if "due_on" in data:
            data["due_on"] = data["due_on"].isoformat()
        services.act(number, key, data, user=user, at=at, version=version)


def _correct(complaint: Complaint, data: dict[str, Any], user: Any, at: Any, version: int) -> None:
    about = None
    if data["about_no"]:
        about = Staff.objects.filter(staff_no=data["about_no"]).first()
        if about is None:
            raise ValidationError(_("There is nobody with this number."))
    to = {name: data[name] for name in ("severity", "wish", "product")}
    # Given back by the rules as unchanged where nothing differs.
    if about != complaint.about_person:
        to["about"] = about
    services.correct(complaint.number, to, data["reason"], user=user, at=at, version=version)


def _record(request: HttpRequest, complaint: Complaint, key: str) -> HttpResponse:
    """Save the record of the current step; with 'advance' pressed, go on to the next step in the same breath."""
    folded = rules.fold(services.happenings(complaint))
    form = parts.step_form(complaint, folded, request.POST)
    version = request.POST.get("version", "")
    if not form.is_valid() or not version.isdecimal() or len(version) > 9:
        return _show(request, complaint, bound={"record": form}, error=_first_error(form), status=422)
    record = form.record()
    at, shown = now(), int(version)
    try:
        # Unchanged, it is not written again: approvals given for it would fall.
        if rules.records.clean_record(complaint.step, record) != folded.records.get(complaint.step):
            shown = services.act(
                complaint.number, "record", {"record": record}, user=request.user, at=at, version=shown
            ).version
        if key == "advance":
            services.act(complaint.number, "advance", user=request.user, at=at, version=shown)
    except Stale:
        return _conflict(request, complaint.number, key)
    except Refused as refused:
        fresh = _case_of(request, complaint.number)
        return _show(request, fresh, bound={"record": form}, error=str(refused.message), status=422)
    messages.success(request, _("The step is done.") if key == "advance" else _("The record is kept."))
    return redirect("complaints:case", complaint.number)


def _conflict(request: HttpRequest, number: str, key: str) -> HttpResponse:
    """Both versions: what somebody else did since the page was opened, and what was typed here; nothing is lost."""
    complaint = _case_of(request, number)
    version = request.POST.get("version", "")
    since = int(version) if version.isdecimal() and len(version) < 10 else complaint.version
    events = ComplaintEvent.objects.filter(complaint=complaint, sequence__gt=since).select_related("by__staff")
    masked = complaint_scope(request.user).masked
    hidden = [(name, value) for name, value in request.POST.items() if name not in ("csrfmiddlewaretoken", "version")]
    context = {
        "complaint": complaint,
        "label": rules.COMMANDS[key].label,
        "key": key,
        "theirs": [parts.entry(event, masked) for event in events.order_by("sequence")],
        "mine": [(name, value) for name, value in hidden if value],
        "hidden": hidden,
        "tone": STATE_TONES[State(complaint.state)],
        "personal": True,
    }
    return render(request, "complaints/conflict.html", context, status=409)


@page("complaints.handle")
@require_POST
def follow_up(request: HttpRequest, number: str, days: int) -> HttpResponse:
    """What the client said after closing (X6)."""
    complaint = _case_of(request, number)
    form = FollowUpForm(request.POST, prefix=f"d{days}")
    if not form.is_valid():
        return _show(request, complaint, error=_first_error(form), status=422)
    try:
        services.follow_up(number, days, **form.cleaned_data, user=request.user, at=now())
    except FollowUp.DoesNotExist as error:
        raise Http404 from error
    except ValidationError as error:
        return _show(request, complaint, error=" ".join(error.messages), status=422)
    messages.success(request, _("The follow-up is recorded."))
    return redirect("complaints:case", number)
