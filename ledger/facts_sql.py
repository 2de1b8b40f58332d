"""SQL of monthly facts and totals (N2, step 'facts'). Values are bound; `facts` says in which order the statements run.

Everything is computed into narrow temporary tables first and written once: a row of the totals is the dearest thing here.
"""

#: The share of the clients a session works on; as a CASE, which the planner takes for half of the rows, not for none.
#: By id and not by branch: nobody is missed who moves to another branch between two shares.
_MINE = "CASE {id} %% %(parts)s WHEN %(part)s THEN TRUE ELSE FALSE END"
_MY_CLIENT = _MINE.replace("{id}", "c.id")
_MY_TOTALS = _MINE.replace("{id}", "t.client_id")

#: Days since then: a snapshot's day and value in one array, whose largest is the newest.
_EPOCH = "date '2000-01-01'"
_SNAPSHOT = f"ARRAY[(a.date - {_EPOCH})::bigint, a.cash + a.securities_value - a.liabilities]"

DIRTY = "CREATE TEMP TABLE dirty (client_id bigint, month date) ON COMMIT DROP"

TAKE_DIRTY = f"""
WITH taken AS (
    DELETE FROM ledger_dirtymonth d WHERE {_MINE.replace("{id}", "d.client_id")} RETURNING d.client_id, d.month
)
INSERT INTO dirty SELECT DISTINCT client_id, month FROM taken
"""

# --- Copies of the client's row ---------------------------------------------------------------------------------------

DIFFERING = f"""
CREATE TEMP TABLE differing ON COMMIT DROP AS
SELECT c.id AS client_id, c.branch_id, c.manager_id, c.no_key, c.status <> 'closed' AS ranked, t.client_id IS NULL AS fresh
  FROM clients_client c LEFT JOIN ledger_clienttotals t ON t.client_id = c.id
 WHERE {_MY_CLIENT}
   AND (t.client_id IS NULL OR t.branch_id <> c.branch_id OR t.manager_id IS DISTINCT FROM c.manager_id
        OR t.no_key <> c.no_key OR t.ranked <> (c.status <> 'closed'))
"""

COPY_CLIENTS = """
UPDATE ledger_clienttotals t
   SET branch_id = d.branch_id, manager_id = d.manager_id, no_key = d.no_key, ranked = d.ranked
  FROM differing d WHERE d.client_id = t.client_id AND NOT d.fresh
"""

#: `{sums}`: of `differing`, from the facts kept so far.
NEW_TOTALS = """
INSERT INTO ledger_clienttotals
       (client_id, branch_id, manager_id, no_key, ranked, contribution, assets, window_from, window_to)
SELECT d.client_id, d.branch_id, d.manager_id, d.no_key, d.ranked, coalesce(s.contribution, 0), 0, %(start)s, %(end)s
  FROM differing d LEFT JOIN ({sums}) s USING (client_id) WHERE d.fresh ORDER BY d.client_id
"""

# --- The window -------------------------------------------------------------------------------------------------------

OTHER_WINDOWS = f"""
SELECT t.window_from, t.window_to FROM ledger_clienttotals t
 WHERE (t.window_from, t.window_to) IS DISTINCT FROM (%(start)s, %(end)s) AND {_MY_TOTALS} GROUP BY 1, 2
"""

#: What the months that enter the window bring and those that leave it take away.
ROLLING = f"""
CREATE TEMP TABLE rolling ON COMMIT DROP AS
SELECT t.client_id,
       sum(CASE WHEN t.month = ANY(%(entering)s::date[]) THEN 1 ELSE -1 END
           * (t.net_commission + t.margin_interest + t.product_fee + t.advisory_fee + t.other_fee))::bigint AS amount
  FROM ledger_monthlyfact t
 WHERE t.month = ANY(%(entering)s::date[] || %(leaving)s::date[]) AND {_MY_TOTALS}
 GROUP BY 1
"""

#: Everybody of the window, also who has no facts in those months.
ROLL = f"""
UPDATE ledger_clienttotals t SET contribution = t.contribution + coalesce(r.amount, 0), window_from = %(start)s,
       window_to = %(end)s
  FROM ledger_clienttotals o LEFT JOIN rolling r USING (client_id)
 WHERE o.client_id = t.client_id AND t.window_from = %(old_start)s AND t.window_to = %(old_end)s AND {_MY_TOTALS}
"""

STALE = f"""
CREATE TEMP TABLE stale ON COMMIT DROP AS
SELECT t.client_id FROM ledger_clienttotals t
 WHERE (t.window_from, t.window_to) IS DISTINCT FROM (%(start)s, %(end)s) AND {_MY_TOTALS}
"""

