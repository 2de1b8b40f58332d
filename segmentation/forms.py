"""The form of a policy draft."""

from django import forms

from segmentation.models import RankingPolicy
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
