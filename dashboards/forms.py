"""Forms of the dashboards."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from crm.money import MAX_YUAN, to_units
from dashboards.models import Target
from dashboards.rules import Period, read_period


class WhatIf(forms.Form):
    """A churn rate to try, in per cent."""

    churn = forms.DecimalField(
        label=_("Try a churn rate, %"), required=False, min_value=Decimal(0), max_value=Decimal(100), decimal_places=2
    )


class TargetForm(forms.Form):
    """A target. `value`: 元, or per cent for contacts. `staff`: a manager's number, empty: the branch."""

    staff = forms.CharField(label=_("Whose"), required=False, max_length=32)
    goal = forms.ChoiceField(label=_("Figure"), choices=Target.Goal.choices)
    period = forms.CharField(label=_("Period"), max_length=7, help_text=_("2026-10, 2026-Q4 or 2026"))
    value = forms.DecimalField(
        label=_("Target"),
        max_value=MAX_YUAN,
        min_value=Decimal("0.01"),
        decimal_places=2,
        help_text=_("yuan, or % of contacts"),
    )

    def clean_period(self) -> Period:
        found = read_period(self.cleaned_data["period"])
        if found is None:
            raise ValidationError(_("Give a month, a quarter or a year."))
        return found

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        if found.get("goal") == Target.Goal.CONTACTS and found.get("value", 0) > 100:
            raise ValidationError({"value": _("100% at most.")})
        return found

    @property
    def units(self) -> int:
        """The value as it is kept."""
        value = self.cleaned_data["value"]
        return int(value * 100) if self.cleaned_data["goal"] == Target.Goal.CONTACTS else to_units(value)
