"""What views of the API take in and give out alike: money, parameters, bodies, the version that the caller saw."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError as Wrong
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from crm.money import MAX_YUAN, to_units, to_yuan

#: Says in the description that a change names the version seen.
MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, required=True, description='The version seen, as `"3"`'
)


@extend_schema_field(OpenApiTypes.STR)
class YuanField(serializers.DecimalField):
    """Units of the database as text in 元 with two decimals, and back."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=14, decimal_places=2, **{"max_value": MAX_YUAN, **kwargs})

    def to_internal_value(self, data: Any) -> int:  # type: ignore[override]
        return to_units(super().to_internal_value(data))

    def to_representation(self, value: int) -> str:  # type: ignore[override]
        return f"{to_yuan(value).quantize(Decimal('0.01'))}"


def asked(form: type[forms.Form], request: Request) -> dict[str, Any]:
    """The query parameters by a form. Raises ValidationError that names the parameter."""
    found = form(request.GET)
    if not found.is_valid():
        raise ValidationError({name: [str(error) for error in errors] for name, errors in found.errors.items()})
    return found.cleaned_data


def sent(serializer: type[serializers.Serializer], request: Request, **more: Any) -> dict[str, Any]:
    """The body by a serializer. Raises ValidationError that names the field."""
    found = serializer(data=request.data, **more)
    found.is_valid(raise_exception=True)
    return dict(found.validated_data)


def refused(error: Wrong) -> ValidationError:
    """What a service refuses, at its fields where it names them."""
    return ValidationError(getattr(error, "message_dict", None) or error.messages)


def seen_version(request: Request) -> int:
    """The version the caller saw. Raises ValidationError without one: a change must not overwrite what nobody looked at."""
    header = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    if not header.isdecimal() or len(header) > 9:
        raise ValidationError({"If-Match": [_('Name the version that you saw, for example "3".')]})
    return int(header)
