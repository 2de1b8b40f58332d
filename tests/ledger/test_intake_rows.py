"""Bad and odd rows: each has a defined answer; good rows are in, and the counts reconcile."""

from datetime import date
from decimal import Decimal

import pytest

from clients.models import Account, Client
from crm.money import to_units
from ledger.intake.kinds import KINDS
from ledger.messages import ROW_REASONS
from ledger.models import AssetSnapshot, CashFlow, DirtyMonth, Fee, Trade
from org.models import Branch, Staff
from tests.ledger.deliveries import FIRM, TRADES, TRADES_HEADER, counts, rejects, take, take_one

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm(tmp_path):
    return take(tmp_path, FIRM)


def trade(**changed: str) -> str:
    row = {
        "trade_no": "N1",
        "date": "2026-09-03",
        "client_no": "1001",
        "account_no": "A1",
        "security_code": "600000",
        "security_kind": "stock",
        "side": "buy",
        "quantity": "100",
        "amount": "1000.00",
        "commission": "5.00",
        "exchange_fees": "0.50",
    } | changed
    return ",".join(row.values()) + "\n"


CLIENT = {
    "client_no": "2001",
    "name": "赵六",
    "branch_no": "B2",
    "manager_no": "S1",
    "status": "active",
    "opened_on": "2020-01-02",
}


def client(**changed: str) -> tuple[str, str]:
    row = CLIENT | changed
    return ",".join(row) + "\n", ",".join(row.values()) + "\n"


def test_a_firm_in_a_few_lines(firm, tmp_path):
    assert [counts(file) for file in firm.files.all()] == [
        (2, 2, 0, 0, 0),
        (2, 2, 0, 0, 0),
        (3, 3, 0, 0, 0),
        (2, 2, 0, 0, 0),
    ]
    shanghai = Branch.objects.get(branch_no="B2")
    assert shanghai.path == f"/{shanghai.parent_id}/{shanghai.pk}/"
    assert Staff.objects.get(staff_no="S1").branch == shanghai
    assert Staff.objects.get(staff_no="S1").user is None
    wanted = Client.objects.get(client_no="1001")
    assert (wanted.manager.staff_no, wanted.core_as_of, wanted.no_key) == ("S1", date(2026, 9, 30), "1001".zfill(20))
    assert wanted.search.branch_id == shanghai.pk
    assert Client.objects.get(client_no="1003").manager is None
    assert Account.objects.get(account_no="A2").client.client_no == "1002"


def test_trades_in_their_months_with_exact_money(firm, tmp_path):
    file = take_one(tmp_path, "trades.csv", TRADES)

    assert counts(file) == (3, 3, 0, 0, 0)
    first, third = Trade.objects.get(trade_no="T1"), Trade.objects.get(trade_no="T3")
    assert (first.amount, first.commission, first.exchange_fees) == (10_000_000, 50_000, 5_000)
    assert (first.quantity, first.account_no, first.client.client_no) == (Decimal(100), "A1", "1001")
    assert (third.quantity, third.account_no, third.exchange_fees) == (None, "", 0)
    months = DirtyMonth.objects.values_list("client__client_no", "month")
    assert set(months) == {
        ("1001", date(2026, 9, 1)),
        ("1002", date(2026, 9, 1)),
        ("1003", date(2026, 8, 1)),
    }


