"""Forms of the nights' pages."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from crm.clock import today
from nights.rules import LINKS

LINK_LABELS = {
    "intake": _("Intake alone"),
    "facts": _("Monthly facts alone"),
    "ranking": _("Ranking alone, with its check"),
    "values": _("Lifetime values and profit alone"),
    "notices": _("Notices alone"),
    "measures": _("Nine cells, score, RFM alone"),
    "visits": _("Contacts owed and month plans alone"),
    "dashboards": _("Dashboards alone"),
}
assert LINK_LABELS.keys() == LINKS.keys()


class StartForm(forms.Form):
    """A night by hand."""

    date = forms.DateField(
        label=_("Business date"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Takes in what lies in the drop folder of this date, even without the marker."),
    )

    def clean_date(self):
        """A day that has come."""
        chosen = self.cleaned_data["date"]
        if chosen > today():
            raise ValidationError(_("This day is still to come."))
        return chosen


class AgainForm(forms.Form):
    """Another run of a night: the rest, the whole, or one link."""

    what = forms.ChoiceField(
        label=_("What is to run"),
        choices=[("rest", _("From where it stopped")), ("all", _("The whole night")), *LINK_LABELS.items()],
        initial="all",
    )

    def __init__(self, *args, stopped: bool = True, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if not stopped:
            self.fields["what"].choices = self.fields["what"].choices[1:]
