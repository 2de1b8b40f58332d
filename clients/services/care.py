"""What the firm keeps itself: confirmations (C1), credit standing and contact wishes (C7)."""

import json
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from clients import search
from clients.errors import Conflict
from clients.models import Client, ClientCare
from clients.queries import CONFIRM_MANY, INIT_CARE, REVIEW_DUE
from clients.rules import CONFIRMABLE, review_due_on
from clients.services.events import add_event_for_each, add_events, name_of, own_event
from org import audit
from org.models import User
from org.rights import require

#: Fields of `ClientCare` that people edit (C7).
EDITABLE = (
    "credit",
    "credit_note",
    "do_not_contact",
    "do_not_contact_reason",
    "contact_from",
    "contact_to",
    "preferred_channel",
    "note",
)


def init_care(on: date) -> int:
    """Give every client without one a care row, with its first review; returns how many. Set-based, repeatable."""
    with connection.cursor() as cursor:
        cursor.execute(INIT_CARE, {"on": on})
        return cursor.rowcount


def refresh_reviews(file_id: int | None = None) -> int:
    """Bring `review_due_on` up to date after dates of the record changed (of one intake file, or of all)."""
    condition = "TRUE" if file_id is None else "c.file_id = %(file_id)s"
    with connection.cursor() as cursor:
        cursor.execute(REVIEW_DUE.replace("{changed}", condition), {"file_id": file_id})
        return cursor.rowcount


@transaction.atomic
def settle(*, file_id: int | None = None, on: date) -> None:
    """All that follows when intake wrote clients or took a file back: care rows, reviews, search (None: everything)."""
    init_care(on)
    refresh_reviews(file_id)
    if file_id is None:
        search.refresh(everything=True)
    else:
        search.refresh(file_id)


@transaction.atomic
def confirm(client_no: str, fields: Iterable[str], *, user: User, on: date, at: datetime) -> ClientCare:
    """Fields were checked with the client today (C1). Unknown fields raise ValueError; out of scope: DoesNotExist."""
    require(user, "clients.edit")
    wanted = list(dict.fromkeys(fields))
    if not wanted or not set(wanted) <= set(CONFIRMABLE):
        raise ValueError(f"not to be confirmed: {wanted}")
    client = Client.objects.visible_to(user).get(client_no=client_no)
    care = _locked(client, on)
    entry = {"on": on.isoformat(), "by": name_of(user)}
    care.confirmed = {**care.confirmed, **dict.fromkeys(wanted, entry)}
    care.review_due_on = review_due_on(
        care.confirmed,
        client_no=client.client_no,
        opened_on=client.opened_on,
        since=care.since,
        risk_valid_until=client.risk_valid_until,
    )
    care.save(update_fields=["confirmed", "review_due_on"])
    add_events([own_event(client, "confirmed", at, user, fields=wanted)])
    audit.record(
        "client.confirm",
        user=user,
        object_kind="client",
        object_no=client.client_no,
        detail={"fields": wanted},
    )
    return care


@transaction.atomic
def confirm_many(clients: QuerySet[Client], *, user: User, on: date, at: datetime) -> int:
    """All fields of several clients were checked today (C1); returns how many clients. Set-based.

    `clients` is narrowed to the user's scope once more.
    """
    require(user, "clients.edit")
    chosen = clients.filter(pk__in=Client.objects.visible_to(user).order_by().values("pk")).order_by()
    numbers = dict(chosen.values_list("pk", "client_no"))
    ids = list(numbers)
    if not ids:
        return 0
    init_care(on)
    entry = {"on": on.isoformat(), "by": name_of(user)}
    with connection.cursor() as cursor:
        cursor.execute(CONFIRM_MANY, {"ids": ids, "entry": json.dumps(dict.fromkeys(CONFIRMABLE, entry))})
        cursor.execute(REVIEW_DUE.replace("{changed}", "c.id = ANY(%(ids)s)"), {"ids": ids})
    add_event_for_each(ids, "confirmed", user, at, fields=list(CONFIRMABLE))
    audit.record_each(
        "client.confirm",
        user=user,
        object_kind="client",
        object_nos=list(numbers.values()),
        detail={"fields": list(CONFIRMABLE)},
    )
    return len(ids)


@transaction.atomic
def update_care(
    client_no: str, version: int, values: dict[str, Any], *, user: User, on: date, at: datetime
) -> ClientCare:
    """Save credit standing and contact wishes (C7). Raises Conflict when somebody else saved since `version`.

    `values` holds checked values of `EDITABLE`; only what differs is written, told on the timeline and audited.
    """
    require(user, "clients.edit")
    client = Client.objects.visible_to(user).get(client_no=client_no)
    care = _locked(client, on)
    if care.version != version:
        raise Conflict
    changed = [field for field in EDITABLE if field in values and getattr(care, field) != values[field]]
    if not changed:
        return care
    for field in changed:
        setattr(care, field, values[field])
    care.version += 1
    care.changed_at, care.changed_by = at, user
    care.save(update_fields=[*changed, "version", "changed_at", "changed_by"])
    data: dict[str, Any] = {"fields": changed}
    if "do_not_contact" in changed:
        data["do_not_contact"] = care.do_not_contact
    add_events([own_event(client, "care.changed", at, user, **data)])
    audit.record(
        "client.change",
        user=user,
        object_kind="client",
        object_no=client.client_no,
        detail={"fields": changed},
    )
    return care


def _locked(client: Client, on: date) -> ClientCare:
    """The client's care row, locked; made where a client has none yet."""
    care = ClientCare.objects.select_for_update().filter(pk=client.pk).first()
    if care is None:
        ClientCare.objects.bulk_create([ClientCare(client=client, since=on)], ignore_conflicts=True)
        care = ClientCare.objects.select_for_update().get(pk=client.pk)
    return care
