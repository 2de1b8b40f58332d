"""Why a client has its tier (U1): the figures behind it, and how far it is to the next line.

A manager sees tier, reason and the place in the own book; place and totals of the branch are for the branch head and up.
"""

from dataclasses import dataclass
from datetime import date

from django.db import connection

from clients.models import Client
from org.scope import scope_of
from segmentation.models import RankingRun, RunTotal, Standing, TierChange
from segmentation.rules import enough_for


@dataclass(frozen=True)
class Why:
    """Everything the card shows. Money in units; `branch_rank` and `branch_clients` None for a manager."""

    standing: Standing
    run: RankingRun
    book_rank: int | None
    book_clients: int
    branch_rank: int | None
    branch_clients: int | None
    share: float | None
    next_tier: str
    enough: int | None
    last_change: TierChange | None

    @property
    def window(self) -> tuple[date, date]:
        return self.run.window_from, self.run.window_to


_PLACES = """
SELECT count(*) FILTER (WHERE o.manager_id = me.manager_id) AS book,
       count(*) FILTER (WHERE o.manager_id = me.manager_id AND {ahead}) + 1 AS book_rank,
       count(*) AS everybody,
       count(*) FILTER (WHERE {ahead}) + 1 AS scope_rank
  FROM ledger_clienttotals me JOIN ledger_clienttotals o ON o.ranked AND {within}
 WHERE me.client_id = %(client)s
"""

_AHEAD = (
    "(o.contribution, o.assets) > (me.contribution, me.assets)"
    " OR ((o.contribution, o.assets) = (me.contribution, me.assets) AND (o.no_key, o.client_id) < (me.no_key, me.client_id))"
)


def sees_branch_figures(user) -> bool:
    """Whether ranks and totals of a whole branch may be shown to a user."""
    scope = scope_of(user)
    return scope.firm or bool(scope.branch_ids)


def why(client: Client, user) -> Why | None:
    """The explanation for a viewer; None for a client that is not ranked. The client must be in the viewer's scope."""
    standing: Standing | None = getattr(client, "standing", None)
    run = newest_run()
    if standing is None or run is None:
        return None
    whole_branch = sees_branch_figures(user) and run.scope == "branch"
    within = "o.branch_id = me.branch_id" if whole_branch else "o.manager_id = me.manager_id"
    with connection.cursor() as cursor:
        cursor.execute(_PLACES.format(ahead=f"({_AHEAD})", within=within), {"client": client.pk})
        book, book_rank, everybody, scope_rank = cursor.fetchone() or (0, 1, 0, 1)
    total = RunTotal.objects.filter(run=run, scope_id=standing.scope_id).first()
    next_tier = {"C": "B", "B": "A"}.get(standing.tier, "")
    floor = {"A": total.floor_a, "B": total.floor_b}.get(next_tier) if total else None
    share = None
    if whole_branch and total and total.contribution and standing.contribution > 0:
        share = standing.contribution / total.contribution
    return Why(
        standing=standing,
        run=run,
        book_rank=book_rank if client.manager_id else None,
        book_clients=book,
        branch_rank=scope_rank if whole_branch else None,
        branch_clients=everybody if whole_branch else None,
        share=share,
        next_tier=next_tier,
        enough=None if floor is None else enough_for(standing.contribution, floor),
        last_change=TierChange.objects.filter(client=client, what="tier").order_by("-business_date").first(),
    )


def newest_run() -> RankingRun | None:
    """The newest finished run of the chain that standings follow."""
    return (
        RankingRun.objects.filter(apart=False, state="done").order_by("-business_date").select_related("policy").first()
    )
