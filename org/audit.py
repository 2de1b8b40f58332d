"""The audit trail (N4): one row per act, written in the caller's transaction, never changed afterwards.

Who, what, when and on whom come from the caller; the address and the request's id come from the request under way.
"""

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from org.models import AuditEvent, User

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
) -> AuditEvent:
    """Write one row. `action` is dotted ('client.reveal'); `detail` holds ids and field names, never personal data.

    `request` defaults to the one under way; outside of one (commands, tasks) address and request id stay empty.
    """
    request = request or current_request.get()
    return AuditEvent.objects.create(
        action=action,
        user=user if isinstance(user, User) else None,
        object_kind=object_kind,
        object_no=object_no[:64],
        detail=_with_principal(detail, user),
        address=client_address(request) if request is not None else None,
        request_id=getattr(request, "request_id", ""),
    )


def record_read(name: str, *, user: Any, rows: int, filters: Iterable[str], **more: int) -> AuditEvent:
    """A list with personal data was read: one row per request, with the names of the filters and how many rows came.

    Never with what was asked for: what somebody types into a search box may be a person's name.
    """
    detail = {"rows": rows, "filters": sorted({one[:40] for one in filters})[:20], **more}
    return record("list.view", user=user, object_kind="list", object_no=name, detail=detail)


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
