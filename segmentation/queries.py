"""SQL of ranking (S1). All values are bound; window sums are exact in float8, lines are whole numbers of money units."""

#: Scope kind → the column of ClientTotals that says within what a client is compared.
SCOPE_ID = {"branch": "t.branch_id", "manager": "coalesce(t.manager_id, 0)", "firm": "0::bigint"}

#: Totals for a window other than the kept one: same columns as ledger_clienttotals.
AD_HOC_SOURCE = """
CREATE TEMP TABLE source ON COMMIT DROP AS
SELECT c.id AS client_id, c.branch_id, c.manager_id, c.no_key,
       (c.status <> 'closed' OR c.closed_on > %(business_date)s) AS ranked,
       coalesce(s.contribution, 0) AS contribution, coalesce(t.assets, 0) AS assets
  FROM clients_client c
  LEFT JOIN ledger_clienttotals t ON t.client_id = c.id
  LEFT JOIN ({sums}) s ON s.client_id = c.id
"""

RANKED = """
CREATE TEMP TABLE ranked ON COMMIT DROP AS
WITH base AS NOT MATERIALIZED (
    SELECT t.client_id, {scope_id} AS scope_id, t.contribution, t.assets, t.no_key
      FROM {source} t
     WHERE t.ranked AND t.branch_id %% %(parts)s = %(part)s
), line AS (
    SELECT scope_id, ceil(total * %(cut_a)s / 100)::float8 AS line_a, ceil(total * %(cut_b)s / 100)::float8 AS line_b,
           ceil(total * 80 / 100)::float8 AS line_80
      FROM (SELECT scope_id, sum(greatest(contribution, 0)) AS total FROM base GROUP BY scope_id) s
), running AS (
    SELECT client_id, scope_id, contribution, assets,
           sum(greatest(contribution, 0)::float8) OVER best - greatest(contribution, 0) AS before
      FROM base
    WINDOW best AS (PARTITION BY scope_id ORDER BY contribution DESC, assets DESC, no_key, client_id
                    ROWS UNBOUNDED PRECEDING)
)
SELECT r.client_id, r.scope_id, r.contribution, r.assets,
       (CASE WHEN r.contribution <= 0 THEN 'C' WHEN r.before < l.line_a THEN 'A'
             WHEN r.before < l.line_b THEN 'B' ELSE 'C' END)::varchar(1) AS tier,
       r.contribution > 0 AND r.before < l.line_80 AS in_80
  FROM running r JOIN line l USING (scope_id)
"""

_MONTHS_BELOW = (
    "(extract(year FROM %(day)s::date) - extract(year FROM coalesce(below_since, %(day)s::date))) * 12"
    " + extract(month FROM %(day)s::date) - extract(month FROM coalesce(below_since, %(day)s::date))"
)

#: Everybody whose standing differs from the one kept, with the service tier of `rules.service_tier`. A repeated run starts from
#: the service tier before the day (`base`), so that a corrected figure takes its rise back.
MOVED = f"""
CREATE TEMP TABLE moved ON COMMIT DROP AS
WITH met AS (
    SELECT r.client_id, r.scope_id, r.contribution, r.assets, r.tier, s.client_id IS NULL AS entered,
           s.scope_id AS old_scope_id, s.contribution AS old_contribution, s.tier AS old_tier,
           s.service_tier AS old_service, s.below_since, coalesce(x.before, s.service_tier) AS base, x.reason AS today
      FROM ranked r
      LEFT JOIN segmentation_standing s USING (client_id)
      LEFT JOIN segmentation_tierchange x
             ON x.business_date = %(day)s::date AND x.what = 'service' AND x.client_id = r.client_id
), judged AS (
    SELECT met.*, entered OR tier <= base AS risen,
           tier > base AND (today = 'month' OR {_MONTHS_BELOW} > %(watch_months)s) AS fallen
      FROM met
), settled AS (
    SELECT client_id, scope_id, contribution, assets, tier, entered, old_scope_id, old_contribution, old_tier, old_service,
           below_since AS old_below,
           CASE WHEN risen OR fallen THEN tier ELSE base END AS service_tier,
           CASE WHEN risen OR fallen THEN NULL ELSE coalesce(below_since, %(day)s::date) END AS below_since
      FROM judged
)
SELECT * FROM settled
 WHERE entered OR tier <> old_tier OR contribution <> old_contribution OR scope_id <> old_scope_id
    OR service_tier <> old_service OR below_since IS DISTINCT FROM old_below
"""

