"""Fields and measures that one may ask about (S11): our own, and those that other apps register in `AppConfig.ready`.

fields.register(Field("tier", _("Tier"), _("Segmentation"), Kind.CHOICE, "standing__tier", choices=Tier.choices))
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
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

    `personal`: not for viewers who see personal data masked, since asking would tell. `value`: an expression over Client that is
    asked about instead of a path. `gone`: no longer asked for; it is known by name only.
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
    value: Any = None
    gone: bool = False


_fields: dict[str, Field] = {}
#: Prefix of a key → fields that are kept in the database, those that are gone included.
_sources: dict[str, Callable[[], Iterable[Field]]] = {}
_held: ContextVar[dict[str, dict[str, Field]] | None] = ContextVar("held_fields", default=None)


def register(*found: Field) -> None:
    """Add fields; the same key again replaces."""
    for field in found:
        _fields[field.key] = field


def register_source(prefix: str, fields: Callable[[], Iterable[Field]]) -> None:
    """Fields that people define: `fields` reads them, with keys that begin with `prefix`."""
    _sources[prefix] = fields


@contextmanager
def held() -> Iterator[None]:
    """Within, what people defined is read once at most."""
    if _held.get() is not None:
        yield
        return
    token = _held.set({})
    try:
        yield
    finally:
        _held.reset(token)


def _defined(prefix: str) -> dict[str, Field]:
    kept = _held.get()
    if kept is None:
        kept = {}
    if prefix not in kept:
        kept[prefix] = {field.key: field for field in _sources[prefix]()}
    return kept[prefix]


def get(key: str) -> Field | None:
    """A field by key; None if its app is gone or it was never there."""
    prefix = next((prefix for prefix in _sources if key.startswith(prefix)), None)
    return _defined(prefix).get(key) if prefix else _fields.get(key)


def all_fields() -> list[Field]:
    """All fields in the order registered, then those that people defined, gone ones included."""
    return [*_fields.values(), *(field for prefix in _sources for field in _defined(prefix).values())]


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

__all__ = ["Field", "Kind", "all_fields", "get", "held", "register", "register_source"]
