"""The relationship after closing (X6): each night, set-based, until the last follow-up is due."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from complaints.choices import State
from complaints.models import Watch
from ledger.rules import LEAVING_PERCENT
from org import notify

#: Closed cases of known clients; a case closed again after a reopening is watched anew. With the days of its own policy.
_BEGIN = """
INSERT INTO complaints_watch (complaint_id, round, from_on, until_on, assets, inflow, sign, dropped)
SELECT c.id, c.round, l.on_day, l.on_day + l.days, coalesce(t.assets, 0), 0, '', FALSE
  FROM complaints_complaint c
  JOIN complaints_complaintpolicy p ON p.id = c.policy_id
  CROSS JOIN LATERAL (SELECT (c.closed_at AT TIME ZONE %(zone)s)::date AS on_day,
                             (SELECT max(d::int) FROM jsonb_array_elements_text(p.follow_up_days) d) AS days) l
  LEFT JOIN ledger_clienttotals t ON t.client_id = c.client_id
 WHERE c.state = %(closed)s AND c.client_id IS NOT NULL AND c.merged_into_id IS NULL AND c.closed_at < %(before)s
   AND l.on_day + l.days >= %(day)s
    ON CONFLICT (complaint_id, round) DO NOTHING
"""
_DROP = """
UPDATE complaints_watch w SET dropped = TRUE FROM complaints_complaint c
 WHERE NOT w.dropped AND w.sign = '' AND w.until_on >= %(day)s AND c.id = w.complaint_id
   AND c.state NOT IN ('closed', 'archived')
"""
#: Money since the month of closing; once a sign was seen, the row stays as it was then.
_LOOK = """
UPDATE complaints_watch w
   SET inflow = now.inflow, as_of = %(day)s, sign = now.sign,
       noticed_on = CASE WHEN now.sign <> '' THEN %(day)s::date END
  FROM (SELECT w.id, f.inflow,
               CASE WHEN k.status = 'closed' THEN 'closed'
                    WHEN f.inflow < 0 AND -f.inflow * 100 >= %(percent)s * greatest(w.assets, 1) THEN 'outflow'
                    ELSE '' END AS sign
          FROM complaints_watch w
          JOIN complaints_complaint c ON c.id = w.complaint_id
          JOIN clients_client k ON k.id = c.client_id
          CROSS JOIN LATERAL (SELECT coalesce(sum(m.net_inflow), 0)::bigint AS inflow FROM ledger_monthlyfact m
                               WHERE m.client_id = c.client_id AND m.month >= date_trunc('month', w.from_on)::date
                                 AND m.month <= %(day)s) f
         WHERE w.until_on >= %(day)s AND w.from_on <= %(day)s AND w.sign = '' AND NOT w.dropped
         ORDER BY w.id FOR UPDATE OF w) now
 WHERE w.id = now.id
"""


@dataclass(frozen=True)
class Counts:
    """Cases watched from now on, and clients of whom a first sign was seen."""

    begun: int
    leaving: int


@transaction.atomic
def watch(business_date: date) -> Counts:
    """Look after the clients of closed cases as of a business date; repeating it changes nothing and tells nobody twice."""
    before = timezone.make_aware(datetime.combine(business_date, time.max))
    values: dict[str, Any] = {
        "day": business_date,
        "before": before,
        "zone": timezone.get_current_timezone_name(),
        "closed": State.CLOSED,
        "percent": LEAVING_PERCENT,
    }
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, values)
        begun = cursor.rowcount
        cursor.execute(_DROP, values)
        cursor.execute(_LOOK, values)
    seen = Watch.objects.leaving().filter(noticed_on=business_date)
    rows = list(seen.select_related("complaint__handler", "complaint__client__manager").order_by("pk"))
    for row in rows:
        case = row.complaint
        told = {one.user_id for one in (case.handler, case.client.manager if case.client else None) if one is not None}
        for user_id in sorted(told - {None}):
            data = {"number": case.number, "sign": row.sign}
            notify.tell(user_id, f"complaint:{case.number}:watch:{row.round}", "complaints.leaving", data)
    return Counts(max(begun, 0), len(rows))
