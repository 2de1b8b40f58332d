"""Everything that hangs on a book, moved and counted by sets (U10)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from crm.partitions import month_start
from handovers.models import Handover

#: Clients and their new managers, as two arrays of the same length.
_TO = "unnest(%(clients)s::bigint[], %(managers)s::bigint[]) AS t(client_id, to_id)"

_MOVES = {
    "duty": f"""
WITH moved AS (
    UPDATE visits_duty d SET manager_id = t.to_id FROM {_TO}
     WHERE d.client_id = t.client_id AND d.manager_id = %(former)s AND d.month >= %(month)s AND d.state IN ('owed', 'booked')
    RETURNING d.client_id, d.manager_id, d.month, d.number
)
INSERT INTO handovers_move (handover_id, what, client_id, to_id, object_id, month, tier)
SELECT %(handover)s, 'duty', client_id, manager_id, number, month, '' FROM moved
""",
    "visit": f"""
WITH moved AS (
    UPDATE visits_visit v
       SET manager_id = t.to_id, version = v.version + 1, changed_at = now(), changed_by_id = %(user)s FROM {_TO}
     WHERE v.client_id = t.client_id AND v.manager_id = %(former)s AND v.date >= %(on)s AND v.state IN ('proposed', 'planned')
    RETURNING v.client_id, v.manager_id, v.id
)
INSERT INTO handovers_move (handover_id, what, client_id, to_id, object_id, tier)
SELECT %(handover)s, 'visit', client_id, manager_id, id, '' FROM moved
""",
    "promise": f"""
WITH moved AS (
    UPDATE visits_promise p SET staff_id = t.to_id FROM {_TO}
     WHERE p.client_id = t.client_id AND p.staff_id = %(former)s AND p.kept_at IS NULL
    RETURNING p.client_id, p.staff_id, p.id
)
INSERT INTO handovers_move (handover_id, what, client_id, to_id, object_id, tier)
SELECT %(handover)s, 'promise', client_id, staff_id, id, '' FROM moved
""",
    # Whoever wrote the note stays; what it announces is done by another.
    "step": f"""
WITH moved AS (
    UPDATE visits_contact n SET next_staff_id = t.to_id FROM {_TO}
     WHERE n.client_id = t.client_id AND coalesce(n.next_staff_id, n.staff_id) = %(former)s
       AND n.next_on IS NOT NULL AND n.next_done_at IS NULL
    RETURNING n.client_id, n.next_staff_id, n.id
)
INSERT INTO handovers_move (handover_id, what, client_id, to_id, object_id, tier)
SELECT %(handover)s, 'step', client_id, next_staff_id, id, '' FROM moved
""",
}

#: With what the watch compares later. The clients themselves were moved by their own verb.
_CLIENTS = f"""
INSERT INTO handovers_move (handover_id, what, client_id, to_id, tier, assets)
SELECT %(handover)s, 'client', t.client_id, t.to_id, coalesce(s.service_tier, ''), o.assets
  FROM {_TO} LEFT JOIN segmentation_standing s USING (client_id) LEFT JOIN ledger_clienttotals o USING (client_id)
"""
#: Whoever worked beside the former manager and is the manager now, works beside nobody.
_NOT_BESIDE = f"""
WITH gone AS (
    DELETE FROM clients_comanager c USING {_TO} WHERE c.client_id = t.client_id AND c.staff_id = t.to_id
    RETURNING c.client_id, c.staff_id
)
INSERT INTO handovers_move (handover_id, what, client_id, to_id, tier)
SELECT %(handover)s, 'unbeside', client_id, staff_id, '' FROM gone
"""
_BESIDE = f"""
WITH made AS (
    INSERT INTO clients_comanager (client_id, staff_id, since) SELECT t.client_id, %(former)s, %(on)s FROM {_TO}
    ON CONFLICT DO NOTHING RETURNING client_id, staff_id
)
INSERT INTO handovers_move (handover_id, what, client_id, to_id, tier)
SELECT %(handover)s, 'beside', client_id, staff_id, '' FROM made
"""


def move_all(handover: Handover, to: Mapping[int, int], *, beside: bool) -> dict[str, int]:
    """Take along contacts owed, visits from the day on, open promises, and note it all; counts by kind."""
    values: dict[str, Any] = {
        "clients": list(to),
        "managers": list(to.values()),
        "handover": handover.pk,
        "former": handover.former_id,
        "user": handover.made_by_id,
        "on": handover.on,
        "month": month_start(handover.on),
    }
    counts = {}
    statements = {"client": _CLIENTS, **_MOVES, "unbeside": _NOT_BESIDE} | ({"beside": _BESIDE} if beside else {})
    with connection.cursor() as cursor:
        for what, statement in statements.items():
            cursor.execute(statement, values)
            counts[what] = cursor.rowcount
    return counts


_STILL = """
SELECT c.id FROM handovers_move m JOIN clients_client c ON c.id = m.client_id
 WHERE m.handover_id = %(handover)s AND m.what = 'client' AND c.manager_id = m.to_id ORDER BY c.id FOR UPDATE OF c
