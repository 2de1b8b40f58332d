"""Many rows in one request (N3): checked one by one, written set-based, each with what came of it.

`POST …/bulk/ {"rows": […], "all_or_nothing": false}`: a row is found by its business key, made where there is none.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError as Wrong
from django.db import transaction
from django.http import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from org.problems import pointers, problem_response

#: Rows of one request.
MOST = 1000
CREATED, CHANGED, UNCHANGED, REFUSED = "created", "changed", "unchanged", "refused"
_STATES = (CREATED, CHANGED, UNCHANGED, REFUSED)


@dataclass
class Row:
    """A row of the request: its place, its business key, its checked values, and what came of it."""

    number: int
    key: tuple[str, ...]
    values: dict[str, Any] = field(default_factory=dict)
    status: str = UNCHANGED
    errors: Any = None

    def refuse(self, errors: Any) -> None:
        """Nothing of the row is written; `errors`: field → messages, or a ValidationError of a service."""
        if isinstance(errors, Wrong):
            errors = getattr(errors, "message_dict", None) or errors.messages
        self.status, self.errors = REFUSED, errors

    @property
    def open(self) -> bool:
        return self.status != REFUSED


#: For viewsets, which have a method named `list`.
Rows = list[Row]
Write = Callable[[Any, Rows], None]


def no_client() -> dict[str, list[str]]:
    """Out of scope and missing alike."""
    return {"client_no": [_("No client with this number among those you may see.")]}


def stale(version: int) -> dict[str, list[str]]:
    """Somebody was faster than the caller, who saw another version."""
    return {"version": [_("Somebody changed it since: it is version %(version)d now.") % {"version": version}]}


class ErrorSerializer(serializers.Serializer):
    pointer = serializers.CharField(help_text="Within the row")
    detail = serializers.CharField()


class ResultSerializer(serializers.Serializer):
    """What came of a row; `key`: its business key as it was sent."""

    row = serializers.IntegerField(help_text="From 0, in the order sent")
    key = serializers.ListField(child=serializers.CharField())
    status = serializers.ChoiceField(choices=[(state, state) for state in _STATES])
    errors = ErrorSerializer(many=True)  # type: ignore[assignment]


class BulkAnswerSerializer(serializers.Serializer):
    """A result for each row, and how many there are of each."""

    created = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    refused = serializers.IntegerField()
    results = ResultSerializer(many=True)


def bulk_action(
    row: type[serializers.Serializer], key: tuple[str, ...], summary: str, example: dict[str, Any], **context: Any
) -> Callable[[Write], Any]:
    """Make the method, which gets the rows that are well-formed and writes them, the `bulk` action of a viewset."""
    name = row.__name__.removesuffix("Serializer")
    body = inline_serializer(
        f"{name}Bulk",
        {
            "rows": row(many=True, min_length=1, max_length=MOST),  # type: ignore[call-arg]
            "all_or_nothing": serializers.BooleanField(default=False),
        },
    )

    def make(write: Write) -> Any:
        def bulk(self: Any, request: Request) -> HttpResponseBase:
            return _answer(self, request, row, key, write)

        made = action(
            detail=False,
            methods=["post"],
            url_path="bulk",
            url_name="bulk",
            filter_backends=[],
            parser_classes=[JSONParser],
        )(bulk)
        return extend_schema(
            summary=summary,
            description=(
                f"Up to {MOST:,} rows, found by {', '.join(f'`{name}`' for name in key)}. Each row is taken or refused for "
                "itself; with `all_or_nothing` one refusal refuses them all (422, nothing is written)."
            ),
            request=body,
            responses=BulkAnswerSerializer,
            examples=[OpenApiExample("A row", value={"rows": [example]}, request_only=True)],
        )(made)

    return make


def _answer(
    view: Any, request: Request, row: type[serializers.Serializer], key: tuple[str, ...], write: Write
) -> HttpResponseBase:
    raw, whole = _sent(request)
    rows = _checked(raw, row, key)
    with transaction.atomic():
        if not whole or all(one.open for one in rows):
            write(view, [one for one in rows if one.open])
        refused = [one for one in rows if not one.open]
        if whole and refused:
            transaction.set_rollback(True)
    if whole and refused:
        errors = [error for one in refused for error in pointers(one.errors, f"/rows/{one.number}")]
        detail = _("%(n)d of the rows cannot be taken, so none was.") % {"n": len(refused)}
        return problem_response(422, detail, kind="rows-refused", errors=errors)
    counts = {state: sum(one.status == state for one in rows) for state in _STATES}
    return Response(counts | {"results": [_result(one) for one in rows]})


def _result(row: Row) -> dict[str, Any]:
    return {
        "row": row.number,
        "key": list(row.key),
        "status": row.status,
        "errors": [] if row.errors is None else list(pointers(row.errors)),
    }


def _sent(request: Request) -> tuple[list[Any], bool]:
    body = request.data if isinstance(request.data, dict) else {}
    rows = body.get("rows")
    if not isinstance(rows, list) or not rows:
        raise ValidationError({"rows": [_("Send at least one row.")]})
    if len(rows) > MOST:
        raise ValidationError({"rows": [_("At most %(n)d rows in one request.") % {"n": MOST}]})
    return rows, serializers.BooleanField(default=False).run_validation(body.get("all_or_nothing", False))


def _checked(raw: Iterable[Any], row: type[serializers.Serializer], key: tuple[str, ...]) -> list[Row]:
    """The rows with their values; whoever names a key twice means one of them, and nobody can tell which."""
    check, rows, seen = row(), [], set()
    for number, values in enumerate(raw):
        given = values if isinstance(values, dict) else {}
        made = Row(number, tuple(_text(given.get(name)) for name in key))
        try:
            made.values = dict(check.run_validation(values))
        except ValidationError as error:
            made.refuse(error.detail)
        else:
            if made.key in seen:
                made.refuse([_("The key stands in the request twice.")])
            seen.add(made.key)
        rows.append(made)
    return rows


def _text(value: Any) -> str:
    """A part of a key as it is told back; never more than a key can be."""
    return str(value)[:120] if isinstance(value, str | int) else ""
