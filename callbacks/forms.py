"""Forms of a call-back."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from callbacks.models import Attempt
from callbacks.services import Call
from callbacks.words import QUESTIONS

_ANSWERS = [("", _("not asked")), ("yes", _("Yes")), ("no", _("No"))]


class CallForm(forms.Form):
    """One call: what came of it, and the answers if the client was reached."""

    outcome = forms.ChoiceField(label=_("Outcome"), choices=Attempt.Outcome.choices, widget=forms.RadioSelect)
    recording = forms.CharField(label=_("Reference of the recording"), max_length=120, required=False)
    note = forms.CharField(label=_("Note"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for key, words in QUESTIONS.items():
            self.fields[key] = forms.ChoiceField(label=words, choices=_ANSWERS, required=False)
        self.order_fields(["outcome", *QUESTIONS, "recording", "note", "version"])

    def call(self) -> Call:
        """What a valid form says."""
        found = self.cleaned_data
        answers = {key: {"yes": True, "no": False}.get(found[key]) for key in QUESTIONS}
        return Call(found["outcome"], answers, found["note"], found["recording"])
