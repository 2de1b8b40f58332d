"""Files as a whole: encodings, archives, spreadsheets, headers; what is refused and why."""

import gzip
import io
import zipfile
from datetime import date, datetime

import pytest
import xlsxwriter

from clients.models import Client
from ledger.intake import onefile, sources
from ledger.intake.sheets import as_text
from ledger.messages import FILE_REASONS
from ledger.models import BatchState, Trade
from tests.ledger.deliveries import BRANCHES, CLIENTS, FIRM, TRADES, counts, rejects, take, take_one

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm(tmp_path):
    return take(tmp_path, FIRM)


def zipped(files: dict[str, bytes], compression=zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def refusals(batch) -> list[tuple[str, str]]:
    return [(file.name, file.error) for file in batch.files.all() if file.state == "refused"]


@pytest.mark.parametrize(
    ("encode", "encoding"),
    [
        (lambda text: text.encode(), "utf-8"),
        (lambda text: b"\xef\xbb\xbf" + text.encode(), "utf-8"),
        (lambda text: text.encode("gb18030"), "gb18030"),
        (lambda text: text.replace("\n", "\r\n").encode("gb18030"), "gb18030"),
        (lambda text: text.replace(",", "\t").encode(), "utf-8"),
        (lambda text: text.replace(",", ";").encode(), "utf-8"),
        (lambda text: text.removesuffix("\n").encode(), "utf-8"),
        (lambda text: ("\n\n" + text).encode(), "utf-8"),
        (lambda text: ("CLIENT_NO , Ｎame" + text.removeprefix("client_no,name")).encode(), "utf-8"),
        (
            lambda text: "\n".join(
                ",".join(f'"{f}"' for f in row.split(",")) for row in text.split("\n")[:-1]
            ).encode(),
            "utf-8",
        ),
    ],
)
def test_one_file_in_many_spellings(firm, tmp_path, encode, encoding):
    text = CLIENTS.replace("张三", "𠮷田㐂郎").replace("1001", "2001")
    file = take_one(tmp_path, "clients.csv", encode(text))

    assert (file.encoding, counts(file), rejects(file)) == (encoding, (3, 1, 0, 2, 0), [])
    assert Client.objects.get(client_no="2001").name == "𠮷田㐂郎"


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("clients.csv", b"", "empty_file"),
        ("clients.csv", b"\n\n  \n", "empty_file"),
        ("clients.csv", CLIENTS.encode("utf-16"), "undecodable"),
        ("clients.csv", CLIENTS.encode() + b"\xff\xff,x\n", "undecodable"),
        ("clients.csv", CLIENTS.replace("status", "state").encode(), "missing_column"),
        ("clients.csv", CLIENTS.replace("opened_on", "NAME ").encode(), "doubled_column"),
        ("customers.csv", CLIENTS.encode(), "unknown_kind"),
        ("clients.pdf", b"%PDF", "unsupported_format"),
        ("clients.rar", b"Rar!", "unsupported_format"),
        ("clients.csv.gz", gzip.compress(CLIENTS.encode())[:-20], "damaged_archive"),
        ("clients.csv.gz", b"no gzip at all", "damaged_archive"),
        ("clients.xlsx", b"no sheet at all", "damaged_sheet"),
        ("clients.xlsx", zipped({"a": b"b"}), "damaged_sheet"),
        ("all.zip", zipped({"clients.csv": CLIENTS.encode() * 50})[:-200], "damaged_archive"),
        ("all.zip", zipped({"../clients.csv": CLIENTS.encode()}), "unsafe_name"),
        ("all.zip", zipped({"/etc/clients.csv": CLIENTS.encode()}), "unsafe_name"),
        ("all.zip", zipped({"C:\\clients.csv": CLIENTS.encode()}), "unsafe_name"),
        ("all.zip", zipped({"inner.zip": zipped({"clients.csv": CLIENTS.encode()})}), "nested_archive"),
        ("all.zip", zipped({f"clients_{n}.csv": b"x" for n in range(201)}), "too_many_files"),
        ("all.zip", zipped({"clients.csv": b"0" * 70_000_000}), "bomb"),
        ("all.zip", zipped({"__MACOSX/._clients.csv": b"x"}), "empty_file"),
    ],
)
def test_a_file_refused_as_a_whole_says_why(tmp_path, name, content, error):
    batch = take(tmp_path, {name: content, "branches.csv": BRANCHES})

    assert [found for _name, found in refusals(batch)] == [error]
    assert str(FILE_REASONS[error].text)
    assert batch.state == BatchState.PARTLY
    assert counts(batch.files.get(kind="branches")) == (2, 2, 0, 0, 0)