STALE_OR_DIRTY = f"{STALE} UNION SELECT client_id FROM dirty"

SUM_ANEW = """
UPDATE ledger_clienttotals t
   SET contribution = coalesce(s.contribution, 0), window_from = %(start)s, window_to = %(end)s
  FROM stale LEFT JOIN ({sums}) s USING (client_id)
 WHERE t.client_id = stale.client_id
   AND (t.contribution, t.window_from, t.window_to) IS DISTINCT FROM (coalesce(s.contribution, 0), %(start)s, %(end)s)
"""

# --- Monthly facts ----------------------------------------------------------------------------------------------------

#: What is now known of the dirty clients; `before` is the month's contribution as it was kept.
FRESH = """
CREATE TEMP TABLE fresh (month date, client_id bigint, net_commission bigint, margin_interest bigint, product_fee bigint,
       advisory_fee bigint, other_fee bigint, trades bigint, turnover bigint, last_trade_on date, assets_end bigint,
       net_inflow bigint, snapshot bigint[], before bigint, differs boolean) ON COMMIT DROP
"""

#: One month, so that each of the facts is read in one partition only.
MONTH = f"""
INSERT INTO fresh
WITH touched AS MATERIALIZED (
    SELECT client_id FROM dirty WHERE month = %(month)s
), trade AS (
    SELECT client_id, sum(t.commission - t.exchange_fees)::bigint AS net_commission, count(*) AS trades,
           sum(t.amount)::bigint AS turnover, max(t.date) AS last_trade_on
      FROM touched JOIN ledger_trade t USING (client_id) WHERE t.date >= %(month)s AND t.date < %(after)s GROUP BY 1
), fee AS (
    SELECT client_id,
           sum(f.amount) FILTER (WHERE f.kind = 'margin_interest')::bigint AS margin_interest,
           sum(f.amount) FILTER (WHERE f.kind = 'product_fee')::bigint AS product_fee,
           sum(f.amount) FILTER (WHERE f.kind = 'advisory_fee')::bigint AS advisory_fee,
           sum(f.amount) FILTER (WHERE f.kind = 'other')::bigint AS other_fee
      FROM touched JOIN ledger_fee f USING (client_id) WHERE f.date >= %(month)s AND f.date < %(after)s GROUP BY 1
), flow AS (
    SELECT client_id, sum(CASE w.direction WHEN 'in' THEN w.amount ELSE -w.amount END)::bigint AS net_inflow
      FROM touched JOIN ledger_cashflow w USING (client_id) WHERE w.date >= %(month)s AND w.date < %(after)s GROUP BY 1
), asset AS (
    SELECT client_id, max({_SNAPSHOT}) AS newest,
           max({_SNAPSHOT}) FILTER (WHERE a.date <= %(business_date)s) AS snapshot
      FROM touched JOIN ledger_assetsnapshot a USING (client_id)
     WHERE a.date >= %(month)s AND a.date < %(after)s GROUP BY 1
), known AS (
    SELECT client_id, coalesce(trade.net_commission, 0) AS net_commission,
           coalesce(fee.margin_interest, 0) AS margin_interest, coalesce(fee.product_fee, 0) AS product_fee,
           coalesce(fee.advisory_fee, 0) AS advisory_fee, coalesce(fee.other_fee, 0) AS other_fee,
           coalesce(trade.trades, 0) AS trades, coalesce(trade.turnover, 0) AS turnover, trade.last_trade_on,
           asset.newest[2] AS assets_end, coalesce(flow.net_inflow, 0) AS net_inflow, asset.snapshot
      FROM touched LEFT JOIN trade USING (client_id) LEFT JOIN fee USING (client_id)
      LEFT JOIN flow USING (client_id) LEFT JOIN asset USING (client_id)
)
SELECT %(month)s, n.*,
       coalesce(k.net_commission + k.margin_interest + k.product_fee + k.advisory_fee + k.other_fee, 0),
       k.client_id IS NULL
       OR (k.net_commission, k.margin_interest, k.product_fee, k.advisory_fee, k.other_fee, k.trades, k.turnover,
           k.last_trade_on, k.assets_end, k.net_inflow)
          IS DISTINCT FROM
          (n.net_commission, n.margin_interest, n.product_fee, n.advisory_fee, n.other_fee, n.trades, n.turnover,
           n.last_trade_on, n.assets_end, n.net_inflow)
  FROM known n LEFT JOIN ledger_monthlyfact k ON k.month = %(month)s AND k.client_id = n.client_id
"""