BAD_TRADES = [
    ({"trade_no": ""}, "missing_value", "trade_no"),
    ({"trade_no": "X" * 41}, "too_long", "trade_no"),
    ({"trade_no": "N 1"}, "bad_code", "trade_no"),
    ({"trade_no": "1.23457E+17"}, "digits_lost", "trade_no"),
    ({"date": "2026-02-30"}, "bad_date", "date"),
    ({"date": "2025-02-29"}, "bad_date", "date"),
    ({"date": "2026-13-01"}, "bad_date", "date"),
    ({"date": "03/09/2026"}, "bad_date", "date"),
    ({"date": "gestern"}, "bad_date", "date"),
    ({"date": "1989-12-31"}, "date_out_of_range", "date"),
    ({"date": "2026-10-01"}, "date_out_of_range", "date"),
    ({"date": ""}, "missing_value", "date"),
    ({"client_no": "9999"}, "unknown_client", "client_no"),
    ({"account_no": "A9"}, "unknown_account", "account_no"),
    ({"account_no": "A2"}, "account_of_other_client", "account_no"),
    ({"security_kind": "crypto"}, "not_allowed", "security_kind"),
    ({"side": "hold"}, "not_allowed", "side"),
    ({"amount": "12,34"}, "wrong_columns", ""),
    ({"amount": '"12,34"'}, "bad_number", "amount"),
    ({"amount": "1.2.3"}, "bad_number", "amount"),
    ({"amount": "1e5"}, "bad_number", "amount"),
    ({"amount": "NaN"}, "bad_number", "amount"),
    ({"amount": "-"}, "bad_number", "amount"),
    ({"amount": "100000000000.01"}, "number_out_of_range", "amount"),
    ({"amount": "9" * 30}, "number_out_of_range", "amount"),
    ({"amount": "9" * 70}, "bad_number", "amount"),
    ({"commission": ""}, "missing_value", "commission"),
    ({"quantity": "10 Stück"}, "bad_number", "quantity"),
    ({"security_code": '"600\n000"'}, "bad_code", "security_code"),
    ({"security_code": '"600"000'}, "broken_quotes", ""),
    ({"security_code": "60\x000"}, "control_character", ""),
]


def test_bad_trades_are_kept_with_line_and_reason_and_the_good_ones_are_in(firm, tmp_path):
    content, line, expected, sources = TRADES_HEADER, 2, [], []
    for number, (changed, reason, column) in enumerate(BAD_TRADES):
        bad = trade(**{"trade_no": f"N{number}"} | changed)
        content += trade(trade_no=f"G{number}") + bad
        expected.append((line + 1, reason, column))
        sources.append(bad.removesuffix("\n").replace("\x00", "␀"))
        line += 1 + bad.count("\n")
    file = take_one(tmp_path, "trades.csv", content)

    assert rejects(file) == expected
    assert list(file.rejects.order_by("line").values_list("source", flat=True)) == sources
    good = len(BAD_TRADES)
    assert counts(file) == (2 * good, good, 0, 0, good)
    assert set(Trade.objects.values_list("trade_no", flat=True)) == {f"G{number}" for number in range(good)}


ODD_TRADES = [
    ({"date": "2026/9/3"}, {}),
    ({"date": "2026.09.03"}, {}),
    ({"date": "20260903"}, {}),
    ({"date": "2026年9月3日"}, {}),
    ({"date": "2026-09-03 00:00:00"}, {}),
    ({"date": "2026-09-03T14:31"}, {}),
    ({"date": "46268"}, {}),
    ({"date": "46268.0"}, {}),
    ({"date": "２０２６－０９－０３"}, {}),
    ({"client_no": "１００１"}, {}),
    ({"side": "BUY"}, {}),
    ({"security_kind": " Stock"}, {}),
    ({"amount": "１０００．００"}, {}),
    ({"amount": '"1,000.00"'}, {}),
    ({"amount": "+1000"}, {}),
    ({"amount": " 1000 "}, {}),
    ({"amount": "−1000"}, {"amount": -10_000_000}),
    ({"amount": "-1000"}, {"amount": -10_000_000}),
    ({"amount": ".5"}, {"amount": 5_000}),
    ({"amount": "1000.00005"}, {"amount": 10_000_001}),
    ({"amount": "100000000000"}, {"amount": to_units(100000000000)}),
    ({"exchange_fees": ""}, {"exchange_fees": 0}),
    ({"security_code": '"600000"'}, {}),
    ({"security_code": "BANK CHARGES"}, {"security_code": "BANK CHARGES"}),
]


