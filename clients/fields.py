"""Fields and measures that one may ask about (S11): our own, and those that other apps register in `AppConfig.ready`.

fields.register(Field("tier", _("Tier"), _("Segmentation"), Kind.CHOICE, "standing__tier", choices=Tier.choices))
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from clients.models import ClientCare, Status


class Kind:
    """What a field holds; it decides which questions make sense."""

    TEXT = "text"
    CHOICE = "choice"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    YES_NO = "yes_no"
    #: Where a client stood on a day: `then(day, keys)` gives the condition.
    HISTORY = "history"


@dataclass(frozen=True)
class Field:
    """`path` from Client; `choices` for CHOICE and HISTORY; `right` needed to ask ('' = everybody who sees clients).

    `personal`: not for viewers who see personal data masked, since asking would tell.
    """

    key: str
    label: str | Promise
    group: str | Promise
    kind: str
    path: str = ""
    choices: Sequence[tuple[str, Any]] = ()
    right: str = ""
    personal: bool = False
    then: Callable[[Any, list[str]], Q] | None = None


_fields: dict[str, Field] = {}


def register(*found: Field) -> None:
    """Add fields; the same key again replaces."""
    for field in found:
        _fields[field.key] = field


def get(key: str) -> Field | None:
    """A field by key; None if its app is gone or it was never there."""
    return _fields.get(key)


def all_fields() -> list[Field]:
    """All fields in the order registered."""
    return list(_fields.values())


_RECORD = _("Record")

register(
    Field("status", _("Status"), _RECORD, Kind.CHOICE, "status", Status.choices),
    Field("branch", _("Branch number"), _RECORD, Kind.TEXT, "branch__branch_no"),
    Field("manager", _("Staff number"), _RECORD, Kind.TEXT, "manager__staff_no"),
    Field("opened_on", _("Opened on"), _RECORD, Kind.DATE, "opened_on"),
    Field("birth_date", _("Date of birth"), _RECORD, Kind.DATE, "birth_date", personal=True),
    Field("gender", _("Gender"), _RECORD, Kind.CHOICE, "gender", [("M", _("Male")), ("F", _("Female"))]),
    Field("risk_level", _("Risk level"), _RECORD, Kind.CHOICE, "risk_level", [(f"C{n}", f"C{n}") for n in range(1, 6)]),
    Field("risk_valid_until", _("Risk level valid until"), _RECORD, Kind.DATE, "risk_valid_until"),
    Field(
        "investor_type",
        _("Investor type"),
        _RECORD,
        Kind.CHOICE,
        "investor_type",
        [("ordinary", _("Ordinary")), ("professional", _("Professional"))],
    ),
    Field("occupation", _("Occupation"), _RECORD, Kind.TEXT, "occupation", personal=True),
    Field("address", _("Address"), _RECORD, Kind.TEXT, "address", personal=True),
    Field("credit", _("Credit standing"), _RECORD, Kind.CHOICE, "care__credit", ClientCare.Credit.choices),
    Field("do_not_contact", _("Do not contact"), _RECORD, Kind.YES_NO, "care__do_not_contact"),
    Field("review_due_on", _("Review due on"), _RECORD, Kind.DATE, "care__review_due_on"),
)

__all__ = ["Field", "Kind", "all_fields", "get", "register"]