#: Standings of clients of the part that are ranked no more.
LEFT_BEHIND = """
CREATE TEMP TABLE gone ON COMMIT DROP AS
SELECT s.client_id, s.scope_id, s.contribution, s.tier, s.service_tier
  FROM segmentation_standing s JOIN ledger_clienttotals t USING (client_id)
 WHERE NOT t.ranked AND t.branch_id %% %(parts)s = %(part)s
"""

UPDATE_STANDING = """
UPDATE segmentation_standing s
   SET scope_id = m.scope_id, contribution = m.contribution, tier = m.tier, service_tier = m.service_tier,
       below_since = m.below_since,
       tier_since = CASE WHEN m.tier <> m.old_tier THEN %(day)s::date ELSE s.tier_since END,
       service_since = CASE WHEN m.service_tier <> m.old_service THEN %(day)s::date ELSE s.service_since END
  FROM moved m WHERE NOT m.entered AND s.client_id = m.client_id
"""

INSERT_STANDING = """
INSERT INTO segmentation_standing (client_id, scope_id, contribution, tier, tier_since, service_tier, service_since)
SELECT client_id, scope_id, contribution, tier, %(day)s::date, service_tier, %(day)s::date FROM moved WHERE entered
 ORDER BY client_id
"""

#: What an earlier full run of the same date left for the part's clients; deleting first spares a million conflict checks.
DELETE_MARKS = """
DELETE FROM segmentation_rankmark m USING clients_client c
 WHERE m.series = %(series)s AND m.business_date = %(day)s::date AND c.id = m.client_id
   AND c.branch_id %% %(parts)s = %(part)s
"""

DELETE_STANDING = "DELETE FROM segmentation_standing s USING gone g WHERE s.client_id = g.client_id"

#: A full run keeps everybody, another run what differs. Standings are written by now, so the service tier is read there.
FULL_MARKS = """
INSERT INTO segmentation_rankmark
       (series, business_date, client_id, scope_id, contribution, assets, tier, service_tier, gone)
SELECT %(series)s, %(day)s::date, r.client_id, r.scope_id, r.contribution, r.assets, r.tier, {service_tier}, FALSE
  FROM ranked r {join}
 ORDER BY r.client_id
"""

CHANGED_MARKS = """
INSERT INTO segmentation_rankmark
       (series, business_date, client_id, scope_id, contribution, assets, tier, service_tier, gone)
SELECT %(series)s, %(day)s::date, client_id, scope_id, contribution, assets, tier, service_tier, FALSE FROM moved
    ON CONFLICT (series, business_date, client_id) DO UPDATE SET
       scope_id = excluded.scope_id, contribution = excluded.contribution, assets = excluded.assets,
       tier = excluded.tier, service_tier = excluded.service_tier, gone = FALSE
"""

GONE_MARKS = """
INSERT INTO segmentation_rankmark
       (series, business_date, client_id, scope_id, contribution, assets, tier, service_tier, gone)
SELECT %(series)s, %(day)s::date, client_id, scope_id, contribution, 0, tier, service_tier, TRUE FROM gone
    ON CONFLICT (series, business_date, client_id) DO UPDATE SET gone = TRUE
"""

