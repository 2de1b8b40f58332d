"""Forms of the forecasts."""

from decimal import Decimal

from django import forms
from django.utils.translation import gettext_lazy as _

_MOST = Decimal("1000000000")


class WhatIf(forms.Form):
    """The three parts of a lifetime value and how much each changes (S13)."""

    order = forms.DecimalField(label=_("Value of an order, yuan"), max_digits=14, decimal_places=2, max_value=_MOST)
    orders = forms.DecimalField(
        label=_("Orders a year"), min_value=0, max_value=100_000, max_digits=10, decimal_places=2
    )
    years = forms.DecimalField(label=_("Years"), min_value=0, max_value=100, max_digits=6, decimal_places=2)
    more_order = forms.DecimalField(label=_("Change of the value, %"), min_value=-100, max_value=1000, initial=10)
    more_orders = forms.DecimalField(label=_("Change of the orders, %"), min_value=-100, max_value=1000, initial=10)
    more_years = forms.DecimalField(label=_("Change of the years, %"), min_value=-100, max_value=1000, initial=10)
