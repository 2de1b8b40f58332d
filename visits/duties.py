"""The duty ledger (U3): promises of the cadence as rows, kept by sets, never client by client.

Stated rules:
- A client ranked before the month begins owes the whole number of its service tier (A 3, B 2, C 1).
- Who is ranked for the first time in the month owes the share of the working days left (`rules.prorated`).
- A promotion adds the prorated difference, a demotion takes nothing away (V8).
- With the client all open duties go to the new manager, and so do planned visits.
- A closed account, a client no longer ranked or one who wishes no contact: what is open is waived, with the reason.
- What is still open when the month is over is missed.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection, transaction

from clients.rules import add_months
from crm.partitions import ensure_months, month_start, next_month
from crm.planner import whole_tables
from org import calendar
from visits.cadence import cadences_on
from visits.models import Duty
from visits.rules import TIERS, Cadence, added_on_promotion, prorated, windows


@dataclass(frozen=True)
class Counts:
    """What one refreshing of a month wrote."""

    made: int = 0
    moved: int = 0
    waived: int = 0
    missed: int = 0


#: Clients of the branches of one cadence that are ranked and have no duty yet in this month.
_OPEN = """
INSERT INTO visits_duty (month, client_id, number, manager_id, tier, in_person, from_on, to_on, state, waiver, channel)
SELECT %(month)s, c.id, w.number, c.manager_id, s.service_tier, w.number <= w.in_person, w.from_on, w.to_on, 'owed', '', ''
  FROM segmentation_standing s
  JOIN clients_client c ON c.id = s.client_id
  JOIN unnest(%(tiers)s::text[], %(numbers)s::int[], %(personal)s::int[], %(froms)s::date[], %(tos)s::date[])
       AS w(tier, number, in_person, from_on, to_on) ON w.tier = s.service_tier
  LEFT JOIN clients_clientcare k ON k.client_id = c.id
 WHERE c.status <> 'closed' AND NOT coalesce(k.do_not_contact, false) AND {branches}
   AND NOT EXISTS (SELECT FROM visits_duty d WHERE d.month = %(month)s AND d.client_id = c.id)
ON CONFLICT DO NOTHING
"""

#: Promotions: clients whose service tier is better than any tier they owe for.
_ADD = """
INSERT INTO visits_duty (month, client_id, number, manager_id, tier, in_person, from_on, to_on, state, waiver, channel)
SELECT %(month)s, c.id, d.top + w.number, c.manager_id, s.service_tier, true, w.from_on, w.to_on, 'owed', '', ''
  FROM (SELECT client_id, min(tier) AS tier, max(number) AS top FROM visits_duty WHERE month = %(month)s GROUP BY 1) d
  JOIN segmentation_standing s ON s.client_id = d.client_id AND s.service_tier < d.tier
  JOIN clients_client c ON c.id = s.client_id
  JOIN unnest(%(before)s::text[], %(after)s::text[], %(numbers)s::int[], %(froms)s::date[], %(tos)s::date[])
       AS w(before, after, number, from_on, to_on) ON w.before = d.tier AND w.after = s.service_tier
  LEFT JOIN clients_clientcare k ON k.client_id = c.id
 WHERE c.status <> 'closed' AND NOT coalesce(k.do_not_contact, false) AND {branches}
ON CONFLICT DO NOTHING
"""

#: A month that has not begun follows the service tier down too, as far as nothing was booked or done.
_TRIM = """
DELETE FROM visits_duty d
 USING segmentation_standing s
 WHERE d.month = %(month)s AND s.client_id = d.client_id AND s.service_tier > d.tier AND d.state = 'owed'
   AND NOT EXISTS (SELECT FROM visits_duty o WHERE o.month = d.month AND o.client_id = d.client_id AND o.state <> 'owed')
"""

_FOLLOW = """
UPDATE visits_duty d SET manager_id = c.manager_id
  FROM clients_client c
 WHERE d.month = %(month)s AND d.state IN ('owed', 'booked') AND c.id = d.client_id
   AND d.manager_id IS DISTINCT FROM c.manager_id
"""

_FOLLOW_VISITS = """
UPDATE visits_visit v SET manager_id = c.manager_id, version = v.version + 1, changed_at = now()
  FROM clients_client c
 WHERE v.date BETWEEN %(day)s AND %(last)s AND v.state IN ('proposed', 'planned') AND c.id = v.client_id
   AND c.manager_id IS NOT NULL AND v.manager_id <> c.manager_id
   AND NOT EXISTS (SELECT FROM clients_comanager m WHERE m.client_id = c.id AND m.staff_id = v.manager_id)
"""

_WAIVE = """
UPDATE visits_duty d
   SET state = 'waived',
       waiver = CASE WHEN c.status = 'closed' THEN 'closed' WHEN coalesce(k.do_not_contact, false) THEN 'silence'
                     ELSE 'unranked' END
  FROM clients_client c
  LEFT JOIN clients_clientcare k ON k.client_id = c.id
  LEFT JOIN segmentation_standing s ON s.client_id = c.id
 WHERE d.month >= %(month)s AND d.state IN ('owed', 'booked') AND c.id = d.client_id
   AND (c.status = 'closed' OR coalesce(k.do_not_contact, false) OR s.client_id IS NULL)
