"""The demo firm: same arguments, same bytes; sound references; a heavy tail; nobody real in it."""

import csv
import filecmp
import re
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import StringIO
from math import cos, hypot, radians
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ledger.demo.dates import history, is_trading, previous_trading
from ledger.demo.firm import REGIONAL_FROM, make_branches, make_staff
from ledger.demo.identity import client_mobile, credit_check, resident_check
from ledger.demo.names import POLYPHONIC, RARE_CHARACTERS
from ledger.demo.places import CITIES
from ledger.demo.writer import COLUMNS, Firm, write
from ledger.intake import take_in

FIRM = Firm(clients=3000, months=24, branches=3, managers=24, seed=7, end=date(2026, 11, 20))
SMALL = replace(FIRM, clients=120, months=5)
Rows = list[dict[str, str]]

#: Format core-v1: required columns, and what a column may hold.
REQUIRED = {
    "branches": "branch_no name",
    "staff": "staff_no name branch_no role",
    "clients": "client_no name branch_no status opened_on",
    "accounts": "account_no client_no kind status",
    "assets": "date client_no cash securities_value",
    "trades": "trade_no date client_no security_code security_kind side amount commission",
    "cash_flows": "flow_no date client_no direction amount",
    "fees": "fee_no date client_no kind amount",
}
ALLOWED = {
    ("staff", "role"): {"account_manager", "branch_head", "complaint_officer", "analyst", "admin"},
    ("clients", "status"): {"active", "dormant", "closed"},
    ("clients", "gender"): {"M", "F", ""},
    ("clients", "risk_level"): {"C1", "C2", "C3", "C4", "C5"},
    ("clients", "investor_type"): {"ordinary", "professional"},
    ("accounts", "kind"): {"ordinary", "margin", "options"},
    ("accounts", "status"): {"active", "closed"},
    ("trades", "security_kind"): {"stock", "etf", "fund", "bond", "option", "hk_stock", "repo", "other"},
    ("trades", "side"): {"buy", "sell"},
    ("cash_flows", "direction"): {"in", "out"},
    ("fees", "kind"): {"margin_interest", "product_fee", "advisory_fee", "other"},
}
MONEY = {
    "assets": ("cash", "securities_value", "liabilities"),
    "trades": ("amount", "commission", "exchange_fees"),
    "cash_flows": ("amount",),
    "fees": ("amount",),
}
KEYS = {
    "branches": ("branch_no",),
    "staff": ("staff_no",),
    "clients": ("client_no",),
    "accounts": ("account_no",),
    "assets": ("date", "client_no"),
    "trades": ("trade_no",),
    "cash_flows": ("flow_no",),
    "fees": ("fee_no",),
}


