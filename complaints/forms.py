"""Forms of complaints: intake, the record of each step, and the small forms of the other commands."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clients.models import Client
from complaints import rules, services
from complaints.choices import Category, Cause, Channel, Ground, Kind, Party, Result, Severity, Step, Wish
from complaints.letters import LANGUAGES, Letter, why_not
from complaints.models import Complaint
from complaints.rules import Case, approvals_missing
from complaints.rules.records import MAX_TEXT, PROPOSALS
from complaints.services import Told, possible_handlers
from crm.clock import now
from crm.money import MAX_YUAN, to_units, to_yuan
from org.models import Branch, Staff


def _area(rows: int = 3) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


def _when() -> forms.DateTimeInput:
    return forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


def _amount(label: Any) -> forms.DecimalField:
    return forms.DecimalField(label=label, min_value=0, max_value=MAX_YUAN, decimal_places=2, required=False)


class RegisterForm(forms.Form):
    """Intake (X3). Numbers are typed; one out of scope answers like one that does not exist."""

    channel = forms.ChoiceField(
        label=pgettext_lazy("complaint", "Channel"), choices=Channel.choices, initial=Channel.PHONE
    )
    external_ref = forms.CharField(label=_("Number of the platform"), max_length=64, required=False)
    received_at = forms.DateTimeField(label=_("Received at"), widget=_when())
    party = forms.ChoiceField(label=_("Who complains"), choices=Party.choices)
    client_no = forms.CharField(label=_("Client number"), max_length=32, required=False)
    complainant = forms.CharField(label=_("Name of the complainant"), max_length=120, required=False)
    contact = forms.CharField(label=_("Telephone or e-mail"), max_length=120, required=False)
    persons = forms.IntegerField(label=_("Persons complaining"), min_value=1, max_value=30_000, initial=1)
    narrative = forms.CharField(
        label=_("Facts as told, in the client's own words"), max_length=MAX_TEXT, widget=_area(7)
    )
    summary = forms.CharField(label=_("In one line"), max_length=120, required=False)
    category = forms.ChoiceField(label=_("Business line"), choices=Category.choices)
    severity = forms.ChoiceField(label=_("Severity"), choices=Severity.choices)
    wish = forms.ChoiceField(label=_("What the client wants"), choices=Wish.choices)
    amount = _amount(_("Amount claimed, yuan"))
    product = forms.CharField(label=_("Product"), max_length=120, required=False)
    about_no = forms.CharField(label=_("Complained about: staff number"), max_length=32, required=False)
    superior_no = forms.CharField(label=_("Superior also named: staff number"), max_length=32, required=False)
    branch_no = forms.CharField(label=_("Branch number"), max_length=32, required=False)

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["received_at"].initial = timezone.localtime(now()).replace(second=0, microsecond=0)

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        found["client"] = found["about"] = found["superior"] = found["branch"] = None
        if found.get("client_no"):
            found["client"] = Client.objects.visible_to(self.user).filter(client_no=found["client_no"]).first()
            if found["client"] is None and getattr(self.user, "staff", None) is not None:
                found["client"] = client_for_intake(found["client_no"], self.user)
            if found["client"] is None:
                self.add_error("client_no", _("No client with this number among those you may see."))
        for name in ("about", "superior"):
            number = found.get(f"{name}_no")
            if number:
                found[name] = Staff.objects.filter(staff_no=number).first()
                if found[name] is None:
                    self.add_error(f"{name}_no", _("There is nobody with this number."))
        if found.get("branch_no"):
            found["branch"] = Branch.objects.filter(branch_no=found["branch_no"]).first()
            if found["branch"] is None:
                self.add_error("branch_no", _("There is no such branch."))
        return found

    def told(self) -> Told:
        """What was typed, for `services.register`."""
        found = self.cleaned_data
        amount = found["amount"]
        names = ("channel", "external_ref", "received_at", "party", "complainant", "contact", "persons", "narrative",
                 "summary", "category", "severity", "wish", "product", "client", "about", "superior", "branch")  # fmt: skip
        source = "12386" if found["channel"].startswith("12386") else ""
        return Told(
            **{name: found[name] for name in names},
            amount=None if amount is None else to_units(amount),
            source=source,
        )


class AgainForm(forms.Form):
    """The same matter came in once more, by another channel (X3)."""

    channel = forms.ChoiceField(label=pgettext_lazy("complaint", "Channel"), choices=Channel.choices)
    received_at = forms.DateTimeField(label=_("Received at"), widget=_when())
    external_ref = forms.CharField(label=_("Number of the platform"), max_length=64, required=False)

    def told(self) -> dict[str, Any]:
        """What was typed, for `services.add_intake`."""
        return self.cleaned_data | {"source": "12386" if self.cleaned_data["channel"].startswith("12386") else ""}


def client_for_intake(client_no: str, user: Any) -> Client | None:
    """Officers take complaints of any client of their branches, whose records they do not otherwise see."""
    from complaints.scope import complaint_scope

    scope = complaint_scope(user)
    if scope.masked:
        return None
    clients = Client.objects.all() if scope.firm else Client.objects.filter(branch__in=scope.branch_ids)
    return clients.filter(client_no=client_no).first()


class StepForm(forms.Form):
    """The record of the current step, from `rules.FIELDS`; may be saved unfinished."""

    def __init__(self, *args: Any, step: int, proposals: list[dict[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.step = step
        for field in rules.FIELDS[step]:
            if field.kind == "proposals":
                for number in range(1, PROPOSALS + 1):
                    self.fields[f"proposal_{number}"] = forms.CharField(
                        label=_("Proposal %s") % number, max_length=2000, required=False, widget=_area(2)
                    )
                    self.fields[f"amount_{number}"] = _amount(_("Amount of proposal %s, yuan") % number)
            else:
                self.fields[field.key] = _field(field, proposals)

    def record(self) -> dict[str, Any]:
        """What was typed, as `rules` takes it."""
        found = self.cleaned_data
        record: dict[str, Any] = {}
        for field in rules.FIELDS[self.step]:
            if field.kind == "proposals":
                record[field.key] = [
                    {"text": found[f"proposal_{n}"], "amount": _units(found[f"amount_{n}"])}
                    for n in range(1, PROPOSALS + 1)
                ]
            else:
                record[field.key] = found[field.key]
        return record

    @staticmethod
    def initial_of(record: dict[str, Any]) -> dict[str, Any]:
        """A kept record as the form shows it."""
        shown = {key: value for key, value in record.items() if key != "proposals"}
        for number, one in enumerate(record.get("proposals", []), start=1):
            shown[f"proposal_{number}"] = one["text"]
            shown[f"amount_{number}"] = None if one["amount"] is None else to_yuan(one["amount"]).quantize(_FEN)
        return shown


_FEN = Decimal("0.01")


def _units(amount: Decimal | None) -> int | None:
    return None if amount is None else to_units(amount)


def _field(field: rules.records.Field, proposals: list[dict[str, Any]]) -> forms.Field:
    if field.kind == "tick":
        return forms.BooleanField(label=field.label, required=False)
    if field.kind == "choice":
        return forms.ChoiceField(label=field.label, required=False, choices=[("", "–"), *field.choices])
    if field.kind == "pick":
        offers = [(str(number), f"{number} · {one['text'][:80]}") for number, one in enumerate(proposals, start=1)]
        return forms.ChoiceField(
            label=field.label, required=False, choices=[("", "–"), *offers, ("none", _("None of them"))]
        )
    widget = forms.TextInput() if field.kind == "line" else _area()
    return forms.CharField(label=field.label, required=False, max_length=MAX_TEXT, widget=widget)


# --- Small forms of the other commands ----------------------------------------------------------------------------------


def _reason(label: Any = None) -> forms.CharField:
    return forms.CharField(label=label or _("Reason"), max_length=2000, widget=_area(2))


def _to(complaint: Complaint, user: Any) -> forms.ChoiceField:
    people = possible_handlers(complaint, user).exclude(pk=complaint.handler_id).select_related("branch")
    return forms.ChoiceField(
        label=_("To"),
        choices=[(one.staff_no, f"{one.name} · {one.get_role_display()} · {one.branch}") for one in people],
    )


def _ends() -> list[tuple[str, Any]]:
    return [one for one in Result.choices if one[0] not in (Result.WITHDRAWN, Result.MERGED)]


def action_fields(key: str, complaint: Complaint, user: Any) -> dict[str, forms.Field]:
    """The fields that a command asks for; {} for one that only wants to be pressed."""
    if key in ("handover", "assign"):
        return {"to": _to(complaint, user), "reason": _reason()}
    if key in ("back", "extend"):
        return {"reason": _reason()}
    if key == "reopen":
        steps = [(n, f"{n} · {Step(n).label}") for n in range(1, complaint.step + 1)]
        step = forms.TypedChoiceField(label=_("Go on at"), choices=steps, coerce=int, initial=min(3, complaint.step))
        return {"to": step, "reason": _reason()}
    if key == "note":
        return {"reason": _reason(_("What is to be added"))}
    if key == "pause":
        return {"ground": forms.ChoiceField(label=_("Ground"), choices=Ground.choices), "reason": _reason()}
    if key == "accept":
        return {"told_how": forms.CharField(label=_("How the client was told"), max_length=200, required=False)}
    if key == "answer":
        return {
            "text": forms.CharField(label=_("Answer to the client"), max_length=MAX_TEXT, widget=_area(5)),
            "way": forms.CharField(label=_("Given how"), max_length=200),
        }
    if key == "promise":
        return {
            "text": forms.CharField(label=_("What is promised"), max_length=500),
            "due_on": forms.DateField(
                label=_("Until"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
            ),
        }
    if key == "follow":
        return {
            "no": forms.IntegerField(widget=forms.HiddenInput),
            "kept": forms.BooleanField(label=_("The promise was kept"), required=False),
            "note": forms.CharField(label=_("What was found"), max_length=500),
        }
    return _ending_fields(key, complaint)


def _ending_fields(key: str, complaint: Complaint) -> dict[str, forms.Field]:
    if key == "close":
        return {
            "result": forms.ChoiceField(label=_("Result"), choices=_ends()),
            "cause": forms.ChoiceField(label=_("Root cause"), choices=Cause.choices),
            "proof": forms.CharField(
                label=_("What proves that the matter is settled"), max_length=2000, widget=_area(2)
            ),
            "measure": forms.CharField(
                label=_("What is changed so that it does not happen again"),
                max_length=2000,
                required=False,
                widget=_area(2),
            ),
        }
    if key == "withdraw":
        return {
            "reason": _reason(),
            "evidence": forms.CharField(label=_("What shows the client's wish"), max_length=500),
        }
    if key == "merge":
        return {"into": forms.CharField(label=_("Number of the case that goes on"), max_length=16), "reason": _reason()}
    if key == "correct":
        return {
            "severity": forms.ChoiceField(
                label=_("Severity"), choices=_as_grave(complaint), initial=complaint.severity
            ),
            "wish": forms.ChoiceField(label=_("What the client wants"), choices=Wish.choices, initial=complaint.wish),
            "product": forms.CharField(label=_("Product"), max_length=120, required=False, initial=complaint.product),
            "about_no": forms.CharField(
                label=_("Complained about: staff number"),
                max_length=32,
                required=False,
                initial=complaint.about_person.staff_no if complaint.about_person else "",
            ),
            "reason": _reason(),
        }
    if key == "relabel":
        return _labels(complaint)
    if key == "relabel_decline":
        return {"reason": _reason()}
    return {}


def _as_grave(complaint: Complaint) -> list[tuple[str, Any]]:
    """The severities that one person may set: the present one and graver ones."""
    return Severity.choices[Severity.values.index(complaint.severity) :]


def _labels(complaint: Complaint) -> dict[str, forms.Field]:
    return {
        "kind": forms.ChoiceField(label=_("Kind of matter"), choices=Kind.choices, initial=complaint.kind),
        "category": forms.ChoiceField(label=_("Business line"), choices=Category.choices, initial=complaint.category),
        "severity": forms.ChoiceField(label=_("Severity"), choices=Severity.choices, initial=complaint.severity),
        "reason": _reason(),
    }


class ActionForm(forms.Form):
    """The form of one command, with the version it was shown at."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, key: str, complaint: Complaint, user: Any, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"version": complaint.version})
        super().__init__(*args, auto_id=f"{key}-%s", **kwargs)
        self.key = key
        self.label = rules.COMMANDS[key].label
        self.fields.update(action_fields(key, complaint, user))


class FollowUpForm(forms.Form):
    """Recovery: what the client said after closing."""

    satisfaction = forms.TypedChoiceField(
        label=pgettext_lazy("question", "Satisfaction"),
        choices=[("", "–"), *((n, str(n)) for n in range(1, 6))],
        coerce=int,
        empty_value=None,
        required=False,
    )
    note = forms.CharField(label=_("What the client said"), max_length=500, required=False)


class LetterForm(forms.Form):
    """Which letter, in which language; with a case, only what can be written now, the likeliest first."""

    letter = forms.ChoiceField(label=_("Letter"), choices=Letter.choices)
    language = forms.ChoiceField(label=_("Language"), choices=LANGUAGES)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, case: Case | None = None, complaint: Complaint | None = None, **kwargs: Any) -> None:
        super().__init__(*args, auto_id="letter-%s", **kwargs)
        if case is not None and complaint is not None:
            waiting = bool(approvals_missing(case, services.terms_of(complaint.policy).terms))
            self.fields["letter"].choices = [
                (key, words) for key, words in Letter.choices if not why_not(key, case, approvals_missing=waiting)
            ][::-1]
            del self.fields["version"]