#: Changes of the computed and of the service tier with the reason (U1). A repeated run keeps the first 'before'.
CHANGES = """
INSERT INTO segmentation_tierchange AS kept
       (business_date, client_id, what, before, after, reason, contribution_before, contribution_after)
SELECT %(day)s::date, client_id, 'tier', coalesce(old_tier, ''), tier,
       CASE WHEN entered THEN 'entered' WHEN %(policy_changed)s THEN 'policy'
            WHEN scope_id <> old_scope_id THEN 'scope'
            -- Who rises although the own contribution fell, rises because the line moved.
            WHEN contribution <> old_contribution AND (contribution > old_contribution) = (tier < old_tier) THEN 'own'
            ELSE 'line' END,
       old_contribution, contribution
  FROM moved WHERE (entered AND NOT %(first)s) OR tier <> old_tier
 UNION ALL
SELECT %(day)s::date, client_id, 'service', old_service, service_tier,
       CASE WHEN service_tier > old_service THEN 'month' WHEN %(policy_changed)s THEN 'policy'
            WHEN scope_id <> old_scope_id THEN 'scope' WHEN contribution > old_contribution THEN 'own' ELSE 'line' END,
       old_contribution, contribution
  FROM moved WHERE NOT entered AND service_tier <> old_service
 UNION ALL
SELECT %(day)s::date, client_id, 'tier', tier, '', 'left', contribution, NULL FROM gone
    ON CONFLICT (business_date, client_id, what) DO UPDATE SET
       after = excluded.after, reason = excluded.reason, contribution_after = excluded.contribution_after
"""

#: A move that a repeated run took back.
VOID_CHANGES = """
DELETE FROM segmentation_tierchange WHERE business_date = %(day)s::date AND before = after
"""

TIMELINE = """
INSERT INTO clients_timelineevent AS kept (client_id, at, kind, data, source_key)
SELECT t.client_id, %(at)s, 'segmentation.' || t.what,
       jsonb_build_object('before', t.before, 'after', t.after, 'reason', t.reason, 'date', %(day)s::date,
                          'contribution_before', t.contribution_before, 'contribution_after', t.contribution_after),
       t.what || ':' || %(day)s::date || ':' || t.client_id
  FROM segmentation_tierchange t JOIN (SELECT client_id FROM moved UNION SELECT client_id FROM gone) m USING (client_id)
 WHERE t.business_date = %(day)s::date
    ON CONFLICT (source_key) DO UPDATE SET data = excluded.data
"""

#: Events of changes that were taken back.
TIMELINE_VOID = """
DELETE FROM clients_timelineevent e USING (SELECT client_id FROM moved UNION SELECT client_id FROM gone) m
 WHERE e.client_id = m.client_id AND e.kind IN ('segmentation.tier', 'segmentation.service')
   AND e.source_key LIKE '%%:' || %(day)s::date || ':%%'
   AND NOT EXISTS (SELECT FROM segmentation_tierchange t
                    WHERE t.client_id = e.client_id AND t.business_date = %(day)s::date
                      AND e.kind = 'segmentation.' || t.what)
"""

TOTALS = """
INSERT INTO segmentation_runtotal (run_id, scope_id, clients, positive_clients, contribution, clients_a, clients_b, clients_c,
       contribution_a, contribution_b, contribution_c, floor_a, floor_b, clients_for_80)
SELECT %(run)s, scope_id, count(*), count(*) FILTER (WHERE contribution > 0),
       coalesce(sum(contribution) FILTER (WHERE contribution > 0), 0),
       count(*) FILTER (WHERE tier = 'A'), count(*) FILTER (WHERE tier = 'B'), count(*) FILTER (WHERE tier = 'C'),
       coalesce(sum(contribution) FILTER (WHERE tier = 'A'), 0), coalesce(sum(contribution) FILTER (WHERE tier = 'B'), 0),
       coalesce(sum(contribution) FILTER (WHERE tier = 'C'), 0),
       min(contribution) FILTER (WHERE tier = 'A'), min(contribution) FILTER (WHERE tier = 'B'),
       count(*) FILTER (WHERE in_80)
  FROM ranked GROUP BY scope_id
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
