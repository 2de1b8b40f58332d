"""The order of a scope's clients in a run, kept ready: every record asks how far its client is from the lines (U1).

To add the shares up again for each record reads the whole branch. The order only changes with the run, so it is read once
per run and scope, kept as prefix sums in the cache and searched by halving. A lost cache costs one reading.
"""

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from django.core.cache import cache

from crm import replica
from ledger.models import ClientTotals
from segmentation.models import RankingRun, Scope, Standing
from segmentation.rules import Contender, Line, ceiling, to_pass

KEPT_SECONDS = 24 * 3600

#: Scope kind → where its clients are found by an index.
_WITHIN = {
    Scope.BRANCH: "t.branch_id = %(scope)s",
    Scope.MANAGER: "coalesce(t.manager_id, 0) = %(scope)s",
    Scope.FIRM: "TRUE",
}

_ORDER = """
SELECT t.client_id, s.contribution
  FROM segmentation_standing s JOIN ledger_clienttotals t USING (client_id)
 WHERE s.contribution > 0 AND s.scope_id = %(scope)s AND {within}
 ORDER BY s.contribution DESC, t.assets DESC, t.no_key, t.client_id
"""


@dataclass(frozen=True)
class Order:
    """Clients of a scope that bring something, best first; `inside[i]`: what the first i + 1 of them bring, money units."""

    clients: "array[int]"
    inside: "array[int]"

    def contribution(self, place: int) -> int:
        """What the client at a place, from 0, brings."""
        return self.inside[place] - (self.inside[place - 1] if place else 0)

    def place(self, client_id: int, contribution: int) -> int | None:
        """Where a client stands, from 0; None for one that brings nothing or is not in the order."""
        first = bisect_left(range(len(self.clients)), -contribution, key=lambda at: -self.contribution(at))
        for at, other in enumerate(islice(self.clients, first, None), first):
            if other == client_id:
                return at
            if self.contribution(at) != contribution:
                return None
        return None

    def edge(self, place: int | None, cut: Decimal) -> tuple[int, int, list[int]]:
        """Without the client at `place`: total, what those inside the line bring, places of the last inside and the next."""
        own = 0 if place is None else self.contribution(place)
        split = len(self.clients) if place is None else place
        total = (self.inside[-1] if self.inside else 0) - own
        wanted = ceiling(total, cut)
        last = bisect_left(self.inside, wanted, 0, split)
        if last == split:
            last = bisect_left(self.inside, wanted + own, split + 1)
        places = [at for at in range(last, min(last + 3, len(self.clients))) if at != place][:2]
        if total <= 0 or not places:
            return total, 0, []
        return total, self.inside[last] - (own if last >= split else 0), places


def order_of(run: RankingRun, scope_id: int, *, anew: bool = False) -> Order:
    """The order in a scope after a run, from the cache or, the first time and `anew`, from the standings."""
    key = f"ranking-order:{run.pk}:{run.finished_at.timestamp()}:{scope_id}" if run.finished_at else ""
    if key and not anew and (kept := cache.get(key)):
        return Order(*(array("q", part) for part in kept))
    with replica.connection().cursor() as cursor:
        cursor.execute(_ORDER.format(within=_WITHIN[Scope(run.scope)]), {"scope": scope_id})
        rows = cursor.fetchall()
    clients, inside, total = array("q"), array("q"), 0
    for client_id, contribution in rows:
        total += contribution
        clients.append(client_id)
        inside.append(total)
    if key:
        cache.set(key, (clients.tobytes(), inside.tobytes()), KEPT_SECONDS)
    return Order(clients, inside)


def lines_around(standing: Standing, run: RankingRun, cuts: dict[str, Decimal]) -> dict[str, Line]:
    """Tier → where its line falls among the others of the client's scope (`rules.line_among`).

    Nothing for a client without totals: it was taken in by a batch that was undone.
    """
    try:
        return _lines(order_of(run, standing.scope_id), standing, cuts)
    except KeyError:
        pass
    try:  # a neighbour is gone since the order was kept
        return _lines(order_of(run, standing.scope_id, anew=True), standing, cuts)
    except KeyError:
        return {}


def _lines(order: Order, standing: Standing, cuts: dict[str, Decimal]) -> dict[str, Line]:
    place = order.place(standing.client_id, standing.contribution) if standing.contribution > 0 else None
    edges = {tier: order.edge(place, cut) for tier, cut in cuts.items()}
    near = {order.clients[at] for _, _, places in edges.values() for at in places}
    rows = ClientTotals.objects.filter(client_id__in={*near, standing.client_id}).values_list(
        "client_id", "no_key", "assets"
    )
    keys = {client_id: (no_key, assets) for client_id, no_key, assets in rows}

    def pass_at(at: int) -> int:
        no_key, assets = keys[order.clients[at]]
        return to_pass(me, Contender(no_key, order.contribution(at), assets))

    own_key, own_assets = keys[standing.client_id]
    me = Contender(own_key, standing.contribution, own_assets)
    return {
        tier: Line(total, inside, *[pass_at(at) for at in places], *[None] * (2 - len(places)))
        for tier, (total, inside, places) in edges.items()
    }
