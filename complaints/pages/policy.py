"""The complaint policy: limits with unit and basis, ladder, follow-ups; draft and publish (X2, X4)."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from complaints import services
from complaints.choices import Basis, Severity
from complaints.models import ComplaintPolicy
from complaints.policy_form import PolicyForm, told_words
from complaints.preview import preview_of
from complaints.services import policies
from complaints.words import clock_words, limit_words
from crm.clock import now, today
from org.models import Role
from org.rights import may
from org.views import page


@page("policies.view", post="policies.edit")
def policy(request: HttpRequest) -> HttpResponse:
    """The policy in force, all versions, and the way to a draft."""
    if request.method == "POST":
        return redirect("complaints:policy-draft", policies.draft(by=request.user).version)
    context = {
        "shown": _shown(services.policy_on(today())),
        "versions": ComplaintPolicy.objects.order_by("-version"),
        "may_edit": may(request.user, "policies.edit"),
    }
    return render(request, "complaints/policy.html", context)


@page("policies.edit")
def draft(request: HttpRequest, version: int) -> HttpResponse:
    """Change the draft, or publish it."""
    found = get_object_or_404(ComplaintPolicy, version=version, state="draft")
    form = PolicyForm(request.POST or None, policy=found)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                policies.change(version, form.values(), by=request.user)
                if "publish" in request.POST:
                    policies.publish(version, by=request.user, not_before=today() + timedelta(days=1))
            except ValidationError as error:
                for name, texts in getattr(error, "message_dict", {"": error.messages}).items():
                    form.add_error(name if name in form.fields else None, texts)
            else:
                if "publish" in request.POST:
                    messages.success(request, _("Published."))
                    return redirect("complaints:policy")
                messages.success(request, _("The draft is kept. Below stands what it would change."))
                return redirect("complaints:policy-draft", version)
    return render(request, "complaints/policy_draft.html", {"policy": found, "form": form}, status=status)


@page("policies.edit")
@require_GET
def preview(request: HttpRequest, version: int) -> HttpResponse:
    """What the draft as it was saved would change for the open cases, as a part of its page."""
    found = get_object_or_404(ComplaintPolicy, version=version, state="draft")
    at = now()
    made = preview_of(found, request.user, at)
    told = [(told_words(role), before, after) for role, before, after in made.told]
    changed = [
        {
            "number": one.complaint.number,
            "clock_now": clock_words(one.now.key) if one.now.key else "",
            "clock_then": clock_words(one.then.key) if one.then.key else "",
            "due_now": one.now.due,
            "due_then": one.then.due,
            "late_then": one.then.due is not None and one.then.due < at,
            "handler_now": one.handler_now,
            "handler_then": one.handler_then,
        }
        for one in made.changed
    ]
    context = {"preview": made, "told": told, "changed": changed}
    return render(request, "complaints/_policy_preview.html", context)


@page("policies.edit")
@require_POST
def discard(request: HttpRequest, version: int) -> HttpResponse:
    """Throw the draft away."""
    try:
        policies.discard(version, by=request.user)
    except ComplaintPolicy.DoesNotExist:
        raise Http404 from None
    messages.success(request, _("The draft is gone."))
    return redirect("complaints:policy")


def _shown(found: ComplaintPolicy) -> dict[str, Any]:
    terms = services.terms_of(found)
    return {
        "policy": found,
        "limits": [
            {
                "label": clock_words(one.key),
                "words": limit_words(one.amount, one.unit),
                "extended": limit_words(one.extended, one.unit) if one.extended else "",
                "basis": Basis(one.basis).label,
                "law": one.basis == Basis.LAW,
                "pausable": one.stands_still,
            }
            for one in terms.limits
        ],
        "ladder": [(rung.percent, told_words(rung.to)) for rung in terms.ladder],
        "assignment": [
            (severity.label, [Role(role).label for role in found.assignment.get(severity, [])]) for severity in Severity
        ],
    }
