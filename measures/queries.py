"""Measuring all ranked clients with a handful of statements (S3–S6)."""

from measures.rules import GROUPS

#: What the window holds, per client: sums that change only when the month turns or facts are corrected. Whole numbers add
#: up exactly as float8 up to 2^53 units, 900 billion 元; as numeric, which sums of bigint are, it takes half as long again.
WINDOW = """
CREATE TEMP TABLE measure_window ON COMMIT DROP AS
SELECT f.client_id, sum(f.trades)::int AS trades, sum(f.turnover::float8)::bigint AS turnover,
       avg(f.assets_end::float8) AS mean_assets, count(*) FILTER (WHERE f.net_commission + f.margin_interest + f.product_fee
           + f.advisory_fee + f.other_fee > 0)::int AS months,
       coalesce(sum(f.net_inflow::float8) FILTER (WHERE f.month > %(first)s), 0)::bigint AS inflow,
       bool_or(f.product_fee > 0) AS products, bool_or(f.advisory_fee > 0) AS advice,
       max(f.assets_end) FILTER (WHERE f.month = %(first)s) AS assets_before
  FROM ledger_monthlyfact f
 WHERE f.month >= %(first)s AND f.month <= %(last)s
 GROUP BY f.client_id
"""

_GROUP = (
    "CASE WHEN q.r IS NULL THEN 'never' "
    + " ".join(
        f"WHEN q.r BETWEEN {r[0]} AND {r[1]} AND q.f BETWEEN {f[0]} AND {f[1]} AND q.m BETWEEN {m[0]} AND {m[1]} THEN '{name}'"
        for name, r, f, m in GROUPS
    )
    + " ELSE 'others' END"
)
_CLAMP = "greatest(0, least(100, {value}))"
_KNOWN = (
    "%(weight_contribution)s + CASE WHEN part_growth IS NULL THEN 0 ELSE %(weight_growth)s END + %(weight_products)s"
    " + CASE WHEN part_influence IS NULL THEN 0 ELSE %(weight_influence)s END"
    " + CASE WHEN part_social IS NULL THEN 0 ELSE %(weight_social)s END"
)
_POINTS = (
    "%(weight_contribution)s * part_contribution + %(weight_growth)s * coalesce(part_growth, 0)"
    " + %(weight_products)s * part_products + %(weight_influence)s * coalesce(part_influence, 0)"
    " + %(weight_social)s * coalesce(part_social, 0)"
)

#: Everybody anew, in a temporary table. Quintiles are NTILE(5), ties by client number; the share of clients not above one's
#: contribution stands for 'large contribution', the same of the net contribution, where costs are shared out, for 'low cost'.
MEASURE = f"""
CREATE TEMP TABLE measured ON COMMIT DROP AS
WITH base AS (
    SELECT t.client_id, t.no_key, t.assets, t.contribution AS monetary, t.last_trade_on, s.tier,
           coalesce(w.trades, 0) AS frequency, coalesce(w.turnover, 0) AS turnover,
           CASE WHEN w.mean_assets > 0 THEN w.turnover / 2.0 / w.mean_assets * 365 / %(days)s END::float8 AS turnover_rate,
           coalesce(w.months, 0) AS months, coalesce(w.inflow, 0) AS inflow, w.assets_before,
           coalesce(w.products, FALSE)::int + coalesce(w.advice, FALSE)::int + coalesce(a.kinds, 0) AS products, p.net,
           (SELECT pr.influence FROM profiles_profile pr WHERE pr.client_id = t.client_id) AS influence,
           (SELECT pr.social FROM profiles_profile pr WHERE pr.client_id = t.client_id) AS social
      FROM ledger_clienttotals t JOIN segmentation_standing s USING (client_id)
      LEFT JOIN measure_window w USING (client_id)
      LEFT JOIN profit_profittotal p USING (client_id)
      LEFT JOIN (SELECT client_id, count(DISTINCT kind)::int AS kinds FROM clients_account
                  WHERE status = 'active' AND kind <> 'ordinary' GROUP BY 1) a USING (client_id)
     WHERE t.ranked
), quintile AS (
    SELECT client_id, ntile(5) OVER (ORDER BY last_trade_on, no_key, client_id) AS r,
           ntile(5) OVER (ORDER BY frequency, no_key, client_id) AS f,
           ntile(5) OVER (ORDER BY monetary, no_key, client_id) AS m
      FROM base WHERE last_trade_on IS NOT NULL
), place AS (
    SELECT client_id, cume_dist() OVER (ORDER BY monetary) AS large,
           CASE WHEN net IS NOT NULL THEN cume_dist() OVER (PARTITION BY net IS NULL ORDER BY net) END AS cheap
      FROM base
), part AS (
    SELECT b.*, q.r, q.f, q.m, {_GROUP} AS rfm_group,
           CASE WHEN b.assets >= %(large_from)s THEN 'L' WHEN b.assets >= %(medium_from)s THEN 'M' ELSE 'S' END AS size,
           CASE WHEN b.last_trade_on IS NULL OR b.last_trade_on < %(idle_before)s THEN 'i'
                WHEN b.turnover_rate >= %(short_turnover)s THEN 't' ELSE 's' END AS manner,
           CASE WHEN b.tier = 'A' THEN 'value'
                WHEN b.inflow > 0 AND b.inflow * 100.0 >= %(growth_percent)s * b.assets_before THEN 'growth'
                WHEN b.months >= %(cash_months)s THEN 'cash_flow' ELSE 'relationship' END AS kind,
           CASE WHEN b.monetary <= 0 THEN 0
                ELSE round((CASE WHEN place.cheap IS NULL THEN place.large ELSE 0.6 * place.large + 0.4 * place.cheap END
                     * 100)::numeric) END::int AS part_contribution,
           CASE WHEN b.assets_before IS NOT NULL THEN
                {_CLAMP.format(value="round(50 + 100.0 * b.inflow / greatest(b.assets_before, 1))")} END::int AS part_growth,
           least(100, 25 * b.products) AS part_products,
           (b.influence - 1) * 25 AS part_influence, (b.social - 1) * 25 AS part_social
      FROM base b JOIN place USING (client_id) LEFT JOIN quintile q USING (client_id)
)
SELECT client_id, size, manner, size || manner AS cell, last_trade_on, frequency, monetary, turnover, turnover_rate,
       r::smallint AS r, f::smallint AS f, m::smallint AS m, rfm_group, kind, part_contribution, part_growth, part_products,
       part_influence, part_social,
       coalesce(floor((2 * points + known) / nullif(2.0 * known, 0)), 0)::smallint AS score, known::smallint AS confidence
  FROM (SELECT part.*, {_KNOWN} AS known, {_POINTS} AS points FROM part) scored
"""

