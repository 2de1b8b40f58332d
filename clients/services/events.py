"""Writing to timelines (C8)."""

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from clients import notes
from clients.errors import Refused
from clients.models import Client
from clients.queries import EVENT_FOR_EACH, insert_events_sql
from org import audit
from org.models import User
from org.rights import require

MAX_NOTE = 2000


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event for a client's timeline. `source_key` (at most 80 characters) makes a repeat harmless."""

    client_id: int
    at: datetime
    kind: str
    source_key: str
    data: dict[str, Any] = field(default_factory=dict)
    actor_id: int | None = None


def add_events(rows: Iterable[Event]) -> int:
    """Add events to timelines (C8); returns how many were new. For many clients use `queries.insert_events_sql`."""
    events = list(rows)
    if not events:
        return 0
    select = (
        "SELECT u.client_id, u.at, u.kind, u.data::jsonb, u.actor_id, u.source_key FROM unnest(%s::bigint[],"
        " %s::timestamptz[], %s::text[], %s::text[], %s::bigint[], %s::text[])"
        " AS u (client_id, at, kind, data, actor_id, source_key)"
    )
    columns: list[Any] = [
        [event.client_id for event in events],
        [event.at for event in events],
        [event.kind for event in events],
        [json.dumps(event.data, ensure_ascii=False, default=str) for event in events],
        [event.actor_id for event in events],
        [event.source_key for event in events],
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(insert_events_sql(select), columns)
        written = cursor.rowcount
        notes.remember((event.source_key, event.kind, event.data) for event in events)
    return written


@transaction.atomic
def add_note(client_no: str, text: str, *, user: User, at: datetime) -> None:
    """A person's note on a client's timeline (C8). Raises Refused when it is empty or too long, DoesNotExist out of scope."""
    require(user, "clients.edit")
    client = Client.objects.visible_to(user).get(client_no=client_no)
    text = text.replace("\x00", "").strip()
    if not text:
        raise Refused(_("A note needs some words."))
    if len(text) > MAX_NOTE:
        raise Refused(_("A note holds at most 2,000 characters."))
    add_events([own_event(client, "note", at, user, text=text)])
    audit.record("client.note", user=user, object_kind="client", object_no=client.client_no)


def add_event_for_each(client_ids: list[int], kind: str, user: User, at: datetime, **data: Any) -> int:
    """The same event, caused by a person, for several clients; set-based."""
    with connection.cursor() as cursor:
        cursor.execute(
            EVENT_FOR_EACH,
            {
                "ids": client_ids,
                "at": at,
                "kind": kind,
                "data": json.dumps({**data, "by": name_of(user)}, ensure_ascii=False),
                "actor": user.pk,
                "key": f"own:{uuid.uuid4()}",
            },
        )
        return cursor.rowcount


def own_event(client: Client, kind: str, at: datetime, user: User, **data: Any) -> Event:
    """An event that a person caused; `by` keeps the name as it was."""
    return Event(
        client_id=client.pk,
        at=at,
        kind=kind,
        data={**data, "by": name_of(user)},
        actor_id=user.pk,
        source_key=f"own:{uuid.uuid4()}",
    )


def name_of(user: User) -> str:
    """A person's name for the story: of the staff record, else of the log-in."""
    staff = getattr(user, "staff", None)
    return staff.name if staff is not None else user.get_username()
