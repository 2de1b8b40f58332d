"""Making and accepting month plans (V7, V8, U4)."""

import time
from collections import Counter
from dataclasses import replace
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from clients.errors import Conflict
from crm.clock import now
from crm.partitions import next_month
from org import audit
from org.models import MANAGING, Staff, User
from org.rights import require
from visits.cadence import Cadences, cadences_on
from visits.models import Duty, MonthPlan, Unmet, Visit
from visits.planning.book import Book, Plan
from visits.planning.load import Loaded, load, need_of
from visits.rules import time_of
from visits.services.scope import staff_for


def make_plan(
    manager: Staff, month: date, *, user: User | None, begin: date, cadences: Cadences | None = None
) -> MonthPlan:
    """Plan a manager's month from `begin` on and store it as the newest proposal (V7).

    What people fixed, agreed or did stays. Visits that were only planned stay too, unless moving them lets more duties be
    met; then they appear as proposals to be moved. Raises PermissionDenied, ValidationError for a month that is over.
    """
    if user is not None:
        require(user, "visits.edit")
        manager = staff_for(user, manager.pk)
    if next_month(month) <= begin:
        raise ValidationError(_("This month is over."))
    started = time.monotonic()
    loaded = load(manager, month, begin=begin, cadences=cadences or cadences_on(max(begin, month)))
    plan, moves = _best(loaded, manager, month, begin)
    return _store(manager, month, loaded, plan, moves, user, time.monotonic() - started)


def _best(loaded: Loaded, manager: Staff, month: date, begin: date) -> tuple[Plan, dict[tuple[int, int], int]]:
    """The plan that leaves agreed visits alone, or the one that moves some if it meets more."""
    from visits.planning.solve import plan_month  # PyVRP and numpy: not for a web server that plans nothing

    plan = plan_month(loaded.book)
    if not loaded.movable or not any(one.reason == "time" for one in plan.missing):
        return plan, {}
    freed, moves = _freed(loaded, manager, month, begin)
    other = plan_month(freed)
    # Moved visits must all find a place again: demotion or lack of room never cancels what was agreed (V8).
    lost = {(one.need.client_id, one.need.number) for one in other.missing} & moves.keys()
    if lost or len(other.missing) >= len(plan.missing):
        return plan, {}
    return other, moves


def _freed(loaded: Loaded, manager: Staff, month: date, begin: date) -> tuple[Book, dict[tuple[int, int], int]]:
    visits = Visit.objects.filter(pk__in=loaded.movable).order_by("pk")
    moves = {(visit.client_id, visit.duty_number): visit.pk for visit in visits if visit.duty_number is not None}
    dates = [day.date for day in loaded.book.days]
    duties = Duty.objects.filter(month=month, manager=manager, state="booked").select_related("client", "client__care")
    needs = [need_of(duty, dates, begin) for duty in duties if (duty.client_id, duty.number) in moves]
    kept = tuple(one for one in loaded.book.kept if one.visit_id not in loaded.movable)
    book = replace(loaded.book, needs=(*loaded.book.needs, *needs), kept=kept)
    return book, moves


@transaction.atomic
def _store(
    manager: Staff,
    month: date,
    loaded: Loaded,
    plan: Plan,
    moves: dict[tuple[int, int], int],
    user: User | None,
    seconds: float,
) -> MonthPlan:
    # Two planners for one month: one after the other, the later proposal counts.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"plan:{manager.pk}:{month}"])
    newest = MonthPlan.objects.filter(manager=manager, month=month).aggregate(no=Max("run_no"))["no"] or 0
    Visit.objects.filter(manager=manager, plan__month=month, state="proposed").delete()
    row = MonthPlan.objects.create(
        manager=manager,
        month=month,
        run_no=newest + 1,
        made_by=user,
        seconds=round(seconds, 3),
        summary=_summary(loaded, plan),
    )
    orders: Counter[int] = Counter()
    still = {visit.pk: visit for visit in Visit.objects.filter(pk__in=moves.values())}
    visits = []
    for one in plan.placed:
        orders[one.day] += 1
        on, start = loaded.book.days[one.day].date, time_of(one.start)
        moved = moves.get((one.need.client_id, one.need.number))
        if moved is not None and (still[moved].date, still[moved].start) == (on, start):
            continue
        visits.append(
            Visit(
                client_id=one.need.client_id,
                manager=manager,
                plan=row,
                duty_month=month,
                duty_number=one.need.number,
                tier=one.need.tier,
                date=on,
                start=start,
                minutes=one.minutes,
                order=orders[one.day],
                kind=one.kind,
                state="proposed",
                travel_minutes=one.travel_minutes,
                travel_m=one.travel_m,
                reason=one.reason,
                reason_data=one.data | ({"moves": moved} if moved is not None else {}),
            )
        )
    Visit.objects.bulk_create(visits, batch_size=500)
    unmet = Counter((one.need.client_id, one.reason) for one in plan.missing)
    # A client promoted in the month owes for two tiers; the better one tells how urgent it is.
    tiers: dict[int, str] = {}
    for left in plan.missing:
        tiers[left.need.client_id] = min(left.need.tier, tiers.get(left.need.client_id, left.need.tier))
    Unmet.objects.bulk_create(
        [
            Unmet(plan=row, client_id=client, tier=tiers[client], reason=reason, missing=count)
            for (client, reason), count in sorted(unmet.items())
        ]
    )
    return row