def test_an_odd_spelling_of_the_same_is_taken(firm, tmp_path):
    content = TRADES_HEADER
    for number, (changed, _expected) in enumerate(ODD_TRADES):
        full_width = str(number).translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"})
        content += trade(**{"trade_no": f"　Ｎ{full_width} "} | changed)
    file = take_one(tmp_path, "trades.csv", content)

    assert rejects(file) == []
    usual = {"date": date(2026, 9, 3), "amount": 10_000_000, "exchange_fees": 5_000, "security_code": "600000"}
    usual |= {"side": "buy", "security_kind": "stock"}
    for number, (changed, expected) in enumerate(ODD_TRADES):
        row = Trade.objects.get(trade_no=f"N{number}")
        assert {name: getattr(row, name) for name in usual} == usual | expected, changed
        assert row.client.client_no == "1001"


BAD_CLIENTS = [
    ({"branch_no": "B9"}, "unknown_branch", "branch_no"),
    ({"manager_no": "S9"}, "unknown_manager", "manager_no"),
    ({"status": "vip"}, "not_allowed", "status"),
    ({"name": ""}, "missing_value", "name"),
    ({"name": "　"}, "missing_value", "name"),
    ({"name": "长" * 121}, "too_long", "name"),
    ({"client_no": "20/01"}, "bad_code", "client_no"),
    ({"client_no": ".."}, "bad_code", "client_no"),
    ({"closed_on": "2019-12-31"}, "ends_before_start", "closed_on"),
    ({"opened_on": "2026-10-01"}, "date_out_of_range", "opened_on"),
    ({"birth_date": "1899-12-31"}, "date_out_of_range", "birth_date"),
    ({"birth_date": "2026-10-01"}, "date_out_of_range", "birth_date"),
    ({"lat": "91"}, "number_out_of_range", "lat"),
    ({"risk_level": "C6"}, "not_allowed", "risk_level"),
    ({"id_no": "3.10101E+17"}, "digits_lost", "id_no"),
]


def test_bad_clients_are_kept_with_reason(firm, tmp_path):
    further = dict.fromkeys({name for changed, *_rest in BAD_CLIENTS for name in changed} - CLIENT.keys(), "")
    content = client(**further)[0]
    for number, (changed, _reason, _column) in enumerate(BAD_CLIENTS):
        content += client(**further | {"client_no": f"30{number}"} | changed)[1]
    content += client(**further)[1]
    file = take_one(tmp_path, "clients.csv", content)

    expected = [(line, reason, column) for line, (_changed, reason, column) in enumerate(BAD_CLIENTS, 2)]
    assert rejects(file) == expected
    assert counts(file) == (len(BAD_CLIENTS) + 1, 1, 0, 0, len(BAD_CLIENTS))


def test_rare_characters_and_brackets_in_names_stay_as_they_are(firm, tmp_path):
    header, _row = client()
    names = ["𠮷野家（中国）", "㐂郎", "ＡＢＣ公司", "欧阳\u00b7阿迪力", "O'Neil; DROP TABLE"]
    rows = "".join(client(client_no=f"30{n}", name=name)[1] for n, name in enumerate(names))
    file = take_one(tmp_path, "clients.csv", header + rows)

    assert counts(file) == (5, 5, 0, 0, 0)
    assert (
        list(Client.objects.filter(client_no__startswith="30").order_by("client_no").values_list("name", flat=True))
        == names
    )


def test_a_client_moved_between_files_is_an_update(firm, tmp_path):
    header, row = client(client_no="1001", name="张三", branch_no="B1", manager_no="S2")
    file = take_one(tmp_path, "clients_20261001.csv", header + row, day=date(2026, 10, 1))

    assert counts(file) == (1, 0, 1, 0, 0)
    moved = Client.objects.get(client_no="1001")
    assert (moved.branch.branch_no, moved.manager.staff_no, moved.core_as_of) == ("B1", "S2", date(2026, 10, 1))
    assert moved.search.branch_id == moved.branch_id


