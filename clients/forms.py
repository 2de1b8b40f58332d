"""Forms of the client pages: what is typed, checked before a service sees it."""

from django import forms
from django.utils.translation import gettext_lazy as _

from clients.models import ClientCare
from clients.services.care import EDITABLE


class CareForm(forms.ModelForm):
    """Credit standing and contact wishes (C7), with the version that was shown."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)

    class Meta:
        model = ClientCare
        fields = EDITABLE
        widgets = {
            "contact_from": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "contact_to": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "note": forms.Textarea(attrs={"rows": 4}),
        }

    def clean(self) -> dict:
        cleaned = super().clean() or {}
        if cleaned.get("do_not_contact") and not cleaned.get("do_not_contact_reason"):
            self.add_error("do_not_contact_reason", _("Say why the client does not want to be contacted."))
        begin, end = cleaned.get("contact_from"), cleaned.get("contact_to")
        if begin and end and begin >= end:
            self.add_error("contact_to", _("The hours end before they begin."))
        return cleaned

    def _post_clean(self) -> None:
        """The service writes, not the form: the instance stays as it was."""


class NoteForm(forms.Form):
    """A note for the timeline (C8)."""

    text = forms.CharField(label=_("Note"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
