"""Who looks after a client: handing over to another manager, co-managers."""

import json
import uuid
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from clients import search
from clients.errors import Refused
from clients.models import Client, CoManager
from clients.queries import REASSIGN
from clients.services.events import add_events, name_of, own_event
from org import audit
from org.models import MANAGING, Staff, User
from org.rights import require
from org.scope import in_service, scope_of


@transaction.atomic
def reassign(clients: QuerySet[Client], to_staff_no: str, *, reason: str, user: User, on: date, at: datetime) -> int:
    """Hand clients to another manager; returns how many moved. All or nothing, set-based.

    The user must head the clients' branch; the manager must be in service and of that same branch, otherwise Refused.
    """
    require(user, "clients.reassign")
    reason = reason.replace("\x00", "").strip()[:200]
    if not reason:
        raise Refused(_("Say why the clients move."))
    scope = scope_of(user)
    to = _serving(user, to_staff_no, on)
    visible = clients.filter(pk__in=Client.objects.visible_to(user).order_by().values("pk")).order_by()
    chosen = list(visible.values_list("pk", "branch_id"))
    if any(branch != to.branch_id or branch not in scope.branch_ids for _pk, branch in chosen):
        raise Refused(_("Clients stay in their branch: choose a manager of the branch of all these clients."))
    params: dict[str, Any] = {
        "ids": [pk for pk, _branch in chosen],
        "to": to.pk,
        "at": at,
        "data": json.dumps({"after": to.name, "reason": reason, "by": name_of(user)}, ensure_ascii=False),
        "actor": user.pk,
        "key": f"own:{uuid.uuid4()}",
    }
    with connection.cursor() as cursor:
        cursor.execute(REASSIGN, params)
        moved = cursor.fetchall()
    if moved:
        search.refresh(client_ids=[pk for pk, _no in moved])
        audit.record_each(
            "client.reassign",
            user=user,
            object_kind="client",
            object_nos=[no for _pk, no in moved],
            detail={"to": to.staff_no, "reason": reason},
        )
    return len(moved)


@transaction.atomic
def add_co_manager(client_no: str, staff_no: str, *, user: User, on: date, at: datetime) -> CoManager:
    """A colleague of the client's branch looks after the client too; twice is once."""
    require(user, "clients.reassign")
    client = Client.objects.visible_to(user).get(client_no=client_no)
    staff = _serving(user, staff_no, on)
    if staff.branch_id != client.branch_id:
        raise Refused(_("A co-manager works in the branch of the client."))
    if staff.pk == client.manager_id:
        raise Refused(_("This is the client's manager already."))
    co_manager, made = CoManager.objects.get_or_create(client=client, staff=staff, defaults={"since": on})
    if made:
        _tell(client, staff, "added", user, at)
    return co_manager


@transaction.atomic
def remove_co_manager(client_no: str, staff_no: str, *, user: User, at: datetime) -> None:
    """A co-manager no longer looks after the client; who is none is no error."""
    require(user, "clients.reassign")
    client = Client.objects.visible_to(user).get(client_no=client_no)
    found = CoManager.objects.select_related("staff").filter(client=client, staff__staff_no=staff_no).first()
    if found is not None:
        found.delete()
        _tell(client, found.staff, "removed", user, at)


def _tell(client: Client, staff: Staff, what: str, user: User, at: datetime) -> None:
    search.refresh(client_ids=[client.pk])
    add_events([own_event(client, "co_manager", at, user, what=what, staff=staff.name)])
    audit.record(
        f"client.co_manager.{what}",
        user=user,
        object_kind="client",
        object_no=client.client_no,
        detail={"staff": staff.staff_no},
    )


def _serving(user: User, staff_no: str, on: date) -> Staff:
    """A manager in service whom the user may know of; otherwise Refused, with the same words for every reason."""
    staff = Staff.objects.visible_to(user).filter(staff_no=staff_no, role__in=MANAGING).first()
    if staff is None or not in_service(staff, on):
        raise Refused(_("Choose a manager who is in service."))
    return staff
