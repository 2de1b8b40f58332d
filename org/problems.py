"""API errors as `application/problem+json` (RFC 9457), in the reader's language, with pointers to the fields."""

from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, JsonResponse
from rest_framework import exceptions
from rest_framework.views import exception_handler

from org.audit import record
from org.problem_types import CATALOGUE, address, by_status

CONTENT_TYPE = "application/problem+json"


def handler(error: Exception, context: dict[str, Any]) -> JsonResponse | None:
    """DRF's exception handler; None for what nobody foresaw (500). JSON whatever the view would have rendered."""
    if isinstance(error, ValidationError):
        error = exceptions.ValidationError(getattr(error, "message_dict", None) or error.messages)
    response = exception_handler(error, context)
    if response is None:
        return None
    if response.status_code == 403:
        note_refusal(context["request"])
    more: dict[str, Any] = {}
    if isinstance(error, exceptions.ValidationError):
        more["errors"] = list(pointers(error.detail))
    elif isinstance(error, exceptions.APIException) and not isinstance(error, Http404 | PermissionDenied):
        more["detail"] = str(error.detail)
    problem = problem_response(response.status_code, **more)
    for name in ("WWW-Authenticate", "Retry-After"):
        if name in response.headers:
            problem[name] = response[name]
    return problem


def pointers(detail: Any, path: str = "") -> Any:
    """Yield {pointer, detail} for each message of a validation error."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            yield from pointers(value, path if key == "non_field_errors" else f"{path}/{key}")
    elif isinstance(detail, list):
        for number, value in enumerate(detail):
            nested = isinstance(value, dict | list)
            yield from pointers(value, f"{path}/{number}" if nested else path)
    else:
        yield {"pointer": f"#{path}", "detail": str(detail)}


def note_refusal(request: Any) -> None:
    """A role that asks for what it may not do leaves a trace; where, not what."""
    if request.user.is_authenticated:
        match = request.resolver_match
        record(
            "access.denied",
            user=request.user,
            detail={"view": match.view_name if match else "", "method": request.method},
        )


def problem_response(status: int, detail: str = "", *, kind: str = "", **more: Any) -> JsonResponse:
    """A problem of a status, or of a `kind` of the catalogue that says more exactly what it is; in the reader's language."""
    found = CATALOGUE[kind] if kind else by_status(status)
    body: dict[str, Any] = {"type": address(found), "title": str(found.title), "status": status}
    if detail:
        body["detail"] = detail
    return JsonResponse(body | more, status=status, content_type=CONTENT_TYPE)
