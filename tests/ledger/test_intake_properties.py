"""Random files with random damage: counts reconcile, each reject names its line, and the quick way through a file gives
what the careful way gives."""

import csv
import io
import re
import tempfile
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from crm.money import to_units
from ledger.intake import onefile, values
from ledger.intake.kinds import KINDS, Column, Type
from ledger.models import Trade
from tests.ledger.deliveries import FIRM, TRADES_HEADER, counts, rejects, state, take, take_one

pytestmark = pytest.mark.django_db
quiet = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def firm(tmp_path):
    return take(tmp_path, FIRM)


@contextmanager
def rolled_back():
    with transaction.atomic(), tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
        transaction.set_rollback(True)


# Each makes one row of the number n; whether it is good, and what it says about lines.
GOOD = {
    "plain": "T{n},2026-09-0{d},1001,A1,600000,stock,buy,100,{n}.5,5.00,0.50\n",
    "quoted": '"T{n}","2026-09-0{d}","1001","A1","600000","stock","buy","100","{n}.5","5.00","0.50"\n',
    "odd": "Ｔ{n},2026/9/{d}, 1001 ,A1,600000,STOCK,Buy,100,{n}.50000,5,.5\n",
    "no account": "T{n},2026-08-1{d},1003,,600000,etf,sell,,-{n},0,\n",
    "lines": 'T{n},2026-09-0{d},1002,A2,"600000\n",stock,buy,1,{n},1,1\n',
}
BAD = {
    "wrong_columns": "T{n},2026-09-0{d},1001\n",
    "broken_quotes": 'T{n},"2026-09-0{d},1001,A1,600000,stock,buy,100,1,5,1\n',
    "bad_date": "T{n},2026-02-30,1001,A1,600000,stock,buy,100,1,5,1\n",
    "date_out_of_range": "T{n},2027-01-01,1001,A1,600000,stock,buy,100,1,5,1\n",
    "unknown_client": "T{n},2026-09-0{d},7777,,600000,stock,buy,100,1,5,1\n",
    "missing_value": 'T{n},2026-09-0{d},1001,A1,"",stock,buy,100,1,5,1\n',
    "not_allowed": "T{n},2026-09-0{d},1001,A1,600000,stock,keep,100,1,5,1\n",
    "account_of_other_client": "T{n},2026-09-0{d},1001,A2,600000,stock,buy,100,1,5,1\n",
}
BLANK = {"blank": "\n", "delimiters": ",,,,,,,,,,\n"}
_ROWS = st.lists(st.tuples(st.sampled_from([*GOOD, *GOOD, *BAD, *BLANK]), st.integers(1, 9)), max_size=40)


def build(rows) -> tuple[str, int, list[tuple[int, str]]]:
    """The text, how many rows are good, and line and reason of the bad ones."""
    text, line, good, bad = TRADES_HEADER, 2, 0, []
    for number, (name, day) in enumerate(rows):
        row = (GOOD | BAD | BLANK)[name].format(n=number, d=day)
        if name in BAD:
            bad.append((line, name))
        good += name in GOOD
        text += row
        line += row.count("\n")
    return text, good, bad


@quiet
@given(rows=_ROWS, encoding=st.sampled_from(["utf-8", "gb18030"]))
@example(rows=[("broken_quotes", 1), ("quoted", 2), ("lines", 3), ("broken_quotes", 4)], encoding="utf-8")
def test_counts_reconcile_and_rejects_name_their_lines(firm, rows, encoding):
    text, good, bad = build(rows)
    with rolled_back() as folder:
        file = take_one(folder, "trades.csv", text.encode(encoding))
        assert counts(file) == (good + len(bad), good, 0, 0, len(bad))
        assert [(line, reason) for line, reason, _column in rejects(file)] == bad
        numbers = {f"T{n}" for n, (name, _day) in enumerate(rows) if name in GOOD}
        assert set(Trade.objects.values_list("trade_no", flat=True)) == numbers

        again = take_one(folder, "trades.csv", text.encode(encoding))
        assert counts(again) == (good + len(bad), 0, 0, good, len(bad))


@quiet
@given(rows=_ROWS, more=_ROWS, fast=st.permutations([True, False]))
def test_the_quick_way_gives_what_the_careful_way_gives(firm, rows, more, fast):
    """Also in the merge: the second file doubles numbers, changes some and adds others."""
    results = []
    for way in fast:
        with rolled_back() as folder, pytest.MonkeyPatch.context() as patch:
            patch.setattr(onefile, "FAST", way)
            files = [take_one(folder, "trades.csv", build(rows)[0])]
            files.append(take_one(folder, "trades.csv", build(rows[3:] + more + rows[:5])[0]))
            results.append(([(counts(f), rejects(f)) for f in files], state(files=False)))

    assert results[0] == results[1]


_CLIENT_FIELD = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "　",
            "B2",
            "S1",
            "active",
            "2020-02-29",
            "2019-02-29",
            "M",
            "C3",
            "张 三",
            "138 0000",
            "+86 1",
            "a\tb",
        ]
    ),
    st.text(max_size=8).map(lambda text: text.replace("\x00", "")),
    st.floats(-200, 200).map(str),
)
_CLIENT_NAMES = [column.name for column in KINDS["clients"].columns]


