"""Decisions of the dashboards on plain values: periods, what deviates, churn economics (L8), fair comparison (D2)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from crm.partitions import next_month
from ledger.rules import LEAVING_PERCENT

# --- Periods -----------------------------------------------------------------------------------------------------------

KINDS = ("month", "quarter", "year")
_TEXT = re.compile(r"(20\d\d)(?:-(?:(0[1-9]|1[0-2])|Q([1-4])))?")


@dataclass(frozen=True)
class Period:
    """A month, a quarter or a year; `first` is the first day of its first month."""

    kind: str
    first: date

    @property
    def length(self) -> int:
        """Months."""
        return {"month": 1, "quarter": 3, "year": 12}[self.kind]

    @property
    def months(self) -> list[date]:
        """First days of its months, oldest first."""
        return [months_on(self.first, number) for number in range(self.length)]

    @property
    def last(self) -> date:
        """First day of its last month."""
        return self.months[-1]

    @property
    def after(self) -> date:
        """First day behind it."""
        return next_month(self.last)

    @property
    def year_before(self) -> "Period":
        return Period(self.kind, self.first.replace(year=self.first.year - 1))

    @property
    def before(self) -> "Period":
        """The one that ends where it begins."""
        return Period(self.kind, months_on(self.first, -self.length))

    @property
    def next(self) -> "Period":
        return Period(self.kind, self.after)

    def __str__(self) -> str:
        """As in an address: 2026-10, 2026-Q4, 2026."""
        if self.kind == "month":
            return f"{self.first:%Y-%m}"
        if self.kind == "quarter":
            return f"{self.first.year}-Q{self.first.month // 3 + 1}"
        return str(self.first.year)


def months_on(month: date, count: int) -> date:
    """First day of the month so many months later (or earlier)."""
    number = month.year * 12 + month.month - 1 + count
    return date(number // 12, number % 12 + 1, 1)


def period_of(kind: str, day: date) -> Period:
    """The month, quarter or year that a day lies in. Raises KeyError for another kind."""
    start = {"month": day.month, "quarter": (day.month - 1) // 3 * 3 + 1, "year": 1}[kind]
    return Period(kind, date(day.year, start, 1))


def read_period(text: str) -> Period | None:
    """2026-10, 2026-Q4 or 2026; None for anything else."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    year, month, quarter = found.groups()
    if month:
        return Period("month", date(int(year), int(month), 1))
    if quarter:
        return Period("quarter", date(int(year), int(quarter) * 3 - 2, 1))
    return Period("year", date(int(year), 1, 1))


# --- What deviates -----------------------------------------------------------------------------------------------------

#: A revenue is behind from so much below the year before, or below the target for the days gone.
REVENUE_DROP = 0.10
#: Net outflow of a period, share of the assets at its start.
OUTFLOW = 0.01
#: Contacts: done share so much below the share of the month's working days that are over.
COVERAGE_BEHIND = 0.10
#: A composition deviates when the share of A or B is so far from the ideal.
COMPOSITION = 0.05
#: A clients (and B) are losing assets from so much net outflow in three months, share of the assets at the start.
LEAVING = LEAVING_PERCENT / 100
#: A clients are idle after so many days without a trade.
IDLE_DAYS = 90
#: Expected revenue against actual (fair index) from which a manager is behind, and the clients needed to say so.
INDEX_BEHIND = 0.80
LEAST_CLIENTS = 10
#: A month says something about its end after so many trading days.
LEAST_DAYS = 5
#: Kinds by weight: what the law or a client waits for comes first.
WEIGHTS = {
    "overdue": 100,
    "soon": 60,
    "unassigned": 50,
    "leaving": 40,
    "outflow": 35,
    "revenue": 30,
    "target": 30,
    "late": 25,
    "coverage": 25,
    "idle": 20,
    "fallen": 15,
    "composition": 10,
    "index": 10,
}


@dataclass(frozen=True)
class Deviation:
    """One figure beyond its threshold. `figure` and `threshold` in the same unit (share 0–1, or a count).

    `who`: database id of the member of staff it is about, None: the branch. `detail`: what it is about within its kind.
    """

    kind: str
    figure: float
    threshold: float
    who: int | None = None
    detail: str = ""

    @property
    def rank(self) -> float:
        """How far beyond the threshold, at most three times, by the weight of the kind; the largest comes first."""
        beyond = abs(self.figure - self.threshold) / max(abs(self.threshold), 0.01) if self.threshold else self.figure
        return WEIGHTS[self.kind] * (1 + min(beyond, 2.0))

    @property
    def urgent(self) -> bool:
        return self.kind in ("overdue", "soon", "unassigned")


def counted(kind: str, count: int, threshold: int = 0) -> list[Deviation]:
    """More than so many are too many."""
    return [Deviation(kind, count, threshold)] if count > threshold else []


