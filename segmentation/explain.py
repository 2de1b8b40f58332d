"""Why a client has its tier (U1): the figures behind it, how far it is to the next line and how much may be lost.

A manager sees tier, reason and the place in the own book; place and totals of the branch are for the branch head and up.
Who only co-manages a client learns nothing of the book that it belongs to.
"""

from dataclasses import dataclass
from decimal import Decimal

from clients.models import Client
from crm import replica
from org.scope import scope_of
from segmentation.lines import lines_around
from segmentation.models import RankingRun, RunTotal, Scope, Standing, TierChange
from segmentation.rules import least_inside, missing, share, to_spare


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
    return {tier: least_inside(line, cuts[tier]) for tier, line in lines_around(standing, run, cuts).items()}


def newest_run() -> RankingRun | None:
    """The newest finished run of the chain that standings follow."""
    done = RankingRun.objects.filter(apart=False, state="done").select_related("policy")
    return done.order_by("-business_date", "-finished_at").first()
