"""Forms of visits. Notes are typed on a phone: few fields, all by taps but the text."""

import uuid
from datetime import date, datetime, time
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from org.models import Role
from visits.cadence import FIELDS
from visits.models import Busy, CadencePolicy, Channel, Duty, Feeling, Outcome, ReminderWish
from visits.services import Note
from visits.services.photos import MAX_PHOTOS, Picture, picture

DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
TIME = forms.TimeInput(attrs={"type": "time", "step": 300}, format="%H:%M")


class VisitForm(forms.Form):
    """A visit or call entered by hand."""

    date = forms.DateField(label=_("Date"), widget=DAY)
    start = forms.TimeField(label=_("Start"), widget=TIME)
    minutes = forms.IntegerField(label=_("Minutes"), min_value=5, max_value=600, initial=30)
    kind = forms.ChoiceField(label=_("Kind"), choices=Channel.choices)
    agenda = forms.CharField(
        label=_("Agenda"), required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )


class MoveForm(forms.Form):
    """A new time for a visit; `version` is the one that the person saw."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    date = forms.DateField(label=_("Date"), widget=DAY)
    start = forms.TimeField(label=_("Start"), widget=TIME, required=False)


class PhotoInput(forms.FileInput):
    """Several photos, from the camera or the gallery."""

    allow_multiple_selected = True


class PhotosField(forms.FileField):
    """Photos of a note, each checked and made anew (`services.photos`)."""

    widget = PhotoInput

    def clean(self, data: Any, initial: Any = None) -> tuple[Picture, ...]:
        sent = [one for one in data or () if one]
        if len(sent) > MAX_PHOTOS:
            raise forms.ValidationError(_("At most %(n)s photos."), params={"n": MAX_PHOTOS})
        return tuple(picture(one, one.size) for one in sent)


class NoteForm(forms.Form):
    """What came of a contact. `key` makes the note arrive once, however often it is sent."""

    key = forms.UUIDField(widget=forms.HiddenInput)
    visit = forms.IntegerField(required=False, widget=forms.HiddenInput)
    channel = forms.ChoiceField(label=_("Channel"), choices=Channel.choices)
    on = forms.DateField(label=_("Date"), widget=DAY)
    at = forms.TimeField(label=_("Time"), widget=TIME)
    outcome = forms.ChoiceField(label=_("What came of it"), choices=Outcome.choices, widget=forms.RadioSelect)
    feeling = forms.TypedChoiceField(
        label=_("How it felt"), choices=Feeling.choices, coerce=int, empty_value=None, required=False,
        widget=forms.RadioSelect,
    )  # fmt: skip
    text = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3, "data-personal": True}),
    )
    promise = forms.CharField(label=_("Promise"), required=False, max_length=200)
    promise_on = forms.DateField(label=_("Due on"), required=False, widget=DAY)
    promise2 = forms.CharField(label=_("Another promise"), required=False, max_length=200)
    promise2_on = forms.DateField(label=_("Due on"), required=False, widget=DAY)
    next_step = forms.CharField(label=_("Next step"), required=False, max_length=200)
    next_on = forms.DateField(label=_("Next step on"), required=False, widget=DAY)

    photos = PhotosField(
        label=_("Photos"),
        required=False,
        help_text=_("At most three; without the place and time that the camera writes into them."),
        widget=PhotoInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for name in ("promise", "promise2"):
            if data.get(name) and not data.get(f"{name}_on"):
                self.add_error(f"{name}_on", _("Say until when it is promised."))
        return data

    def note(self) -> Note:
        """The checked note; times are the firm's."""
        data = self.cleaned_data
        at = timezone.make_aware(datetime.combine(data["on"], data["at"]))
        promises = tuple((data[name], data[f"{name}_on"]) for name in ("promise", "promise2") if data.get(name))
        return Note(
            key=data["key"],
            channel=data["channel"],
            at=at,
            outcome=data["outcome"],
            feeling=data["feeling"],
            text=data["text"],
            next_step=data["next_step"],
            next_on=data["next_on"],
            promises=promises,
            photos=data.get("photos") or (),
        )


def fresh_note(moment: datetime, *, channel: str = Channel.VISIT, visit_id: int | None = None) -> dict[str, Any]:
    """Initial values of a note that begins now."""
    local = timezone.localtime(moment)
    at: time = local.time().replace(minute=local.minute // 5 * 5, second=0, microsecond=0)
    on: date = local.date()
    return {"key": uuid.uuid4(), "visit": visit_id, "channel": channel, "on": on, "at": at}


class BusyForm(forms.ModelForm):
    """Time that is not for clients."""

    class Meta:
        model = Busy
        fields = ("date", "start", "end", "title")
        widgets = {"date": DAY, "start": TIME, "end": TIME}


class WaiveForm(forms.Form):
    """Why a contact is not made."""

    reason = forms.ChoiceField(
        label=_("Reason"),
        choices=[(one.value, one.label) for one in (Duty.Waiver.CLIENT, Duty.Waiver.AWAY, Duty.Waiver.HEAD)],
    )


class CadenceForm(forms.ModelForm):
    """A new version of the cadence."""

    class Meta:
        model = CadencePolicy
        fields = FIELDS
        widgets = {"valid_from": DAY, "day_from": TIME, "day_to": TIME, "noon_from": TIME, "noon_to": TIME}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["branch"].empty_label = _("The firm")  # type: ignore[attr-defined]  # a ModelChoiceField

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        hours = [data.get(name) for name in ("day_from", "noon_from", "noon_to", "day_to")]
        if all(hours) and not hours[0] < hours[1] <= hours[2] < hours[3]:  # type: ignore[operator]
            self.add_error("day_to", _("The hours must be in order: beginning, noon break, end."))
        for tier in "abc":
            contacts, personal = data.get(f"contacts_{tier}"), data.get(f"in_person_{tier}")
            if contacts is not None and personal is not None and personal > contacts:
                self.add_error(f"in_person_{tier}", _("Not more in person than contacts in all."))
        for name, low, high in (
            ("visit_minutes", 5, 240),
            ("phone_minutes", 5, 120),
            ("visits_a_day", 1, 30),
            ("speed_kmh", 3, 120),
        ):
            value = data.get(name)
            if value is not None and not low <= value <= high:
                self.add_error(name, _("Between %(low)s and %(high)s.") % {"low": low, "high": high})
        return data


class ReminderForm(forms.ModelForm):
    """How one wants to be reminded."""

    class Meta:
        model = ReminderWish
        fields = ("evening", "morning", "digest", "by_email", "by_messenger", "quiet_from", "quiet_to")
        widgets = {"quiet_from": TIME, "quiet_to": TIME}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Only a head has a branch to be told of.
        if self.instance.staff.role != Role.BRANCH_HEAD:
            del self.fields["digest"]
