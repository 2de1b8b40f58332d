"""The verbs of the client records: each a transaction that checks the right, writes, and keeps audit and timeline."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from clients.queries import insert_events_sql


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
    columns = [
        [event.client_id for event in events],
        [event.at for event in events],
        [event.kind for event in events],
        [json.dumps(event.data, ensure_ascii=False, default=str) for event in events],
        [event.actor_id for event in events],
        [event.source_key for event in events],
    ]
    with connection.cursor() as cursor:
        cursor.execute(insert_events_sql(select), columns)
        return cursor.rowcount