def test_an_absent_column_leaves_the_known_value_and_an_empty_one_clears_it(firm, tmp_path):
    header, row = client(client_no="1001", name="张三", mobile="13800000001", email="a@example.com")
    take_one(tmp_path, "clients.csv", header + row)
    header, row = client(client_no="1001", name="张三", mobile="")
    file = take_one(tmp_path, "clients.csv", header + row)

    assert counts(file) == (1, 0, 1, 0, 0)
    known = Client.objects.get(client_no="1001")
    assert (known.mobile, known.email) == ("", "a@example.com")


def test_the_known_opening_date_counts_when_the_file_does_not_carry_it(firm, tmp_path):
    content = "account_no,client_no,kind,status,opened_on\nA1,1001,ordinary,active,2021-05-01\n"
    take_one(tmp_path, "accounts.csv", content)
    content = "account_no,client_no,kind,status,closed_on\nA1,1001,ordinary,closed,2021-04-30\nA2,1002,margin,active,\n"
    file = take_one(tmp_path, "accounts.csv", content)

    assert rejects(file) == [(2, "ends_before_start", "closed_on")]
    assert counts(file) == (2, 0, 0, 1, 1)


def test_doubled_rows_identical_ones_are_the_same_others_are_rejected(firm, tmp_path):
    content = (
        TRADES_HEADER + trade() + trade() + trade(amount="1000.0") + trade(commission="6.00") + trade(trade_no="N0")
    )
    file = take_one(tmp_path, "trades.csv", content)

    assert counts(file) == (5, 2, 0, 2, 1)
    assert rejects(file) == [(5, "duplicate_key", "trade_no")]
    assert Trade.objects.get(trade_no="N1").commission == 50_000


def test_a_double_of_a_bad_row_is_as_bad(firm, tmp_path):
    content = TRADES_HEADER + trade(client_no="9999") + trade(client_no="9999") + trade()
    file = take_one(tmp_path, "trades.csv", content)

    assert counts(file) == (3, 1, 0, 0, 2)
    assert [reason for _line, reason, _column in rejects(file)] == ["unknown_client", "unknown_client"]


def test_a_correction_moves_a_trade_to_another_month(firm, tmp_path):
    take_one(tmp_path, "trades.csv", TRADES)
    DirtyMonth.objects.all().delete()
    changed = TRADES_HEADER + "T1,2026-07-31,1002,A2,600000,stock,buy,100,1000.00,5.00,0.50\n"
    file = take_one(tmp_path, "trades_correction.csv", changed)

    assert counts(file) == (1, 0, 1, 0, 0)
    moved = Trade.objects.get(trade_no="T1")
    assert (moved.date, moved.client.client_no) == (date(2026, 7, 31), "1002")
    assert set(DirtyMonth.objects.values_list("client__client_no", "month")) == {
        ("1001", date(2026, 9, 1)),
        ("1002", date(2026, 7, 1)),
    }
    assert file.months == ["2026-07-01", "2026-09-01"]


def test_an_absent_column_of_a_fact_leaves_the_known_value(firm, tmp_path):
    take_one(tmp_path, "trades.csv", TRADES)
    content = (
        "trade_no,date,client_no,security_code,security_kind,side,amount,commission\n"
        "T1,2026-09-01,1001,600000,stock,buy,1000.00,4.00\nT9,2026-09-01,1001,600000,stock,buy,1.00,1.00\n"
    )
    file = take_one(tmp_path, "trades.csv", content)

    assert counts(file) == (2, 1, 1, 0, 0)
    known = Trade.objects.get(trade_no="T1")
    assert (known.commission, known.exchange_fees, known.account_no, known.quantity) == (40_000, 5_000, "A1", 100)
    assert Trade.objects.get(trade_no="T9").exchange_fees == 0