def projected(amount: int, gone: int, whole: int) -> int | None:
    """What a running month comes to when its trading days go on as before; None while it is too young."""
    if gone >= whole:
        return amount
    return amount * whole // gone if gone >= LEAST_DAYS else None


def drop(kind: str, now: int | None, before: int | None, detail: str = "", who: int | None = None) -> list[Deviation]:
    """A sum against what it is compared with; nothing without either, or against nothing earned."""
    if now is None or before is None or before <= 0:
        return []
    change = now / before - 1
    return [Deviation(kind, change, -REVENUE_DROP, who, detail)] if change < -REVENUE_DROP else []


def outflow(inflow: int, assets: int | None) -> list[Deviation]:
    """Net outflow against the assets at the start. Δassets is no signal: the market moves them (domain.md § 5)."""
    if not assets or assets <= 0 or inflow >= 0:
        return []
    share = inflow / assets
    return [Deviation("outflow", share, -OUTFLOW)] if share < -OUTFLOW else []


def behind(done: int, wanted: int, gone: float, who: int | None = None) -> list[Deviation]:
    """Contacts done against the share of the month's working days that are over (0–1)."""
    if wanted <= 0:
        return []
    share, due = done / wanted, gone - COVERAGE_BEHIND
    return [Deviation("coverage", share, due, who)] if share < due else []


def composition(shares: Mapping[str, float | None], ideal: Mapping[str, float]) -> list[Deviation]:
    """A and B against 20 / 40 (C is what is left); the farther one."""
    found = [
        Deviation("composition", share, ideal[tier], detail=tier)
        for tier in "AB"
        if (share := shares.get(tier)) is not None and abs(share - ideal[tier]) > COMPOSITION
    ]
    return sorted(found, key=lambda one: abs(one.figure - one.threshold), reverse=True)[:1]


def in_order(found: Sequence[Deviation]) -> list[Deviation]:
    """The most pressing first; equals keep the order of their finding."""
    return sorted(found, key=lambda one: -one.rank)


# --- Churn economics (L8) ----------------------------------------------------------------------------------------------

#: Winning a client costs so many times as much as keeping one.
WINNING = 5


@dataclass(frozen=True)
class Churn:
    """To keep the number of clients at a churn rate: how many must be won, and what it costs in units of keeping one (n)."""

    rate: Decimal
    win: int
    keep: int
    winning_cost: int
    keeping_cost: int

    @property
    def cost(self) -> int:
        return self.winning_cost + self.keeping_cost


def churn(clients: int, rate: Decimal) -> Churn:
    """1,000 clients at 10 %: win 100, 500 n + 900 n = 1,400 n; at 50 %: 2,500 n + 500 n = 3,000 n. `rate` 0–1."""
    win = int((clients * rate).to_integral_value())
    keep = clients - win
    return Churn(rate, win, keep, win * WINNING, keep)


# --- Comparison of managers, fair by the mix of their clients ------------------------------------------------------------


@dataclass(frozen=True)
class Book:
    """A manager's clients and their contribution (units) by tier."""

    clients: Mapping[str, int]
    amounts: Mapping[str, int]

    @property
    def size(self) -> int:
        return sum(self.clients.values())

    @property
    def amount(self) -> int:
        return sum(self.amounts.values())


def rates(books: Sequence[Book]) -> dict[str, float]:
    """Contribution per client by tier over all books: the standard they are held against (units)."""
    clients = {tier: sum(book.clients.get(tier, 0) for book in books) for tier in "ABC"}
    amounts = {tier: sum(book.amounts.get(tier, 0) for book in books) for tier in "ABC"}
    return {tier: amounts[tier] / clients[tier] if clients[tier] else 0.0 for tier in "ABC"}


def expected(book: Book, standard: Mapping[str, float]) -> float:
    """What the book would bring if each client brought the mean of its tier (units)."""
    return sum(count * standard.get(tier, 0.0) for tier, count in book.clients.items())


def index(book: Book, standard: Mapping[str, float]) -> float | None:
    """Indirect standardisation: actual ÷ expected. 1 = as the mean of such clients; None where nothing is expected."""
    wanted = expected(book, standard)
    return book.amount / wanted if wanted > 0 else None


def standard_share(done: Mapping[str, tuple[int, int]], weights: Mapping[str, int]) -> float | None:
    """Direct standardisation: shares (done, wanted) by tier, weighted with the whole branch's wanted contacts.

    Tiers in which a manager has nothing to do are left out on both sides; None without any.
    """
    known = [tier for tier in "ABC" if done.get(tier, (0, 0))[1] and weights.get(tier)]
    whole = sum(weights[tier] for tier in known)
    return sum(done[tier][0] / done[tier][1] * weights[tier] for tier in known) / whole if whole else None


def few(book: Book) -> bool:
    """Too few clients for the index to say something."""
    return book.size < LEAST_CLIENTS