def _summary(loaded: Loaded, plan: Plan) -> dict[str, Any]:
    """Counts and minutes for the page: what is kept, proposed, unmet, and what the month holds (U4)."""
    book = loaded.book
    kinds = Counter((one.need.tier, one.kind) for one in plan.placed)
    missing = Counter(one.need.tier for one in plan.missing)
    reasons = Counter(one.reason for one in plan.missing)
    room = sum(
        max(0, sum(span.minutes for span in day.spans) - book.cadence.desk_minutes) for day in book.days if day.spans
    )
    spent = sum(one.minutes + one.travel_minutes for one in plan.placed) + sum(one.minutes for one in book.kept)
    short = sum(
        book.cadence.visit_minutes if one.need.in_person else book.cadence.phone_minutes
        for one in plan.missing
        if one.reason == "time"
    )
    return {
        "visits": {tier: kinds[tier, "visit"] for tier in "ABC"},
        "calls": {tier: kinds[tier, "phone"] for tier in "ABC"},
        "kept": len(book.kept),
        "unmet": {tier: missing[tier] for tier in "ABC"},
        "reasons": dict(reasons),
        "room_minutes": room,
        "spent_minutes": spent,
        "short_minutes": short,
        "days": sum(1 for day in book.days if day.spans),
        "provisional": loaded.provisional,
        "cadence": book.cadence.version,
    }


@transaction.atomic
def accept_plan(plan_id: int, *, user: User) -> int:
    """Turn the newest proposal of a month into planned visits and book their duties; returns how many.

    Raises Conflict when the proposal is not the newest any more. What changed meanwhile (a duty done, waived, booked by
    hand) is left out, not overwritten.
    """
    require(user, "visits.edit")
    plan = MonthPlan.objects.select_for_update().get(pk=plan_id)
    staff_for(user, plan.manager_id)
    newest = MonthPlan.objects.filter(manager=plan.manager_id, month=plan.month).latest("run_no")
    if newest.pk != plan.pk or plan.accepted_at is not None:
        raise Conflict
    count = _accept(plan, user)
    plan.accepted_at, plan.accepted_by = now(), user
    plan.save(update_fields=["accepted_at", "accepted_by"])
    audit.record(
        "plan.accept",
        user=user,
        object_kind="plan",
        object_no=str(plan.pk),
        detail={"month": plan.month.isoformat(), "visits": count},
    )
    return count


_MOVE = """
UPDATE visits_visit v
   SET date = p.date, start = p.start, minutes = p.minutes, "order" = p."order", kind = p.kind, reason = p.reason,
       reason_data = p.reason_data - 'moves', travel_minutes = p.travel_minutes, travel_m = p.travel_m,
       plan_id = p.plan_id, version = v.version + 1, changed_at = now(), changed_by_id = %(user)s
  FROM visits_visit p
 WHERE p.plan_id = %(plan)s AND p.state = 'proposed' AND p.reason_data ? 'moves'
   AND v.id = (p.reason_data ->> 'moves')::bigint AND v.state = 'planned' AND NOT v.fixed
"""
_BOOK = """
WITH booked AS (
    UPDATE visits_duty d SET state = 'booked'
      FROM visits_visit p
     WHERE p.plan_id = %(plan)s AND p.state = 'proposed' AND d.month = p.duty_month AND d.client_id = p.client_id
       AND d.number = p.duty_number AND d.state = 'owed'
    RETURNING d.month, d.client_id, d.number
)
UPDATE visits_visit p SET state = 'planned', changed_at = now(), changed_by_id = %(user)s
  FROM booked b
 WHERE p.plan_id = %(plan)s AND p.state = 'proposed' AND p.client_id = b.client_id AND p.duty_month = b.month
   AND p.duty_number = b.number
"""


def _accept(plan: MonthPlan, user: User) -> int:
    values = {"plan": plan.pk, "user": user.pk}
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, values)
        count = cursor.rowcount
        cursor.execute(_BOOK, values)
        count += cursor.rowcount
    Visit.objects.filter(plan=plan, state="proposed").delete()
    return count


def plan_all(month: date, *, begin: date, part: int = 0, parts: int = 1, again: bool = False) -> int:
    """Proposals for all managers in service who owe something in the month, split by `part`; returns how many.

    Those who have a plan for the month keep it, unless `again`.
    """
    managers = Staff.objects.serving(begin).filter(role__in=MANAGING)
    managers = managers.filter(pk__in=Duty.objects.filter(month=month, state="owed").values("manager_id"))
    if not again:
        managers = managers.exclude(month_plans__month=month)
    cadences = cadences_on(max(begin, month))
    count = 0
    for manager in managers.select_related("branch").order_by("pk").iterator():
        if manager.pk % parts == part:
            make_plan(manager, month, user=None, begin=begin, cadences=cadences)
            count += 1
    return count