def test_assets_flows_and_fees(firm, tmp_path):
    batch = take(
        tmp_path,
        {
            "assets.csv": "date,client_no,cash,securities_value,liabilities\n2026-09-30,1001,1.5,2.25,\n2026-09-30,1002,-3,0,4\n",
            "cash_flows.csv": "flow_no,date,client_no,direction,amount\nF1,2026-09-01,1001,in,100\nF1,2026-09-02,1001,in,100\n",
            "fees.csv": "fee_no,date,client_no,kind,amount\n"
            "E1,2026-09-01,1001,margin_interest,-0.0001\nE2,2026-09-01,1001,gift,1\n",
        },
    )

    assert [(file.kind, counts(file)) for file in batch.files.all()] == [
        ("assets", (2, 2, 0, 0, 0)),
        ("cash_flows", (2, 1, 0, 0, 1)),
        ("fees", (2, 1, 0, 0, 1)),
    ]
    snapshot = AssetSnapshot.objects.get(client__client_no="1002")
    assert (snapshot.cash, snapshot.securities_value, snapshot.liabilities) == (-30_000, 0, 40_000)
    assert CashFlow.objects.get().date == date(2026, 9, 1)
    assert Fee.objects.get().amount == -1

    again = take_one(
        tmp_path, "assets.csv", "date,client_no,cash,securities_value\n2026-09-30,1001,1.5,2.26\n2026-09-29,1001,1,1\n"
    )
    assert counts(again) == (2, 1, 1, 0, 0)


def test_branches_reject_unknown_parents_and_cycles(tmp_path):
    content = "branch_no,name,parent_no\nA,甲,\nB,乙,C\nC,丙,B\nD,丁,D\nE,戊,X\nF,己,E\nG,庚,A\nH,辛,G\n"
    file = take_one(tmp_path, "branches.csv", content)

    assert sorted(rejects(file)) == [
        (3, "parent_cycle", "parent_no"),
        (4, "parent_cycle", "parent_no"),
        (5, "parent_cycle", "parent_no"),
        (6, "unknown_parent", "parent_no"),
        (7, "unknown_parent", "parent_no"),
    ]
    a, g, h = (Branch.objects.get(branch_no=no) for no in "AGH")
    assert h.path == f"/{a.pk}/{g.pk}/{h.pk}/"

    moved = take_one(tmp_path, "branches.csv", "branch_no,name,parent_no\nG,庚,\nA,甲,H\n")
    assert counts(moved) == (2, 0, 2, 0, 0)
    assert Branch.objects.get(branch_no="A").path == f"/{g.pk}/{h.pk}/{a.pk}/"
    cycle = take_one(tmp_path, "branches.csv", "branch_no,name,parent_no\nG,庚,A\n")
    assert rejects(cycle) == [(2, "parent_cycle", "parent_no")]


def test_roles_and_leaving_of_staff(tmp_path):
    take(tmp_path, {"branches.csv": FIRM["branches.csv"]})
    content = (
        "staff_no,name,branch_no,role,joined_on,left_on\nS1,a,B1,analyst,2020-01-01,2019-01-01\n"
        "S2,b,B1,king,,\nS3,c,B1,admin,2020-01-01,\n"
    )
    file = take_one(tmp_path, "staff.csv", content)

    assert rejects(file) == [(2, "ends_before_start", "left_on"), (3, "not_allowed", "role")]
    assert Staff.objects.get().staff_no == "S3"


def test_every_reason_used_here_has_a_text():
    used = {reason for _changed, reason, _column in (*BAD_TRADES, *BAD_CLIENTS)}
    assert used <= set(ROW_REASONS)
    assert all(str(message.text) and str(message.advice) for message in ROW_REASONS.values())
    assert list(KINDS) == ["branches", "staff", "clients", "accounts", "assets", "trades", "cash_flows", "fees"]
