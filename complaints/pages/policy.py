"""The complaint policy: limits with unit and basis, ladder, follow-ups; draft and publish (X2, X4)."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import services
from complaints.choices import Basis, Unit
from complaints.models import ComplaintPolicy
from complaints.services import policies
from complaints.words import clock_words, limit_words
from crm.clock import today
from org.models import Role
from org.rights import may
from org.views import page


class PolicyForm(forms.Form):
    """The draft: a number and a unit for each limit that is not law, and the plain figures."""

    valid_from = forms.DateField(
        label=gettext_lazy("Valid from"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    follow_up_days = forms.CharField(label=gettext_lazy("Follow-ups after closing, calendar days"), max_length=60)
    fast_workdays = forms.IntegerField(label=gettext_lazy("Resolved fast: working days"), min_value=1, max_value=30)
    group_from = forms.IntegerField(label=gettext_lazy("Group complaint from persons"), min_value=2, max_value=1000)
    approve_from = forms.IntegerField(
        label=gettext_lazy("Amount to be approved from, yuan"), min_value=0, max_value=1_000_000_000
    )
    archive_days = forms.IntegerField(
        label=gettext_lazy("Archived after closing, calendar days"), min_value=30, max_value=3650
    )
    keep_years = forms.IntegerField(label=gettext_lazy("Kept, years"), min_value=20, max_value=100)
    note = forms.CharField(label=gettext_lazy("Why"), max_length=200, required=False)

    def __init__(self, *args: Any, policy: ComplaintPolicy, **kwargs: Any) -> None:
        self.policy = policy
        start = {name: getattr(policy, name) for name in self.base_fields}
        start["follow_up_days"] = ", ".join(str(one) for one in policy.follow_up_days)
        super().__init__(*args, initial=start, **kwargs)
        for one in policy.limits:
            if one["basis"] == Basis.LAW:
                continue
            self.fields[f"amount-{one['key']}"] = forms.IntegerField(
                label=clock_words(one["key"]), min_value=1, max_value=365, initial=one["amount"]
            )
            self.fields[f"unit-{one['key']}"] = forms.ChoiceField(
                label=_("%s: unit") % clock_words(one["key"]), choices=Unit.choices, initial=one["unit"]
            )

    def values(self) -> dict[str, Any]:
        """What was typed, for `policies.change`. Raises ValidationError for follow-ups that are no numbers."""
        found = dict(self.cleaned_data)
        try:
            days = [int(part) for part in found["follow_up_days"].replace("，", ",").split(",")]
        except ValueError:
            raise ValidationError({"follow_up_days": _("Numbers of days, with commas.")}) from None
        limits = [
            one
            if one["basis"] == Basis.LAW
            else one | {"amount": found[f"amount-{one['key']}"], "unit": found[f"unit-{one['key']}"]}
            for one in self.policy.limits
        ]
        plain = {name: found[name] for name in self.base_fields}
        return plain | {"limits": limits, "follow_up_days": days}


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
                messages.success(request, _("Published.") if "publish" in request.POST else _("Saved."))
                return redirect("complaints:policy")
    return render(request, "complaints/policy_draft.html", {"policy": found, "form": form}, status=status)


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
        "ladder": [
            (rung.percent, _("Handler") if rung.to == "handler" else Role(rung.to).label) for rung in terms.ladder
        ],
    }
