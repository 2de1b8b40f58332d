"""Form of a hand-over."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from handovers.services import Wish
from org.models import MANAGING, Staff
from org.scope import scope_of

TIERS = [("A", "A"), ("B", "B"), ("C", "C"), ("none", _("Without a tier"))]


class WishForm(forms.Form):
    """Whose book goes to whom. Choices: managers of the user's branches; the former one may have left."""

    former = forms.ModelChoiceField(Staff.objects.none(), to_field_name="staff_no", label=_("Whose clients"))
    to = forms.ModelMultipleChoiceField(
        Staff.objects.none(),
        to_field_name="staff_no",
        label=_("Successors"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Several share the clients so that each has about the same work."),
    )
    tiers = forms.MultipleChoiceField(
        choices=TIERS,
        required=False,
        label=_("Tiers"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked: the whole book."),
    )
    overlap_until = forms.DateField(
        required=False,
        label=_("Beside each other until"),
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Until then the former manager sees the clients too."),
    )
    reason = forms.CharField(max_length=200, label=_("Reason"))

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        managers = Staff.objects.filter(branch__in=list(scope_of(user).branch_ids), role__in=MANAGING)
        managers = managers.select_related("branch").order_by("branch__branch_no", "name", "staff_no")
        several = managers.values("branch").order_by().distinct().count() > 1
        for name in ("former", "to"):
            field: Any = self.fields[name]
            field.queryset = managers
            field.label_from_instance = _with_branch if several else _label

    def wish(self) -> Wish:
        """What a valid form says."""
        found = self.cleaned_data
        return Wish(
            former=found["former"],
            successors=sorted(found["to"], key=lambda staff: staff.staff_no),
            reason=found["reason"],
            tiers=tuple("" if one == "none" else one for one in found["tiers"]),
            overlap_until=found["overlap_until"],
        )


def _label(staff: Staff) -> str:
    return f"{staff.name} ({staff.staff_no})"


def _with_branch(staff: Staff) -> str:
    return f"{_label(staff)} · {staff.branch.name}"
