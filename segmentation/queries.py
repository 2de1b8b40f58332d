"""SQL of ranking (S1). Values are bound; window sums are exact in float8, lines are whole numbers of money units.

Placeholders in braces: `source` (the table of totals), `scope_id` (within what is compared), `mine` (which branches),
`tier` (TIER). A statement that speaks of `line` needs LINES before it, one that speaks of `moved` needs MOVED.
"""

#: Scope kind → what says in ClientTotals within what a client is compared. Not the bare column: in the order of its index
#: the planner would fetch a million rows one by one (measured: four times slower than a sort).
SCOPE_ID = {"branch": "(t.branch_id + 0)", "manager": "coalesce(t.manager_id, 0)", "firm": "0::bigint"}

#: The share of the branches that a session works on; as a CASE, which the planner takes for half of the rows, not for none.
PART = "CASE t.branch_id %% %(parts)s WHEN %(part)s THEN TRUE ELSE FALSE END"

#: One session at a time for a branch, however the branches are shared out.
LOCK_BRANCHES = "SELECT 1 FROM org_branch WHERE id %% %(parts)s = %(part)s ORDER BY id FOR NO KEY UPDATE"

#: Totals for a window other than the kept one, as the clients stood on the date: same columns as ledger_clienttotals.
AD_HOC_SOURCE = """
CREATE TEMP TABLE source ON COMMIT DROP AS
SELECT t.id AS client_id, t.branch_id, t.manager_id, t.no_key,
       (t.status <> 'closed' OR t.closed_on > %(day)s::date) AND coalesce(t.opened_on <= %(day)s::date, TRUE) AS ranked,
       coalesce(s.contribution, 0) AS contribution, coalesce(a.assets, 0) AS assets,
       a.assets_on, least(k.last_trade_on, %(day)s::date) AS last_trade_on,
       %(start)s::date AS window_from, %(end)s::date AS window_to
  FROM clients_client t
  LEFT JOIN ledger_clienttotals k ON k.client_id = t.id
  LEFT JOIN ({assets}) a ON a.client_id = t.id
  LEFT JOIN ({sums}) s ON s.client_id = t.id
 WHERE {mine}
"""

#: Assets for those totals: the newest snapshot, which is the one kept …
ASSETS_NOW = "SELECT client_id, assets, assets_on FROM ledger_clienttotals"

#: … or, for a date older than the newest one ranked, the newest of then: in its month, else at the end of one before.
ASSETS_THEN = """
SELECT client_id, coalesce(month.newest[2], before.newest[2]) AS assets,
       date '2000-01-01' + coalesce(month.newest[1], before.newest[1])::int AS assets_on
  FROM (SELECT a.client_id, max(ARRAY[(a.date - date '2000-01-01')::bigint, a.cash + a.securities_value - a.liabilities])
               AS newest
          FROM ledger_assetsnapshot a WHERE a.date BETWEEN date_trunc('month', %(day)s::date)::date AND %(day)s::date
         GROUP BY 1) month
  FULL JOIN (SELECT f.client_id, max(ARRAY[(f.month - date '2000-01-01')::bigint, f.assets_end]) AS newest
               FROM ledger_monthlyfact f
              WHERE f.month < date_trunc('month', %(day)s::date)::date AND f.assets_end IS NOT NULL
              GROUP BY 1) before USING (client_id)
"""

