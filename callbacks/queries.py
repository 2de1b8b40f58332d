"""The list, the draw and the meter of call-backs as statements over all clients (H1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from callbacks.models import Draw
from callbacks.rules import quota

#: A wish not to be contacted does not stop a call-back that the law asks for.
NEW = """
INSERT INTO callbacks_callback (client_id, kind, year, tier, due_on, state, attempts, answers, abnormal, recording,
                                reason, finding, version)
SELECT c.id, 'new', extract(year FROM c.opened_on), coalesce(s.service_tier, ''), c.opened_on + %(days)s, 'open', 0, '{}', '[]',
       '', '', '', 1
  FROM clients_client c LEFT JOIN segmentation_standing s ON s.client_id = c.id
 WHERE c.opened_on BETWEEN %(from)s AND %(day)s AND c.status <> 'closed'
    ON CONFLICT (client_id, kind, year) DO NOTHING
"""
GONE = """
UPDATE callbacks_callback b SET state = 'dispensed', reason = %(reason)s, done_at = %(at)s, version = b.version + 1
  FROM clients_client c WHERE c.id = b.client_id AND b.state = 'open' AND c.status = 'closed'
"""
#: Clients of the last day of the year before; dormant ones are left out by what they are today, their history is not kept.
FRAME = """
INSERT INTO callbacks_frame (draw_id, client_id, branch_id, tier)
SELECT %(draw)s, c.id, c.branch_id, coalesce(s.service_tier, '')
  FROM clients_client c LEFT JOIN segmentation_standing s ON s.client_id = c.id
 WHERE c.opened_on <= %(on)s AND (c.closed_on IS NULL OR c.closed_on > %(on)s) AND c.status = 'active'
"""
_PICK = """
INSERT INTO callbacks_callback (client_id, kind, draw_id, year, tier, due_on, state, attempts, answers, abnormal, recording,
                                reason, finding, version)
SELECT p.client_id, 'periodic', %(draw)s, %(year)s, p.tier, %(due)s, 'open', 0, '{}', '[]', '', '', '', 1
  FROM (SELECT f.client_id, f.branch_id, f.tier,
               row_number() OVER (PARTITION BY f.branch_id, f.tier ORDER BY md5(%(seed)s || ':' || c.client_no)) AS place
          FROM callbacks_frame f JOIN clients_client c ON c.id = f.client_id
         WHERE f.draw_id = %(draw)s
           AND NOT EXISTS (SELECT FROM callbacks_callback b WHERE b.draw_id = f.draw_id AND b.client_id = f.client_id)) p
  JOIN unnest(%(branches)s::bigint[], %(tiers)s::text[], %(numbers)s::int[]) AS w(branch_id, tier, number)
       ON w.branch_id = p.branch_id AND w.tier = p.tier
 WHERE p.place <= w.number
    ON CONFLICT (client_id, kind, year) DO NOTHING
"""
_STRATA = "SELECT branch_id, tier, count(*) FROM callbacks_frame WHERE draw_id = %s GROUP BY 1, 2 ORDER BY 1, 2"
#: Call-backs of each stratum that count or still may.
_HELD = """
SELECT f.branch_id, f.tier, count(*) FROM callbacks_callback b
  JOIN callbacks_frame f ON f.draw_id = b.draw_id AND f.client_id = b.client_id
 WHERE b.draw_id = %s AND b.state IN ('open', 'reached') GROUP BY 1, 2
"""


def strata(draw: Draw) -> list[tuple[int, str, int]]:
    """(branch, tier, clients) of a draw's frame."""
    with connection.cursor() as cursor:
        cursor.execute(_STRATA, [draw.pk])
        return list(cursor.fetchall())


def held(draw: Draw) -> dict[tuple[int, str], int]:
    """(branch, tier) → call-backs of a draw that are open or reached."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [draw.pk])
        return {(branch, tier): number for branch, tier, number in cursor.fetchall()}


def pick(draw: Draw, wanted: Iterable[tuple[int, str, int]], due: date) -> int:
    """Put so many clients of each stratum on the list, the next ones by the seed; how many."""
    rows = list(wanted)
    values: dict[str, Any] = {
        "draw": draw.pk,
        "year": draw.year,
        "seed": str(draw.seed),
        "due": due,
        "branches": [branch for branch, _tier, _number in rows],
        "tiers": [tier for _branch, tier, _number in rows],
        "numbers": [number for _branch, _tier, number in rows],
    }
    with connection.cursor() as cursor:
        cursor.execute(_PICK, values)
        return cursor.rowcount


@dataclass(frozen=True)
class Meter:
    """How far a branch is. `quota`: of the clients eligible at the last year-end; only who was reached counts."""

    branch_id: int
    name: str
    branch_no: str
    eligible: int
    reached: int
    open: int
    lost: int
    new: int
    new_reached: int
    new_late: int
    abnormal: int

    @property
    def quota(self) -> int:
        return quota(self.eligible)

    @property
    def share(self) -> float | None:
        return self.reached / self.quota if self.quota else None


_METER = """
SELECT o.id, o.name, o.branch_no, coalesce(f.eligible, 0), coalesce(b.reached, 0), coalesce(b.open, 0), coalesce(b.lost, 0),
       coalesce(b.new, 0), coalesce(b.new_reached, 0), coalesce(b.new_late, 0), coalesce(b.abnormal, 0)
  FROM org_branch o
  LEFT JOIN (SELECT f.branch_id, count(*) AS eligible FROM callbacks_frame f JOIN callbacks_draw d ON d.id = f.draw_id
              WHERE d.year = %(year)s AND f.branch_id = ANY(%(branches)s) GROUP BY 1) f ON f.branch_id = o.id
  LEFT JOIN (SELECT coalesce(p.branch_id, c.branch_id) AS branch_id,
                    count(*) FILTER (WHERE b.kind = 'periodic' AND b.state = 'reached') AS reached,
                    count(*) FILTER (WHERE b.kind = 'periodic' AND b.state = 'open') AS open,
                    count(*) FILTER (WHERE b.kind = 'periodic' AND b.state NOT IN ('open', 'reached')) AS lost,
                    count(*) FILTER (WHERE b.kind = 'new') AS new,
                    count(*) FILTER (WHERE b.kind = 'new' AND b.state = 'reached') AS new_reached,
                    count(*) FILTER (WHERE b.kind = 'new' AND b.state = 'open' AND b.due_on < %(day)s) AS new_late,
                    count(*) FILTER (WHERE b.abnormal <> '[]' AND b.looked_at IS NULL) AS abnormal
               FROM callbacks_callback b JOIN clients_client c ON c.id = b.client_id
               LEFT JOIN callbacks_frame p ON p.draw_id = b.draw_id AND p.client_id = b.client_id
              WHERE b.year = %(year)s AND coalesce(p.branch_id, c.branch_id) = ANY(%(branches)s) GROUP BY 1) b
         ON b.branch_id = o.id
 WHERE o.id = ANY(%(branches)s) AND (f.eligible > 0 OR b.new > 0)
 ORDER BY o.branch_no
"""


def meter(branch_ids: Sequence[int], year: int, on: date) -> list[Meter]:
    """The branches' quotas of a year; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_METER, {"branches": list(branch_ids), "year": year, "day": on})
        return [Meter(*row) for row in cursor.fetchall()]