def test_what_an_archive_says_of_its_size_is_not_believed(tmp_path, settings, monkeypatch):
    settings.INTAKE_MAX_UNPACKED = 10_000
    big = BRANCHES + "".join(f"N{n},网点,\n" for n in range(1000))
    batch = take(tmp_path, {"branches.csv.gz": gzip.compress(big.encode())})
    assert refusals(batch) == [("branches.csv.gz", "too_large")]

    monkeypatch.setattr(sources, "_check_member", lambda info: None)
    monkeypatch.setattr(sources, "members", lambda path: ["branches.csv"])
    batch = take(tmp_path, {"all.zip": zipped({"branches.csv": big.encode()})})
    assert [error for _name, error in refusals(batch)] == ["too_large"]


def test_nothing_is_left_behind_by_a_refused_archive(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "media"
    take(
        tmp_path,
        {"clients.csv.gz": gzip.compress(CLIENTS.encode())[:-9], "all.zip": zipped({"clients.csv": b"x"})[:-5]},
    )

    assert [path for path in (tmp_path / "media").rglob("*") if path.is_file()] == []


def test_a_zip_of_everything_is_taken_in_the_right_order(tmp_path):
    content = zipped(
        {f"nightly/{name}": text.encode() for name, text in reversed((FIRM | {"trades.csv": TRADES}).items())}
    )
    batch = take(tmp_path, {"all.zip": content})

    assert [(file.name, counts(file)[1]) for file in batch.files.all()] == [
        ("all.zip/nightly/branches.csv", 2),
        ("all.zip/nightly/staff.csv", 2),
        ("all.zip/nightly/clients.csv", 3),
        ("all.zip/nightly/accounts.csv", 2),
        ("all.zip/nightly/trades.csv", 3),
    ]
    assert batch.state == BatchState.DONE


def test_a_header_alone_is_a_file_without_rows(firm, tmp_path):
    file = take_one(tmp_path, "trades.csv", TRADES.split("\n")[0])

    assert (file.state, counts(file)) == ("done", (0, 0, 0, 0, 0))


def test_unknown_columns_are_reported_and_ignored(firm, tmp_path):
    text = CLIENTS.replace("name,", "name,星座,", 1).replace("张三,", "张三,白羊,").replace("李四,", '李四,"双,鱼",')
    file = take_one(tmp_path, "clients.csv", text.replace("欧阳娜娜,", "欧阳娜娜,,"))

    assert file.unknown_columns == ["星座"]
    assert counts(file) == (3, 0, 0, 3, 0)


def sheet(rows, formats=None) -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        page = book.add_worksheet()
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for at, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, date):
                    page.write_datetime(at, column, cell, day)
                else:
                    page.write(at, column, cell)
    return target.getvalue()


def test_a_spreadsheet_with_real_dates_floats_serials_and_numbers_as_text(firm, tmp_path):
    header = TRADES.split("\n")[0].split(",")
    rows = [
        header,
        ["T1", date(2026, 9, 3), 1001, "A1", "000001", "stock", "buy", 100, 0.1 + 0.2, 12.340000000000001, "0.50"],
        [],
        ["T2", 46268, "1002", "A2", 600000, "etf", "sell", "", "1,000.5", 5, ""],
        ["T3", "2026-02-30", 1002, "", "x\ny", "etf", "sell", "", 1, 5, ""],
        [31010119900101.0, datetime(2026, 9, 3, 14, 5), 1002, "", "1", "etf", "sell", "", 1, 5, ""],
        [310101199001011234, date(2026, 9, 3), 1002, "", "1", "etf", "sell", "", 1, 5, ""],
    ]
    file = take_one(tmp_path, "trades.xlsx", sheet(rows))

    assert file.encoding == "xlsx"
    assert rejects(file) == [(5, "bad_date", "date"), (7, "digits_lost", "trade_no")]
    assert counts(file) == (5, 3, 0, 0, 2)
    first = Trade.objects.get(trade_no="T1")
    assert (first.date, first.security_code, first.amount, first.commission) == (
        date(2026, 9, 3),
        "000001",
        3000,
        123400,
    )
    assert Trade.objects.get(trade_no="T2").date == date(2026, 9, 3)
    assert Trade.objects.get(trade_no="31010119900101").date == date(2026, 9, 3)


def test_an_empty_sheet_is_an_empty_file(tmp_path):
    assert take_one(tmp_path, "branches.xlsx", sheet([])).error == "empty_file"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (12.340000000000001, "12.34"),
        (1e14, "100000000000000"),
        (1.5e15, "1.50000E+15"),
        (-0.0000001, "0"),
        (True, "TRUE"),
    ],
)
def test_cells(cell, text):
    assert as_text(cell) == text


def test_a_file_that_changes_while_it_is_read_is_refused(firm, tmp_path, monkeypatch):
    take_really = onefile._take

    def take_and_touch(file, *arguments):
        with open(file.path, "a") as source:
            source.write("1009,x,B2,S1,active,2020-01-02\n")
        return take_really(file, *arguments)

    monkeypatch.setattr(onefile, "_take", take_and_touch)
    file = take_one(tmp_path, "clients.csv", CLIENTS.replace("1001", "2001"))

    assert (file.state, file.error, counts(file)) == ("refused", "changing_file", (0, 0, 0, 0, 0))
    assert not Client.objects.filter(client_no="2001").exists()
