"""POST once (N3): the same `Idempotency-Key` answers with what came of it the first time, for a day.

The key is claimed in the transaction of the act itself: both are there or neither. Two at once: the second waits for the
first and gets its answer. Whoever asks again must still be let in, so this stands behind log-in, rights and throttle.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from crm.clock import now
from org.models import IdempotencyKey
from org.problems import problem_response

HEADER = "Idempotency-Key"
KEPT = timedelta(days=1)
_MOST = 200
#: Of the first answer these are given again.
_HEADERS = ("Content-Type", "ETag", "Location", "Content-Language")


class Answered(Exception):
    """There is an answer without the act."""

    def __init__(self, answer: HttpResponse) -> None:
        self.answer = answer


class Once:
    """Goes before a view of the API: its POST with the header happens once. Files are taken in once by what is in them."""

    def dispatch(self: Any, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key = request.headers.get(HEADER, "")
        if request.method != "POST" or not key or request.content_type.startswith("multipart/"):
            return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        self.once = _print_of(request)
        with transaction.atomic():
            answer = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
            claimed = getattr(self, "claimed", None)
            if claimed is not None:
                _keep(claimed, answer)
        return answer

    def initial(self: Any, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        if hasattr(self, "once"):
            self.claimed = _claim(request, self.once)

    def handle_exception(self: Any, error: Exception) -> HttpResponseBase:
        if isinstance(error, Answered):
            return error.answer
        return super().handle_exception(error)  # type: ignore[misc]


def once(view: type) -> type:
    """The view with keys, under its own name."""
    return type(view.__name__, (Once, view), {"__doc__": view.__doc__, "__module__": view.__module__})


def forget(moment: datetime) -> int:
    """Drop keys of more than a day ago; returns how many."""
    return IdempotencyKey.objects.filter(at__lt=moment - KEPT).delete()[0]


def _print_of(request: Any) -> str:
    parts = (request.get_full_path().encode(), request.content_type.encode(), request.body)
    return hashlib.sha256(b"\n".join(parts)).hexdigest()


def _claim(request: Request, wanted: str) -> IdempotencyKey:
    key = request.headers[HEADER]
    if len(key) > _MOST or not key.isprintable():
        detail = _("Idempotency-Key: at most %(n)d printable characters.") % {"n": _MOST}
        raise Answered(problem_response(400, detail))
    row = IdempotencyKey(user=request.user, key=key, request=wanted, at=now())  # type: ignore[misc]
    try:
        with transaction.atomic():
            # A day later the key is free again.
            IdempotencyKey.objects.filter(user=row.user_id, key=key, at__lt=row.at - KEPT).delete()
            row.save(force_insert=True)
    except IntegrityError:
        raise Answered(_again(IdempotencyKey.objects.get(user=row.user_id, key=key), wanted)) from None
    return row


def _again(kept: IdempotencyKey, wanted: str) -> HttpResponse:
    if kept.request != wanted:
        return problem_response(422, _("This Idempotency-Key was used for another request."), kind="key-reused")
    answer = HttpResponse(bytes(kept.body), status=kept.status)
    for name, value in kept.headers.items():
        answer.headers[name] = value
    answer.headers["Idempotency-Replayed"] = "true"
    return answer


def _keep(row: IdempotencyKey, answer: HttpResponseBase) -> None:
    """What was done is kept; what was refused may be tried again under the same key."""
    if not 200 <= answer.status_code < 300 or answer.streaming:
        row.delete()
        return
    if isinstance(answer, Response):
        answer.render()
    row.status, row.body = answer.status_code, answer.content  # type: ignore[attr-defined]
    row.headers = {name: answer.headers[name] for name in _HEADERS if name in answer.headers}
    row.save(update_fields=["status", "body", "headers"])
