"""Forms of the organisation's pages. They parse; what is allowed is decided in `org.services`."""

from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Case, When
from django.utils.translation import gettext_lazy as _

from org.audit import ACTIONS
from org.models import MANAGING, Branch, Role, Staff, User
from org.queries import AuditFilter
from org.rights import FIRM_ONLY, TOKEN_SCOPES


class DayInput(forms.DateInput):
    """A date in the browser's own picker."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class StaffByNo(forms.ModelChoiceField):
    """A member of staff, told by the staff number."""

    def __init__(self, **options: Any) -> None:
        super().__init__(Staff.objects.none(), to_field_name="staff_no", **options)

    def label_from_instance(self, staff: Any) -> str:
        return f"{staff.name} · {staff.staff_no} · {staff.branch.name}"


class BranchByNo(forms.ModelChoiceField):
    """A branch, told by the branch number."""

    def __init__(self, **options: Any) -> None:
        super().__init__(Branch.objects.none(), to_field_name="branch_no", **options)


class StaffFilter(forms.Form):
    """What the staff list shows; anything that does not parse is not asked for."""

    q = forms.CharField(label=_("Name, number or log-in"), required=False, max_length=60)
    branch = BranchByNo(label=_("Branch"), required=False, empty_label=_("All branches"))
    role = forms.ChoiceField(label=_("Role"), required=False, choices=[("", _("All roles")), *Role.choices])
    left = forms.BooleanField(label=_("Also those who have left"), required=False)

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data)
        self.fields["branch"].queryset = Branch.objects.staffed_for(user).order_by("branch_no")  # type: ignore[attr-defined]


class SettingsForm(forms.ModelForm):
    """The interface as its user wants it."""

    language = forms.ChoiceField(
        label=_("Language"), required=False, choices=[("", _("As the firm has it")), *settings.LANGUAGES]
    )
    rise_is_red = forms.TypedChoiceField(
        label=_("Colour of rises"),
        coerce=lambda value: value == "True",
        choices=[("True", _("Red up, green down")), ("False", _("Green up, red down"))],
        widget=forms.RadioSelect,
    )

    class Meta:
        model = User
        fields = ("language", "theme", "rise_is_red")
        widgets = {"theme": forms.RadioSelect}


class LeaveForm(forms.Form):
    """An absence and the deputy."""

    deputy = StaffByNo(label=_("Deputy"))
    from_on = forms.DateField(label=_("First day"), widget=DayInput)
    to_on = forms.DateField(label=_("Last day"), widget=DayInput)

    def __init__(self, data: Any = None, *, staff: Staff, user: User, on: date) -> None:
        super().__init__(data, initial={"from_on": on, "to_on": on})
        nearby = Staff.objects.visible_to(user).serving(on).filter(role__in=MANAGING).exclude(pk=staff.pk)
        # The own branch first: a deputy is nearly always found there.
        elsewhere = Case(When(branch=staff.branch_id, then=0), default=1)
        rows = nearby.select_related("branch").order_by(elsewhere, "branch__branch_no", "staff_no")
        self.fields["deputy"].queryset = rows  # type: ignore[attr-defined]


class GrantForm(forms.Form):
    """Client data for an administrator, for a time and a reason."""

    to = StaffByNo(label=_("Administrator"))
    branch = BranchByNo(label=_("Branch"), required=False)
    until = forms.DateField(label=_("Until"), help_text=_("Last day"), widget=DayInput)
    reason = forms.CharField(label=_("Reason"), min_length=5, max_length=200)

    def __init__(self, data: Any = None, *, user: User, on: date, firm: bool) -> None:
        super().__init__(data)
        administrators = Staff.objects.serving(on).filter(role=Role.ADMIN, user__isnull=False).exclude(user=user)
        self.fields["to"].queryset = administrators.select_related("branch").order_by("staff_no")  # type: ignore[attr-defined]
        branch: Any = self.fields["branch"]
        branch.queryset = Branch.objects.staffed_for(user).order_by("branch_no")
        branch.required, branch.empty_label = not firm, _("The whole firm") if firm else "–"


class TokenForm(forms.Form):
    """A token for a service account."""

    name = forms.CharField(label=_("Name of the token"), max_length=80, help_text=_("Which program will use it"))
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"), choices=[(scope, scope) for scope in TOKEN_SCOPES], widget=forms.CheckboxSelectMultiple
    )
    branch = BranchByNo(
        label=_("Branch"), required=False, empty_label=_("The whole firm"), help_text=_("With the branches below it")
    )
    days = forms.IntegerField(label=_("Valid for days"), min_value=1, max_value=366, initial=90)

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data)
        self.fields["branch"].queryset = Branch.objects.staffed_for(user).order_by("branch_no")  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        firms = sorted(FIRM_ONLY.intersection(found.get("scopes", ())))
        if found.get("branch") and firms:
            text = _("These scopes concern the whole firm: %(scopes)s")
            self.add_error("scopes", ValidationError(text, params={"scopes": ", ".join(firms)}))
        return found


class AuditForm(forms.Form):
    """What the auditor looks for."""

    who = forms.CharField(label=_("User name or staff number"), required=False, max_length=150)
    action = forms.ChoiceField(label=_("Action"), required=False)
    object_kind = forms.CharField(label=_("Kind of object"), required=False, max_length=40)
    object_no = forms.CharField(label=_("Number of the object"), required=False, max_length=64)
    client_no = forms.CharField(label=_("Client number"), required=False, max_length=32)
    from_on = forms.DateField(label=_("From"), required=False, widget=DayInput)
    to_on = forms.DateField(label=_("To"), required=False, widget=DayInput)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.fields["action"].choices = [("", _("All actions")), *ACTIONS.items()]  # type: ignore[attr-defined]

    def wanted(self) -> AuditFilter:
        """The filter; fields with errors ask for nothing."""
        self.is_valid()
        return AuditFilter(**{name: value for name, value in self.cleaned_data.items() if value})


def take_errors(form: forms.Form, error: ValidationError) -> None:
    """Put the errors of a service at the fields they are about."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, errors in error.error_dict.items():
        form.add_error(name if name in form.fields and name != NON_FIELD_ERRORS else None, errors)
