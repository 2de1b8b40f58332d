"""The audit trail (N4): one row per act, written in the caller's transaction, never changed afterwards.

Who, what, when and on whom come from the caller; the address and the request's id come from the request under way.
"""

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from org.models import AuditEvent, User
from org.told import clients_in

#: The request under way in this thread; set by `org.middleware`, so that services need not hand it through.
current_request: ContextVar[HttpRequest | None] = ContextVar("current_request", default=None)

#: Names of the actions, for the audit page. Apps add theirs with `register`.
ACTIONS: dict[str, Promise] = {}


def register(actions: dict[str, Promise]) -> None:
    """Give actions a name on the audit page; called in `AppConfig.ready`."""
    ACTIONS.update(actions)


register(
    {
        "calendar.load": _("Calendar of a year taken over"),
        "calendar.settle": _("Day of the calendar settled"),
        "login.ok": _("Signed in"),
        "login.failed": _("Sign-in failed"),
        "login.locked": _("Sign-in refused: too many attempts"),
        "login.out": _("Signed out"),
        "session.ended": _("Session ended by rule"),
        "password.changed": _("Password changed"),
        "login.link": _("One-time link made"),
        "login.stopped": _("Log-in stopped"),
        "login.started": _("Log-in allowed again"),
        "factor.added": _("Second factor added"),
        "factor.removed": _("Second factor removed"),
        "factor.failed": _("Wrong code of the second factor"),
        "leave.added": _("Deputy entered"),
        "leave.ended": _("Deputy ended"),
        "grant.made": _("Client data granted"),
        "grant.ended": _("Grant ended"),
        "token.made": _("API token made"),
        "token.revoked": _("API token revoked"),
        "list.view": _("List read"),
        "page.view": _("Page with clients read"),
        "audit.view": _("Audit trail read"),
        "access.denied": _("Access refused"),
    }
)


def record(
    action: str,
    *,
    user: Any,
    object_kind: str = "",
    object_no: str = "",
    detail: dict[str, Any] | None = None,
    request: HttpRequest | None = None,
    reached: Iterable[str] = (),
) -> AuditEvent:
    """Write one row. `action` is dotted ('client.reveal'); `detail` holds ids and field names, never personal data.

    `request` defaults to the one under way; outside of one (commands, tasks) address and request id stay empty. `reached`:
    numbers of the clients it told of, beside the object.
    """
    event = _event(action, user, object_kind, object_no, detail, request or current_request.get())
    event.reached = sorted(set(reached)) or None
    event.save(force_insert=True)
    return event


def _event(
    action: str, user: Any, object_kind: str, object_no: str, detail: dict[str, Any] | None, request: HttpRequest | None
) -> AuditEvent:
    if request is not None and object_kind == "client":
        _told(request).named.add(object_no)
    return AuditEvent(
        action=action,
        user=user if isinstance(user, User) else None,
        object_kind=object_kind,
        object_no=object_no[:64],
        detail=_with_principal(detail, user),
        address=client_address(request) if request is not None else None,
        request_id=getattr(request, "request_id", ""),
    )


def record_read(name: str, *, user: Any, rows: int, filters: Iterable[str], **more: int) -> None:
    """A list with personal data was read: one row per request, with the names of the filters and how many rows came.

    Never with what was asked for: what somebody types into a search box may be a person's name. Within a request the row
    is written when the answer is made (`settle`), with the clients that the answer tells of.
    """
    detail = {"rows": rows, "filters": sorted({one[:40] for one in filters})[:20], **more}
    request = current_request.get()
    event = _event("list.view", user, "list", name, detail, request)
    if request is None:
        event.save(force_insert=True)
    else:
        _told(request).lists.append(event)


# --- What an answer tells of ---------------------------------------------------------------------------------------------


@dataclass
class Told:
    """Of a request under way: lists read and not yet written, clients named by rows of their own, clients told of otherwise."""

    lists: list[AuditEvent] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    noted: set[str] = field(default_factory=set)


def _told(request: HttpRequest) -> Told:
    if not hasattr(request, "told"):
        request.told = Told()  # type: ignore[attr-defined]
    return request.told  # type: ignore[attr-defined]


def note_clients(numbers: Iterable[str]) -> None:
    """The answer under way tells of these clients where nobody can read it off: in a file, or by name alone."""
    request = current_request.get()
    if request is not None:
        _told(request).noted.update(numbers)


def settle(request: HttpRequest, response: HttpResponseBase) -> None:
    """Write down which clients the answer tells of, before it leaves: no row, no answer (U8).

    The row of a list that was read carries them; an answer without one gets a row of its own, unless it tells of nobody but
    clients for whom this request has left a row already.
    """
    told = _told(request)
    reached = told.noted | clients_in(response)
    # Nobody is asked who it is for an answer that tells of nobody: that would cost a query.
    if not (told.lists or reached) or not request.user.is_authenticated:
        return
    for event in told.lists:
        event.reached = sorted(reached) or None
        event.save(force_insert=True)
    if not told.lists and reached - told.named:
        match = request.resolver_match
        record(
            "page.view",
            user=request.user,
            object_kind="page",
            object_no=match.view_name if match else "",
            reached=reached,
        )


def _with_principal(detail: dict[str, Any] | None, user: Any) -> dict[str, Any]:
    """The detail, with the staff number of the absent colleague on whose behalf a deputy acts (`org.rights.require`)."""
    behalf = getattr(user, "acting_for", "")
    return {**(detail or {}), "on_behalf_of": behalf} if behalf else detail or {}


def client_address(request: HttpRequest) -> str | None:
    """The asker's address; X-Forwarded-For counts only as far as TRUSTED_PROXIES says. None if there is none."""
    from allauth.core.internal.httpkit import get_client_ip  # needs the apps to be ready

    return get_client_ip(request) or None


def record_each(
    action: str, *, user: Any, object_kind: str, object_nos: list[str], detail: dict[str, Any] | None = None
) -> int:
    """The same act on several objects: a row for each, so that each can be asked for. Returns how many."""
    request = current_request.get()
    common = {
        "action": action,
        "user": user if isinstance(user, User) else None,
        "object_kind": object_kind,
        "detail": _with_principal(detail, user),
        "address": client_address(request) if request is not None else None,
        "request_id": getattr(request, "request_id", ""),
    }
    rows = [AuditEvent(object_no=object_no[:64], **common) for object_no in object_nos]
    return len(AuditEvent.objects.bulk_create(rows, batch_size=2000))
