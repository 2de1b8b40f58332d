"""Mappings: the language, its errors, and every public set taken in with counts that reconcile to the row."""

import csv
import gzip
from datetime import date
from decimal import Decimal

import pytest
from django.db.models import Sum

from clients.models import Client
from ledger.intake import mapping as mappings
from ledger.intake import take_in
from ledger.intake.errors import MappingError
from ledger.messages import FILE_REASONS
from ledger.models import BatchState, Fee, Trade
from org.models import Branch
from tests import datasets
from tests.ledger.deliveries import counts, rejects, take

pytestmark = pytest.mark.django_db

#: Set, mapping, and per file and kind: read, new, changed, same, rejected.
SETS = [
    (
        "cdnow",
        "cdnow",
        {"branches": (1, 1, 0, 0, 0), "clients": (2357, 2357, 0, 0, 0), "trades": (6919, 6919, 0, 0, 0)},
    ),
    (
        "berka",
        "berka",
        {"branches": (77, 77, 0, 0, 0), "clients": (4500, 4500, 0, 0, 0), "trades": (16052, 16052, 0, 0, 0)},
    ),
    (
        "berka",
        "berka_fees",
        {
            "branches": (77, 77, 0, 0, 0),
            "clients": (4500, 4500, 0, 0, 0),
            "trades": (16052, 16052, 0, 0, 0),
            "fees": (1721, 1721, 0, 0, 0),
        },
    ),
    (
        "bank_churners",
        "bank_churners",
        {"branches": (1, 1, 0, 0, 0), "clients": (10127, 10127, 0, 0, 0), "fees": (10127, 10127, 0, 0, 0)},
    ),
    (
        "sales_calls",
        "sales_calls",
        {"branches": (1, 1, 0, 0, 0), "clients": (600, 600, 0, 0, 0), "fees": (13800, 13800, 0, 0, 0)},
    ),
    (
        "bank_marketing",
        "bank_marketing",
        {"branches": (1, 1, 0, 0, 0), "clients": (22000, 22000, 0, 0, 0), "fees": (22000, 22000, 0, 0, 0)},
    ),
]


def take_set(name: str, mapping: str):
    return take_in([datasets.path(name)], mapping=mapping, business_date=date(2026, 9, 30), source="folder")


@pytest.mark.data
@pytest.mark.parametrize(("name", "mapping", "expected"), SETS)
def test_a_public_set_is_taken_in_to_the_row(name, mapping, expected):
    if not datasets.path(name).is_dir():
        pytest.skip(f"the data set {name} is not here")
    batch = take_set(name, mapping)

    assert batch.state == BatchState.DONE
    assert {file.kind: counts(file) for file in batch.files.all()} == expected


@pytest.mark.data
@datasets.needs("online_retail")
def test_lines_without_a_customer_belong_to_nobody():
    batch = take_set("online_retail", "online_retail")

    trades = batch.files.get(kind="trades")
    assert counts(trades) == (206_060, 194_630, 0, 0, 11_430)
    assert set(trades.rejects.values_list("reason", flat=True)) == {"no_client"}
    assert counts(batch.files.get(kind="clients")) == (2187, 2187, 0, 0, 0)
    with gzip.open(
        datasets.path("online_retail") / "online_retail.csv.gz", "rt", encoding="utf-8", newline=""
    ) as source:
        wanted = dict(enumerate(source, 1))
    for reject in trades.rejects.order_by("line")[:500]:
        assert reject.source == wanted[reject.line].rstrip("\r\n")
    assert Branch.objects.get(branch_no="UK").name == "United Kingdom"
    total = Trade.objects.aggregate(sum=Sum("commission"))["sum"]
    assert Decimal(total) / 10_000 == Decimal("4155604.053")


@pytest.mark.data
@datasets.needs("complete_journey")
def test_home_stores_lie_in_a_folder_below():
    batch = take_set("complete_journey", "complete_journey")

    assert {(file.name, file.kind): counts(file)[1:] for file in batch.files.all()} == {
        ("reference/home_store.csv", "branches"): (142, 0, 0, 0),
        ("reference/home_store.csv", "clients"): (1238, 0, 0, 0),
        ("transactions.csv.gz", "trades"): (742_567, 0, 0, 0),
    }


@pytest.mark.data
@datasets.needs("sse_branch_trades_zh")
def test_the_same_set_in_two_encodings_gives_the_same():
    folder = datasets.path("sse_branch_trades_zh")
    batch = take_in(
        [folder / "lhb_gb18030.csv"], mapping="sse_branch_trades_zh", business_date=date(2026, 9, 30), source="folder"
    )
    trades = batch.files.get(kind="trades")
    assert (trades.encoding, counts(trades)) == ("gb18030", (1937, 1301, 0, 0, 636))
    assert counts(batch.files.get(kind="clients")) == (119, 116, 0, 0, 3)
    assert set(trades.rejects.values_list("reason", flat=True)) == {"not_a_client"}

    again = take_in(
        [folder / "lhb_utf8.csv"], mapping="sse_branch_trades_zh", business_date=date(2026, 9, 30), source="folder"
    )
    assert counts(again.files.get(kind="trades")) == (1937, 0, 0, 1301, 636)
    with (folder / "reference" / "abc_turnover_customers.csv").open(encoding="utf-8") as reference:
        wanted = {row["customer"]: Decimal(row["revenue"]) for row in csv.DictReader(reference)}
    found = Client.objects.values_list("client_no", "pk")
    sums = dict(Trade.objects.values_list("client_id").annotate(sum=Sum("commission")))
    assert {no: Decimal(sums[pk]) / 10_000 for no, pk in found} == wanted


