"""Cutting texts into rows: clean runs, odd records, their lines."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.intake.lines import Grammar, Record, Rows, row_pattern
from ledger.intake.values import any_field


def cut(text: bytes, *, columns: int = 3, delimiter: str = ",", newline: bytes = b"\n", chunk: int | None = None):
    """Rows of a text: the clean ones as bytes, the odd ones as records, and the line of each clean one."""
    stream = io.BytesIO(text)
    if chunk:
        stream.read = lambda size, read=stream.read: read(chunk)  # type: ignore[method-assign]
    grammar = Grammar(delimiter, newline)
    fields = [any_field(delimiter)] * columns
    pattern = row_pattern(fields, None, grammar, may_be_blank=True)
    odd: list[Record] = []
    rows = Rows(stream, grammar=grammar, columns=columns, clean=pattern, first_line=2, odd=odd.append)
    clean = b""
    while part := rows.read():
        clean += part
    lines = []
    ends = [*rows.run_starts[1:], rows.clean + 1]
    for start, shift, end in zip(rows.run_starts, rows.run_shifts, ends, strict=False):
        lines += [n + shift for n in range(start, end)]
    assert rows.records == len(lines) + len(odd)
    return clean.splitlines(), odd, lines


def told(odd: list[Record]) -> list[tuple[int, int, str]]:
    return [(record.line, record.height, record.problem) for record in odd]


def test_clean_rows_keep_their_lines_around_odd_ones():
    clean, odd, lines = cut(b'1,2,3\n"a ""b""",c,d\n4,5,6\n\n7,8,9')

    assert clean == [b"1,2,3", b"4,5,6", b"7,8,9"]
    assert lines == [2, 4, 6]
    assert told(odd) == [(3, 1, "")]
    assert odd[0].fields == [b'a "b"', b"c", b"d"]


def test_quoted_line_ends_belong_to_one_record_counted_by_its_first_line():
    clean, odd, lines = cut(b'a,"x\ny\nz",b\n1,2,3\n')

    assert told(odd) == [(2, 3, "")]
    assert odd[0].fields == [b"a", b"x\ny\nz", b"b"]
    assert lines == [5]
    assert clean == [b"1,2,3"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'a,"b,c\n1,2,3\n', [(2, 1, "broken_quotes")]),
        (b'a,"b"x,c\n1,2,3\n', [(2, 1, "broken_quotes")]),
        (b'a,"b,c\n1,2,3\nd,"e,f\n', [(2, 1, "broken_quotes"), (4, 1, "broken_quotes")]),
        (b"a,b\n1,2,3\n", [(2, 1, "wrong_columns")]),
        (b"a,b,c,d\n1,2,3\n", [(2, 1, "wrong_columns")]),
        (b"a,\x00,c\n1,2,3\n", [(2, 1, "control_character")]),
    ],
)
def test_what_is_broken_spoils_its_own_line_only(text, expected):
    clean, odd, _lines = cut(text)

    assert told(odd) == expected
    assert clean == [b"1,2,3"]


def test_a_quote_that_never_closes_costs_one_row_however_long_the_file():
    body = b"".join(b"%d,%d,%d\n" % (n, n, n) for n in range(60_000))
    clean, odd, lines = cut(b'a,"b,c\n' + body)

    assert told(odd) == [(2, 1, "broken_quotes")]
    assert len(clean) == 60_000
    assert lines[0] == 3
    assert lines[-1] == 60_002


def test_quotes_inside_a_field_are_text():
    clean, odd, _lines = cut(b'a,5" disk,c\n')

    assert clean == []
    assert odd[0].fields == [b"a", b'5" disk', b"c"]


def test_blank_lines_and_lines_of_delimiters_are_no_rows():
    clean, odd, lines = cut(b"\n,,\n \t\n1,2,3\n , , \n")

    assert clean == [b"1,2,3"]
    assert lines == [5]
    assert odd == []


def test_windows_line_ends():
    clean, odd, lines = cut(b'1,2,3\r\n4,"5",6\r\n7,8,9\n', newline=b"\r\n")

    assert clean == [b"1,2,3"]
    assert [record.fields for record in odd] == [[b"4", b"5", b"6"], [b"7", b"8", b"9"]]
    assert lines == [2]


_FIELD = st.text(alphabet='ab ,"\n中', max_size=6)


@given(rows=st.lists(st.lists(_FIELD, min_size=3, max_size=3), max_size=20), chunk=st.integers(1, 40))
def test_whatever_a_csv_writer_writes_is_read_back_at_any_chunk_size(rows, chunk):
    target = io.StringIO()
    csv.writer(target, lineterminator="\n").writerows(rows)
    expected, line = [], 2
    for row in rows:
        one = io.StringIO()
        csv.writer(one, lineterminator="\n").writerow(row)
        if one.getvalue().strip(' ,\n\t"') or '"' in one.getvalue():
            expected.append((line, [field.encode() for field in row]))
        line += one.getvalue().count("\n")

    clean, odd, lines = cut(target.getvalue().encode(), chunk=chunk)

    found = [(at, row.split(b",")) for at, row in zip(lines, clean, strict=True)]
    found += [(record.line, record.fields) for record in odd]
    assert sorted(found) == sorted(expected)