"""
#: What is still where it was put goes back; of a client who moved on, nothing does.
_BACK = {
    "duty": """
UPDATE visits_duty d SET manager_id = %(former)s FROM handovers_move m
 WHERE m.handover_id = %(handover)s AND m.what = 'duty' AND m.client_id = ANY(%(clients)s)
   AND d.month = m.month AND d.client_id = m.client_id AND d.number = m.object_id AND d.manager_id = m.to_id
   AND d.state IN ('owed', 'booked')
""",
    "visit": """
UPDATE visits_visit v
   SET manager_id = %(former)s, version = v.version + 1, changed_at = now(), changed_by_id = %(user)s
  FROM handovers_move m
 WHERE m.handover_id = %(handover)s AND m.what = 'visit' AND m.client_id = ANY(%(clients)s)
   AND v.id = m.object_id AND v.manager_id = m.to_id AND v.state IN ('proposed', 'planned')
""",
    "promise": """
UPDATE visits_promise p SET staff_id = %(former)s FROM handovers_move m
 WHERE m.handover_id = %(handover)s AND m.what = 'promise' AND m.client_id = ANY(%(clients)s)
   AND p.id = m.object_id AND p.staff_id = m.to_id AND p.kept_at IS NULL
""",
    "step": """
UPDATE visits_contact n SET next_staff_id = nullif(%(former)s, n.staff_id) FROM handovers_move m
 WHERE m.handover_id = %(handover)s AND m.what = 'step' AND m.client_id = ANY(%(clients)s)
   AND n.id = m.object_id AND n.next_staff_id = m.to_id AND n.next_done_at IS NULL
""",
    "unbeside": """
INSERT INTO clients_comanager (client_id, staff_id, since) SELECT m.client_id, m.to_id, %(on)s FROM handovers_move m
 WHERE m.handover_id = %(handover)s AND m.what = 'unbeside' AND m.client_id = ANY(%(clients)s) ON CONFLICT DO NOTHING
""",
}
#: What the new managers made of these clients in between goes with them: it must not stay with somebody who lost them.
_FOLLOW = {
    "duty": """
UPDATE visits_duty d SET manager_id = %(former)s FROM handovers_move m
 WHERE m.handover_id = %(handover)s AND m.what = 'client' AND m.client_id = ANY(%(clients)s) AND d.client_id = m.client_id
   AND d.month >= %(month)s AND d.manager_id = m.to_id AND d.state IN ('owed', 'booked')
""",
    "visit": """
UPDATE visits_visit v
   SET manager_id = %(former)s, version = v.version + 1, changed_at = now(), changed_by_id = %(user)s
  FROM handovers_move m
 WHERE m.handover_id = %(handover)s AND m.what = 'client' AND m.client_id = ANY(%(clients)s) AND v.client_id = m.client_id
   AND v.manager_id = m.to_id AND v.date >= %(on)s AND v.state IN ('proposed', 'planned')
""",
}
_DROP_BESIDE = """
DELETE FROM clients_comanager c USING handovers_move m
 WHERE m.handover_id = %(handover)s AND m.what = 'beside' AND c.client_id = m.client_id AND c.staff_id = m.to_id
RETURNING c.client_id
"""


def still_there(handover: Handover) -> list[int]:
    """Clients who are with the manager the hand-over gave them, locked."""
    with connection.cursor() as cursor:
        cursor.execute(_STILL, {"handover": handover.pk})
        return [pk for (pk,) in cursor.fetchall()]


def move_back(handover: Handover, client_ids: Sequence[int], *, user_id: int, on: date) -> dict[str, int]:
    """The reverse of `move_all` for these clients; counts by kind of what the hand-over had moved."""
    values: dict[str, Any] = {
        "clients": list(client_ids),
        "handover": handover.pk,
        "former": handover.former_id,
        "user": user_id,
        "on": on,
        "month": month_start(handover.on),
    }
    counts = {"beside": len(drop_beside(handover))}
    with connection.cursor() as cursor:
        for what, statement in _BACK.items():
            cursor.execute(statement, values)
            counts[what] = cursor.rowcount
        for statement in _FOLLOW.values():
            cursor.execute(statement, values)
    return counts


def drop_beside(handover: Handover) -> list[int]:
    """End the overlap; ids of its clients."""
    with connection.cursor() as cursor:
        cursor.execute(_DROP_BESIDE, {"handover": handover.pk})
        return [pk for (pk,) in cursor.fetchall()]


_LOADS = """
SELECT c.manager_id, count(*), coalesce(sum(n.contacts), 0)
  FROM clients_client c LEFT JOIN segmentation_standing s ON s.client_id = c.id
  LEFT JOIN unnest(%(tiers)s::text[], %(numbers)s::int[]) AS n(tier, contacts) ON n.tier = s.service_tier
 WHERE c.manager_id = ANY(%(staff)s) AND c.status <> 'closed' GROUP BY 1
