"""Writes the demo firm as nightly files of format core-v1 (N1), client by client, in memory that does not grow."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random
from typing import TextIO

from ledger.demo import activity
from ledger.demo.dates import Month, history, previous_trading
from ledger.demo.draws import Stream, Weighted, reseed
from ledger.demo.firm import Branch, make_books, make_branches, make_staff
from ledger.demo.market import Market
from ledger.demo.nature import Nature, make_nature
from ledger.demo.people import Client, client_row, make_client

COLUMNS = {
    "branches": "branch_no,name,parent_no,province,city,address,lat,lon,opened_on,closed_on",
    "staff": "staff_no,name,branch_no,role,mobile,email,joined_on,left_on",
    "clients": "client_no,name,branch_no,manager_no,status,opened_on,closed_on,id_type,id_no,gender,birth_date,mobile,"
    "email,address,lat,lon,risk_level,risk_valid_until,investor_type,occupation,education",
    "accounts": "account_no,client_no,kind,status,opened_on,closed_on,commission_rate",
    "assets": "date,client_no,cash,securities_value,liabilities",
    "trades": "trade_no,date,client_no,account_no,security_code,security_kind,side,quantity,amount,commission,exchange_fees",
    "cash_flows": "flow_no,date,client_no,direction,amount",
    "fees": "fee_no,date,client_no,kind,amount",
}
_ACCOUNT_DIGITS = {"ordinary": "0", "margin": "1", "options": "2"}
#: Share of clients whom no manager looks after.
_UNATTENDED = 0.005
_BUFFER = 1 << 18


@dataclass(frozen=True)
class Firm:
    """What to write. `months` whole months before the month of `end`, and that month up to `end`.

    `end` is the last business date; a day without trading stands for the trading day before it. `managers` counts all
    staff. `trades_per_client`: average of all clients a month; the shares of revenue are set for the default.
    """

    clients: int
    months: int
    branches: int
    managers: int
    seed: int
    end: date
    trades_per_client: float = 1.6

    def __post_init__(self) -> None:
        for name in ("clients", "months", "branches", "managers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.seed < 0:
            raise ValueError("seed must not be negative")
        if not 0 <= self.trades_per_client <= 1000:
            raise ValueError("trades per client must be between 0 and 1000")


def yuan(fen: int) -> str:
    """元 with two decimals; exact, for a double has more than enough digits for any sum here."""
    return f"{fen / 100:.2f}"


class _Files:
    """The files being written. No value holds a comma, a quote or a line end, so that none needs quoting.

    They get their names when all are complete: who watches the folder never sees half a file.
    """

    def __init__(self, stack: ExitStack, folder: Path, kinds: Iterable[str]) -> None:
        self._files: dict[str, TextIO] = {}
        self._folder = folder
        for kind in kinds:
            path = folder / f"{kind}.csv.part"
            file = stack.enter_context(path.open("w", encoding="utf-8", newline="", buffering=_BUFFER))
            file.write(COLUMNS[kind] + "\n")
            self._files[kind] = file
        self.rows = dict.fromkeys(self._files, 0)

    def publish(self) -> None:
        for kind, file in self._files.items():
            file.close()
            (self._folder / f"{kind}.csv.part").replace(self._folder / f"{kind}.csv")

    def wants(self, *kinds: str) -> bool:
        return any(kind in self._files for kind in kinds)

    def rows_of(self, kind: str, rows: Iterable[tuple]) -> None:
        """Rows of values; None is empty."""
        self.lines(kind, [",".join(["" if v is None else str(v) for v in row]) for row in rows])

    def lines(self, kind: str, lines: list[str]) -> None:
        file = self._files.get(kind)
        if file is not None and lines:
            self.rows[kind] += len(lines)
            file.write("\n".join(lines) + "\n")

    def numbered(self, kind: str, prefix: str, lines: list[str]) -> None:
        """Lines that get a running number as their first value."""
        if kind in self._files:
            first = self.rows[kind] + 1
            self.lines(kind, [f"{prefix}{number:010d},{line}" for number, line in enumerate(lines, first)])


def write(folder: Path, firm: Firm, kinds: Iterable[str] = tuple(COLUMNS)) -> dict[str, int]:
    """Write the files of these kinds into a folder; returns how many rows each got.

    What a file holds does not depend on which others are written. Raises KeyError for an unknown kind.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        files = _Files(stack, folder, kinds)
        _Book(files, firm).write()
        files.publish()
        return files.rows


