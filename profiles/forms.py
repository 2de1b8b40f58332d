"""Forms of profiles and prospects."""

from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from crm.money import to_units, to_yuan
from profiles.models import CustomField, Profile, Prospect
from profiles.services import EDITABLE, PROSPECT_FIELDS

_MOST = Decimal("100000000000")


def label_of(field: CustomField) -> str:
    """The label in the reader's language."""
    return field.label_zh if (get_language() or "").startswith("zh") else field.label_en


class ProfileForm(forms.ModelForm):
    """The profile with the firm's own fields behind it."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = Profile
        fields = EDITABLE

    def __init__(self, *args: Any, own: list[CustomField] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.own = list(CustomField.objects.filter(retired_at__isnull=True)) if own is None else own
        for field in self.own:
            made = _form_field(field)
            made.initial = self.instance.custom.get(field.key)
            if field.kind == CustomField.Kind.YES_NO and made.initial is not None:
                made.initial = "yes" if made.initial else "no"
            self.fields[f"custom-{field.key}"] = made

    def custom_values(self) -> dict[str, Any]:
        """Values of the firm's own fields as they are kept: text, number as text, ISO date, true or false."""
        found: dict[str, Any] = {}
        for field in self.own:
            value = self.cleaned_data.get(f"custom-{field.key}")
            if isinstance(value, date):
                value = value.isoformat()
            elif isinstance(value, Decimal):
                value = str(value)
            elif field.kind == CustomField.Kind.YES_NO:
                value = {"yes": True, "no": False}.get(str(value))
            found[field.key] = value if value != "" else None
        return found


class OwnFieldsForm(ProfileForm):
    """The firm's own fields alone."""

    def _post_clean(self) -> None:
        """Nothing for the model to check, which asks the database for each of a thousand rows."""


def _form_field(field: CustomField) -> forms.Field:
    common: dict[str, Any] = {"label": label_of(field), "required": False}
    if field.kind == CustomField.Kind.NUMBER:
        return forms.DecimalField(max_digits=18, decimal_places=4, **common)
    if field.kind == CustomField.Kind.DATE:
        return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **common)
    if field.kind == CustomField.Kind.CHOICE:
        return forms.ChoiceField(choices=[("", "–"), *((c, c) for c in field.choices)], **common)
    if field.kind == CustomField.Kind.YES_NO:
        return forms.ChoiceField(choices=[("", "–"), ("yes", _("Yes")), ("no", _("No"))], **common)
    return forms.CharField(max_length=200, **common)


class FieldForm(forms.ModelForm):
    """A field of the firm's own; the choices one a line."""

    choices = forms.CharField(
        label=_("Choices"), widget=forms.Textarea(attrs={"rows": 4}), required=False, help_text=_("One a line")
    )

    class Meta:
        model = CustomField
        fields = ("key", "kind", "label_zh", "label_en", "choices", "position")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["choices"] = "\n".join(self.instance.choices)
            for name in ("key", "kind"):
                self.fields[name].disabled = True

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        lines = [line.strip()[:80] for line in str(found.get("choices", "")).splitlines()]
        found["choices"] = list(dict.fromkeys(line for line in lines if line))
        if found.get("kind") == CustomField.Kind.CHOICE and len(found["choices"]) < 2:
            self.add_error("choices", _("Give at least two choices, one a line."))
        return found


class ProspectForm(forms.ModelForm):
    """A prospect; assets in 元."""

    assets = forms.DecimalField(
        label=_("Assets elsewhere, yuan"), min_value=0, max_value=_MOST, decimal_places=2, required=False
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    manager: forms.ModelChoiceField = forms.ModelChoiceField(
        queryset=None, label=_("Manager"), to_field_name="staff_no", required=False
    )

    class Meta:
        model = Prospect
        fields = (*PROSPECT_FIELDS, "manager")
        widgets = {
            "next_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "note": forms.Textarea(attrs={"rows": 4}),
        }

    def __init__(self, *args: Any, managers: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["manager"].queryset = managers
        self.fields["manager"].label_from_instance = lambda staff: f"{staff.name} {staff.staff_no}"
        if self.instance.pk and self.instance.assets is not None:
            self.initial["assets"] = to_yuan(self.instance.assets).quantize(Decimal("0.01"))
        if self.instance.state != Prospect.State.WON:
            states = [choice for choice in Prospect.State.choices if choice[0] != Prospect.State.WON]
            self.fields["state"].choices = states

    def clean_assets(self) -> int | None:
        found = self.cleaned_data["assets"]
        return None if found is None else to_units(found)

    def _post_clean(self) -> None:
        """The service checks and writes; the model's own checks would hold the constraints against half a form."""
