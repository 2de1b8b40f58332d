"""The demo firm: same arguments, same bytes; sound references; a heavy tail; nobody real in it."""

import csv
import filecmp
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.demo.people import check_digit
from ledger.demo.writer import COLUMNS, Firm, write

FIRM = Firm(clients=1500, months=13, branches=3, managers=20, seed=7, end=date(2026, 11, 20))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("firm")
    write(path, FIRM)
    return path


def rows(folder: Path, kind: str) -> list[dict[str, str]]:
    with (folder / f"{kind}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_same_arguments_give_the_same_bytes(folder, tmp_path):
    write(tmp_path, FIRM)
    match, mismatch, errors = filecmp.cmpfiles(folder, tmp_path, [f"{kind}.csv" for kind in COLUMNS], shallow=False)
    assert (len(match), mismatch, errors) == (len(COLUMNS), [], [])


def test_another_seed_gives_another_firm(folder, tmp_path):
    write(tmp_path, Firm(**{**FIRM.__dict__, "seed": 8}), ["clients"])
    assert not filecmp.cmp(folder / "clients.csv", tmp_path / "clients.csv", shallow=False)


def test_every_reference_points_at_something(folder):
    branches = {row["branch_no"] for row in rows(folder, "branches")}
    staff = {row["staff_no"]: row for row in rows(folder, "staff")}
    clients = {row["client_no"]: row for row in rows(folder, "clients")}
    accounts = {row["account_no"] for row in rows(folder, "accounts")}
    assert len(clients) == FIRM.clients
    assert len(staff) == FIRM.managers
    assert {row["parent_no"] for row in rows(folder, "branches")} <= branches | {""}
    for client in clients.values():
        assert client["branch_no"] in branches
        if client["manager_no"]:
            manager = staff[client["manager_no"]]
            assert (manager["role"], manager["branch_no"]) == ("account_manager", client["branch_no"])
    for kind in ("accounts", "assets", "trades", "cash_flows", "fees"):
        assert {row["client_no"] for row in rows(folder, kind)} <= clients.keys()
    assert {row["account_no"] for row in rows(folder, "trades")} <= accounts


@pytest.mark.parametrize(("kind", "key"), [("trades", "trade_no"), ("cash_flows", "flow_no"), ("fees", "fee_no")])
def test_numbers_are_unique(folder, kind, key):
    numbers = [row[key] for row in rows(folder, kind)]
    assert len(set(numbers)) == len(numbers) > 100


def test_nothing_is_traded_on_weekends_or_after_the_end(folder):
    dates = {date.fromisoformat(row["date"]) for row in rows(folder, "trades")}
    assert max(dates) <= FIRM.end
    assert all(day.weekday() < 5 for day in dates)


def test_no_document_number_can_belong_to_anybody(folder):
    numbers = [row["id_no"] for row in rows(folder, "clients") if row["id_type"] == "id_card"]
    assert len(numbers) > 1400
    assert all(len(number) == 18 and number[17] != check_digit(number[:17]) for number in numbers)
    assert all(row["mobile"].startswith("100") for row in rows(folder, "clients") + rows(folder, "staff"))


def test_revenue_has_a_heavy_tail_in_every_branch(folder):
    contribution: Counter[str] = Counter()
    for row in rows(folder, "trades"):
        if "2025-11-01" <= row["date"] < "2026-11-01":
            contribution[row["client_no"]] += Decimal(row["commission"]) - Decimal(row["exchange_fees"])
    for row in rows(folder, "fees"):
        if "2025-11-01" <= row["date"] < "2026-11-01":
            contribution[row["client_no"]] += Decimal(row["amount"])
    by_branch: dict[str, list[Decimal]] = {}
    for client in rows(folder, "clients"):
        if client["status"] != "closed":
            by_branch.setdefault(client["branch_no"], []).append(contribution[client["client_no"]])
    assert len(by_branch) == FIRM.branches
    for values in by_branch.values():
        values.sort(reverse=True)
        total = sum(value for value in values if value > 0)
        top = sum(values[: len(values) // 5]) / total
        assert Decimal("0.70") < top < Decimal("0.92")
        assert 0.15 < sum(value == 0 for value in values) / len(values) < 0.35
