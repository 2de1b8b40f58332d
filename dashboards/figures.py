"""What the dashboards count beside the other ledgers: one table, read by the night and by the list behind each figure.

The rows of a figure are SQL giving client_id and amount for %(month)s … %(after)s (first days of a month and of the next), as
of %(day)s. One statement makes both the figure and its list, so their counts agree. What analyses, forecasts, segmentation and
visits already keep is read there and is not in this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dashboards.rules import IDLE_DAYS, LEAVING


@dataclass(frozen=True)
class FigureDef:
    """`months`: how many months back it can be made (1: only as of today). `whole`: kept for branches too, not only for
    managers. `listed`: has a list of clients behind it."""

    key: str
    label: str | Promise
    rows: str
    months: int = 1
    whole: bool = True
    listed: bool = True


#: Months of revenue kept: two years to compare, and the running month.
KEPT = 25

_CONTRIBUTION = "{0}.net_commission + {0}.margin_interest + {0}.product_fee + {0}.advisory_fee + {0}.other_fee"
_REVENUE = (
    f"SELECT m.client_id, {_CONTRIBUTION.format('m')} AS amount FROM ledger_monthlyfact m"
    f" WHERE m.month = %(month)s AND {_CONTRIBUTION.format('m')} <> 0"
)
_LESS = (
    f"SELECT b.client_id, coalesce({_CONTRIBUTION.format('m')}, 0) - ({_CONTRIBUTION.format('b')}) AS amount"
    " FROM ledger_monthlyfact b LEFT JOIN ledger_monthlyfact m ON m.client_id = b.client_id AND m.month = %(month)s"
    f" WHERE b.month = %(year_before)s AND coalesce({_CONTRIBUTION.format('m')}, 0) < {_CONTRIBUTION.format('b')}"
)
#: First and last tier of the month; whoever was ranked for the first time in it, or left, is in neither.
_MOVED = (
    "SELECT x.client_id, 0 AS amount FROM (SELECT t.client_id, (array_agg(t.before ORDER BY t.business_date))[1] AS before,"
    " (array_agg(t.after ORDER BY t.business_date DESC))[1] AS after FROM segmentation_tierchange t"
    " WHERE t.what = 'tier' AND t.business_date >= %(month)s AND t.business_date < %(after)s GROUP BY t.client_id) x"
    " WHERE x.before <> '' AND x.after <> '' AND x.after {} x.before"
)
#: Money that went within three months, against the assets at their start (what is there now, and what went).
_LEAVING = (
    "SELECT s.client_id, f.inflow AS amount FROM segmentation_standing s"
    " JOIN (SELECT m.client_id, sum(m.net_inflow)::bigint AS inflow FROM ledger_monthlyfact m"
    "        WHERE m.month >= %(three)s AND m.month < %(after)s GROUP BY m.client_id HAVING sum(m.net_inflow) < 0) f"
    "   ON f.client_id = s.client_id"
    " JOIN ledger_clienttotals t ON t.client_id = s.client_id"
    f" WHERE s.tier IN ('A', 'B') AND -f.inflow >= {LEAVING} * greatest(t.assets - f.inflow, 1)"
)
_IDLE = (
    "SELECT s.client_id, t.assets AS amount FROM segmentation_standing s JOIN ledger_clienttotals t USING (client_id)"
    f" WHERE s.tier = 'A' AND (t.last_trade_on IS NULL OR t.last_trade_on < %(day)s::date - {IDLE_DAYS})"
)
_INFLOW = "SELECT m.client_id, m.net_inflow AS amount FROM ledger_monthlyfact m WHERE m.month = %(month)s AND m.net_inflow <> 0"
_LOST = (
    "SELECT c.id AS client_id, 0 AS amount FROM clients_client c"
    " WHERE c.closed_on >= %(month)s::date - interval '11 months' AND c.closed_on < %(after)s"
)
_DUTY = "SELECT d.client_id, 0 AS amount FROM visits_duty d WHERE d.month = %(month)s AND {}"


def _tier(tier: str) -> FigureDef:
    rows = f"SELECT s.client_id, s.contribution AS amount FROM segmentation_standing s WHERE s.tier = '{tier}'"
    return FigureDef(f"tier_{tier}", _("Tier"), rows, whole=False)


def _cell(cell: str) -> FigureDef:
    rows = (
        "SELECT k.client_id, coalesce(t.assets, 0) AS amount FROM measures_clientmeasures k"
        f" LEFT JOIN ledger_clienttotals t USING (client_id) WHERE k.cell = '{cell}'"
    )
    return FigureDef(f"cell_{cell}", _("Nine cells"), rows)


CELL_KEYS = [size + manner for size in "LMS" for manner in "ist"]

FIGURES: Mapping[str, FigureDef] = {
    one.key: one
    for one in (
        FigureDef("revenue", _("Revenue of the month"), _REVENUE, KEPT),
        FigureDef("less", _("Bring less than a year before"), _LESS, 2),
        FigureDef("rose", _("Rose to a higher tier"), _MOVED.format("<"), 12),
        FigureDef("fell", _("Fell to a lower tier"), _MOVED.format(">"), 12),
        FigureDef("leaving", _("A and B clients who take their money out"), _LEAVING),
        FigureDef("idle_a", _("A clients without a trade for a quarter"), _IDLE),
        FigureDef("lost", _("Closed within twelve months"), _LOST),
        FigureDef("inflow", _("Net inflow"), _INFLOW, 12, whole=False),
        *(_tier(tier) for tier in "ABC"),
        *(_cell(cell) for cell in CELL_KEYS),
        # Of contacts only the firm's page reads the night's sums; a branch's are live.
        FigureDef("duty", _("Contacts owed"), _DUTY.format("d.state <> 'waived'"), 12, listed=False),
        FigureDef("duty_done", _("Contacts done"), _DUTY.format("d.state = 'done'"), 12, listed=False),
    )
}
