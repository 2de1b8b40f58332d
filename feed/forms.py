"""The form of a webhook."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from feed.rules import RIGHT_OF
from org.forms import BranchByNo
from org.models import Branch, User

#: What a person may choose: 'clients.' (loads) goes with 'client.'.
KINDS = {
    "client.": _("Clients: made, changed, moved, closed, tier changed"),
    "clients.": _("Clients: loaded or ranked by the thousand"),
    "visit.": _("Visits: planned, moved, done, cancelled, missed"),
    "complaint.": _("Complaints: every step"),
    "night.": _("Nights: done, held, failed"),
    "intake.": _("Intake: taken in, failed, undone"),
}
assert KINDS.keys() == RIGHT_OF.keys()


class WebhookForm(forms.Form):
    """A program that is told of changes."""

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("Which program is told"))
    url = forms.CharField(label=_("Address"), max_length=500, help_text=_("https://…; it gets signed POST requests"))
    kinds = forms.MultipleChoiceField(
        label=_("What it is told of"), choices=list(KINDS.items()), widget=forms.CheckboxSelectMultiple
    )
    branch = BranchByNo(
        label=_("Branch"), required=False, empty_label=_("The whole firm"), help_text=_("With the branches below it")
    )

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data)
        self.fields["branch"].queryset = Branch.objects.staffed_for(user).order_by("branch_no")  # type: ignore[attr-defined]
