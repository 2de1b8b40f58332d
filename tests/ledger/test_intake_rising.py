"""The proof, taken on the way, that no number stands twice; and the reading ahead of the database."""

import io
import threading

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.intake.ahead import Ahead
from ledger.intake.errors import FileRefused
from ledger.intake.rising import Rising
from tests.ledger.deliveries import FIRM, TRADES_HEADER, counts, rejects, take, take_one

fields = st.text(st.sampled_from('09Ab-"'), max_size=3)


def watched(rows: list[list[str]], column: int, pieces: int) -> Rising:
    rising = Rising(column, ",")
    for at in range(0, len(rows), pieces):
        piece = rows[at : at + pieces]
        rising.see("".join(",".join(row) + "\n" for row in piece).encode(), len(piece))
    return rising


@given(st.lists(st.lists(fields, min_size=3, max_size=3), max_size=12), st.integers(0, 2), st.integers(1, 5))
@example([["9", "", ""], ["10", "", ""], ["9", "", ""]], 0, 1)
@example([["A1", "", ""], ["A1", "", ""]], 0, 1)
def test_what_rises_stands_once(rows, column, pieces):
    values = [row[column] for row in rows]
    if watched(rows, column, pieces).holds:
        assert len(set(values)) == len(values)


@pytest.mark.parametrize(
    "values", [["1", "2", "10"], ["N9", "N10", "N11"], ["N09", "N10", "N11"], ["A9", "B1"], ["2026-1", "2026-2"]]
)
@pytest.mark.parametrize("column", [0, 1])
def test_numbers_that_rise_are_seen(values, column):
    rows = [["x", value, "y"] if column else [value, "x", "y"] for value in values]
    assert watched(rows, column, 2).holds


def test_numbers_without_order_are_still_told_apart(db, tmp_path):
    take(tmp_path, FIRM)
    line = "{},2026-09-0{},1001,A1,600000,stock,buy,100,1000.00,5.00,0.50\n"
    content = TRADES_HEADER + line.format("T2", 1) + line.format("T1", 1) + line.format("T2", 2)
    file = take_one(tmp_path, "trades.csv", content)

    assert counts(file) == (3, 2, 0, 0, 1)
    assert rejects(file) == [(4, "duplicate_key", "trade_no")]


def test_a_repaired_row_may_repeat_a_clean_one(db, tmp_path):
    take(tmp_path, FIRM)
    line = "{},{},1001,A1,600000,stock,buy,100,1000.00,5.00,0.50\n"
    content = TRADES_HEADER + line.format("T1", "2026-09-01") + line.format("T2", "2026-09-01")
    file = take_one(tmp_path, "trades.csv", content + line.format(" T1", "2026/9/2"))

    assert counts(file) == (3, 2, 0, 0, 1)
    assert rejects(file) == [(4, "duplicate_key", "trade_no")]


# --- Reading ahead ----------------------------------------------------------------------------------------------------


class Pieces(io.RawIOBase):
    def __init__(self, *pieces: bytes, error: Exception | None = None) -> None:
        self.left, self.error = list(pieces), error

    def read(self, size: int = -1) -> bytes:
        if self.left:
            return self.left.pop(0)
        if self.error:
            raise self.error
        return b""


def test_all_pieces_come_in_their_order():
    pieces = [b"%d" % n for n in range(1, 50)]
    with Ahead(Pieces(*pieces)) as ahead:
        assert list(iter(ahead.read, b"")) == pieces


def drain(source: Pieces, most: int = 1000) -> list[bytes]:
    with Ahead(source) as ahead:
        return [ahead.read() for _ in range(most)]


def test_what_breaks_the_source_is_what_is_raised():
    with pytest.raises(FileRefused):
        drain(Pieces(b"1", error=FileRefused("unsupported_format")))


def test_a_reader_that_gives_up_leaves_no_thread():
    assert drain(Pieces(*[b"x"] * 1000), most=2) == [b"x", b"x"]
    assert "intake-ahead" not in {thread.name for thread in threading.enumerate()}


def test_a_line_without_end_refuses_the_file(db, tmp_path, monkeypatch):
    monkeypatch.setattr("ledger.intake.lines._LONGEST_LINE", 1000)
    take(tmp_path, FIRM)
    file = take_one(tmp_path, "trades.csv", TRADES_HEADER + "x" * 200_000)

    assert (file.state, file.error, file.error_detail) == ("refused", "unsupported_format", {"line": 2})
