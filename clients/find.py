"""Asking the search (C10): what somebody typed → clients in the viewer's scope, the largest first.

At most `MOST` matches are collected and then put in order (MATERIALIZED): a plain ORDER BY … LIMIT would walk an index in
order and take seconds for rare words. Scope tokens only make finding faster; the columns decide here, and every caller
shows the ids through `visible_to` once more, so that a search row behind its client shows nothing to the wrong person.
"""

from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from clients import notes
from clients.rules import Part, Query, parse_search, tsquery
from clients.scope import ClientScope, client_scope

#: Matches collected before they are put in order; beyond it the order is that of the first ones found.
MOST = 2000
#: More branches or staff than this in a scope: their tokens would cost more than they save.
_MOST_TOKENS = 40


@dataclass(frozen=True)
class Found:
    """Client ids in order; `capped`: there are more than could be looked at; `masked`: names could not be searched.

    `noted`: those of them that only a note was found of, with the newest such event.
    """

    ids: list[int]
    capped: bool = False
    masked: bool = False
    noted: dict[int, int] = field(default_factory=dict)


def find(user, text: str, limit: int = MOST) -> Found:
    """Clients that match a text, in the user's scope: exact numbers first, then by assets, then those with such a note.

    Who sees names masked searches by client and account number only: whether a name exists is what the mask hides, and
    notes are kept from him.
    """
    scope = client_scope(user)
    query = parse_search(text)
    masked = scope.scope.masked
    if masked:
        query = _numbers_only(query)
    if not query.parts or (scope.scope.nothing and not scope.co_managed):
        return Found([], masked=masked and not query.parts)
    sql, params = build_sql(query, scope, limit)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows = cursor.fetchall()
    noted = {row[0]: row[2] for row in rows if row[2] is not None}
    return Found([row[0] for row in rows], capped=bool(rows) and rows[0][1] >= MOST, noted=noted)


def build_sql(query: Query, scope: ClientScope, limit: int) -> tuple[str, dict[str, Any]]:
    """The statement for a query: rows of (client id, number of matches collected, event of the note or null)."""
    right, params = scope.sql("s", "client_id")
    params = {**params, "most": MOST, "limit": min(limit, MOST)}
    number = next((part for part in query.parts if part.number), None)
    tokens = Query(query.text, tuple(part for part in query.parts if part.ways))
    missing = len(tokens.parts) < len(query.parts)
    ways = []
    if not missing:
        params["words"] = tsquery(tokens, _scope_tokens(scope))
        ways.append(
            f"SELECT s.client_id, s.weight, 1 AS rank, NULL::bigint AS event FROM clients_clientsearch s"
            f" WHERE s.tsv @@ %(words)s::tsquery AND {right} LIMIT %(most)s"
        )
    if number is not None:
        ways += _number_ways(query, number, scope, params)
    if not scope.scope.masked:
        ways += _note_ways(query, right, params)
    matches = " UNION ALL ".join(f"({way})" for way in ways)
    return (
        f"WITH m (client_id, weight, rank, event) AS MATERIALIZED ({matches}),"
        " best AS (SELECT client_id, min(rank) AS rank, max(weight) AS weight, max(event) AS event FROM m GROUP BY client_id)"
        " SELECT client_id, (SELECT count(*) FROM m), CASE WHEN rank = 2 THEN event END"
        " FROM best ORDER BY rank, weight DESC, client_id LIMIT %(limit)s",
        params,
    )


def _number_ways(query: Query, number: Part, scope: ClientScope, params: dict[str, Any]) -> list[str]:
    """Client and account numbers that begin so, by their B-trees; the other words must hold too."""
    right, _ = scope.sql("c")
    others = Query(query.text, tuple(part for part in query.parts if part is not number and part.ways))
    also = ""
    if others.parts:
        params["others"] = tsquery(others)
        also = " AND s.tsv @@ %(others)s::tsquery"
    params["exact"] = list(dict.fromkeys((number.number, number.number.upper())))
    for place, text in enumerate(params["exact"]):
        params[f"begin{place}"] = _like(text) + "%"

    def way(table: str, column: str) -> str:
        begins = " OR ".join(f"{column} LIKE %(begin{place})s" for place in range(len(params["exact"])))
        return (
            f"SELECT s.client_id, s.weight, CASE WHEN {column} = ANY(%(exact)s) THEN 0 ELSE 1 END, NULL::bigint FROM {table}"
            f" JOIN clients_clientsearch s ON s.client_id = c.id WHERE ({begins}) AND {right}{also} LIMIT %(most)s"
        )

    return [
        way("clients_client c", "c.client_no"),
        way("clients_account a JOIN clients_client c ON c.id = a.client_id", "a.account_no"),
    ]


def _note_ways(query: Query, right: str, params: dict[str, Any]) -> list[str]:
    """Clients of whom somebody wrote such words; each word must stand in the note as it was typed."""
    params["noted"], held = notes.terms(query)
    if not params["noted"]:
        return []
    params |= {f"held{place}": text for place, text in enumerate(held)}
    also = "".join(f" AND position(%(held{place})s in n.body) > 0" for place in range(len(held)))
    return [
        "SELECT s.client_id, s.weight, 2, n.event_id FROM clients_notesearch n"
        " JOIN clients_clientsearch s ON s.client_id = n.client_id"
        f" WHERE n.tsv @@ %(noted)s::tsquery AND {right}{also} LIMIT %(most)s"
    ]


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _scope_tokens(scope: ClientScope) -> tuple[str, ...]:
    """Tokens that every client of the scope carries; none for wide scopes. Co-managed clients carry the manager's."""
    if scope.scope.firm or len(scope.scope.branch_ids) + len(scope.scope.staff_ids) > _MOST_TOKENS:
        return ()
    return (*(f"b:{pk}" for pk in scope.scope.branch_ids), *(f"m:{pk}" for pk in scope.scope.staff_ids))


def _numbers_only(query: Query) -> Query:
    """What of a query asks for client and account numbers; nothing when it asks for names or phones too."""
    if any(not part.number for part in query.parts):
        return Query(query.text, ())
    return Query(query.text, tuple(Part(number=part.number) for part in query.parts))
