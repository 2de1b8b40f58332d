"""Set-based reading and writing of the forecasts: activity of all clients, funds of all branches."""

#: One line a client (S13). Repeat days are the trading days after the first; what the client brought after the first day,
#: fees included, is shared out over them. Clients who never traded are not in it.
ACTIVITY = """
WITH day AS (
    SELECT t.client_id, t.date, sum(t.commission - t.exchange_fees) AS value
      FROM ledger_trade t WHERE t.date BETWEEN %(start)s AND %(end)s GROUP BY 1, 2
), act AS (
    SELECT client_id, count(*) AS days, min(date) AS first_on, max(date) AS last_on, sum(value) AS value
      FROM day GROUP BY 1
), start AS (
    SELECT act.client_id, day.value FROM act JOIN day ON day.client_id = act.client_id AND day.date = act.first_on
), fee AS (
    SELECT f.client_id, sum(f.amount) AS value, sum(f.amount) FILTER (WHERE f.date > act.first_on) AS later
      FROM ledger_fee f JOIN act USING (client_id) WHERE f.date BETWEEN %(start)s AND %(end)s GROUP BY 1
)
SELECT act.client_id, act.days - 1 AS repeats, (act.last_on - act.first_on) / 7.0 AS last,
       (%(end)s::date - act.first_on) / 7.0 AS age,
       (act.value - start.value + coalesce(fee.later, 0)) / greatest(act.days - 1, 1) AS day_value,
       act.value + coalesce(fee.value, 0) AS historic, act.first_on, act.last_on
  FROM act JOIN start USING (client_id) LEFT JOIN fee USING (client_id)
  JOIN clients_client c ON c.id = act.client_id AND c.status <> 'closed'
 ORDER BY act.client_id
"""

#: Trading days of the clients in a span, for the test on held-back weeks.
DAYS = "SELECT client_id, count(DISTINCT date) FROM ledger_trade WHERE date BETWEEN %(start)s AND %(end)s GROUP BY 1"

WRITE_VALUES = """
INSERT INTO forecasts_clientvalue AS kept
       (client_id, as_of, days, first_on, last_on, historic, alive, days_12m, day_value, clv_12m)
SELECT client_id, as_of, days, first_on, last_on, historic, alive, days_12m, day_value, clv_12m FROM new_value
    ON CONFLICT (client_id) DO UPDATE SET
       as_of = excluded.as_of, days = excluded.days, first_on = excluded.first_on, last_on = excluded.last_on,
       historic = excluded.historic, alive = excluded.alive, days_12m = excluded.days_12m,
       day_value = excluded.day_value, clv_12m = excluded.clv_12m
"""

DROP_VALUES = (
    "DELETE FROM forecasts_clientvalue v WHERE NOT EXISTS (SELECT FROM new_value n WHERE n.client_id = v.client_id)"
)

#: The last day of each month that has snapshots; each is one step into an index.
MONTH_ENDS = """
SELECT m::date AS month, (SELECT max(a.date) FROM ledger_assetsnapshot a
                           WHERE a.date >= m AND a.date < m + interval '1 month') AS day
  FROM generate_series(%(start)s::date, %(end)s::date, interval '1 month') m
"""

WRITE_FUNDS = """
INSERT INTO forecasts_branchfunds AS kept (branch_id, month, clients, cash, securities, liabilities, net_inflow)
SELECT c.branch_id, %(month)s, count(*), sum(a.cash), sum(a.securities_value), sum(a.liabilities),
       coalesce(sum(m.net_inflow), 0)
  FROM ledger_assetsnapshot a JOIN clients_client c ON c.id = a.client_id
  LEFT JOIN ledger_monthlyfact m ON m.client_id = a.client_id AND m.month = %(month)s
 WHERE a.date = %(day)s
 GROUP BY c.branch_id
    ON CONFLICT (branch_id, month) DO UPDATE SET
       clients = excluded.clients, cash = excluded.cash, securities = excluded.securities,
       liabilities = excluded.liabilities, net_inflow = excluded.net_inflow
 WHERE (kept.clients, kept.cash, kept.securities, kept.liabilities, kept.net_inflow)
       IS DISTINCT FROM (excluded.clients, excluded.cash, excluded.securities, excluded.liabilities, excluded.net_inflow)
"""

DROP_FUNDS = """
DELETE FROM forecasts_branchfunds f
 WHERE f.month = %(month)s AND NOT EXISTS (
       SELECT FROM ledger_assetsnapshot a JOIN clients_client c ON c.id = a.client_id
        WHERE a.date = %(day)s AND c.branch_id = f.branch_id)
"""

BRANCH_SERIES = """
SELECT month, sum(clients)::bigint, sum(cash)::bigint, sum(securities)::bigint, sum(liabilities)::bigint,
       sum(net_inflow)::bigint
  FROM forecasts_branchfunds WHERE {branches} GROUP BY month ORDER BY month
"""

#: The same for a few clients (a book, one client): read by key, month by month.
CLIENT_SERIES = """
SELECT e.month, count(a.client_id), coalesce(sum(a.cash), 0)::bigint, coalesce(sum(a.securities_value), 0)::bigint,
       coalesce(sum(a.liabilities), 0)::bigint, coalesce(sum(m.net_inflow), 0)::bigint
  FROM unnest(%(months)s::date[], %(days)s::date[]) AS e(month, day)
 CROSS JOIN unnest(%(clients)s::bigint[]) AS c(id)
  LEFT JOIN ledger_assetsnapshot a ON a.date = e.day AND a.client_id = c.id
  LEFT JOIN ledger_monthlyfact m ON m.month = e.month AND m.client_id = c.id
 GROUP BY e.month ORDER BY e.month
"""