"""


def loads(staff_ids: Sequence[int], contacts: Mapping[str, int]) -> dict[int, tuple[int, int]]:
    """Staff id → clients, contacts a month by their tiers."""
    with connection.cursor() as cursor:
        cursor.execute(_LOADS, {"staff": list(staff_ids), "tiers": list(contacts), "numbers": list(contacts.values())})
        return {pk: (clients, int(number)) for pk, clients, number in cursor.fetchall()}


_COUNTS = """
SELECT (SELECT count(*) FROM visits_duty WHERE client_id = ANY(%(clients)s) AND manager_id = %(former)s
           AND month >= %(month)s AND state IN ('owed', 'booked')),
       (SELECT count(*) FROM visits_visit WHERE client_id = ANY(%(clients)s) AND manager_id = %(former)s
           AND date >= %(on)s AND state IN ('proposed', 'planned')),
       (SELECT count(*) FROM visits_promise WHERE client_id = ANY(%(clients)s) AND staff_id = %(former)s
           AND kept_at IS NULL),
       (SELECT count(*) FROM visits_contact WHERE client_id = ANY(%(clients)s) AND coalesce(next_staff_id, staff_id) = %(former)s
           AND next_on IS NOT NULL AND next_done_at IS NULL)
"""


def counts(former_id: int, client_ids: Sequence[int], on: date) -> dict[str, int]:
    """What would move, by kind."""
    values: dict[str, Any] = {"clients": list(client_ids), "former": former_id, "on": on, "month": month_start(on)}
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, values)
        duties, visits, promises, steps = cursor.fetchone()
    return {"client": len(client_ids), "duty": duties, "visit": visits, "promise": promises, "step": steps}


_CLASHES = f"""
SELECT t.to_id, count(DISTINCT v.id)
  FROM {_TO} JOIN visits_visit v ON v.client_id = t.client_id AND v.manager_id = %(former)s AND v.state = 'planned'
       AND v.date >= %(on)s
  JOIN visits_visit o ON o.manager_id = t.to_id AND o.date = v.date AND o.state = 'planned'
       AND (o.start, o.start + make_interval(mins => o.minutes))
           OVERLAPS (v.start, v.start + make_interval(mins => v.minutes))
 GROUP BY 1
"""


def clashes(former_id: int, to: Mapping[int, int], on: date) -> dict[int, int]:
    """Staff id → planned visits to come that fall together with visits the successor has."""
    values: dict[str, Any] = {"clients": list(to), "managers": list(to.values()), "former": former_id, "on": on}
    with connection.cursor() as cursor:
        cursor.execute(_CLASHES, values)
        return dict(cursor.fetchall())


_WATCH = """
SELECT c.client_no, c.name, m.to_id, m.tier, coalesce(m.assets, 0), c.status = 'closed',
       c.manager_id = m.to_id AND c.branch_id = %(branch)s,
       coalesce(f.inflow, 0)::bigint, k.first_at
  FROM handovers_move m
  JOIN clients_client c ON c.id = m.client_id
  LEFT JOIN LATERAL (SELECT sum(net_inflow) AS inflow FROM ledger_monthlyfact f
                      WHERE f.client_id = m.client_id AND f.month BETWEEN %(month)s AND %(until)s) f ON TRUE
  LEFT JOIN LATERAL (SELECT min(at) AS first_at FROM visits_contact k
                      WHERE k.client_id = m.client_id AND k.staff_id = m.to_id AND k.at >= %(made_at)s) k ON TRUE
 WHERE m.handover_id = %(handover)s AND m.what = 'client' AND (%(staff)s::bigint[] IS NULL OR m.to_id = ANY(%(staff)s))
 ORDER BY coalesce(nullif(m.tier, ''), 'Z'), m.assets DESC NULLS LAST, c.id
"""


@dataclass(frozen=True)
class Watched:
    """A client handed over: assets then, money in minus out since the month's first, first contact with the new manager."""

    client_no: str
    name: str
    to_id: int
    tier: str
    assets: int
    closed: bool
    still: bool
    inflow: int
    first_at: datetime | None


def watched(handover: Handover, until: date, staff_ids: Sequence[int] | None) -> list[Watched]:
    """The clients of a hand-over, those of the best tiers first; `staff_ids`: only what these got."""
    values: dict[str, Any] = {
        "handover": handover.pk,
        "branch": handover.branch_id,
        "month": month_start(handover.on),
        "until": until,
        "made_at": handover.made_at,
        "staff": None if staff_ids is None else list(staff_ids),
    }
    with connection.cursor() as cursor:
        cursor.execute(_WATCH, values)
        return [Watched(*row) for row in cursor.fetchall()]