#: Where the lines fall in each scope: how many clients and how much contribution lie inside, and what the last one brings.
#: Sorts two narrow columns; who stands where among equals matters only where a line cuts through them (`split_…`).
LINES = """
CREATE TEMP TABLE line ON COMMIT DROP AS
WITH whole AS (
    SELECT {scope_id} AS scope_id, count(*) AS clients, count(*) FILTER (WHERE t.contribution > 0) AS positive_clients,
           coalesce(sum(t.contribution) FILTER (WHERE t.contribution > 0), 0) AS total,
           bool_or((t.window_from, t.window_to) IS DISTINCT FROM (%(start)s::date, %(end)s::date)) AS stale,
           max(greatest(t.last_trade_on, t.assets_on)) AS data_as_of
      FROM {source} t WHERE t.ranked AND {mine} GROUP BY 1
), goal AS (
    SELECT whole.*, ceil(total * %(cut_a)s / 100)::float8 AS goal_a, ceil(total * %(cut_b)s / 100)::float8 AS goal_b,
           ceil(total * 80 / 100)::float8 AS goal_80
      FROM whole
), running AS (
    SELECT scope_id, contribution, sum(contribution::float8) OVER best - contribution AS before
      FROM (SELECT {scope_id} AS scope_id, t.contribution
              FROM {source} t WHERE t.ranked AND t.contribution > 0 AND {mine}) positive
    WINDOW best AS (PARTITION BY scope_id ORDER BY contribution DESC ROWS UNBOUNDED PRECEDING)
), band AS (
    SELECT r.scope_id, before < goal_a AS in_a, before < goal_b AS in_b, before < goal_80 AS in_80, count(*) AS clients,
           sum(contribution) AS contribution, min(contribution) AS lowest, max(contribution) AS highest
      FROM running r JOIN goal USING (scope_id) GROUP BY 1, 2, 3, 4
), inside AS (
    SELECT scope_id, sum(clients) FILTER (WHERE in_a) AS clients_a, sum(contribution) FILTER (WHERE in_a) AS contribution_a,
           min(lowest) FILTER (WHERE in_a) AS floor_a, max(highest) FILTER (WHERE NOT in_a) AS next_a,
           sum(clients) FILTER (WHERE in_b) AS clients_b, sum(contribution) FILTER (WHERE in_b) AS contribution_b,
           min(lowest) FILTER (WHERE in_b) AS floor_b, max(highest) FILTER (WHERE NOT in_b) AS next_b,
           sum(clients) FILTER (WHERE in_80) AS clients_80
      FROM band GROUP BY 1
)
SELECT g.scope_id, g.clients, g.positive_clients, g.total, g.stale, g.data_as_of,
       coalesce(clients_a, 0) AS clients_a, coalesce(contribution_a, 0) AS contribution_a, floor_a,
       coalesce(floor_a = next_a, FALSE) AS split_a,
       0::bigint AS assets_a, ''::varchar(40) COLLATE "C" AS key_a, 0::bigint AS id_a,
       coalesce(clients_b, 0) AS clients_b, coalesce(contribution_b, 0) AS contribution_b, floor_b,
       coalesce(floor_b = next_b, FALSE) AS split_b,
       0::bigint AS assets_b, ''::varchar(40) COLLATE "C" AS key_b, 0::bigint AS id_b,
       coalesce(clients_80, 0) AS clients_80
  FROM goal g LEFT JOIN inside USING (scope_id)
"""

#: What must be known of the lines before they are used: kept sums of another window, the largest total, cut ties.
LINES_CHECK = """
SELECT coalesce(bool_or(stale), FALSE), coalesce(max(total), 0), coalesce(bool_or(split_a OR split_b), FALSE) FROM line
"""

#: Where a line cuts through clients of equal contribution: the last one inside, by assets and client number.
#: `{x}`: a or b.
SPLIT = """
UPDATE line SET assets_{x} = ahead.assets, key_{x} = ahead.no_key, id_{x} = ahead.client_id
  FROM (SELECT l.scope_id, t.assets, t.no_key, t.client_id,
               row_number() OVER (PARTITION BY l.scope_id
                                  ORDER BY t.contribution DESC, t.assets DESC, t.no_key, t.client_id) AS place
          FROM {source} t JOIN line l ON l.scope_id = {scope_id} AND l.split_{x} AND t.contribution >= l.floor_{x}
         WHERE t.ranked AND {mine}) ahead
 WHERE line.scope_id = ahead.scope_id AND line.clients_{x} = ahead.place
"""

_INSIDE = (
    "t.contribution > l.floor_{x} OR (t.contribution = l.floor_{x}"
    " AND (NOT l.split_{x} OR (-t.assets, t.no_key, t.client_id) <= (-l.assets_{x}, l.key_{x}, l.id_{x})))"
)
#: The computed tier of totals `t` by the lines `l` of its scope.
TIER = (
    "(CASE WHEN t.contribution <= 0 THEN 'C'"
    f" WHEN {_INSIDE.replace('{x}', 'a')} THEN 'A' WHEN {_INSIDE.replace('{x}', 'b')} THEN 'B' ELSE 'C' END)::varchar(1)"
)

#: Everybody ranked, for those who only look.
RANKED = """
CREATE TEMP VIEW ranked AS
SELECT t.client_id, t.branch_id, {scope_id} AS scope_id, t.contribution, t.assets, {tier} AS tier
  FROM {source} t LEFT JOIN line l ON l.scope_id = {scope_id} WHERE t.ranked AND {mine}
"""

_MONTHS_BELOW = (
    "(extract(year FROM %(day)s::date) - extract(year FROM coalesce(was_below, %(day)s::date))) * 12"
    " + extract(month FROM %(day)s::date) - extract(month FROM coalesce(was_below, %(day)s::date))"
)

