"""The eight kinds of core-v1 (contracts): their columns, what each may hold, and where the rows go. Row N1."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from clients.models import Account, Client, Status
from ledger.models import FeeKind, SecurityKind

#: First day a fact may lie on: the mainland exchanges opened in December 1990.
FIRST_FACT_DAY = date(1990, 1, 1)
#: First and last day any other date may lie on.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)

_STAFF_ROLES = ("account_manager", "branch_head", "complaint_officer", "analyst", "admin")


class Type(StrEnum):
    """How a column is read: see `ledger.intake.values` for the rules of each."""

    CODE = "code"  # numbers and keys: full-width letters and digits become plain ones, no blanks
    LABEL = "label"  # the same, blanks inside allowed (telephone numbers, document types)
    TEXT = "text"  # names and addresses: kept as they are, trimmed
    CHOICE = "choice"
    DATE = "date"
    MONEY = "money"  # 元, at most 4 decimals kept, stored in 1/10,000 元
    QUANTITY = "quantity"  # numeric(20,4)
    RATE = "rate"  # numeric(9,6)
    DEGREE = "degree"  # latitude, longitude


@dataclass(frozen=True)
class Column:
    """One column of a kind. `size`: longest text in characters. `past`: not after the business date.

    `limit`: largest absolute value. `nullable`: whether "nothing" is NULL in the table (else the empty text or 0).
    `address`: the value becomes part of page addresses, where a slash cannot stand. `blanks`: may stand inside a code.
    """

    name: str
    type: Type
    required: bool = False
    size: int = 0
    choices: tuple[str, ...] = ()
    past: bool = False
    limit: int = 0
    nullable: bool = False
    address: bool = False
    blanks: bool = False


@dataclass(frozen=True)
class Kind:
    """One kind of file. `key`: what tells its rows apart. `number`: the key's own number, for facts that have one."""

    name: str
    table: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    fact: bool = False
    number: str = ""

    def column(self, name: str) -> Column:
        """The column of that name; KeyError if there is none."""
        return self._by_name[name]

    @property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.required)


def _key(name: str) -> Column:
    return Column(name, Type.CODE, required=True, size=32, address=True)


def _code(name: str, size: int = 32, *, required: bool = False, nullable: bool = False) -> Column:
    return Column(name, Type.CODE, required, size, nullable=nullable)


def _text(name: str, size: int, *, required: bool = False) -> Column:
    return Column(name, Type.TEXT, required, size)


def _choice(name: str, *choices: str, required: bool = True) -> Column:
    return Column(name, Type.CHOICE, required, choices=choices)


def _date(name: str, *, required: bool = False, past: bool = False) -> Column:
    return Column(name, Type.DATE, required, past=past, nullable=True)


def _money(name: str, *, required: bool = True) -> Column:
    return Column(name, Type.MONEY, required)


def _degree(name: str, limit: int) -> Column:
    return Column(name, Type.DEGREE, limit=limit, nullable=True)


_FACT_DATE = Column("date", Type.DATE, required=True, past=True)

BRANCHES = Kind(
    "branches",
    "org_branch",
    (
        _key("branch_no"),
        _text("name", 120, required=True),
        _code("parent_no", nullable=True),
        _text("province", 40),
        _text("city", 40),
        _text("address", 200),
        _degree("lat", 90),
        _degree("lon", 180),
        _date("opened_on"),
        _date("closed_on"),
    ),
    ("branch_no",),
)
STAFF = Kind(
    "staff",
    "org_staff",
    (
        _key("staff_no"),
        _text("name", 120, required=True),
        _code("branch_no", required=True),
        _choice("role", *_STAFF_ROLES),
        Column("mobile", Type.LABEL, size=32),
        Column("email", Type.LABEL, size=254),
        _date("joined_on"),
        _date("left_on"),
    ),
    ("staff_no",),
)
CLIENTS = Kind(
    "clients",
    "clients_client",
    (
        _key("client_no"),
        _text("name", 120, required=True),
        _code("branch_no", required=True),
        _code("manager_no", nullable=True),
        _choice("status", *Status.values),
        _date("opened_on", required=True, past=True),
        _date("closed_on"),
        Column("id_type", Type.LABEL, size=32),
        _code("id_no", 64),
        _choice("gender", "M", "F", required=False),
        _date("birth_date", past=True),
        Column("mobile", Type.LABEL, size=32),
        Column("email", Type.LABEL, size=254),
        _text("address", 300),
        _degree("lat", 90),
        _degree("lon", 180),
        _choice("risk_level", "C1", "C2", "C3", "C4", "C5", required=False),
        _date("risk_valid_until"),
        _choice("investor_type", "ordinary", "professional", required=False),
        _text("occupation", 80),
        _text("education", 80),
    ),
    ("client_no",),
)
ACCOUNTS = Kind(
    "accounts",
    "clients_account",
    (
        _key("account_no"),
        _code("client_no", required=True),
        _choice("kind", *Account.Kind.values),
        _choice("status", "active", "closed"),
        _date("opened_on"),
        _date("closed_on"),
        Column("commission_rate", Type.RATE, limit=1000, nullable=True),
    ),
    ("account_no",),
)
ASSETS = Kind(
    "assets",
    "ledger_assetsnapshot",
    (
        _FACT_DATE,
        _code("client_no", required=True),
        _money("cash"),
        _money("securities_value"),
        _money("liabilities", required=False),
    ),
    ("date", "client_no"),
    fact=True,
)
TRADES = Kind(
    "trades",
    "ledger_trade",
    (
        _code("trade_no", 40, required=True),
        _FACT_DATE,
        _code("client_no", required=True),
        _code("account_no"),
        Column("security_code", Type.CODE, required=True, size=20, blanks=True),
        _choice("security_kind", *SecurityKind.values),
        _choice("side", "buy", "sell"),
        Column("quantity", Type.QUANTITY, limit=10**15, nullable=True),
        _money("amount"),
        _money("commission"),
        _money("exchange_fees", required=False),
    ),
    ("trade_no",),
    fact=True,
    number="trade_no",
)
CASH_FLOWS = Kind(
    "cash_flows",
    "ledger_cashflow",
    (
        _code("flow_no", 40, required=True),
        _FACT_DATE,
        _code("client_no", required=True),
        _choice("direction", "in", "out"),
        _money("amount"),
    ),
    ("flow_no",),
    fact=True,
    number="flow_no",
)
FEES = Kind(
    "fees",
    "ledger_fee",
    (
        _code("fee_no", 40, required=True),
        _FACT_DATE,
        _code("client_no", required=True),
        _choice("kind", *FeeKind.values),
        _money("amount"),
    ),
    ("fee_no",),
    fact=True,
    number="fee_no",
)

#: In the order in which a batch takes them in: what others refer to comes first.
KINDS: dict[str, Kind] = {
    kind.name: kind for kind in (BRANCHES, STAFF, CLIENTS, ACCOUNTS, ASSETS, TRADES, CASH_FLOWS, FEES)
}
ORDER: dict[str, int] = {name: position for position, name in enumerate(KINDS)}

assert Client._meta.db_table == CLIENTS.table  # the table names above are those of the models
