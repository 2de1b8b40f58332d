"""What the profit pages read, within the viewer's scope."""

import re
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from clients.scope import client_scope
from crm import replica
from org.models import Branch
from org.scope import scope_of
from profit.models import CostMonth, ProfitTotal
from profit.rules import Profit


@dataclass(frozen=True)
class Picture:
    """A branch's (or all visible branches') twelve months. `losers`: clients whose net contribution is below 0."""

    clients: int
    losers: int
    lost: int
    profit: Profit


def totals(user: Any, branch: Branch | None) -> QuerySet[ProfitTotal]:
    """Totals of the clients of a branch and those below it, or of all that the viewer sees."""
    found = ProfitTotal.objects.visible_to(user).exclude(client__status="closed")
    return found.filter(client__branch__path__startswith=branch.path) if branch else found


def picture(user: Any, branch: Branch | None) -> Picture:
    """Sums of a scope: one query."""
    sums = {name: Coalesce(Sum(name), 0) for name in ("revenue", "direct", "service", "overhead")}
    found = totals(user, branch).aggregate(
        clients=Count("pk"),
        losers=Count("pk", filter=Q(net__lt=0)),
        lost=Coalesce(Sum("net", filter=Q(net__lt=0)), 0),
        **sums,
    )
    return Picture(found["clients"], found["losers"], found["lost"], Profit(*(found[name] for name in sums)))


#: Clients by net contribution, best first, in equal groups: the running sum rises, then falls where clients cost money.
_CURVE = """
SELECT (rank - 1) * %(columns)s / total AS part, count(*), sum(net)::bigint,
       max(net), min(client_id) FILTER (WHERE rank = 1 OR (rank - 1) * %(columns)s / total > (rank - 2) * %(columns)s / total),
       min(net), min(client_id) FILTER (WHERE rank * %(columns)s / total > (rank - 1) * %(columns)s / total)
  FROM (SELECT p.net, p.client_id, row_number() OVER (ORDER BY p.net DESC, p.client_id) AS rank, count(*) OVER () AS total
          FROM profit_profittotal p JOIN clients_client c ON c.id = p.client_id
          JOIN org_branch b ON b.id = c.branch_id
         WHERE c.status <> 'closed' AND {scope} AND b.path LIKE %(path)s) r
 GROUP BY 1 ORDER BY 1
"""
COLUMNS = 50


@dataclass(frozen=True)
class Stretch:
    """Clients who follow each other by net contribution, best first, then by key; `first`, `last`: (net in units, key)."""

    first: tuple[int, int]
    last: tuple[int, int]

    def __str__(self) -> str:
        return ":".join(map(str, (*self.first, *self.last)))

    @classmethod
    def parse(cls, value: str) -> "Stretch | None":
        """The stretch that was written so; None if it is none."""
        if not re.fullmatch(r"-?\d{1,18}:\d{1,18}:-?\d{1,18}:\d{1,18}", value, re.ASCII):
            return None
        high, first, low, last = map(int, value.split(":"))
        return cls((high, first), (low, last))

    def condition(self) -> Q:
        """On clients."""
        (high, first), (low, last) = self.first, self.last
        return (Q(profit__net__lt=high) | Q(profit__net=high, pk__gte=first)) & (
            Q(profit__net__gt=low) | Q(profit__net=low, pk__lte=last)
        )


@dataclass(frozen=True)
class Part:
    """One mark of the curve: how many clients, what remains of them together (units), and who they are."""

    clients: int
    net: int
    stretch: Stretch


def curve(user: Any, branch: Branch | None) -> list[Part]:
    """Groups of clients from the best to the worst: one query."""
    condition, values = client_scope(user).sql("c")
    path = (branch.path if branch else "/") + "%"
    with replica.connection().cursor() as cursor:
        cursor.execute(_CURVE.format(scope=condition), {**values, "path": path, "columns": COLUMNS})
        return [
            Part(clients, net, Stretch((high, first), (low, last)))
            for _part, clients, net, high, first, low, last in cursor.fetchall()
        ]


def cost_months(user: Any, branch: Branch | None) -> QuerySet[CostMonth]:
    """Months with costs, newest first."""
    found = CostMonth.objects.visible_to(user).select_related("branch", "changed_by__staff")
    return (found.filter(branch=branch) if branch else found).order_by("-month", "branch__branch_no")


def whole_branches(user: Any) -> QuerySet[Branch]:
    """Branches that the viewer sees whole, and so may enter costs for."""
    return Branch.objects.filter(scope_of(user).branch_condition("pk")).order_by("branch_no")
