"""The form of a draft of the complaint policy (X2, X4): limits, ladder, assignment, plain figures."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints.choices import Basis, Severity, Unit
from complaints.models import ComplaintPolicy
from complaints.services.policies import GIVEN, TOLD
from complaints.words import clock_words
from org.models import Role

#: Rungs that the ladder has room for.
RUNGS = 8


def told_words(to: str) -> str:
    """Whom a rung tells."""
    return _("Handler") if to == "handler" else str(Role(to).label)


class PolicyForm(forms.Form):
    """The draft: number, unit and extension of each limit that is not law, the ladder, who is given a case, plain figures."""

    valid_from = forms.DateField(
        label=gettext_lazy("Valid from"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    follow_up_days = forms.CharField(label=gettext_lazy("Follow-ups after closing, calendar days"), max_length=60)
    fast_workdays = forms.IntegerField(label=gettext_lazy("Resolved fast: working days"), min_value=1, max_value=30)
    group_from = forms.IntegerField(label=gettext_lazy("Group complaint from persons"), min_value=2, max_value=1000)
    approve_from = forms.IntegerField(
        label=gettext_lazy("Amount to be approved from, yuan"), min_value=0, max_value=1_000_000_000
    )
    grave_from = forms.IntegerField(
        label=gettext_lazy("Amount claimed that is assigned like a major case, yuan"),
        min_value=1,
        max_value=1_000_000_000,
        required=False,
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
        super().__init__(*args, **{**kwargs, "initial": start})
        for one in policy.limits:
            if one["basis"] != Basis.LAW:
                self._add_limit(one)
        self._add_ladder(policy.ladder)
        self._add_assignment(policy.assignment)

    def _add_limit(self, one: dict[str, Any]) -> None:
        key, words = one["key"], clock_words(one["key"])
        self.fields[f"amount-{key}"] = forms.IntegerField(
            label=words, min_value=1, max_value=365, initial=one["amount"]
        )
        self.fields[f"unit-{key}"] = forms.ChoiceField(
            label=_("%s: unit") % words, choices=Unit.choices, initial=one["unit"]
        )
        if one["extended"]:
            self.fields[f"extended-{key}"] = forms.IntegerField(
                label=_("%s: with approval") % words, min_value=2, max_value=730, initial=one["extended"]
            )

    def _add_ladder(self, ladder: list[dict[str, Any]]) -> None:
        for number in range(1, max(RUNGS, len(ladder)) + 1):
            rung = ladder[number - 1] if number <= len(ladder) else {"percent": None, "to": ""}
            self.fields[f"percent-{number}"] = forms.IntegerField(
                label=_("Rung %s: %% of a limit") % number,
                min_value=1,
                max_value=500,
                required=False,
                initial=rung["percent"],
            )
            self.fields[f"to-{number}"] = forms.ChoiceField(
                label=_("Rung %s: whom it tells") % number,
                choices=[("", "–"), *((one, told_words(one)) for one in TOLD)],
                required=False,
                initial=rung["to"],
            )

    def _add_assignment(self, assignment: dict[str, list[str]]) -> None:
        roles = [("", "–"), *((role.value, role.label) for role in GIVEN)]
        for severity in Severity:
            for number in range(1, len(GIVEN) + 1):
                named = assignment.get(severity, [])
                self.fields[f"given-{severity}-{number}"] = forms.ChoiceField(
                    label=_("%(severity)s: given to, choice %(n)s") % {"severity": severity.label, "n": number},
                    choices=roles,
                    required=False,
                    initial=named[number - 1] if number <= len(named) else "",
                )

    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields under their headings, in the order of the page."""
        named: dict[str, list[forms.BoundField]] = {"": [], "limits": [], "ladder": [], "given": []}
        heads = {"amount": "limits", "unit": "limits", "extended": "limits", "percent": "ladder", "to": "ladder"}
        heads["given"] = "given"
        for field in self:
            named[heads.get(field.name.split("-")[0], "") if "-" in field.name else ""].append(field)
        titles = (_("General"), _("Limits"), _("Escalation"), _("Who is given a case"))
        return list(zip(titles, named.values(), strict=True))

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        for name in [one for one in self.fields if one.startswith("percent-")]:
            to = name.replace("percent", "to")
            if name in found and to in found and (found[name] is None) != (not found[to]):
                self.add_error(to, _("A rung wants both: at what per cent, and whom it tells."))
        return found

    def values(self) -> dict[str, Any]:
        """What was typed, for `policies.change`. Raises ValidationError for follow-ups that are no numbers."""
        found = self.cleaned_data
        try:
            days = [int(part) for part in found["follow_up_days"].replace("，", ",").split(",")]
        except ValueError:
            raise ValidationError({"follow_up_days": _("Numbers of days, with commas.")}) from None
        rungs = [
            {"percent": value, "to": found[name.replace("percent", "to")]}
            for name, value in found.items()
            if name.startswith("percent-") and value is not None
        ]
        assignment = {
            str(severity): [
                found[name] for name in self.fields if name.startswith(f"given-{severity}-") and found[name]
            ]
            for severity in Severity
        }
        plain = {name: found[name] for name in self.base_fields}
        return plain | {
            "limits": [self._limit(one) for one in self.policy.limits],
            "ladder": sorted(rungs, key=lambda rung: (rung["percent"], TOLD.index(rung["to"]))),
            "assignment": assignment,
            "follow_up_days": days,
        }

    def _limit(self, one: dict[str, Any]) -> dict[str, Any]:
        if one["basis"] == Basis.LAW:
            return one
        found = self.cleaned_data
        typed = {name: found[f"{name}-{one['key']}"] for name in ("amount", "unit")}
        return one | typed | {"extended": found.get(f"extended-{one['key']}")}
