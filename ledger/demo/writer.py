"""Writes the demo firm as nightly files of format core-v1; the same arguments give the same bytes."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random
from typing import TextIO

from ledger.demo import activity
from ledger.demo.firm import DemoBranch, DemoStaff, branches, staff
from ledger.demo.people import EDUCATIONS, OCCUPATIONS, firm_name, id_number, mobile, person_name
from ledger.demo.places import address, near

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


@dataclass(frozen=True)
class Firm:
    """What to write: sizes, months of history up to `end` (a business date), the seed."""

    clients: int
    months: int
    branches: int
    managers: int
    seed: int
    end: date
    trades_per_client: float = 1.6


class _Files:
    """The open files; a row is a sequence of values without commas or quotes."""

    def __init__(self, stack: ExitStack, folder: Path, kinds: Iterable[str]) -> None:
        self._files: dict[str, TextIO] = {}
        for kind in kinds:
            file = stack.enter_context((folder / f"{kind}.csv").open("w", encoding="utf-8", newline=""))
            file.write(COLUMNS[kind] + "\n")
            self._files[kind] = file
        self.rows = dict.fromkeys(self._files, 0)

    def has(self, kind: str) -> bool:
        return kind in self._files

    def row(self, kind: str, *values: object) -> None:
        file = self._files.get(kind)
        if file is not None:
            self.rows[kind] += 1
            file.write(",".join("" if value is None else str(value) for value in values) + "\n")

    def numbered(self, kind: str, prefix: str, *values: object) -> None:
        """A row that begins with a running number."""
        if self.has(kind):
            self.row(kind, f"{prefix}{self.rows[kind] + 1:010d}", *values)


def write(folder: Path, firm: Firm, kinds: Iterable[str] = tuple(COLUMNS)) -> dict[str, int]:
    """Write the files of these kinds; returns how many rows each got."""
    folder.mkdir(parents=True, exist_ok=True)
    end = activity.previous_trading(firm.end)
    above, offices = branches(firm.branches, firm.seed)
    people = staff(firm.managers, offices, firm.seed, end)
    with ExitStack() as stack:
        files = _Files(stack, folder, kinds)
        _write_branches(files, [*above, *offices])
        _write_staff(files, people)
        months = _months(end, firm.months)
        days = {month: activity.month_days(month, end) for month in months}
        managers = {
            office.no: [p.no for p in people if p.branch == office.no and p.role == "account_manager" and not p.left_on]
            for office in offices
        }
        shares = [1 + (number % 3) * 0.4 for number in range(len(offices))]
        for number in range(firm.clients):
            random = Random(f"{firm.seed}:{number}")
            office = random.choices(offices, shares)[0]
            _write_client(files, firm, random, number, office, managers[office.no], days, end)
        return files.rows


def _months(end: date, count: int) -> list[date]:
    """First days of `count` whole months before the month of `end`, and of that month, oldest first."""
    first = end.year * 12 + end.month - 1
    return [date(number // 12, number % 12 + 1, 1) for number in range(first - count, first + 1)]


def _write_branches(files: _Files, offices: list[DemoBranch]) -> None:
    for o in offices:
        place = f"{o.city.name}人民路1号"
        files.row(
            "branches", o.no, o.name, o.parent, o.city.province, o.city.name, place, o.lat, o.lon, o.opened_on, None
        )


def _write_staff(files: _Files, people: list[DemoStaff]) -> None:
    for p in people:
        files.row(
            "staff", p.no, p.name, p.branch, p.role, p.mobile, f"{p.no.lower()}@example.com", p.joined_on, p.left_on
        )


def _write_client(
    files: _Files,
    firm: Firm,
    random: Random,
    number: int,
    office: DemoBranch,
    managers: list[str],
    days: dict[date, list[date]],
    end: date,
) -> None:
    client_no = f"{10_000_000 + number * 7 % 89_999_993}"
    gender = random.choice("MF")
    company = random.random() < 0.01
    opened = date(end.year - int(random.triangular(0, 15, 6)) - 1, random.randrange(1, 13), random.randrange(1, 28))
    born = date(end.year - int(random.triangular(23, 84, 46)), random.randrange(1, 13), random.randrange(1, 28))
    chance = random.random()
    status = "closed" if chance < 0.03 else "dormant" if chance < 0.09 else "active"
    closed = end.replace(day=1) if status == "closed" else None
    margin, options = random.random() < 0.12, random.random() < 0.03
    lat, lon = near(random, office.city) if random.random() > 0.03 else (None, None)
    professional = random.random() < 0.02
    risk_until = date(end.year + random.choice((-1, 0, 0, 1, 1)), random.randrange(1, 13), random.randrange(1, 28))
    files.row(
        "clients",
        client_no,
        firm_name(random, office.city.name) if company else person_name(random, gender),
        office.no,
        random.choice(managers) if random.random() > 0.005 else None,
        status,
        opened,
        closed,
        "business_licence" if company else "id_card",
        f"9131{number:014d}" if company else id_number(random, office.city.area, born, gender),
        None if company else gender,
        None if company else born,
        mobile(number),
        f"c{client_no}@example.com" if random.random() < 0.6 else None,
        address(random, office.city),
        lat,
        lon,
        random.choices(("C1", "C2", "C3", "C4", "C5"), (8, 22, 38, 24, 8))[0],
        risk_until,
        "professional" if professional else "ordinary",
        None if company else random.choice(OCCUPATIONS),
        None if company else random.choices(EDUCATIONS, (8, 16, 24, 38, 11, 3))[0],
    )
    nature = activity.temper(random, firm.trades_per_client, margin=margin)
    for kind, held in (("ordinary", True), ("margin", margin), ("options", options)):
        if held:
            account_no = f"{client_no}{'0' if kind == 'ordinary' else '1' if kind == 'margin' else '2'}"
            state = "closed" if status == "closed" else "active"
            files.row("accounts", account_no, client_no, kind, state, opened, closed, f"{nature.rate:.6f}")
    _write_history(files, random, client_no, nature, days, quiet=status != "active")


def _write_history(
    files: _Files, random: Random, client_no: str, nature: activity.Temper, days: dict[date, list[date]], *, quiet: bool
) -> None:
    last = len(days) - 1
    for position, dates in enumerate(days.values()):
        if not dates:
            continue
        ago = last - position
        # Dormant and closed clients have done nothing in the last fourteen months.
        if quiet and ago <= 14:
            files.row("assets", dates[-1], client_no, f"{nature.assets % 900:.2f}", "0.00", "0.00")
            continue
        cash, value, debt = activity.snapshot(random, nature, ago)
        files.row("assets", dates[-1], client_no, f"{cash:.2f}", f"{value:.2f}", f"{debt:.2f}")
        if files.has("trades"):
            for day, code, kind, side, quantity, amount, commission, fee in activity.trades(random, nature, dates, ago):
                files.numbered(
                    "trades", "T", day, client_no, f"{client_no}0", code, kind, side, quantity, f"{amount:.2f}",
                    f"{commission:.2f}", f"{fee:.2f}",
                )  # fmt: skip
        for day, direction, amount in activity.cash_flows(random, nature, dates):
            files.numbered("cash_flows", "F", day, client_no, direction, f"{amount:.2f}")
        for day, kind, amount in activity.fees(random, nature, dates[-1], debt):
            files.numbered("fees", "E", day, client_no, kind, f"{amount:.2f}")