class _Book:
    """One run: the firm's frame, drawn once, and the clients, drawn one after the other."""

    def __init__(self, files: _Files, firm: Firm) -> None:
        self._files, self._firm = files, firm
        self._end = previous_trading(firm.end)
        self._months: list[Month] = history(self._end, firm.months)
        self._market = Market(firm.seed, self._months)
        self._above, branches = make_branches(firm.branches, firm.seed)
        self._branches = Weighted({branch: 1.0 + number * 7 % 5 * 0.25 for number, branch in enumerate(branches)})
        self._staff = make_staff(firm.managers, branches, firm.seed, self._end)
        self._managers = make_books(self._staff, branches, self._end)
        self._person, self._life = Random(), Random()

    def write(self) -> None:
        self._files.rows_of("branches", [branch.row() for branch in (*self._above, *self._branches.values)])
        self._files.rows_of("staff", [person.row() for person in self._staff])
        if self._files.wants("clients", "accounts", "assets", "trades", "cash_flows", "fees"):
            for number in range(self._firm.clients):
                self._write_client(number)

    def _write_client(self, number: int) -> None:
        firm, files = self._firm, self._files
        random = reseed(self._person, firm.seed, Stream.PERSON, number)
        branch = self._branches.draw(random)
        client = make_client(random, number, self._end)
        nature = make_nature(
            reseed(self._life, firm.seed, Stream.NATURE, number),
            company=client.company,
            opened_year=client.opened_on.year,
            trades_per_client=firm.trades_per_client,
        )
        if files.wants("clients"):
            manager = self._manager(random, branch)
            files.rows_of("clients", [client_row(random, client, nature, branch, manager, end=self._end)])
        files.rows_of("accounts", _accounts(client, nature))
        if files.wants("assets", "trades", "cash_flows", "fees"):
            self._write_life(client, nature)

    def _manager(self, random: Random, branch: Branch) -> str | None:
        book = self._managers[branch.no]
        return book.draw(random) if book and random.random() >= _UNATTENDED else None

    def _write_life(self, client: Client, nature: Nature) -> None:
        no, files, market = client.no, self._files, self._market
        random = reseed(self._life, self._firm.seed, Stream.HISTORY, client.number)
        lived = list(activity.live(random, client, nature, self._months, market))
        shots = [(m.month.days[-1], *map(yuan, m.snapshot)) for m in lived if m.snapshot]
        files.lines("assets", [f"{day},{no},{cash},{value},{debt}" for day, cash, value, debt in shots])
        flows = [flow for m in lived for flow in m.flows]
        files.numbered("cash_flows", "F", [f"{f.day},{no},{f.direction},{yuan(f.amount)}" for f in flows])
        fees = [fee for m in lived for fee in m.fees]
        files.numbered("fees", "E", [f"{f.day},{no},{f.kind},{yuan(f.amount)}" for f in fees])
        if files.wants("trades"):
            reseed(random, self._firm.seed, Stream.TRADES, client.number)
            made = [trade for m in lived if m.level for trade in activity.trades(random, nature, m, market)]
            files.numbered("trades", "T", [_trade_line(no, trade) for trade in made])


def _accounts(client: Client, nature: Nature) -> list[tuple]:
    """The client's accounts. Option commission is charged per contract, so that account has no rate."""
    held = ["ordinary", *(["margin"] if nature.margin else []), *(["options"] if nature.options else [])]
    state = "closed" if client.closed_on else "active"
    since = (state, client.opened_on, client.closed_on)
    rate = f"{nature.rate / 1_000_000:.6f}"
    return [
        (client.no + _ACCOUNT_DIGITS[kind], client.no, kind, *since, None if kind == "options" else rate)
        for kind in held
    ]


def _trade_line(no: str, trade: activity.Trade) -> str:
    what = f"{trade.security.code},{trade.security.kind},{trade.side},{trade.quantity}"
    money = f"{yuan(trade.amount)},{yuan(trade.commission)},{yuan(trade.fees)}"
    return f"{trade.day},{no},{no}{_ACCOUNT_DIGITS[trade.account]},{what},{money}"
