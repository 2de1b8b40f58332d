"""Sharing out, set-based: one statement a pool, one for the totals, one for the proposals."""

#: Weight of each client of the branch in the month, by driver. Closed clients bear nothing of a month after their closing.
CLIENTS = """
SELECT c.id, c.no_key FROM clients_client c
 WHERE c.branch_id = %(branch)s AND c.opened_on < %(after)s AND (c.closed_on IS NULL OR c.closed_on >= %(month)s)
"""

_FACT = "LEFT JOIN ledger_monthlyfact m ON m.client_id = who.id AND m.month = %(month)s"
_USE = """LEFT JOIN LATERAL (SELECT u.seats, u.minutes FROM profit_serviceuse u
                     WHERE u.client_id = who.id AND u.month_from <= %(month)s ORDER BY u.month_from DESC LIMIT 1) u ON TRUE"""

#: Driver → (join, weight ≥ 0 as a whole number).
WEIGHTS: dict[str, tuple[str, str]] = {
    "clients": ("", "1"),
    "trades": (_FACT, "greatest(coalesce(m.trades, 0), 0)"),
    "turnover": (_FACT, "greatest(coalesce(m.turnover, 0), 0)"),
    "assets": (_FACT, "greatest(coalesce(m.assets_end, 0), 0)"),
    "contacts": (
        """LEFT JOIN LATERAL (SELECT count(*) AS contacts FROM clients_timelineevent e
              WHERE e.client_id = who.id AND e.kind = ANY(%(contact_kinds)s)
                AND e.at >= %(from_at)s AND e.at < %(after_at)s) k ON TRUE""",
        "coalesce(k.contacts, 0)",
    ),
    "minutes": (_USE, "coalesce(u.minutes, 0)"),
    "seats": (_USE, "(coalesce(u.seats, 0) * 100)::bigint"),
}

#: The clients of the month with what they brought; costs are added pool by pool.
START = (
    "CREATE TEMP TABLE bearing ON COMMIT DROP AS SELECT who.id AS client_id, who.no_key,"
    " coalesce(m.net_commission + m.margin_interest + m.product_fee + m.advisory_fee + m.other_fee, 0) AS revenue,"
    " 0::bigint AS direct, 0::bigint AS service, 0::bigint AS overhead"
    f" FROM ({CLIENTS}) who {_FACT}"
)

#: As `rules.share_out`: running sums in the order of client numbers, in whole 分, in numeric so that nothing overflows.
SHARE = """
UPDATE bearing b SET {level} = b.{level} + s.share
  FROM (SELECT client_id,
               (floor(%(fen)s * running / total) - floor(%(fen)s * (running - weight) / total))::bigint * 100 AS share
          FROM (SELECT client_id, weight, sum(weight) OVER (ORDER BY no_key, client_id) AS running,
                       sum(weight) OVER () AS total
                  FROM (SELECT who.client_id, who.no_key, ({weight})::numeric AS weight
                          FROM (SELECT client_id, client_id AS id, no_key FROM bearing) who {join}) w
               ) r
         WHERE total > 0) s
 WHERE s.client_id = b.client_id AND s.share <> 0
"""

TOTAL_WEIGHT = "SELECT coalesce(sum({weight}), 0) > 0 FROM (SELECT client_id AS id, no_key FROM bearing) who {join}"

DROP_MONTH = "DELETE FROM profit_clientprofit WHERE month = %(month)s AND branch_id = %(branch)s"

#: Clients who came from another branch keep that branch's month.
KEEP_MONTH = """
INSERT INTO profit_clientprofit (month, client_id, branch_id, revenue, direct, service, overhead)
SELECT %(month)s, client_id, %(branch)s, revenue, direct, service, overhead FROM bearing
 WHERE (revenue, direct, service, overhead) <> (0, 0, 0, 0)
    ON CONFLICT (month, client_id) DO NOTHING
"""

BORNE = "SELECT coalesce(sum(direct + service + overhead), 0) FROM bearing"

#: The newest twelve months of a branch's clients that were shared out.
TOTALS = """
INSERT INTO profit_profittotal AS kept (client_id, month_from, month_to, months, revenue, direct, service, overhead, growth)
SELECT p.client_id, %(start)s, %(month)s, count(*), sum(p.revenue), sum(p.direct), sum(p.service), sum(p.overhead),
       (SELECT m.assets_end FROM ledger_monthlyfact m WHERE m.client_id = p.client_id AND m.month = %(month)s)
       - (SELECT m.assets_end FROM ledger_monthlyfact m WHERE m.client_id = p.client_id AND m.month = %(start)s)
  FROM profit_clientprofit p JOIN clients_client c ON c.id = p.client_id
 WHERE c.branch_id = %(branch)s AND p.month BETWEEN %(start)s AND %(month)s
 GROUP BY p.client_id
    ON CONFLICT (client_id) DO UPDATE SET
       month_from = excluded.month_from, month_to = excluded.month_to, months = excluded.months,
       revenue = excluded.revenue, direct = excluded.direct, service = excluded.service, overhead = excluded.overhead,
       growth = excluded.growth
 WHERE (kept.month_from, kept.month_to, kept.months, kept.revenue, kept.direct, kept.service, kept.overhead, kept.growth)
       IS DISTINCT FROM (excluded.month_from, excluded.month_to, excluded.months, excluded.revenue, excluded.direct,
                         excluded.service, excluded.overhead, excluded.growth)
"""

DROP_TOTALS = """
DELETE FROM profit_profittotal t USING clients_client c
 WHERE c.id = t.client_id AND c.branch_id = %(branch)s
   AND NOT EXISTS (SELECT FROM profit_clientprofit p
                    WHERE p.client_id = t.client_id AND p.month BETWEEN %(start)s AND %(month)s)
"""

#: `rules.better_remote` in SQL, for clients nobody decided about lately.
PROPOSE = """
INSERT INTO profit_remoteproposal (client_id, month_to, net, saving, growth, state, reason)
SELECT t.client_id, t.month_to, t.net, t.service, t.growth, 'open', ''
  FROM profit_profittotal t JOIN clients_client c ON c.id = t.client_id
 WHERE c.branch_id = %(branch)s AND c.status <> 'closed'
   AND t.months >= %(least)s AND t.revenue - t.direct - t.service < 0 AND t.service > 0 AND t.growth <= 0
   AND NOT EXISTS (SELECT FROM profit_remoteproposal p
                    WHERE p.client_id = t.client_id
                      AND (p.state IN ('open', 'accepted') OR p.state = 'declined' AND p.month_to > %(rested)s))
"""

REFRESH_PROPOSALS = """
UPDATE profit_remoteproposal p SET net = t.net, saving = t.service, growth = t.growth, month_to = t.month_to
  FROM profit_profittotal t JOIN clients_client c ON c.id = t.client_id
 WHERE p.client_id = t.client_id AND p.state = 'open' AND c.branch_id = %(branch)s
   AND (p.net, p.saving, p.growth, p.month_to) IS DISTINCT FROM (t.net, t.service, t.growth, t.month_to)
"""

WITHDRAW = """
UPDATE profit_remoteproposal p SET state = 'withdrawn', decided_at = now()
  FROM clients_client c LEFT JOIN profit_profittotal t ON t.client_id = c.id
 WHERE p.client_id = c.id AND p.state = 'open' AND c.branch_id = %(branch)s
   AND NOT (c.status <> 'closed' AND t.client_id IS NOT NULL AND t.months >= %(least)s
            AND t.revenue - t.direct - t.service < 0 AND t.service > 0 AND coalesce(t.growth <= 0, FALSE))
"""
