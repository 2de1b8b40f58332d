"""What My day shows (D1, first form): moves of the last night, stale records, notices, the night itself. Reading only."""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, F, Q, Window

from clients.models import ClientCare
from clients.scope import ClientScope, client_scope
from nights.models import Night, Notice
from org.masking import mask_name
from segmentation import words

#: Rows shown before the door to the whole list.
SHOWN = 12
#: So many days back moves are still news, if no later night had any: the window moves once a month.
NEWS = 31

#: One statement for the totals, the moves that matter most and the groups: falls from A first, then rises into A.
_MOVES = """
WITH last AS (
    SELECT max(t.business_date) AS day
      FROM segmentation_tierchange t JOIN clients_client c ON c.id = t.client_id
     WHERE t.business_date BETWEEN %(since)s AND %(day)s AND t.what = 'tier' AND {condition}
), moved AS (
    SELECT c.id, c.client_no, c.name, c.branch_id, c.manager_id, t.before, t.after, t.reason, t.contribution_before,
           t.contribution_after
      FROM segmentation_tierchange t JOIN clients_client c ON c.id = t.client_id
     WHERE t.business_date = (SELECT day FROM last) AND t.what = 'tier' AND {condition}
), top AS (
    SELECT client_no, name, before, after, reason, contribution_before, contribution_after
      FROM moved
     ORDER BY least(nullif(before, ''), nullif(after, '')), after = '' OR after > before DESC,
              greatest(coalesce(contribution_before, 0), coalesce(contribution_after, 0)) DESC, id
     LIMIT %(shown)s
), grouped AS (
    SELECT {key} AS id, count(*) FILTER (WHERE before <> '' AND after <> '' AND after < before) AS up,
           count(*) FILTER (WHERE before <> '' AND after <> '' AND after > before) AS down,
           count(*) FILTER (WHERE before = '') AS entered, count(*) FILTER (WHERE after = '') AS gone
      FROM moved GROUP BY 1
), named AS (
    SELECT g.up, g.down, g.entered, g.gone, n.{number} AS number, n.name
      FROM grouped g LEFT JOIN {table} n ON n.id = g.id
     ORDER BY g.up + g.down + g.entered + g.gone DESC, n.{number} LIMIT 50
)
SELECT (SELECT day FROM last), coalesce(sum(up), 0)::bigint, coalesce(sum(down), 0)::bigint, coalesce(sum(entered), 0)::bigint,
       coalesce(sum(gone), 0)::bigint,
       (SELECT coalesce(jsonb_agg(to_jsonb(top)), '[]') FROM top),
       (SELECT coalesce(jsonb_agg(to_jsonb(named)), '[]') FROM named)
  FROM grouped
"""
_BY_MANAGER = {"key": "manager_id", "number": "staff_no", "table": "org_staff"}
_BY_BRANCH = {"key": "branch_id", "number": "branch_no", "table": "org_branch"}


@dataclass(frozen=True)
class Move:
    """One client whose tier changed, and why in one sentence."""

    client_no: str
    name: str
    before: str
    after: str
    why: str


@dataclass(frozen=True)
class Group:
    """Moves of one manager or branch; without number: clients without a manager."""

    number: str
    name: str
    up: int
    down: int
    entered: int
    gone: int


@dataclass(frozen=True)
class Moves:
    """Tier changes in the viewer's scope, of the newest night that had any (`day`; None: none lately)."""

    day: date | None
    up: int
    down: int
    entered: int
    gone: int
    top: list[Move]
    groups: list[Group]
    by: str

    @property
    def total(self) -> int:
        return self.up + self.down + self.entered + self.gone

    @property
    def more(self) -> int:
        """Moves that are not shown one by one."""
        return self.total - len(self.top)


def moves(user, day: date) -> Moves:
    """The newest moves up to a date among the viewer's clients: grouped by branch for the firm, else by manager."""
    scope = client_scope(user)
    by = "branch" if scope.scope.firm else "manager"
    condition, values = scope.sql("c")
    sql = _MOVES.format(condition=condition, **(_BY_BRANCH if by == "branch" else _BY_MANAGER))
    with connection.cursor() as cursor:
        cursor.execute(sql, values | {"day": day, "since": day - timedelta(days=NEWS), "shown": SHOWN})
        newest, up, down, entered, gone, top, groups = cursor.fetchone()
    masked = scope.scope.masked
    return Moves(
        day=newest,
        up=up,
        down=down,
        entered=entered,
        gone=gone,
        top=[_move(row, masked) for row in _decoded(top)],
        groups=[Group(**row | {"number": row["number"] or "", "name": row["name"] or ""}) for row in _decoded(groups)],
        by=by,
    )


def _decoded(value: Any) -> list[dict[str, Any]]:
    """Django's cursors hand JSON over as text."""
    return json.loads(value) if isinstance(value, str) else value


def _move(row: dict[str, Any], masked: bool) -> Move:
    return Move(
        client_no=row["client_no"],
        name=mask_name(row["name"]) if masked else row["name"],
        before=row["before"],
        after=row["after"],
        why=words.event("tier", row),
    )


@dataclass(frozen=True)
class Stale:
    """Records whose review is due, the oldest first."""

    total: int
    rows: list[ClientCare]


def stale(user, on: date) -> Stale:
    """Client records in the viewer's scope that are to be confirmed again (C1)."""
    due = ClientCare.objects.filter(client_scope(user).condition("client__"), review_due_on__lte=on)
    due = due.exclude(client__status="closed").select_related("client").annotate(total=Window(Count("*")))
    rows = list(due.order_by("review_due_on", "client_id")[:SHOWN])
    if client_scope(user).scope.masked:
        for care in rows:
            care.client.name = mask_name(care.client.name)
    return Stale(rows[0].total if rows else 0, rows)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Notices:
    """The viewer's newest notices, unread ones first; `unread` counts all that are not read."""

    unread: int
    rows: list[Notice]


def newest_notices(user) -> Notices:
    """What the viewer was told, in one statement."""
    mine = Notice.objects.visible_to(user).annotate(unread=Window(Count("pk", filter=Q(read_at=None))))
    rows = list(mine.order_by(F("read_at").desc(nulls_first=True), "-created_at", "-pk")[:8])
    return Notices(rows[0].unread if rows else 0, rows)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Nights:
    """The last night that ended well, and the one under way or in trouble, if there is one."""

    done: Night | None
    open: Night | None


def nights() -> Nights:
    """Both in one statement. Everybody may know which night the figures are of."""
    newest = Night.objects.filter(state=Night.State.DONE).order_by("-business_date")[:1]
    under_way = Night.objects.filter(state__in=Night.OPEN).order_by("business_date")[:1]
    found = list(newest.union(under_way, all=True))
    done = next((night for night in found if night.state == Night.State.DONE), None)
    return Nights(done, next((night for night in found if night.state != Night.State.DONE), None))


def shows_clients(scope: ClientScope) -> bool:
    """Whether the viewer has clients to look after at all."""
    return not scope.scope.nothing or bool(scope.co_managed)