FIELDS = (
    "size", "manner", "cell", "last_trade_on", "frequency", "monetary", "turnover", "turnover_rate", "r", "f", "m", "rfm_group",
    "kind", "part_contribution", "part_growth", "part_products", "part_influence", "part_social", "score", "confidence",
)  # fmt: skip
_NAMES = ", ".join(FIELDS)
_SAME = ", ".join(f"{name} = n.{name}" for name in FIELDS)

#: A mark where cell, group, kind or band differ from the newest mark before this day.
MARK = """
INSERT INTO measures_measuremark (client_id, business_date, cell, rfm_group, kind, band, gone)
SELECT n.client_id, %(day)s, n.cell, n.rfm_group, n.kind, least(n.score / 20, 4), FALSE
  FROM measured n LEFT JOIN measures_clientmeasures k USING (client_id)
 WHERE k.client_id IS NULL
    OR (k.cell, k.rfm_group, k.kind, least(k.score / 20, 4))
       IS DISTINCT FROM (n.cell, n.rfm_group, n.kind, least(n.score / 20, 4))
    ON CONFLICT (client_id, business_date) DO UPDATE SET
       cell = excluded.cell, rfm_group = excluded.rfm_group, kind = excluded.kind, band = excluded.band, gone = FALSE
"""
MARK_GONE = """
INSERT INTO measures_measuremark (client_id, business_date, cell, rfm_group, kind, band, gone)
SELECT k.client_id, %(day)s, k.cell, k.rfm_group, k.kind, least(k.score / 20, 4), TRUE
  FROM measures_clientmeasures k WHERE NOT EXISTS (SELECT FROM measured n WHERE n.client_id = k.client_id)
    ON CONFLICT (client_id, business_date) DO UPDATE SET gone = TRUE
"""
DROP_GONE = (
    "DELETE FROM measures_clientmeasures k WHERE NOT EXISTS (SELECT FROM measured n WHERE n.client_id = k.client_id)"
)
CHANGE = f"""
UPDATE measures_clientmeasures k SET as_of = %(day)s, {_SAME}
  FROM measured n WHERE n.client_id = k.client_id
   AND ({", ".join(f"k.{name}" for name in FIELDS)}) IS DISTINCT FROM ({", ".join(f"n.{name}" for name in FIELDS)})
"""
ADD = f"""
INSERT INTO measures_clientmeasures (client_id, as_of, {_NAMES})
SELECT n.client_id, %(day)s, {", ".join(f"n.{name}" for name in FIELDS)}
  FROM measured n WHERE NOT EXISTS (SELECT FROM measures_clientmeasures k WHERE k.client_id = n.client_id)
"""