#: Everybody whose standing differs from the one kept, or ends. `was_…`: before the day, also when the run is repeated, so
#: that a corrected figure takes back what the first one did; `kept_…`: now. The service tier is `rules.service_tier`.
MOVED = f"""
CREATE TEMP TABLE moved ON COMMIT DROP AS
WITH met AS (
    SELECT t.client_id, {{scope_id}} AS scope_id, t.contribution, t.assets, t.ranked, {{tier}} AS tier,
           s.client_id IS NOT NULL AS kept, s.scope_id AS kept_scope_id, s.contribution AS kept_contribution,
           s.tier AS kept_tier, s.service_tier AS kept_service, s.below_since AS kept_below,
           s.tier_since, s.service_since, coalesce(s.changed_on = %(day)s::date, FALSE) AS today,
           s.was_scope_id, s.was_contribution, s.was_tier, s.was_tier_since, s.was_service_tier, s.was_service_since,
           s.was_below_since
      FROM {{source}} t
      LEFT JOIN LATERAL (SELECT * FROM line WHERE line.scope_id = {{scope_id}} OFFSET 0) l ON TRUE
      LEFT JOIN segmentation_standing s ON s.client_id = t.client_id
     WHERE {{mine}}
       AND CASE WHEN t.ranked THEN s.client_id IS NULL OR s.contribution <> t.contribution OR s.scope_id <> {{scope_id}}
                                OR s.tier <> {{tier}} OR s.below_since IS NOT NULL OR s.changed_on = %(day)s::date
                ELSE s.client_id IS NOT NULL END
), before AS (
    SELECT client_id, scope_id, contribution, assets, ranked, tier, kept, kept_scope_id, kept_contribution, kept_tier,
           kept_service, kept_below,
           CASE WHEN today THEN was_scope_id ELSE kept_scope_id END AS was_scope_id,
           CASE WHEN today THEN was_contribution ELSE kept_contribution END AS was_contribution,
           CASE WHEN today THEN was_tier ELSE kept_tier END AS was_tier,
           CASE WHEN today THEN was_tier_since ELSE tier_since END AS was_tier_since,
           CASE WHEN today THEN was_service_tier ELSE kept_service END AS was_service,
           CASE WHEN today THEN was_service_since ELSE service_since END AS was_service_since,
           CASE WHEN today THEN was_below_since ELSE kept_below END AS was_below
      FROM met
), judged AS (
    SELECT before.*, was_service IS NULL OR tier <= was_service OR {_MONTHS_BELOW} > %(watch_months)s AS follows
      FROM before
), settled AS (
    SELECT judged.*, CASE WHEN follows THEN tier ELSE was_service END AS service_tier,
           CASE WHEN NOT follows THEN coalesce(was_below, %(day)s::date) END AS below_since
      FROM judged
)
SELECT * FROM settled
 WHERE NOT ranked OR NOT kept OR tier <> kept_tier OR contribution <> kept_contribution OR scope_id <> kept_scope_id
    OR service_tier <> kept_service OR below_since IS DISTINCT FROM kept_below
"""

#: Who left earlier on the same day and is ranked after all stands as before.
TAKE_BACK_LEFT = """
INSERT INTO segmentation_standing (client_id, scope_id, contribution, tier, tier_since, service_tier, service_since)
SELECT x.client_id, m.scope_id, x.contribution_before, x.before, x.business_date, m.service_tier, x.business_date
  FROM segmentation_tierchange x
  JOIN {source} t USING (client_id)
  JOIN segmentation_rankmark m ON m.series = %(series)s AND m.client_id = x.client_id AND m.business_date = x.business_date
 WHERE x.business_date = %(day)s::date AND x.reason = 'left' AND m.gone AND t.ranked AND {mine}
    ON CONFLICT (client_id) DO NOTHING
"""

ANYBODY_STANDS = """
SELECT EXISTS (SELECT FROM segmentation_standing s JOIN {source} t USING (client_id) WHERE {mine})
"""

#: Where nobody stands yet; the service tier is the computed one.
FIRST_STANDING = """
INSERT INTO segmentation_standing
       (client_id, scope_id, contribution, tier, tier_since, service_tier, service_since, changed_on)
SELECT client_id, scope_id, contribution, tier, %(day)s::date, tier, %(day)s::date, %(day)s::date
  FROM (SELECT t.client_id, {scope_id} AS scope_id, t.contribution, {tier} AS tier
          FROM {source} t LEFT JOIN line l ON l.scope_id = {scope_id} WHERE t.ranked AND {mine}) ranked
 ORDER BY client_id
"""

