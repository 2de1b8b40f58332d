"""The firm's own fields of the profile (C2) as fields that segments may ask about."""

from collections.abc import Iterator
from typing import Any

from django.db.models import BooleanField, Case, CharField, DateField, DecimalField, F, Func, Value, When
from django.db.models.functions import Cast, Coalesce
from django.utils.translation import gettext_lazy as _

from clients.fields import Field, Kind
from profiles.forms import label_of
from profiles.models import CustomField

PREFIX = "own."

_KINDS = {
    CustomField.Kind.TEXT: Kind.TEXT,
    CustomField.Kind.NUMBER: Kind.NUMBER,
    CustomField.Kind.DATE: Kind.DATE,
    CustomField.Kind.CHOICE: Kind.CHOICE,
    CustomField.Kind.YES_NO: Kind.YES_NO,
}
#: What a kept text must look like to be read as the kind, so that one that does not is empty and stops nobody.
_READ_AS: dict[str, tuple[str, Any]] = {
    Kind.NUMBER: (r"^-?\d{1,20}(\.\d{1,8})?$", DecimalField(max_digits=30, decimal_places=8)),
    Kind.DATE: (r"^\d{4}-\d{2}-\d{2}$", DateField()),
    Kind.YES_NO: (r"^(true|false)$", BooleanField()),
}


def defined() -> Iterator[Field]:
    """All own fields in the reader's language; retired ones are gone."""
    for field in CustomField.objects.all():
        yield Field(
            f"{PREFIX}{field.key}",
            label_of(field),
            _("Own fields"),
            _KINDS[CustomField.Kind(field.kind)],
            choices=[(choice, choice) for choice in field.choices],
            personal=True,
            value=_value(field),
            gone=field.retired_at is not None,
        )


def _value(field: CustomField) -> Any:
    # Not a path: a key may be a number or hold two underscores, which a path would read as something else.
    text = Func(F("profile__custom"), Value(field.key), function="jsonb_extract_path_text", output_field=CharField())
    kind = _KINDS[CustomField.Kind(field.kind)]
    if kind not in _READ_AS:
        return Coalesce(text, Value(""))
    pattern, output = _READ_AS[kind]
    fits = Func(text, Value(pattern), template="%(expressions)s", arg_joiner=" ~ ", output_field=BooleanField())
    return Case(When(fits, then=Cast(text, output)), default=None, output_field=output)
