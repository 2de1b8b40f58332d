"""Small deliveries for the tests of the intake: a firm in a few lines, and the taking in of texts."""

from datetime import date
from pathlib import Path

from django.db import connection

from ledger.intake import take_in
from ledger.models import IntakeBatch, IntakeFile, IntakeReject

DAY = date(2026, 9, 30)

BRANCHES = "branch_no,name,parent_no\nB1,总部,\nB2,上海营业部,B1\n"
STAFF = "staff_no,name,branch_no,role\nS1,王芳,B2,account_manager\nS2,李强,B2,branch_head\n"
CLIENTS = (
    "client_no,name,branch_no,manager_no,status,opened_on\n"
    "1001,张三,B2,S1,active,2020-01-02\n"
    "1002,李四,B2,S1,active,2020-01-03\n"
    "1003,欧阳娜娜,B2,,dormant,2020-01-04\n"
)
ACCOUNTS = "account_no,client_no,kind,status\nA1,1001,ordinary,active\nA2,1002,margin,active\n"
TRADES_HEADER = (
    "trade_no,date,client_no,account_no,security_code,security_kind,side,quantity,amount,commission,exchange_fees\n"
)
TRADES = TRADES_HEADER + (
    "T1,2026-09-01,1001,A1,600000,stock,buy,100,1000.00,5.00,0.50\n"
    "T2,2026-09-02,1002,A2,600001,etf,sell,200,2000.00,6.00,0.60\n"
    "T3,2026-08-31,1003,,600002,fund,buy,,3000.00,7.00,\n"
)
FIRM = {"branches.csv": BRANCHES, "staff.csv": STAFF, "clients.csv": CLIENTS, "accounts.csv": ACCOUNTS}


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Write files into a folder, made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def take(folder: Path, files: dict[str, str | bytes], *, day: date = DAY, **options) -> IntakeBatch:
    """Write files into a fresh folder and take them in."""
    number = len(list(folder.glob("delivery*")))
    delivery = write(folder / f"delivery{number}", files)
    return take_in([delivery], business_date=day, source="folder", **options)


def take_one(folder: Path, name: str, content: str | bytes, **options) -> IntakeFile:
    """Take in one file and return its row."""
    return take(folder, {name: content}, **options).files.get()


def counts(file: IntakeFile) -> tuple[int, int, int, int, int]:
    """read, new, changed, same, rejected"""
    return file.rows_read, file.rows_new, file.rows_changed, file.rows_same, file.rows_rejected


def rejects(file: IntakeFile) -> list[tuple[int, str, str]]:
    """line, reason, column of each reject, in the order of the lines"""
    found = IntakeReject.objects.filter(file=file).order_by("line", "pk")
    return [(reject.line, reject.reason, reject.column) for reject in found]


_STATE = {
    "org_branch": "branch_no, name, parent_id, path, opened_on",
    "org_staff": "staff_no, name, branch_id, role, left_on",
    "clients_client": "client_no, name, name_key, branch_id, manager_id, status, mobile, closed_on, core_as_of, file_id",
    "clients_account": "account_no, client_id, kind, status, closed_on, file_id",
    "clients_clientsearch": "client_id, branch_id, manager_id, tsv::text",
    "ledger_trade": "trade_no, date, client_id, account_no, quantity, amount, commission, exchange_fees, file_id",
    "ledger_assetsnapshot": "date, client_id, cash, securities_value, liabilities, file_id",
    "ledger_cashflow": "flow_no, date, client_id, direction, amount, file_id",
    "ledger_fee": "fee_no, date, client_id, kind, amount, file_id",
}


def state(*, files: bool = True) -> dict[str, list[tuple]]:
    """Everything the intake writes, to compare; without `files`, which file wrote a row is left out."""
    found = {}
    with connection.cursor() as cursor:
        for table, columns in _STATE.items():
            chosen = columns if files else columns.replace(", file_id", "").replace(", core_as_of", "")
            cursor.execute(f"SELECT {chosen} FROM {table} ORDER BY 1, 2")
            found[table] = cursor.fetchall()
    return found


def named_state() -> dict[str, list[tuple]]:
    """The same by business keys, to compare firms that were taken in separately."""
    with connection.cursor() as cursor:
        found = {}
        for name, query in _BY_KEYS.items():
            cursor.execute(f"{query} ORDER BY 1, 2")
            found[name] = cursor.fetchall()
    return found


_CLIENT = "JOIN clients_client c ON c.id = t.client_id"
_BY_KEYS = {
    "branches": "SELECT t.branch_no, t.name, p.branch_no FROM org_branch t LEFT JOIN org_branch p ON p.id = t.parent_id",
    "clients": "SELECT t.client_no, t.name, b.branch_no, t.status, t.mobile FROM clients_client t"
    " JOIN org_branch b ON b.id = t.branch_id",
    "trades": f"SELECT t.trade_no, t.date, c.client_no, t.amount, t.commission FROM ledger_trade t {_CLIENT}",
    "assets": f"SELECT t.date, c.client_no, t.cash, t.securities_value FROM ledger_assetsnapshot t {_CLIENT}",
}
