"""Forms of the analyses."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from analyses.models import Offer
from crm.money import to_units

_DAY = {"type": "date"}


class OfferForm(forms.ModelForm):
    """An offer and what came of it; the amount in 元."""

    amount = forms.DecimalField(
        label=_("Amount, yuan"),
        min_value=0,
        max_value=Decimal("100000000000"),
        decimal_places=2,
        required=False,
    )

    class Meta:
        model = Offer
        fields = ("product", "kind", "made_on", "outcome", "amount")
        widgets = {"made_on": forms.DateInput(attrs=_DAY, format="%Y-%m-%d")}

    def clean_amount(self) -> int | None:
        found = self.cleaned_data["amount"]
        return None if found is None else to_units(found)

    def _post_clean(self) -> Any:
        """The service writes; the constraints would be held against half an offer."""
