"""Forms of segmentation: a policy draft, and what may be asked of the Pareto pages."""

from django import forms

from segmentation.models import RankingPolicy, Tier
from segmentation.policies import FIELDS


class PolicyForm(forms.ModelForm):
    """All that a draft may change; the model's own checks speak at the fields."""

    class Meta:
        model = RankingPolicy
        fields = FIELDS
        widgets = {
            "valid_from": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "window_from": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "window_to": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        }


class ParetoForm(forms.Form):
    """Parameters of the Pareto pages; `first` and `last` are places in the order of contribution."""

    branch = forms.CharField(required=False)
    manager = forms.CharField(required=False)
    date = forms.DateField(required=False)
    tier = forms.ChoiceField(required=False, choices=Tier.choices)
    first = forms.IntegerField(required=False, min_value=1)
    last = forms.IntegerField(required=False, min_value=1)
    page = forms.IntegerField(required=False, min_value=1, max_value=10**6)