# --- The language ---------------------------------------------------------------------------------------------------

OWN = """
title = "A test"
ignore = ["*.md"]
[[source]]
files = ["positions*"]
delimiter = ";"
[[source.yields]]
kind = "branches"
fold = "first"
[source.yields.columns]
branch_no = { column = "dept", pad = 4, prefix = "D" }
name = { column = "dept_name", default = "?" }
[[source.yields]]
kind = "clients"
fold = "last"
[source.yields.columns]
client_no = { column = "acct", strip_prefix = "AC-", strip_suffix = ".0" }
name = { compose = "{first} {last}" }
branch_no = { column = "dept", pad = 4, prefix = "D" }
status = { column = "st", values = { A = "active" }, otherwise = "closed" }
opened_on = { value = "{business_date}" }
[[source.yields]]
kind = "fees"
only = { what = ["fee", ""] }
[[source.yields.reject]]
column = "st"
is = ["X"]
reason = "not_a_client"
[source.yields.columns]
fee_no = { compose = "{file}-{row}" }
date = { column = "day", date = "%d.%m.%Y" }
client_no = { column = "acct", strip_prefix = "AC-", strip_suffix = ".0" }
kind = { value = "other" }
amount = { product = ["qty", "price"], negate = true }
"""
POSITIONS = (
    "acct;first;last;dept;dept_name;st;day;qty;price;what\n"
    "AC-7.0;Ann;Lee;12;North;A;3.9.2026;2;1.005;fee\n"
    "AC-8;Bo;;12;South;B;30.02.2026;3;2;fee\n"
    ";;;12;South;A;3.9.2026;3;2;other\n"
    "AC-7;Anna;Lee;13;;A;04.09.2026;x;2;\n"
    "AC-9;Cy;Ho;13;;X;04.09.2026;1;2;fee\n"
)


@pytest.fixture
def own(tmp_path, settings):
    settings.INTAKE_MAPPINGS = tmp_path / "mappings"
    settings.INTAKE_MAPPINGS.mkdir()

    def declare(text: str) -> str:
        (settings.INTAKE_MAPPINGS / "own.toml").write_text(text)
        return "own"

    return declare


def test_everything_that_a_mapping_can_say(own, tmp_path):
    batch = take(tmp_path, {"positions_1.csv": POSITIONS, "readme.md": "x"}, mapping=own(OWN))

    files = {file.kind: file for file in batch.files.all()}
    assert {kind: counts(file) for kind, file in files.items()} == {
        "branches": (2, 2, 0, 0, 0),
        "clients": (3, 2, 0, 0, 1),
        "fees": (4, 1, 0, 0, 3),
    }
    assert list(Branch.objects.order_by("branch_no").values_list("branch_no", "name")) == [
        ("D0012", "North"),
        ("D0013", "?"),
    ]
    assert rejects(files["clients"]) == [(3, "missing_value", "name")]
    assert Client.objects.get(client_no="7").name == "Anna Lee"
    assert Client.objects.get(client_no="9").status == "closed"
    assert rejects(files["fees"]) == [(3, "bad_date", "date"), (5, "bad_number", "amount"), (6, "not_a_client", "")]
    fee = Fee.objects.get()
    assert (fee.fee_no, fee.date, fee.amount) == ("positions_1.csv-1", date(2026, 9, 3), -20_100)


def test_a_column_that_the_mapping_needs_is_missing(own, tmp_path):
    batch = take(tmp_path, {"positions.csv": POSITIONS.replace("price", "cost")}, mapping=own(OWN))

    assert [(file.kind, file.error) for file in batch.files.all()] == [
        ("branches", ""),
        ("clients", ""),
        ("fees", "missing_column"),
    ]
    assert str(FILE_REASONS["missing_column"].text)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (OWN.replace('kind = "fees"', 'kind = "bonuses"'), "kind is one of"),
        (OWN.replace("fee_no =", "fee_number ="), "unknown fee_number"),
        (
            OWN.replace('amount = { product = ["qty", "price"], negate = true }', ""),
            "required columns not mapped: amount",
        ),
        (OWN.replace('reason = "not_a_client"', 'reason = "because"'), "is not in ledger/messages.py"),
        (OWN.replace('fold = "last"', 'fold = "middle"'), "fold is"),
        (OWN.replace("%d.%m.%Y", "%d.%m"), "a date form names"),
        (OWN.replace("negate = true", "python = '1/0'"), "unknown python"),
        (OWN.replace('value = "other"', 'value = "other", column = "x"'), "exactly one of"),
        (OWN.replace('delimiter = ";"', 'delimiter = "x"'), "delimiter is one of"),
        ("title = 'x'", "no [[source]]"),
        ("title = ", "own.toml"),
    ],
)
def test_a_wrong_mapping_says_where(own, tmp_path, broken, told):
    with pytest.raises(MappingError, match=told.replace("[", r"\[")):
        mappings.load(own(broken))


def test_all_mappings_at_hand_are_right_and_ours_comes_first():
    assert mappings.names()[0] == "core-v1"
    for name in mappings.names():
        assert mappings.load(name).title
    for name in ("", "../x", "Core", "nothing"):
        with pytest.raises(MappingError):
            mappings.load(name)


def test_values_of_a_mapping_are_data_not_sql(own, tmp_path):
    text = OWN.replace('default = "?"', """default = "'; DROP TABLE org_branch; -- %s {x}\\\\" """)
    batch = take(tmp_path, {"positions.csv": POSITIONS}, mapping=own(text))

    assert counts(batch.files.get(kind="branches"))[1] == 2
    assert Branch.objects.get(branch_no="D0013").name == "'; DROP TABLE org_branch; -- %s {x}\\"