_COLUMNS = (
    "net_commission, margin_interest, product_fee, advisory_fee, other_fee, trades, turnover, last_trade_on, assets_end,"
    " net_inflow"
)
KEEP_FACTS = f"""
INSERT INTO ledger_monthlyfact (month, client_id, {_COLUMNS})
SELECT month, client_id, {_COLUMNS} FROM fresh WHERE differs ORDER BY month, client_id
    ON CONFLICT (month, client_id) DO UPDATE SET
       {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", "))}
"""

#: Snapshots after the business date count from their own day on: the pair is looked at again.
STILL_DIRTY = """
INSERT INTO ledger_dirtymonth (client_id, month)
SELECT DISTINCT d.client_id, d.month
  FROM dirty d JOIN ledger_assetsnapshot a ON a.client_id = d.client_id
 WHERE d.month = %(month)s AND a.date > %(business_date)s AND a.date >= %(month)s AND a.date < %(after)s
"""

# --- Totals of the clients touched ------------------------------------------------------------------------------------

#: `…_lost`: what counted lies in a month made anew and is no longer there; the one before it is looked for.
GOAL = f"""
CREATE TEMP TABLE goal ON COMMIT DROP AS
WITH n AS (
    SELECT client_id, max(last_trade_on) AS traded, max(snapshot) AS snapshot, array_agg(month) AS months,
           coalesce(sum(net_commission + margin_interest + product_fee + advisory_fee + other_fee - before)
                    FILTER (WHERE month BETWEEN %(whole_from)s AND %(whole_to)s), 0)::bigint AS more
      FROM fresh GROUP BY 1
), seen AS (
    SELECT n.*, t.contribution, t.last_trade_on, t.assets, t.assets_on, {_EPOCH} + snapshot[1]::int AS snapshot_on,
           coalesce(date_trunc('month', t.last_trade_on)::date = ANY(months), FALSE) AS trade_made_anew,
           coalesce(date_trunc('month', t.assets_on)::date = ANY(months), FALSE) AS assets_made_anew
      FROM n JOIN ledger_clienttotals t USING (client_id)
)
SELECT client_id, contribution + more AS contribution,
       CASE WHEN trade_made_anew THEN traded ELSE greatest(traded, last_trade_on) END AS last_trade_on,
       trade_made_anew AND (traded IS NULL OR traded < last_trade_on) AS trade_lost,
       CASE WHEN snapshot_on >= assets_on OR assets_on IS NULL THEN coalesce(snapshot[2], 0)
            WHEN assets_made_anew THEN 0 ELSE assets END AS assets,
       CASE WHEN snapshot_on >= assets_on OR assets_on IS NULL THEN snapshot_on
            WHEN NOT assets_made_anew THEN assets_on END AS assets_on,
       assets_made_anew AND (snapshot_on IS NULL OR snapshot_on < assets_on) AS assets_lost, assets AS assets_before
  FROM seen
"""

LOST = "SELECT coalesce(bool_or(trade_lost), FALSE), coalesce(bool_or(assets_lost), FALSE) FROM goal"

FIND_TRADE = """
UPDATE goal g SET last_trade_on = o.last_trade_on, trade_lost = FALSE
  FROM ledger_monthlyfact o
 WHERE g.trade_lost AND o.month = %(month)s AND o.client_id = g.client_id AND o.last_trade_on IS NOT NULL
"""

FIND_ASSETS = f"""
UPDATE goal g SET assets = s.newest[2], assets_on = {_EPOCH} + s.newest[1]::int, assets_lost = FALSE
  FROM (SELECT a.client_id, max({_SNAPSHOT}) AS newest
          FROM (SELECT l.client_id FROM goal l JOIN ledger_monthlyfact o USING (client_id)
                 WHERE l.assets_lost AND o.month = %(month)s AND o.assets_end IS NOT NULL) l
          JOIN ledger_assetsnapshot a USING (client_id)
         WHERE a.date >= %(month)s AND a.date < %(after)s AND a.date <= %(business_date)s GROUP BY 1) s
 WHERE s.client_id = g.client_id
"""

KEEP_TOTALS = """
UPDATE ledger_clienttotals t
   SET contribution = g.contribution, last_trade_on = g.last_trade_on, assets = g.assets, assets_on = g.assets_on
  FROM goal g
 WHERE g.client_id = t.client_id
   AND (t.contribution <> g.contribution OR t.last_trade_on IS DISTINCT FROM g.last_trade_on
        OR t.assets <> g.assets OR t.assets_on IS DISTINCT FROM g.assets_on)
"""

#: Clients whose facts were made anew, with their assets: search hits stand by them (C10).
ASSETS = "SELECT client_id, assets FROM goal"