UPDATE_STANDING = """
UPDATE segmentation_standing s
   SET scope_id = m.scope_id, contribution = m.contribution, tier = m.tier, service_tier = m.service_tier,
       tier_since = CASE WHEN m.tier = m.was_tier THEN m.was_tier_since ELSE %(day)s::date END,
       service_since = CASE WHEN m.service_tier = m.was_service THEN m.was_service_since ELSE %(day)s::date END,
       below_since = m.below_since, changed_on = %(day)s::date, was_scope_id = m.was_scope_id,
       was_contribution = m.was_contribution, was_tier = m.was_tier, was_tier_since = m.was_tier_since,
       was_service_tier = m.was_service, was_service_since = m.was_service_since, was_below_since = m.was_below
  FROM moved m WHERE m.ranked AND m.kept AND s.client_id = m.client_id
"""

INSERT_STANDING = """
INSERT INTO segmentation_standing
       (client_id, scope_id, contribution, tier, tier_since, service_tier, service_since, changed_on)
SELECT client_id, scope_id, contribution, tier, %(day)s::date, service_tier, %(day)s::date, %(day)s::date
  FROM moved WHERE ranked AND NOT kept ORDER BY client_id
"""

DELETE_STANDING = "DELETE FROM segmentation_standing s USING moved m WHERE NOT m.ranked AND s.client_id = m.client_id"

#: What an earlier run of the same date said about those who differ now.
UNSAY = """
WITH unsaid AS (
    DELETE FROM segmentation_tierchange x USING moved m
     WHERE x.business_date = %(day)s::date AND x.client_id = m.client_id
    RETURNING x.client_id, x.what
)
DELETE FROM clients_timelineevent e USING unsaid u
 WHERE e.source_key = u.what || ':' || %(day)s::date || ':' || u.client_id
"""

#: Changes of the computed and of the service tier with the reason (U1), and the same on the timeline.
SAY = """
WITH said AS (
    INSERT INTO segmentation_tierchange
           (business_date, client_id, what, before, after, reason, contribution_before, contribution_after)
    SELECT %(day)s::date, client_id, 'tier', coalesce(was_tier, ''), tier,
           CASE WHEN was_tier IS NULL THEN 'entered' WHEN %(policy_changed)s THEN 'policy'
                WHEN scope_id <> was_scope_id THEN 'scope'
                -- Who rises although the own contribution fell, rises because the line moved.
                WHEN contribution <> was_contribution AND (contribution > was_contribution) = (tier < was_tier) THEN 'own'
                ELSE 'line' END,
           was_contribution, contribution
      FROM moved WHERE ranked AND CASE WHEN was_tier IS NULL THEN NOT %(first)s ELSE tier <> was_tier END
     UNION ALL
    SELECT %(day)s::date, client_id, 'service', was_service, service_tier,
           CASE WHEN service_tier > was_service THEN 'month' WHEN %(policy_changed)s THEN 'policy'
                WHEN scope_id <> was_scope_id THEN 'scope' WHEN contribution > was_contribution THEN 'own' ELSE 'line' END,
           was_contribution, contribution
      FROM moved WHERE ranked AND service_tier <> was_service
     UNION ALL
    SELECT %(day)s::date, client_id, 'tier', was_tier, '', 'left', was_contribution, NULL
      FROM moved WHERE NOT ranked AND was_tier IS NOT NULL
    RETURNING client_id, what, before, after, reason, contribution_before, contribution_after
)
INSERT INTO clients_timelineevent (client_id, at, kind, data, source_key)
SELECT client_id, %(at)s, 'segmentation.' || what,
       jsonb_build_object('before', before, 'after', after, 'reason', reason, 'date', %(day)s::date,
                          'contribution_before', contribution_before, 'contribution_after', contribution_after),
       what || ':' || %(day)s::date || ':' || client_id
  FROM said
    ON CONFLICT (source_key) DO NOTHING
"""

_MARK = (
    "INSERT INTO segmentation_rankmark"
    " (series, business_date, client_id, scope_id, contribution, assets, tier, service_tier, gone)"
)

#: What an earlier full run of the same date left; deleting first spares a million conflict checks.
DELETE_MARKS = """
DELETE FROM segmentation_rankmark m USING {source} t
 WHERE m.series = %(series)s AND m.business_date = %(day)s::date AND t.client_id = m.client_id AND {mine}
"""

