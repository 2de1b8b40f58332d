"""Forms of the profit pages."""

from decimal import Decimal

from django import forms
from django.utils.translation import gettext_lazy as _

from profit.models import CostPool, Driver, Level

_MOST = Decimal("1000000000")


class TotalForm(forms.Form):
    """What the branch's accounts say of the month; `version` guards against two people at once."""

    total = forms.DecimalField(
        label=_("Total cost of the month, yuan"), min_value=0, max_value=_MOST, decimal_places=2, max_digits=12
    )
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)


class PoolForm(forms.Form):
    """One cost; an empty line is no cost."""

    name = forms.CharField(label=_("Cost"), max_length=CostPool._meta.get_field("name").max_length, required=False)
    amount = forms.DecimalField(
        label=_("Amount, yuan"), min_value=0, max_value=_MOST, decimal_places=2, max_digits=12, required=False
    )
    level = forms.ChoiceField(label=_("Level"), choices=Level.choices, required=False)
    driver = forms.ChoiceField(label=_("Shared out by"), choices=Driver.choices, required=False)

    def clean(self) -> dict[str, object]:
        found = super().clean() or {}
        if bool(found.get("name")) != (found.get("amount") is not None) and not self.errors:
            field = "amount" if found.get("name") else "name"
            self.add_error(field, _("Give both the name and the amount, or leave the line empty."))
        return found

    @property
    def filled(self) -> bool:
        """Whether the line holds a cost."""
        return bool(self.cleaned_data.get("name")) and self.cleaned_data.get("amount") is not None


PoolForms = forms.formset_factory(PoolForm, extra=3, max_num=43, absolute_max=43)


class UseForm(forms.Form):
    """What a client uses of the branch."""

    month = forms.DateField(
        label=_("From month"),
        input_formats=["%Y-%m", "%Y-%m-%d"],
        widget=forms.DateInput(attrs={"type": "month"}, format="%Y-%m"),
    )
    seats = forms.DecimalField(
        label=_("Seats"), min_value=0, max_value=100, decimal_places=2, max_digits=5, required=False
    )
    minutes = forms.IntegerField(label=_("Minutes of service a month"), min_value=0, max_value=20_000, required=False)


class DecisionForm(forms.Form):
    """A decision on a proposal."""

    accept = forms.TypedChoiceField(choices=[("1", _("Agree")), ("0", _("Decline"))], coerce=lambda value: value == "1")
    reason = forms.CharField(label=_("Reason"), max_length=200, strip=True)
