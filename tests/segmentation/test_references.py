"""The public sets, taken in by their mappings and ranked, reproduce their reference files (S1, S2)."""

import csv
import gzip
import io
import json
from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command

from segmentation.history import run_on
from segmentation.models import RunTotal
from tests import datasets

FAR = date(2026, 11, 20)


@dataclass(frozen=True)
class Ranking:
    """One window of a set and the reference it must reproduce.

    `branches`: reference figures per branch, if there are any: the file and its column with the number of clients.
    """

    window: str
    customers: str
    summary: str
    branches: tuple[str, str] | None = None


@dataclass(frozen=True)
class Case:
    """A set, the mapping it is taken in by, and its references."""

    folder: str
    mapping: str
    rankings: tuple[Ranking, ...]
    #: Whether the reference names every client of the set (Berka's leaves out accounts without transactions).
    whole: bool = True


ALL = "1900-01-01:2026-12-31"
CASES = [
    Case(
        "cdnow",
        "cdnow",
        (
            Ranking(ALL, "abc_all_customers.csv", "abc_all_summary.json"),
            Ranking("1997-07-01:1998-06-30", "abc_ttm_1998-06-30_customers.csv", "abc_ttm_1998-06-30_summary.json"),
        ),
    ),
    Case(
        "online_retail",
        "online_retail",
        (
            Ranking(ALL, "abc_all_customers.csv", "abc_all_summary.json", ("abc_all_by_country.csv", "customers")),
            Ranking("2010-12-10:2011-12-09", "abc_ttm_2011-12-09_customers.csv", "abc_ttm_2011-12-09_summary.json"),
        ),
    ),
    Case(
        "complete_journey",
        "complete_journey",
        (Ranking(ALL, "abc_all_customers.csv", "abc_all_summary.json", ("abc_all_by_home_store.csv", "households")),),
    ),
    Case("berka", "berka", (Ranking(ALL, "abc_turnover_customers.csv", "abc_turnover_summary.json"),), whole=False),
    Case("berka", "berka_fees", (Ranking(ALL, "abc_fees_customers.csv", "abc_fees_summary.json"),), whole=False),
    Case(
        "bank_churners",
        "bank_churners",
        (Ranking(ALL, "abc_total_trans_amt_customers.csv.gz", "abc_total_trans_amt_summary.json"),),
    ),
    Case("sales_calls", "sales_calls", (Ranking(ALL, "abc_scripts_customers.csv", "abc_scripts_summary.json"),)),
    Case(
        "sse_branch_trades_zh",
        "sse_branch_trades_zh",
        (Ranking(ALL, "abc_turnover_customers.csv", "abc_turnover_summary.json"),),
    ),
]


def read(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV, packed or not."""
    packed = path.read_bytes()
    text = (gzip.decompress(packed) if path.suffix == ".gz" else packed).decode()
    return list(csv.DictReader(io.StringIO(text)))


def tiers(scope: str, out: Path) -> list[dict[str, str]]:
    """The CSV of the command; leading zeros, which some sets write and their references do not, are taken off."""
    call_command("tiers", date=FAR, scope=scope, out=out)
    return [row | {"client_no": row["client_no"].lstrip("0")} for row in read(out)]


@pytest.mark.django_db
@pytest.mark.data
@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=datasets.needs(case.folder), id=case.mapping) for case in CASES]
)
def test_ranking_reproduces_the_reference(case, tmp_path):
    folder = datasets.path(case.folder)
    call_command("intake", folder, mapping=case.mapping, date=FAR, stdout=io.StringIO())
    for ranking in case.rankings:
        call_command("rank", f"--date={FAR}", "--scope=firm", f"--window={ranking.window}", stdout=io.StringIO())
        _compare(case, tiers("firm", tmp_path / "firm.csv"), read(folder / "reference" / ranking.customers))
        _summary(case, json.loads((folder / "reference" / ranking.summary).read_text()))
        if ranking.branches:
            name, counted = ranking.branches
            call_command("rank", f"--date={FAR}", "--scope=branch", f"--window={ranking.window}", stdout=io.StringIO())
            _branches(tiers("branch", tmp_path / "branch.csv"), read(folder / "reference" / name), counted)


def _compare(case: Case, ours: list[dict[str, str]], theirs: list[dict[str, str]]) -> None:
    """Order, class and cumulative share of every customer, to all digits of the reference."""
    known = {row["customer"] for row in theirs}
    if case.whole:
        assert len(ours) == len(theirs)
    assert all(row["tier"] == "C" for row in ours if row["client_no"] not in known)
    listed = [row for row in ours if row["client_no"] in known]
    positive = [row for row in theirs if Decimal(row["revenue"]) > 0]
    assert [row["client_no"] for row in listed[: len(positive)]] == [row["customer"] for row in positive]
    by_no = {row["client_no"]: row for row in listed}
    for row in theirs:
        mine = by_no[row["customer"]]
        assert mine["tier"] == row["class"], row
        if row["cum_share"]:
            half = Decimal(5).scaleb(Decimal(row["cum_share"]).as_tuple().exponent - 1)
            assert abs(Decimal(mine["cumulative_share"]) - Decimal(row["cum_share"])) <= half + Decimal("1e-12"), row


def _summary(case: Case, summary: dict) -> None:
    total = RunTotal.objects.get(run=run_on(FAR, "firm"))
    assert Decimal(total.contribution) / 10_000 == Decimal(summary["revenue_total_positive"])
    assert total.clients_for_80 == summary["customers_for_80pct_revenue"]
    assert total.positive_clients == summary["customers_positive"]
    for name in "AB":
        assert getattr(total, f"clients_{name.lower()}") == summary["classes"][name]["customers"]
    if case.whole:
        assert total.clients == summary["customers"]
        assert total.clients_c == summary["classes"]["C"]["customers"]


def _branches(ours: list[dict[str, str]], theirs: list[dict[str, str]], counted: str) -> None:
    """Ranked within each branch, the classes count what the reference counts."""
    counts = Counter((row["scope_no"], row["tier"]) for row in ours)
    found = sorted(tuple(counts[no, tier] for tier in "ABC") for no in {no for no, _ in counts})
    assert found == sorted((int(row["A"]), int(row["B"]), int(row["C"])) for row in theirs)
    assert len(ours) == sum(int(row[counted]) for row in theirs)