"""

_CANCEL = """
UPDATE visits_visit v SET state = 'cancelled', version = v.version + 1, changed_at = now()
  FROM clients_client c LEFT JOIN clients_clientcare k ON k.client_id = c.id
 WHERE v.date >= %(day)s AND v.state IN ('proposed', 'planned') AND c.id = v.client_id
   AND (c.status = 'closed' OR coalesce(k.do_not_contact, false))
"""

_MISS = """
UPDATE visits_duty SET state = 'missed'
 WHERE month < %(month)s AND month >= %(oldest)s AND state IN ('owed', 'booked')
"""

#: A planned visit of a past day without a note was missed; its duty is owed again.
_MISS_VISITS = """
UPDATE visits_visit SET state = 'missed', version = version + 1, changed_at = now()
 WHERE date < %(day)s AND date >= %(since)s AND state = 'planned'
"""
_OWE_AGAIN = """
UPDATE visits_duty d SET state = 'owed'
 WHERE d.month >= %(oldest)s AND d.state = 'booked'
   AND NOT EXISTS (SELECT FROM visits_visit v WHERE v.client_id = d.client_id AND v.duty_month = d.month
                      AND v.duty_number = d.number AND v.state = 'planned')
"""


def refresh(day: date) -> Counts:
    """Bring the ledger of the month of `day` to what clients, tiers and managers are now; safe to repeat.

    `day` is the working date the night prepares, usually the day after its business date.
    """
    month = month_start(day)
    made, moved, waived = _bring(month, day)
    oldest = add_months(month, -2)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_MISS_VISITS, {"day": day, "since": oldest})
        cursor.execute(_MISS, {"month": month, "oldest": oldest})
        missed = cursor.rowcount
        cursor.execute(_OWE_AGAIN, {"oldest": month})
    return Counts(made, moved, waived, missed)


def prepare(month: date, day: date) -> Counts:
    """Make the duties of a month to come, for planning ahead; until it begins they follow tiers up and down."""
    made, moved, waived = _bring(month, max(day, month))
    return Counts(made, moved, waived)


def _bring(month: date, day: date) -> tuple[int, int, int]:
    days = calendar.working_days(month, next_month(month) - timedelta(days=1))
    begin = next((n for n, one in enumerate(days) if one >= day), len(days))
    values: dict[str, Any] = {"month": month, "day": day, "last": next_month(month) - timedelta(days=1)}
    with transaction.atomic(), connection.cursor() as cursor:
        ensure_months(Duty._meta.db_table, [month])
        # One at a time for a month: two nights or a night and a planner would make the same rows.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"duties:{month}"])
        cadences = cadences_on(day)
        own = list(cadences.own)
        made = 0
        if day == month:
            cursor.execute(_TRIM, values)
        with whole_tables():
            for cadence, branch_ids in cadences.groups():
                where = "c.branch_id = ANY(%(branches)s)" if branch_ids else "NOT c.branch_id = ANY(%(branches)s)"
                branches = {"branches": branch_ids or own}
                for sql, rows in ((_OPEN, _opening(cadence, days, begin)), (_ADD, _adding(cadence, days, begin))):
                    if rows:
                        cursor.execute(sql.format(branches=where), {**values, **branches, **rows})
                        made += cursor.rowcount
        cursor.execute(_FOLLOW, values)
        moved = cursor.rowcount
        cursor.execute(_FOLLOW_VISITS, values)
        cursor.execute(_WAIVE, values)
        waived = cursor.rowcount
        cursor.execute(_CANCEL, values)
    return made, moved, waived


def _opening(cadence: Cadence, days: list[date], begin: int) -> dict[str, list[Any]]:
    rows: list[tuple[str, int, int, date, date]] = []
    for tier in TIERS:
        count = prorated(cadence.contacts[tier], len(days) - begin, len(days))
        rows += [
            (tier, one.number, min(cadence.in_person[tier], count), days[one.first], days[one.last])
            for one in windows(
                count, len(days), tier=tier, first_days_a=cadence.first_days_a, gap=cadence.gap_days, begin=begin
            )
        ]
    if not rows:
        return {}
    names = ("tiers", "numbers", "personal", "froms", "tos")
    return {name: [row[n] for row in rows] for n, name in enumerate(names)}


def _adding(cadence: Cadence, days: list[date], begin: int) -> dict[str, list[Any]]:
    rows: list[tuple[str, str, int, date, date]] = []
    for before in TIERS:
        for after in TIERS[: TIERS.index(before)]:
            count = added_on_promotion(cadence.contacts[before], cadence.contacts[after], len(days) - begin, len(days))
            found = windows(count, len(days), gap=cadence.gap_days, begin=begin)
            rows += [(before, after, one.number, days[one.first], days[one.last]) for one in found]
    if not rows:
        return {}
    names = ("before", "after", "numbers", "froms", "tos")
    return {name: [row[n] for row in rows] for n, name in enumerate(names)}
