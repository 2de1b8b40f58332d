"""What a policy would do (U1): who would move, where, and how many contacts a month it costs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection, transaction

from clients.scope import client_scope
from org.scope import people_scope_of
from segmentation import ranking
from segmentation.models import RankingPolicy, RankingRun
from segmentation.policies import policy_on, window_of

#: Moved clients shown by name.
SHOWN = 50


@dataclass(frozen=True)
class Preview:
    """Counts over the firm for head office, else over the viewer's scope; `movers` always only those in it.

    Contacts a month of those ranked before (V1): `contacts_now` by today's tiers and the cadence of the policy in force,
    `contacts_then` by the new tiers and the cadence of the policy looked at.
    """

    ranked: int
    moved: int
    matrix: list[tuple[str, list[int]]]
    contacts_now: int
    contacts_then: int
    branches: list[tuple[str, str, int, int]]
    movers: list[dict[str, Any]]

    @property
    def contacts_change(self) -> int:
        return self.contacts_then - self.contacts_now


_MATRIX = """
SELECT coalesce(s.tier, ''), r.tier, t.branch_id, count(*)
  FROM ranked r JOIN ledger_clienttotals t USING (client_id) LEFT JOIN segmentation_standing s USING (client_id)
 WHERE {condition}
 GROUP BY 1, 2, 3
"""

_BRANCHES = """
SELECT b.branch_no, b.name, count(*) FILTER (WHERE r.tier < s.tier), count(*) FILTER (WHERE r.tier > s.tier)
  FROM ranked r JOIN segmentation_standing s USING (client_id) JOIN ledger_clienttotals t USING (client_id)
  JOIN org_branch b ON b.id = t.branch_id
 WHERE r.tier <> s.tier AND {condition}
 GROUP BY 1, 2 ORDER BY 3 + 4 DESC, 1 LIMIT 50
"""

_MOVERS = """
SELECT c.client_no, s.tier AS before, r.tier AS after, r.contribution
  FROM ranked r JOIN segmentation_standing s USING (client_id) JOIN ledger_clienttotals t USING (client_id)
  JOIN clients_client c ON c.id = r.client_id
 WHERE r.tier <> s.tier AND {condition}
 ORDER BY r.contribution DESC LIMIT %(shown)s
"""


def preview_of(policy: RankingPolicy, business_date: date, user) -> Preview:
    """Rank the date by a policy in a transaction that is rolled back; the counts equal those of the later run."""
    window = window_of(policy, business_date)
    run = RankingRun(
        scope=policy.scope, business_date=business_date, policy=policy, window_from=window.start, window_to=window.end
    )
    scope = client_scope(user)
    condition, values = scope.sql("t", "client_id")
    # Counts tell of clients too: a head gets those of the own branches; the administrator steers the policy for all.
    counted = "TRUE" if people_scope_of(user).firm else condition
    with transaction.atomic(), connection.cursor() as cursor:
        ranking.prepare(cursor, run)
        cursor.execute(_MATRIX.format(condition=counted), values)
        rows = cursor.fetchall()
        cursor.execute(_BRANCHES.format(condition=counted), values)
        branches = cursor.fetchall()
        cursor.execute(_MOVERS.format(condition=condition), values | {"shown": SHOWN})
        names = [column.name for column in cursor.description]
        movers = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        transaction.set_rollback(True)
    counts: dict[tuple[str, str], int] = {}
    for before, after, _branch, count in rows:
        counts[before, after] = counts.get((before, after), 0) + count
    known = [row for row in rows if row[0]]
    return Preview(
        ranked=sum(counts.values()),
        moved=sum(count for (before, after), count in counts.items() if before and before != after),
        matrix=[(before, [counts.get((before, after), 0) for after in "ABC"]) for before in "ABC"],
        contacts_now=_contacts(policy_on(business_date), business_date, [(b, at, n) for b, _, at, n in known]),
        contacts_then=_contacts(policy, business_date, [(a, at, n) for _, a, at, n in known]),
        branches=branches,
        movers=movers,
    )


def _contacts(policy: RankingPolicy, day: date, clients: list[tuple[str, int, int]]) -> int:
    """Contacts a month (V1) of so many clients by (tier, branch, count), by the cadence of their branch."""
    firm, own = _cadence[-1](policy, day)
    return sum(own.get(branch, firm)[tier] * count for tier, branch, count in clients)


#: Contacts a month by tier for a policy and a day: the firm's, and by branch id where a branch has its own.
ContactsOf = Callable[[RankingPolicy, date], tuple[Mapping[str, int], Mapping[int, Mapping[str, int]]]]


def _by_policy(policy: RankingPolicy, day: date) -> tuple[Mapping[str, int], Mapping[int, Mapping[str, int]]]:
    return {"A": policy.visits_a, "B": policy.visits_b, "C": policy.visits_c}, {}


_cadence: list[ContactsOf] = [_by_policy]


def register_cadence(contacts_of: ContactsOf) -> None:
    """The app that keeps the cadences says what they are; the policy's own numbers count without one."""
    _cadence.append(contacts_of)
