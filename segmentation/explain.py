"""Why a client has its tier (U1): the figures behind it, how far it is to the next line and how much may be lost.

A manager sees tier, reason and the place in the own book; place and totals of the branch are for the branch head and up.
Who only co-manages a client learns nothing of the book that it belongs to.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from clients.models import Client
from crm import replica
from org.scope import scope_of
from segmentation.models import RankingRun, RunTotal, Scope, Standing, TierChange
from segmentation.rules import Line, least_inside, missing, share, to_spare


@dataclass(frozen=True)
class Why:
    """Everything the card shows. Money in units; None or '' where there is no such figure, or it is not the viewer's.

    `missing`: the least that has to be added for `next_tier`; `spare`: the most that may be lost without falling.
    """

    standing: Standing
    run: RankingRun
    book_rank: int | None
    book_clients: int | None
    branch_rank: int | None
    branch_clients: int | None
    share: Decimal | None
    next_tier: str
    missing: int | None
    spare: int | None
    last_change: TierChange | None


@dataclass(frozen=True)
class Sight:
    """What a viewer may know of those around a client: of the book that it belongs to, of its branch."""

    book: bool
    branch: bool


_PLACES = """
SELECT count(*) FILTER (WHERE o.manager_id = me.manager_id),
       count(*) FILTER (WHERE o.manager_id = me.manager_id AND {ahead}) + 1,
       count(*),
       count(*) FILTER (WHERE {ahead}) + 1
  FROM ledger_clienttotals me JOIN ledger_clienttotals o ON o.ranked AND {within}
 WHERE me.client_id = %(client)s
"""

_AHEAD = (
    "(o.contribution, o.assets) > (me.contribution, me.assets)"
    " OR ((o.contribution, o.assets) = (me.contribution, me.assets) AND (o.no_key, o.client_id) < (me.no_key, me.client_id))"
)

#: For each line the last of the others inside it and the one that follows (`rules.line_among`, set-based). Whole numbers add
#: up exactly as float8 up to 2^53 units, 900 billion 元; as numeric, which sums of bigint are, the card takes half as long again.
_LINES = """
WITH others AS MATERIALIZED (
    SELECT (sum(s.contribution::float8) OVER best)::bigint AS inside, (sum(s.contribution::float8) OVER ())::bigint AS total,
           s.contribution + CASE WHEN (-t.assets, t.no_key, t.client_id) < (-me.assets, me.no_key, me.client_id)
                                 THEN 1 ELSE 0 END AS to_pass
      FROM ledger_clienttotals me, segmentation_standing s JOIN ledger_clienttotals t USING (client_id)
     WHERE me.client_id = %(client)s AND s.client_id <> me.client_id AND s.contribution > 0
       AND s.scope_id = %(scope)s AND {within}
    WINDOW best AS (ORDER BY s.contribution DESC, t.assets DESC, t.no_key, t.client_id ROWS UNBOUNDED PRECEDING)
)
SELECT cuts.tier, edge.*
  FROM (VALUES ('A', %(cut_a)s::numeric), ('B', %(cut_b)s::numeric)) cuts (tier, cut)
 CROSS JOIN LATERAL (SELECT total, inside, to_pass FROM others
                      WHERE others.inside * 100 >= total * cuts.cut ORDER BY others.inside LIMIT 2) edge
 ORDER BY tier, inside
"""

#: Scope kind → where its clients are found by an index.
_WITHIN = {
    Scope.BRANCH: "t.branch_id = %(scope)s",
    Scope.MANAGER: "coalesce(t.manager_id, 0) = %(scope)s",
    Scope.FIRM: "TRUE",
}


def sees_branch_figures(user) -> bool:
    """Whether ranks and totals of a whole branch may be shown to a user."""
    scope = scope_of(user)
    return scope.firm or bool(scope.branch_ids)


def sight_of(user, client: Client) -> Sight:
    """What a viewer may know around a client: the manager of the own book, the branch head of the own branches."""
    scope = scope_of(user)
    branch = scope.firm or client.branch_id in scope.branch_ids
    return Sight(book=branch or client.manager_id in scope.staff_ids, branch=branch)


def why(client: Client, user) -> Why | None:
    """The explanation for a viewer; None for a client that is not ranked. The client must be in the viewer's scope."""
    standing: Standing | None = getattr(client, "standing", None)
    run = newest_run()
    if standing is None or run is None:
        return None
    sight = sight_of(user, client)
    in_branch = sight.branch and run.scope == Scope.BRANCH
    book, book_rank, everybody, scope_rank = _places(client, whole_branch=in_branch) if sight.book else (0, 0, 0, 0)
    in_book = sight.book and client.manager_id is not None
    next_tier = {"C": "B", "B": "A"}.get(standing.tier, "")
    # Within a book the lines tell of the book.
    least = _least(standing, run) if sight.book or run.scope != Scope.MANAGER else {}
    total = RunTotal.objects.filter(run=run, scope_id=standing.scope_id).first() if in_branch else None
    return Why(
        standing=standing,
        run=run,
        book_rank=book_rank if in_book else None,
        book_clients=book if in_book else None,
        branch_rank=scope_rank if in_branch else None,
        branch_clients=everybody if in_branch else None,
        share=share(standing.contribution, total.contribution) if total and standing.contribution > 0 else None,
        next_tier=next_tier,
        missing=missing(standing.contribution, least[next_tier]) if next_tier in least else None,
        spare=to_spare(standing.contribution, least[standing.tier]) if standing.tier in least else None,
        last_change=TierChange.objects.filter(client=client, what="tier").order_by("-business_date").first(),
    )


def _places(client: Client, *, whole_branch: bool) -> tuple[int, int, int, int]:
    """(book, place in the book, branch, place in the branch); the last two are of the book without `whole_branch`."""
    within = "o.branch_id = me.branch_id" if whole_branch else "o.manager_id = me.manager_id"
    with replica.connection().cursor() as cursor:
        cursor.execute(_PLACES.format(ahead=f"({_AHEAD})", within=within), {"client": client.pk})
        return cursor.fetchone() or (0, 1, 0, 1)


def _least(standing: Standing, run: RankingRun) -> dict[str, int]:
    """Tier → the least contribution with which the client would have it or a better one, the others being as they are."""
    cuts = {"A": run.policy.cut_a, "B": run.policy.cut_b}
    values: dict[str, Any] = {
        "client": standing.client_id,
        "scope": standing.scope_id,
        "cut_a": cuts["A"],
        "cut_b": cuts["B"],
    }
    with replica.connection().cursor() as cursor:
        cursor.execute(_LINES.format(within=_WITHIN[Scope(run.scope)]), values)
        rows = cursor.fetchall()
    found = {}
    for tier, cut in cuts.items():
        edges = [(int(total), int(inside), int(to_pass)) for name, total, inside, to_pass in rows if name == tier]
        total, inside, last = edges[0] if edges else (0, 0, None)
        line = Line(total, inside, last, edges[1][2] if len(edges) > 1 else None)
        found[tier] = least_inside(line, cut)
    return found


def newest_run() -> RankingRun | None:
    """The newest finished run of the chain that standings follow."""
    done = RankingRun.objects.filter(apart=False, state="done").select_related("policy")
    return done.order_by("-business_date", "-finished_at").first()
