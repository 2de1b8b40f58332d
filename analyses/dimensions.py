"""What the seven analyses count by: one table, read by the night's statement and by the list behind each figure.

The rows of a dimension are SQL giving client_id, key, amount, extra for %(month)s … %(after)s (the first days of a month and
of the next), as of %(day)s. One statement makes both the figure and its list, so their counts agree. Dimensions of the clients'
present state (`State`) give expressions over one common row instead, so that the night reads the clients once for all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clients.models import Account, Status
from ledger.models import FeeKind, SecurityKind
from profiles.rules import STAGES


@dataclass(frozen=True)
class State:
    """Expressions over `STATE_FROM`; a NULL key counts the client nowhere."""

    key: str
    amount: str
    extra: str


@dataclass(frozen=True)
class Dimension:
    """`names`: key → words, in the order shown; keys it lacks are shown as they are.

    `amount`, `extra`: what the two sums mean, '' = nothing. `past`: can be made for any month, not only as of today.
    """

    key: str
    analysis: str
    label: str | Promise
    rows: str
    names: Mapping[str, str | Promise] = field(default_factory=dict)
    amount: str | Promise = ""
    extra: str | Promise = ""
    past: bool = False
    state: State | None = None


#: The seven analyses, in order.
ANALYSES: dict[str, str | Promise] = {
    "overview": _("Overview"),
    "loyalty": _("Loyalty"),
    "profit": pgettext_lazy("analysis", "Profit"),
    "behaviour": _("Behaviour"),
    "trend": _("Trend"),
    "product": pgettext_lazy("analysis", "Products"),
    "promotion": _("Promotion"),
}

#: One row for each client with all that its present state is read from.
STATE_FROM = (
    "clients_client c LEFT JOIN ledger_clienttotals t ON t.client_id = c.id"
    " LEFT JOIN segmentation_standing s ON s.client_id = c.id LEFT JOIN profit_profittotal p ON p.client_id = c.id"
)
_WORTH = ("coalesce(t.contribution, 0)", "coalesce(t.assets, 0)")
_PROFIT = ("p.net", "p.revenue")


def _case(column: str, bands: list[tuple[str, str]], rest: str) -> str:
    return "CASE " + " ".join(f"WHEN {column} {test} THEN '{key}'" for key, test in bands) + f" ELSE '{rest}' END"


_AGE = "extract(year FROM age(%(day)s::date, c.birth_date))"
_STAGE = (
    "CASE WHEN c.birth_date IS NULL OR c.birth_date > %(day)s THEN '-' "
    + " ".join(f"WHEN {_AGE} >= {stage.from_age} THEN '{stage.key}'" for stage in reversed(STAGES))
    + " END"
)
_SIZE = _case(
    "coalesce(t.assets, 0)",
    [("0", "<= 0"), ("1", "< 500000000"), ("2", "< 5000000000"), ("3", "< 30000000000"), ("4", "< 100000000000")],
    "5",
)
_TENURE = _case(
    "%(day)s::date - c.opened_on", [("0", "< 365"), ("1", "< 1096"), ("3", "< 1827"), ("5", "< 3653")], "10"
)
_IDLE = (
    "CASE WHEN t.last_trade_on IS NULL THEN '-' ELSE "
    + _case(
        "%(day)s::date - t.last_trade_on",
        [("30", "<= 30"), ("90", "<= 90"), ("180", "<= 180"), ("365", "<= 365")],
        "366",
    )
    + " END"
)

_NET = "CASE WHEN p.net < 0 THEN 'loss' WHEN p.net = 0 THEN 'zero' WHEN p.net > 0 THEN 'gain' END"


def _of_state(
    name: str,
    analysis: str,
    label: str | Promise,
    key: str,
    names: Mapping[str, str | Promise],
    *,
    sums: tuple[str, str] = _WORTH,
    words: tuple[str | Promise, str | Promise] = (_("Contribution"), _("Assets")),
    closed: bool = False,
) -> Dimension:
    """A dimension of the present state; `closed`: counts closed clients too."""
    state = State(key if closed else f"CASE WHEN c.status <> 'closed' THEN {key} END", *sums)
    rows = (
        f"SELECT client_id, key, amount, extra FROM (SELECT c.id AS client_id, {state.key} AS key,"
        f" {state.amount} AS amount, {state.extra} AS extra FROM {STATE_FROM}) x WHERE key IS NOT NULL"
    )
    return Dimension(name, analysis, label, rows, names, *words, state=state)


_UNKNOWN: dict[str, str | Promise] = {"-": _("Not known")}
_STAGES: dict[str, str | Promise] = {stage.key: stage.label for stage in STAGES}
_RISKS: dict[str, str | Promise] = {f"C{n}": f"C{n}" for n in range(1, 6)}
_TIERS: dict[str, str | Promise] = {tier: tier for tier in "ABC"}
_GENDERS: dict[str, str | Promise] = {"M": _("Male"), "F": _("Female")}

DIMENSIONS: dict[str, Dimension] = {
    d.key: d
    for d in (
        _of_state("status", "overview", _("Status"), "c.status", dict(Status.choices), closed=True),
        _of_state("tier", "overview", _("Tier"), "s.tier", _TIERS),
        _of_state("size", "overview", _("Assets"), _SIZE, {
            "0": _("none"), "1": _("below 50,000"), "2": _("50,000 to 500,000"), "3": _("0.5 to 3 million"),
            "4": _("3 to 10 million"), "5": _("10 million and more"),
        }),
        _of_state("stage", "overview", _("Stage of life"), _STAGE, _STAGES | _UNKNOWN),
        _of_state("gender", "overview", _("Gender"), "coalesce(nullif(c.gender, ''), '-')", _GENDERS | _UNKNOWN),
        _of_state("risk", "overview", _("Risk level"), "coalesce(nullif(c.risk_level, ''), '-')", _RISKS | _UNKNOWN),
        _of_state("tenure", "loyalty", _("Years with the firm"), _TENURE, {
            "0": _("less than 1"), "1": _("1 to 3"), "3": _("3 to 5"), "5": _("5 to 10"), "10": _("more than 10"),
        }),
        _of_state("idle", "loyalty", _("Last trade"), _IDLE, {
            "30": _("within 30 days"), "90": _("31 to 90 days ago"), "180": _("91 to 180 days ago"),
            "365": _("181 to 365 days ago"), "366": _("more than a year ago"), "-": _("never"),
        }),
        Dimension(
            "flow", "loyalty", _("Money in or out"),
            "SELECT m.client_id, CASE WHEN m.net_inflow > 0 THEN 'in' ELSE 'out' END AS key, m.net_inflow AS amount,"
            " coalesce(m.assets_end, 0) AS extra FROM ledger_monthlyfact m"
            " WHERE m.month = %(month)s AND m.net_inflow <> 0",
            {"in": _("more in than out"), "out": _("more out than in")}, _("Net inflow"), _("Assets at month end"), past=True,
        ),
        _of_state("net", "profit", _("Net contribution"), _NET, {
            "gain": _("bring more than they cost"), "zero": _("even"), "loss": _("cost more than they bring"),
        }, sums=_PROFIT, words=(_("Net contribution"), _("Revenue"))),
        _of_state(
            "nettier", "profit", _("Tier"), "CASE WHEN p.client_id IS NOT NULL THEN s.tier END", _TIERS,
            sums=_PROFIT, words=(_("Net contribution"), _("Revenue")),
        ),
        Dimension(
            "security", "behaviour", _("Kind of security"),
            "SELECT t.client_id, t.security_kind AS key, sum(t.amount)::bigint AS amount,"
            " sum(t.commission - t.exchange_fees)::bigint AS extra FROM ledger_trade t"
            " WHERE t.date >= %(month)s AND t.date < %(after)s GROUP BY 1, 2",
            dict(SecurityKind.choices), _("Turnover"), _("Net commission"), past=True,
        ),
        Dimension(
            "side", "behaviour", _("Bought or sold"),
            "SELECT t.client_id, t.side AS key, sum(t.amount)::bigint AS amount,"
            " sum(t.commission - t.exchange_fees)::bigint AS extra FROM ledger_trade t"
            " WHERE t.date >= %(month)s AND t.date < %(after)s GROUP BY 1, 2",
            {"buy": _("Buy"), "sell": _("Sell")}, _("Turnover"), _("Net commission"), past=True,
        ),
        Dimension(
            "region", "behaviour", _("Region"),
            "SELECT m.client_id, coalesce(nullif(b.city, ''), nullif(b.province, ''), '-') AS key, m.turnover AS amount,"
            " m.net_commission AS extra FROM ledger_monthlyfact m JOIN clients_client c ON c.id = m.client_id"
            " JOIN org_branch b ON b.id = c.branch_id WHERE m.month = %(month)s AND m.trades > 0",
            _UNKNOWN, _("Turnover"), _("Net commission"), past=True,
        ),
        Dimension(
            "clients", "trend", _("Clients at month end"),
            "SELECT c.id AS client_id, 'open' AS key, 0 AS amount, 0 AS extra FROM clients_client c"
            " WHERE c.opened_on < %(after)s AND (c.closed_on IS NULL OR c.closed_on >= %(after)s)",
            {"open": _("Clients")}, past=True,
        ),
        Dimension(
            "coming", "trend", _("Came and went"),
            "SELECT c.id AS client_id, 'opened' AS key, 0 AS amount, 0 AS extra FROM clients_client c"
            " WHERE c.opened_on >= %(month)s AND c.opened_on < %(after)s UNION ALL"
            " SELECT c.id, 'closed', 0, 0 FROM clients_client c"
            " WHERE c.closed_on >= %(month)s AND c.closed_on < %(after)s",
            {"opened": _("Opened"), "closed": pgettext_lazy("accounts", "Closed")}, past=True,
        ),
        Dimension(
            "account", "product", _("Accounts"),
            "SELECT a.client_id, a.kind AS key, 0 AS amount, 0 AS extra FROM clients_account a"
            " WHERE a.status = 'active' GROUP BY 1, 2",
            dict(Account.Kind.choices),
        ),
        Dimension(
            "fee", "product", _("Services and fees"),
            "SELECT f.client_id, f.kind AS key, sum(f.amount)::bigint AS amount, 0 AS extra FROM ledger_fee f"
            " WHERE f.date >= %(month)s AND f.date < %(after)s GROUP BY 1, 2",
            dict(FeeKind.choices), _("Fees"), past=True,
        ),
        Dimension(
            "offer", "promotion", _("Offers by outcome"),
            "SELECT o.client_id, o.outcome AS key, coalesce(sum(o.amount), 0)::bigint AS amount, count(*) AS extra"
            " FROM analyses_offer o WHERE o.made_on >= %(month)s AND o.made_on < %(after)s GROUP BY 1, 2",
            {"open": _("Offered"), "opened": _("Looked at"), "taken": _("Taken"), "declined": _("Declined")},
            _("Amount"), past=True,
        ),
        Dimension(
            "offered", "promotion", _("Products taken"),
            "SELECT o.client_id, left(o.product, 40) AS key, coalesce(sum(o.amount), 0)::bigint AS amount, count(*) AS extra"
            " FROM analyses_offer o WHERE o.outcome = 'taken' AND o.decided_on >= %(month)s AND o.decided_on < %(after)s"
            " GROUP BY 1, 2",
            {}, _("Amount"), past=True,
        ),
    )
}  # fmt: skip


def of_analysis(analysis: str) -> list[Dimension]:
    """The dimensions of one analysis, in order."""
    return [d for d in DIMENSIONS.values() if d.analysis == analysis]
