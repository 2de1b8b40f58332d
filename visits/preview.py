"""What a draft of the cadence would cost (V1, U4): contacts a month, and whose time would no longer suffice."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection
from django.db.models import Avg

from clients.scope import client_scope
from crm.partitions import month_start, next_month
from org import calendar
from org.models import Leave, Staff
from org.scope import people_scope_of
from visits.cadence import Cadences, cadences_on
from visits.models import CadencePolicy, Visit
from visits.rules import IN_PERSON, TIERS, Demand, demand

#: Managers shown, those whose time is shortest first.
SHOWN = 50
#: The ways of so many days back tell how long a manager travels to a visit.
WAYS_DAYS = 92

#: Branch, manager, service tier, and how many clients.
Row = tuple[int, int | None, str, int]


@dataclass(frozen=True)
class Load:
    """A manager's month under the cadence that would hold without the draft, and with it."""

    staff: Staff
    now: Demand
    then: Demand


@dataclass(frozen=True)
class Preview:
    """What a draft would do in `month`, its first whole month. `tiers`: tier, clients, contacts now, then.

    `short_now`, `short_then`: managers whose time does not suffice; `unkept`: contacts of clients without a manager.
    """

    month: date
    provisional: int
    tiers: list[tuple[str, int, int, int]]
    contacts_now: int
    contacts_then: int
    in_person_now: int
    in_person_then: int
    managers: int
    short_now: int
    short_then: int
    unkept: int
    loads: list[Load]


#: Those who would owe a contact, as the ledger opens its month.
_CLIENTS = """
SELECT c.branch_id, c.manager_id, s.service_tier, count(*)
  FROM segmentation_standing s
  JOIN clients_client c ON c.id = s.client_id
  LEFT JOIN clients_clientcare k ON k.client_id = c.id
 WHERE c.status <> 'closed' AND NOT coalesce(k.do_not_contact, false) AND {condition}
 GROUP BY 1, 2, 3
"""


def preview_of(draft: CadencePolicy, user: Any, on: date) -> Preview:
    """Compare the cadence with and without a draft by the tiers of today; ten queries, nothing is written.

    A manager's time: working days without leave, without noon and desk. What is needed: minutes with the clients, and for
    each visit the way as it was on average in the last three months, else as the policy assumes.
    """
    month = draft.valid_from if draft.valid_from.day == 1 else next_month(month_start(draft.valid_from))
    now, then = cadences_on(draft.valid_from), cadences_on(draft.valid_from, draft=draft)
    rows = _counted(user)
    days = [one for one in calendar.days(month, next_month(month) - timedelta(days=1)) if one.is_workday]
    loads = _loads(rows, now, then, [one.date for one in days], on)
    short = sorted(
        (load for load in loads if load.then.short or load.now.short),
        key=lambda load: (-load.then.lacking, -load.now.lacking, load.staff.staff_no),
    )
    tiers: Counter[tuple[str, int]] = Counter()
    persons = [0, 0]
    unkept = 0
    for branch, manager, tier, count in rows:
        tiers[tier, 0] += count
        for n, cadence in enumerate((now.of(branch), then.of(branch))):
            tiers[tier, n + 1] += count * cadence.contacts[tier]
            persons[n] += count * cadence.visits(tier)
        unkept += count * then.of(branch).contacts[tier] if manager is None else 0
    return Preview(
        month=month,
        provisional=sum(one.provisional for one in days),
        tiers=[(tier, tiers[tier, 0], tiers[tier, 1], tiers[tier, 2]) for tier in TIERS],
        contacts_now=sum(tiers[tier, 1] for tier in TIERS),
        contacts_then=sum(tiers[tier, 2] for tier in TIERS),
        in_person_now=persons[0],
        in_person_then=persons[1],
        managers=len(loads),
        short_now=sum(load.now.short for load in loads),
        short_then=sum(load.then.short for load in loads),
        unkept=unkept,
        loads=short[:SHOWN],
    )


def _counted(user: Any) -> list[Row]:
    """Clients by branch, manager and service tier: numbers of the firm for whoever keeps its policies."""
    condition, values = client_scope(user).sql("c")
    if people_scope_of(user).firm:
        condition, values = "TRUE", {}
    with connection.cursor() as cursor:
        cursor.execute(_CLIENTS.format(condition=condition), values)
        return cursor.fetchall()


def _loads(rows: Iterable[Row], now: Cadences, then: Cadences, days: list[date], on: date) -> list[Load]:
    """Each manager's promises, by the cadence of the clients' branches, against the time, by that of the own branch."""
    sums: dict[int, list[int]] = {}
    for branch, manager, tier, count in rows:
        if manager is not None:
            one = sums.setdefault(manager, [0, 0, 0, 0])
            for n, cadence in enumerate((now.of(branch), then.of(branch))):
                one[2 * n] += count * cadence.contacts[tier]
                one[2 * n + 1] += count * cadence.visits(tier)
    away, ways = _away(days), _ways(on)
    found = []
    for staff in Staff.objects.select_related("branch").filter(pk__in=list(sums)):
        left = max(0, len(days) - away[staff.pk])
        one, before, after = sums[staff.pk], now.of(staff.branch_id), then.of(staff.branch_id)
        found.append(
            Load(
                staff,
                demand(one[0], one[1], before, left, ways.get(staff.pk, before.unknown_travel_minutes)),
                demand(one[2], one[3], after, left, ways.get(staff.pk, after.unknown_travel_minutes)),
            )
        )
    return found


def _away(days: list[date]) -> Counter[int]:
    """Working days of the month on which somebody is on leave, by staff."""
    found: dict[int, set[date]] = {}
    if days:
        for leave in Leave.objects.filter(from_on__lte=days[-1], to_on__gte=days[0]):
            found.setdefault(leave.staff_id, set()).update(day for day in days if leave.from_on <= day <= leave.to_on)
    return Counter({staff: len(away) for staff, away in found.items()})


def _ways(on: date) -> dict[int, float]:
    """Minutes of travel to a visit, on average, of those who visited somebody lately."""
    visits = Visit.objects.filter(date__range=(on - timedelta(days=WAYS_DAYS), on), kind__in=IN_PERSON)
    means = visits.exclude(state="cancelled").order_by().values_list("manager_id").annotate(Avg("travel_minutes"))
    return {manager: float(mean) for manager, mean in means}