#: A full run keeps everybody; standings are written by then.
FULL_MARKS = f"""{_MARK}
SELECT %(series)s, %(day)s::date, s.client_id, s.scope_id, s.contribution, t.assets, s.tier, s.service_tier, FALSE
  FROM {{source}} t JOIN segmentation_standing s USING (client_id)
 WHERE t.ranked AND {{mine}} ORDER BY t.client_id
"""

#: A run apart keeps everybody beside the chain, as does a first one; there is no service tier but the computed one.
APART_MARKS = f"""{_MARK}
SELECT %(series)s, %(day)s::date, client_id, scope_id, contribution, assets, tier, tier, FALSE
  FROM (SELECT t.client_id, {{scope_id}} AS scope_id, t.contribution, t.assets, {{tier}} AS tier
          FROM {{source}} t LEFT JOIN line l ON l.scope_id = {{scope_id}} WHERE t.ranked AND {{mine}}) ranked
 ORDER BY client_id
"""

#: Other runs keep what differs.
CHANGED_MARKS = f"""{_MARK}
SELECT %(series)s, %(day)s::date, client_id, scope_id, contribution, assets, tier, service_tier, FALSE
  FROM moved WHERE ranked ORDER BY client_id
    ON CONFLICT (series, business_date, client_id) DO UPDATE SET
       scope_id = excluded.scope_id, contribution = excluded.contribution, assets = excluded.assets,
       tier = excluded.tier, service_tier = excluded.service_tier, gone = FALSE
"""

GONE_MARKS = f"""{_MARK}
SELECT %(series)s, %(day)s::date, client_id, coalesce(was_scope_id, kept_scope_id),
       coalesce(was_contribution, kept_contribution), 0, coalesce(was_tier, kept_tier), coalesce(was_service, kept_service),
       TRUE
  FROM moved WHERE NOT ranked
    ON CONFLICT (series, business_date, client_id) DO UPDATE SET gone = TRUE
"""

DELETE_TOTALS = """
DELETE FROM segmentation_runtotal t WHERE t.run_id = %(run)s AND (%(parts)s = 1 OR t.scope_id %% %(parts)s = %(part)s)
"""

TOTALS = """
INSERT INTO segmentation_runtotal (run_id, scope_id, clients, positive_clients, contribution, clients_a, clients_b, clients_c,
       contribution_a, contribution_b, contribution_c, floor_a, floor_b, clients_for_80, data_as_of)
SELECT %(run)s, scope_id, clients, positive_clients, total, clients_a, clients_b - clients_a, clients - clients_b,
       contribution_a, contribution_b - contribution_a, total - contribution_b, floor_a,
       CASE WHEN clients_b > clients_a THEN floor_b END, clients_80, data_as_of
  FROM line
"""

#: Result of a date: the newest mark per client since the newest full run, ranked anew for place and shares.
RESULT = """
WITH newest AS (
    SELECT DISTINCT ON (client_id) client_id, scope_id, contribution, assets, tier, service_tier, gone
      FROM segmentation_rankmark
     WHERE series = %(series)s AND business_date BETWEEN %(full)s AND %(day)s
     ORDER BY client_id, business_date DESC
), placed AS (
    SELECT n.client_id, n.scope_id, n.contribution, n.tier, n.service_tier, c.client_no,
           row_number() OVER best AS rank,
           sum(greatest(n.contribution, 0)) OVER best AS cumulative,
           sum(greatest(n.contribution, 0)) OVER (PARTITION BY n.scope_id) AS total
      FROM newest n JOIN clients_client c ON c.id = n.client_id
     WHERE NOT n.gone
    WINDOW best AS (PARTITION BY n.scope_id ORDER BY n.contribution DESC, n.assets DESC, c.no_key, c.id
                    ROWS UNBOUNDED PRECEDING)
)
SELECT %(scope)s::text AS scope, {scope_no} AS scope_no, p.client_no, p.tier, p.rank,
       round(p.contribution / 10000.0, 2) AS contribution,
       CASE WHEN p.total > 0 THEN round(greatest(p.contribution, 0) / p.total, 12) ELSE round(0.0, 12) END AS share,
       CASE WHEN p.total > 0 THEN round(p.cumulative / p.total, 12) ELSE round(0.0, 12) END AS cumulative_share
  FROM placed p {join}
 ORDER BY scope_no, p.rank
"""

RESULT_JOIN = {
    "branch": ("b.branch_no", "JOIN org_branch b ON b.id = p.scope_id"),
    "manager": ("coalesce(s.staff_no, '')", "LEFT JOIN org_staff s ON s.id = p.scope_id"),
    "firm": ("'firm'::text", ""),
}