@quiet
@given(rows=st.lists(st.dictionaries(st.sampled_from(_CLIENT_NAMES[1:]), _CLIENT_FIELD, max_size=4), max_size=12))
def test_clients_quick_and_careful(firm, rows):
    usual = {"name": "某某", "branch_no": "B2", "status": "active", "opened_on": "2020-01-01"}
    target = io.StringIO()
    writer = csv.DictWriter(target, _CLIENT_NAMES, lineterminator="\n")
    writer.writeheader()
    for number, row in enumerate(rows):
        # A lone surrogate cannot be written in any file.
        encodable = {name: field.encode("utf-8", "ignore").decode() for name, field in row.items()}
        writer.writerow({"client_no": f"9{number}"} | usual | encodable)
    results = []
    for way in (True, False):
        with rolled_back() as folder, pytest.MonkeyPatch.context() as patch:
            patch.setattr(onefile, "FAST", way)
            file = take_one(folder, "clients.csv", target.getvalue())
            with connection.cursor() as cursor:
                cursor.execute("SELECT to_jsonb(c) - 'id' - 'file_id' FROM clients_client c ORDER BY client_no")
                results.append((counts(file), rejects(file), cursor.fetchall()))

    assert results[0] == results[1]
    assert results[0][0][0] == len(rows)


# --- The three forms of each type agree ------------------------------------------------------------------------------


def repaired(column: Column, texts: list[str]) -> list[tuple[str | None, str | None]]:
    """What the SQL makes of texts: the repaired value and what is wrong with it."""
    raw, fold, shape = values.trimmed("x"), values.folded(column, "r"), values.shaped(column, "f")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT v, {values.complaint(column, 'r', 'v').replace('%', '%%')} FROM (SELECT n, r, {shape} AS v"
            f" FROM (SELECT n, r, {fold} AS f FROM (SELECT n, {raw} AS r"
            " FROM unnest(%s::text[]) WITH ORDINALITY AS t (x, n) OFFSET 0) a OFFSET 0) b OFFSET 0) c ORDER BY n",
            [texts],
        )
        return cursor.fetchall()


_COLUMNS = {
    f"{kind.name}.{column.name}": column
    for kind in KINDS.values()
    for column in kind.columns
    if column.type in (Type.CODE, Type.LABEL, Type.TEXT, Type.DATE, Type.MONEY, Type.QUANTITY, Type.RATE, Type.DEGREE)
}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(sorted(_COLUMNS)))
def test_what_the_pattern_lets_through_needs_no_repair(db, data, name):
    column = _COLUMNS[name]
    pattern = values.pattern(column, ",")
    loose = (
        pattern.replace(b"++", b"+")
        .replace(b"?+", b"?")
        .replace(b"}+", b"}")
        .replace(b"(?>", b"(?:")
        .replace(b"*+", b"*")
    )
    texts = data.draw(st.lists(st.from_regex(re.compile(loose), fullmatch=True), max_size=20))
    passing = []
    for raw in texts:
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            continue
        if re.fullmatch(pattern, raw) and text:
            passing.append(text)
    for text, (value, wrong) in zip(passing, repaired(column, passing), strict=True):
        assert wrong is None, text
        if column.type in (Type.CODE, Type.LABEL, Type.DATE):
            assert value == text
        elif column.type != Type.TEXT:
            assert Decimal(value) == Decimal(text)


@given(st.lists(st.decimals(-(10**11), 10**11, places=4), min_size=1, max_size=50))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example([Decimal("100000000000"), Decimal("-99999999999.9999"), Decimal("99999999999.9999"), Decimal("0.0001")])
def test_money_through_float8_is_exact(db, amounts):
    column = KINDS["trades"].column("amount")
    with connection.cursor() as cursor:
        cast = values.stored(column, f"x::{values.staged(column)}")
        cursor.execute(
            f"SELECT {cast} FROM unnest(%s::text[]) WITH ORDINALITY AS t (x, n) ORDER BY n", [[str(a) for a in amounts]]
        )
        assert [units for (units,) in cursor.fetchall()] == [to_units(amount) for amount in amounts]


@given(st.lists(st.dates(date(1900, 1, 1), date(2199, 12, 31)), min_size=1, max_size=30))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example([date(1900, 2, 28), date(2000, 2, 29), date(2024, 2, 29), date(2100, 2, 28)])
def test_every_day_that_exists_is_one_and_its_neighbour_form_is_not(db, days):
    column = KINDS["trades"].column("date")
    texts = [day.isoformat() for day in days]
    assert repaired(column, texts) == [(text, None) for text in texts]
    serials = [str((day - date(1899, 12, 30)).days) for day in days]
    for text, serial, (value, _wrong) in zip(texts, serials, repaired(column, serials), strict=True):
        if len(serial) == 5:
            assert value == text
    for bad in ("1900-02-29", "2100-02-29", "2026-04-31", "2026-00-10", "2026-01-00"):
        assert repaired(column, [bad])[0][1] == "bad_date"
        assert not re.fullmatch(values.pattern(column, ","), bad.encode())
