"""What a draft of the cuts and weights would do (U1): who would stand elsewhere, by the data of the newest night."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection, transaction

from clients.scope import client_scope
from measures import services
from measures.models import MeasurePolicy
from measures.reading import SCHEMES, names_of
from org.scope import people_scope_of

#: Moved clients shown by name, and streams of each scheme.
SHOWN = 50
STREAMS = 12


@dataclass(frozen=True)
class Moves:
    """One scheme: clients who would stand elsewhere, and the largest streams as (from, to, clients)."""

    label: str
    moved: int
    streams: list[tuple[str, str, int]]


@dataclass(frozen=True)
class Preview:
    """Counts over the firm for head office, else over the viewer's scope; `movers` always only those in it.

    `moved`: clients whose cell, kind or band of the score would differ; `scored`: whose score would, by `change` points on
    average over all who are measured. `branches`: number, name, moved clients.
    """

    measured: int
    moved: int
    scored: int
    change: float
    schemes: list[Moves]
    branches: list[tuple[str, str, int]]
    movers: list[dict[str, Any]]


_FROM = "measured n JOIN measures_clientmeasures k USING (client_id) JOIN clients_client c ON c.id = n.client_id"
_DIFFER = (
    "(k.cell, k.kind, least(k.score / 20, 4)) IS DISTINCT FROM (n.cell, n.kind, least(n.score / 20, 4)) AND {condition}"
)
_COUNTS = f"""
SELECT k.cell, n.cell, k.kind, n.kind, least(k.score / 20, 4)::text, least(n.score / 20, 4)::text, count(*),
       count(*) FILTER (WHERE k.score <> n.score), sum(n.score - k.score)
  FROM {_FROM} WHERE {{condition}}
 GROUP BY 1, 2, 3, 4, 5, 6
"""
_BRANCHES = f"""
SELECT b.branch_no, b.name, count(*) FROM {_FROM} JOIN org_branch b ON b.id = c.branch_id
 WHERE {_DIFFER} GROUP BY 1, 2 ORDER BY 3 DESC, 1 LIMIT {SHOWN}
"""
_MOVERS = f"""
SELECT c.client_no, k.cell AS cell_before, n.cell AS cell_after, k.kind AS kind_before, n.kind AS kind_after,
       k.score AS score_before, n.score AS score_after
  FROM {_FROM}
 WHERE {_DIFFER} ORDER BY n.monetary DESC, n.client_id LIMIT {SHOWN}
"""


def preview_of(draft: MeasurePolicy, business_date: date, user: Any) -> Preview:
    """Measure the newest night once more by a draft, in a transaction that is rolled back; a draft of the cuts and weights
    in force moves nobody but those whose profile or costs changed since that night."""
    condition, values = client_scope(user).sql("c")
    counted = ("TRUE", {}) if people_scope_of(user).firm else (condition, values)
    with transaction.atomic(), connection.cursor() as cursor:
        services.prepare(cursor, draft, business_date)
        cursor.execute(_COUNTS.format(condition=counted[0]), counted[1])
        rows = cursor.fetchall()
        cursor.execute(_BRANCHES.format(condition=counted[0]), counted[1])
        branches = cursor.fetchall()
        cursor.execute(_MOVERS.format(condition=condition), values)
        names = [column.name for column in cursor.description]
        movers = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        transaction.set_rollback(True)
    measured = sum(row[6] for row in rows)
    return Preview(
        measured=measured,
        moved=sum(row[6] for row in rows if row[0] != row[1] or row[2] != row[3] or row[4] != row[5]),
        scored=sum(row[7] for row in rows),
        change=float(sum(row[8] for row in rows)) / measured if measured else 0.0,
        schemes=[_moves(key, rows, 2 * number) for number, key in enumerate(("cell", "kind", "band"))],
        branches=branches,
        movers=[_in_words(mover) for mover in movers],
    )


def _moves(key: str, rows: list[tuple[Any, ...]], at: int) -> Moves:
    names, streams = names_of(SCHEMES[key]), Counter[tuple[str, str]]()
    for row in rows:
        if row[at] != row[at + 1]:
            streams[row[at], row[at + 1]] += row[6]
    largest = sorted(streams.items(), key=lambda stream: (-stream[1], stream[0]))[:STREAMS]
    return Moves(
        str(SCHEMES[key].label), sum(streams.values()), [(names[a], names[b], count) for (a, b), count in largest]
    )


def _in_words(mover: dict[str, Any]) -> dict[str, Any]:
    for key in ("cell", "kind"):
        words = names_of(SCHEMES[key])
        mover |= {f"{key}_{when}": words[mover[f"{key}_{when}"]] for when in ("before", "after")}
    return mover
