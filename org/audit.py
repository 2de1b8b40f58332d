"""The audit trail (N4): one row per act, written in the caller's transaction, never changed afterwards."""

from typing import Any

from django.http import HttpRequest

from org.models import AuditEvent, User


def record(
    action: str,
    *,
    user: User | None,
    object_kind: str = "",
    object_no: str = "",
    detail: dict[str, Any] | None = None,
    request: HttpRequest | None = None,
) -> AuditEvent:
    """Write one row. `action` is dotted ('client.reveal'); `detail` holds ids and field names, never personal data."""
    return AuditEvent.objects.create(
        action=action,
        user=user if user is not None and user.is_authenticated else None,
        object_kind=object_kind,
        object_no=object_no,
        detail=detail or {},
        address=request.META.get("REMOTE_ADDR") or None if request is not None else None,
        request_id=getattr(request, "request_id", "") if request is not None else "",
    )