def read(folder: Path, kind: str) -> Rows:
    with (folder / f"{kind}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("firm")
    write(path, FIRM)
    return path


@pytest.fixture(scope="module")
def firm(folder) -> dict[str, Rows]:
    return {kind: read(folder, kind) for kind in COLUMNS}


def names_of(kinds) -> list[str]:
    return [f"{kind}.csv" for kind in kinds]


class TestBytes:
    def test_the_same_arguments_give_the_same_bytes(self, tmp_path):
        write(tmp_path / "one", SMALL)
        write(tmp_path / "two", SMALL)
        same, *others = filecmp.cmpfiles(tmp_path / "one", tmp_path / "two", names_of(COLUMNS), shallow=False)
        assert (len(same), others) == (len(COLUMNS), [[], []])

    @pytest.mark.parametrize("kind", ["clients", "trades", "fees"])
    def test_a_file_is_the_same_whichever_others_are_written(self, tmp_path, kind):
        write(tmp_path / "all", SMALL)
        assert write(tmp_path / "one", SMALL, [kind]).keys() == {kind}
        assert [path.name for path in (tmp_path / "one").iterdir()] == [f"{kind}.csv"]
        assert filecmp.cmp(tmp_path / "all" / f"{kind}.csv", tmp_path / "one" / f"{kind}.csv", shallow=False)

    def test_more_clients_leave_the_first_ones_as_they_were(self, tmp_path):
        write(tmp_path / "few", SMALL, ["clients"])
        write(tmp_path / "more", replace(SMALL, clients=150), ["clients"])
        assert read(tmp_path / "more", "clients")[:120] == read(tmp_path / "few", "clients")

    def test_another_seed_gives_another_firm(self, tmp_path):
        write(tmp_path / "one", SMALL, ["clients"])
        write(tmp_path / "two", replace(SMALL, seed=8), ["clients"])
        assert not filecmp.cmp(tmp_path / "one" / "clients.csv", tmp_path / "two" / "clients.csv", shallow=False)


class TestFormat:
    @pytest.mark.parametrize("kind", COLUMNS)
    def test_rows_have_the_columns_of_core_v1(self, folder, firm, kind):
        with (folder / f"{kind}.csv").open(encoding="utf-8", newline="") as file:
            header, *body = csv.reader(file)
        assert header == COLUMNS[kind].split(",")
        assert body
        assert {len(row) for row in body} == {len(header)}
        for column in REQUIRED[kind].split():
            assert all(row[column] for row in firm[kind]), column

    def test_codes_are_those_allowed_and_all_of_them_occur(self, firm):
        for (kind, column), allowed in ALLOWED.items():
            assert {row[column] for row in firm[kind]} == allowed, (kind, column)

    def test_money_has_two_decimals_and_dates_are_iso(self, firm):
        for kind, columns in MONEY.items():
            for column in columns:
                assert all(re.fullmatch(r"-?\d+\.\d\d", row[column]) for row in firm[kind]), (kind, column)
        for kind, rows in firm.items():
            for column in (c for c in rows[0] if c == "date" or c.endswith(("_on", "_until", "_date"))):
                assert all(date.fromisoformat(row[column]) for row in rows if row[column]), (kind, column)

    @pytest.mark.parametrize("kind", COLUMNS)
    def test_keys_are_unique(self, firm, kind):
        keys = [tuple(row[column] for column in KEYS[kind]) for row in firm[kind]]
        assert len(set(keys)) == len(keys)

    def test_clients_and_staff_have_numbers_of_their_own(self, firm):
        mobiles = [row["mobile"] for row in firm["clients"] + firm["staff"]]
        assert len(set(mobiles)) == len(mobiles) == FIRM.clients + FIRM.managers
        assert len({client_mobile(number) for number in range(0, 3_000_000, 29)}) == len(range(0, 3_000_000, 29))


class TestReferences:
    def test_masters(self, firm):
        branches = {row["branch_no"] for row in firm["branches"]}
        staff = {row["staff_no"]: row for row in firm["staff"]}
        assert len(firm["clients"]) == FIRM.clients
        assert len(staff) == FIRM.managers
        assert {row["parent_no"] for row in firm["branches"]} <= branches | {""}
        assert {row["branch_no"] for row in firm["staff"]} == branches
        for client in firm["clients"]:
            assert client["branch_no"] in branches
            if client["manager_no"]:
                manager = staff[client["manager_no"]]
                assert (manager["role"], manager["branch_no"]) == ("account_manager", client["branch_no"])
                assert not manager["left_on"], "a leaver's clients are with a colleague"

    def test_facts_belong_to_clients_of_that_time(self, firm):
        spans = {row["client_no"]: (row["opened_on"], row["closed_on"] or "9999") for row in firm["clients"]}
        for kind in ("assets", "trades", "cash_flows", "fees"):
            for row in firm[kind]:
                opened, closed = spans[row["client_no"]]
                assert opened <= row["date"] <= closed

    def test_trades_are_made_in_accounts_of_the_client(self, firm):
        accounts = {row["account_no"]: row for row in firm["accounts"]}
        for trade in firm["trades"]:
            account = accounts[trade["account_no"]]
            assert account["client_no"] == trade["client_no"]
            assert (account["kind"] == "options") == (trade["security_kind"] == "option")

    def test_every_client_has_one_ordinary_account(self, firm):
        ordinary = Counter(row["client_no"] for row in firm["accounts"] if row["kind"] == "ordinary")
        assert ordinary == Counter(row["client_no"] for row in firm["clients"])


class TestDates:
    def test_facts_fall_on_trading_days_up_to_the_end(self, firm):
        for kind in ("assets", "trades", "cash_flows", "fees"):
            days = {date.fromisoformat(row["date"]) for row in firm[kind]}
            assert max(days) <= FIRM.end
            assert all(map(is_trading, days)), kind

    def test_assets_are_reported_at_each_month_end_and_at_the_end(self, firm):
        expected = {month.days[-1] for month in history(FIRM.end, FIRM.months)}
        assert {row["date"] for row in firm["assets"]} == expected
        assert len(expected) == FIRM.months + 1
        assert max(expected) == "2026-11-20"
        assert "2026-10-30" in expected  # the 31st is a Saturday

    def test_holidays(self):
        assert not is_trading(date(2026, 10, 5))
        assert not is_trading(date(2026, 2, 17))  # lunar new year
        assert not is_trading(date(2026, 11, 21))  # a Saturday
        assert is_trading(date(2026, 11, 20))
        assert previous_trading(date(2026, 10, 7)) == date(2026, 9, 30)

    def test_an_end_without_trading_stands_for_the_day_before(self, tmp_path):
        write(tmp_path, replace(SMALL, end=date(2026, 11, 22)), ["assets"])
        assert max(row["date"] for row in read(tmp_path, "assets")) == "2026-11-20"

    def test_month_end_fees_wait_for_the_whole_month(self, firm):
        assert max(row["date"] for row in firm["fees"]) == "2026-10-30"


class TestPeople:
    def test_no_document_number_can_belong_to_anybody(self, firm):
        numbers = {"id_card": [], "credit_code": []}
        for row in firm["clients"]:
            numbers[row["id_type"]].append(row["id_no"])
        assert sum(map(len, numbers.values())) == FIRM.clients
        assert all(re.fullmatch(r"\d{17}[\dX]", number) for number in numbers["id_card"])
        assert [n for n in numbers["id_card"] if n[17] == resident_check(n[:17])] == []
        assert all(re.fullmatch(r"91[0-9A-Z]{16}", number) for number in numbers["credit_code"])
        assert [n for n in numbers["credit_code"] if n[17] == credit_check(n[:17])] == []

    def test_the_check_characters_are_the_official_ones(self):
        # The examples printed in the standards GB 11643 and GB 32100.
        assert resident_check("11010519491231002") == "X"
        assert credit_check("91350100M000100Y4") == "3"

    def test_document_numbers_tell_birthday_and_gender(self, firm):
        people = [row for row in firm["clients"] if row["id_type"] == "id_card"]
        for row in people:
            assert row["id_no"][6:14] == row["birth_date"].replace("-", "")
            assert int(row["id_no"][16]) % 2 == (row["gender"] == "M")

    def test_nobody_can_be_called_or_written_to(self, firm):
        everybody = firm["clients"] + firm["staff"]
        assert all(re.fullmatch(r"154\d{8}", row["mobile"]) for row in everybody)
        assert {row["email"].partition("@")[2] for row in everybody} == {"", "example.com"}

    def test_ages_and_opening_fit(self, firm):
        ages = []
        for row in firm["clients"]:
            opened = date.fromisoformat(row["opened_on"])
            assert FIRM.end.year - 15 <= opened.year <= FIRM.end.year
            if row["birth_date"]:
                born = date.fromisoformat(row["birth_date"])
                assert (opened - born).days >= 18 * 365.25
                ages.append((FIRM.end - born).days / 365.25)
            if row["closed_on"]:
                assert row["opened_on"] < row["closed_on"] <= FIRM.end.isoformat()
        assert min(ages) >= 22
        assert max(ages) < 86

    def test_names_are_hard_enough(self, firm):
        names = [row["name"] for row in firm["clients"]]
        assert any(set(name) & set(RARE_CHARACTERS) for name in names)
        assert any(name.startswith(POLYPHONIC) for name in names)
        assert any(name.startswith(("欧阳", "司马", "上官", "诸葛", "尉迟")) for name in names)
        assert any("·" in name for name in names)
        assert len(set(names)) > FIRM.clients * 0.8
        assert all("," not in name and '"' not in name for name in names)

    def test_shares_of_kinds_of_clients(self, firm):
        clients, accounts = firm["clients"], Counter(row["kind"] for row in firm["accounts"])
        status = Counter(row["status"] for row in clients)
        share = {name: count / FIRM.clients for name, count in (accounts + status).items()}
        share["company"] = sum(row["name"].endswith("有限公司") for row in clients) / FIRM.clients
        share["nowhere"] = sum(not row["lat"] for row in clients) / FIRM.clients
        share["unattended"] = sum(not row["manager_no"] for row in clients) / FIRM.clients
        share["lapsed"] = sum(row["risk_valid_until"] < FIRM.end.isoformat() for row in clients) / FIRM.clients
        bounds = {
            "dormant": (0.045, 0.075), "closed": (0.02, 0.04), "margin": (0.095, 0.145), "options": (0.02, 0.045),
            "company": (0.005, 0.016), "nowhere": (0.02, 0.04), "unattended": (0.0005, 0.012), "lapsed": (0.06, 0.25),
        }  # fmt: skip
        assert {name: share[name] for name, (low, high) in bounds.items() if not low <= share[name] <= high} == {}

    def test_clients_live_around_the_centre_of_the_branch_city(self, firm):
        cities = {city.name: city for city in CITIES}
        city_of = {row["branch_no"]: cities[row["city"]] for row in firm["branches"]}
        far = []
        for row in firm["clients"]:
            city = city_of[row["branch_no"]]
            assert row["address"].startswith(city.name)
            if row["lat"]:
                north = (float(row["lat"]) - city.centre.lat) * 111.2
                east = (float(row["lon"]) - city.centre.lon) * 111.2 * cos(radians(city.centre.lat))
                far.append(hypot(north, east))
        assert 8.0 < max(far) <= 12.0
        assert sorted(far)[len(far) // 2] > 3.0


def contributions(firm: dict[str, Rows], first: str, last: str) -> Counter[str]:
    """Client → contribution in months from first to last (YYYY-MM, both included)."""
    total: Counter[str] = Counter()
    for row in firm["trades"]:
        if first <= row["date"][:7] <= last:
            total[row["client_no"]] += Decimal(row["commission"]) - Decimal(row["exchange_fees"])
    for row in firm["fees"]:
        if first <= row["date"][:7] <= last:
            total[row["client_no"]] += Decimal(row["amount"])
    return total


def tiers(firm: dict[str, Rows], first: str, last: str) -> dict[str, dict[str, str]]:
    """Branch → client → A, B or C by cumulative share, 55 and 85 %."""
    total = contributions(firm, first, last)
    branches: dict[str, list[str]] = defaultdict(list)
    for row in firm["clients"]:
        if row["status"] != "closed":
            branches[row["branch_no"]].append(row["client_no"])
    found: dict[str, dict[str, str]] = {}
    for branch, members in branches.items():
        members.sort(key=lambda no: -total[no])
        whole = sum(total[no] for no in members if total[no] > 0)
        before, classes = Decimal(0), {}
        for no in members:
            share = before / whole
            classes[no] = (
                "C" if total[no] <= 0 or share >= Decimal("0.85") else "B" if share >= Decimal("0.55") else "A"
            )
            before += max(total[no], Decimal(0))
        found[branch] = classes
    return found


class TestActivity:
    def test_revenue_has_a_heavy_tail_in_every_branch(self, firm):
        total = contributions(firm, "2025-11", "2026-10")
        ranked = tiers(firm, "2025-11", "2026-10")
        assert len(ranked) == FIRM.branches
        for classes in ranked.values():
            values = sorted((total[no] for no in classes), reverse=True)
            count = Counter(classes.values())
            whole = sum(value for value in values if value > 0)
            assert 0.74 < sum(values[: len(values) // 5]) / whole < 0.87
            assert 0.035 < count["A"] / len(values) < 0.085
            assert 0.12 < count["B"] / len(values) < 0.20
            assert 0.18 < sum(value == 0 for value in values) / len(values) < 0.27
            assert 0 < sum(value < 0 for value in values) / len(values) < 0.02

    def test_tiers_move_from_month_to_month_but_not_wildly(self, firm):
        def moved(first: str, last: str) -> float:
            before, now = tiers(firm, first, last), tiers(firm, "2025-11", "2026-10")
            changes = [before[b][no] != tier for b, classes in now.items() for no, tier in classes.items()]
            return sum(changes) / len(changes)

        assert 0.005 < moved("2025-10", "2026-09") < 0.05
        assert 0.08 < moved("2024-11", "2025-10") < 0.25

    def test_commission_follows_the_rate_of_the_account(self, firm):
        rates = {row["account_no"]: row["commission_rate"] for row in firm["accounts"]}
        stocks = [row for row in firm["trades"] if row["security_kind"] == "stock" and row["amount"][0] != "-"]
        least = 0
        for row in stocks:
            exact = Decimal(row["amount"]) * Decimal(rates[row["account_no"]])
            assert abs(Decimal(row["commission"]) - max(exact, Decimal(5))) <= Decimal("0.005")
            least += exact < 5
        assert 0.1 < least / len(stocks) < 0.9

    def test_cancellations_undo_a_trade(self, firm):
        total: Counter[tuple] = Counter()
        cancelled = [row for row in firm["trades"] if row["amount"].startswith("-")]
        for row in firm["trades"]:
            total[row["client_no"], row["date"], row["security_code"], row["quantity"]] += Decimal(row["amount"])
        assert 0.0005 < len(cancelled) / len(firm["trades"]) < 0.005
        for row in cancelled:
            assert row["commission"].startswith("-")
            assert total[row["client_no"], row["date"], row["security_code"], row["quantity"]] >= 0

    def test_interest_is_charged_to_those_who_owe(self, firm):
        owing = {(row["client_no"], row["date"]) for row in firm["assets"] if row["liabilities"] != "0.00"}
        margin = {row["client_no"] for row in firm["accounts"] if row["kind"] == "margin"}
        charged = {(row["client_no"], row["date"]) for row in firm["fees"] if row["kind"] == "margin_interest"}
        assert charged == {key for key in owing if key[1] != "2026-11-20"}
        assert {no for no, _ in charged} < margin

    def test_a_minority_makes_most_of_the_trades(self, firm):
        counts = Counter(row["client_no"] for row in firm["trades"])
        top = sum(count for _, count in counts.most_common(FIRM.clients // 5))
        assert 0.5 < top / len(firm["trades"]) < 0.85

    @pytest.mark.parametrize("average", [0.0, 0.4, 3.0])
    def test_the_average_of_trades_can_be_chosen(self, tmp_path, average):
        rows = write(tmp_path, replace(FIRM, months=12, trades_per_client=average), ["trades"])
        months = 12 + 15 / 21
        assert rows["trades"] / FIRM.clients / months == pytest.approx(average, rel=0.15)

    def test_who_left_takes_the_assets_along(self, firm):
        closed = {row["client_no"]: row["closed_on"] for row in firm["clients"] if row["closed_on"] > "2024-12"}
        outgoing = {(row["client_no"], row["date"]) for row in firm["cash_flows"] if row["direction"] == "out"}
        assert len(closed) > 20
        assert set(closed.items()) <= outgoing
        assert not [r for r in firm["assets"] if r["client_no"] in closed and r["date"] >= closed[r["client_no"]]]


class TestOrganisation:
    def test_a_small_firm_has_two_levels(self, firm):
        assert [row["parent_no"] for row in firm["branches"]] == ["", "0000", "0000", "0000"]

    @pytest.mark.parametrize("count", [REGIONAL_FROM, 400, 1000])
    def test_a_large_firm_has_regional_branches_and_names_of_its_own(self, count):
        above, branches = make_branches(count, seed=7)
        regions = {office.no: office for office in above if office.parent}
        assert len(branches) == count
        assert {office.parent for office in regions.values()} == {"0000"}
        assert {branch.parent for branch in branches} == regions.keys()
        assert all(regions[branch.parent].city.province == branch.city.province for branch in branches)
        everyone = [*above, *branches]
        assert len({office.name for office in everyone}) == len({office.no for office in everyone}) == len(everyone)

    def test_each_branch_has_a_head_an_officer_and_managers(self, firm):
        roles = Counter((row["branch_no"], row["role"]) for row in firm["staff"])
        for branch in ("1001", "1002", "1003"):
            assert roles[branch, "branch_head"] == roles[branch, "complaint_officer"] == 1
            assert roles[branch, "account_manager"] >= 4
        assert roles["0000", "analyst"] == roles["0000", "admin"] == 1

    def test_some_have_left_one_of_them_this_month(self, firm):
        left = sorted(row["left_on"] for row in firm["staff"] if row["left_on"])
        assert 1 <= len(left) <= 4
        assert left[-1] == "2026-11-01"
        assert all(row["joined_on"] < row["left_on"] for row in firm["staff"] if row["left_on"])

    @pytest.mark.parametrize("count", [1, 3, 8, 12, 30])
    def test_few_staff_cover_what_matters_first(self, count):
        _, branches = make_branches(4, seed=7)
        people = make_staff(count, branches, 7, FIRM.end)
        roles = Counter(person.role for person in people)
        assert len(people) == count
        assert roles["account_manager"] >= min(count, 4)
        if count >= 8:
            assert set(roles) == ALLOWED["staff", "role"]


class TestCommand:
    def test_it_writes_what_was_asked_for(self, tmp_path):
        out = StringIO()
        sizes = {"clients": 20, "months": 2, "branches": 2, "managers": 8, "seed": 1}
        call_command("demo_files", str(tmp_path), "--end", "2026-11-20", "--kinds", "clients,fees", stdout=out, **sizes)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["clients.csv", "fees.csv"]
        assert out.getvalue().splitlines()[0] == "clients.csv: 20 rows"
        assert len(read(tmp_path, "clients")) == 20

    def test_without_an_end_it_is_the_last_trading_day_before_today(self, tmp_path, monkeypatch):
        monkeypatch.setattr("ledger.management.commands.demo_files.today", lambda: date(2026, 10, 8))
        call_command("demo_files", str(tmp_path), "--clients", "30", "--months", "1", stdout=StringIO())
        assert max(row["date"] for row in read(tmp_path, "assets")) == "2026-09-30"

    @pytest.mark.parametrize(
        ("wrong", "says"),
        [
            (["--clients", "0"], "clients must be at least 1"),
            (["--seed", "-1"], "seed must not be negative"),
            (["--kinds", "trades,prices"], "unknown: prices"),
            (["--end", "2026-02-30"], "is not a date"),
        ],
    )
    def test_wrong_arguments_are_refused_before_anything_is_written(self, tmp_path, wrong, says):
        with pytest.raises(CommandError, match=says):
            call_command("demo_files", str(tmp_path / "new"), *wrong)
        assert not (tmp_path / "new").exists()


@pytest.mark.django_db(transaction=True)
def test_the_intake_takes_in_every_row(tmp_path):
    written = write(tmp_path, SMALL)
    batch = take_in([tmp_path], business_date=SMALL.end, source="folder")
    counts = {file.kind: (file.rows_new, file.rows_rejected) for file in batch.files.all()}
    assert counts == {kind: (rows, 0) for kind, rows in written.items()}
