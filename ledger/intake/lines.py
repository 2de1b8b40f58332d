"""Cuts a delimited text into rows. Rows that match a pattern pass through as they are, whole runs at a time; the few
others are read with care, and put aside with their line number and what is wrong with their shape.

A record may span lines when a quoted field holds line ends. A quote that does not close spoils its own line only:
reading goes on with the next one. Blank lines, and lines of nothing but delimiters, are no rows.
"""

import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ledger.intake.errors import FileRefused

#: A record longer than this, or of more lines, has a broken quote.
_LONGEST_RECORD, _MOST_LINES = 256 * 1024, 200
#: A line longer than this is no line of a table.
_LONGEST_LINE = 8 * 1024 * 1024
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Record:
    """One row read with care. `line`: its first line in the source, from 1. `height`: how many lines it spans."""

    line: int
    height: int
    problem: str
    fields: list[bytes]


class Grammar:
    """Delimiter and newline of a text, and the parsing of one record."""

    def __init__(self, delimiter: str, newline: bytes) -> None:
        self.delimiter = delimiter.encode()
        self.newline = newline
        escaped = re.escape(self.delimiter)
        self._plain = re.compile(rb"[^" + escaped + rb"\n]*+")
        self._quoted = re.compile(rb'"((?:[^"]++|"")*+)"')
        self._blank = re.compile(rb"[ \t\r" + escaped + rb"]*+\n")

    def is_blank(self, body: bytes, at: int) -> bool:
        """Whether the line says nothing: blanks and delimiters only."""
        return self._blank.match(body, at) is not None

    def record(self, body: bytes, at: int) -> tuple[list[bytes], int] | None:
        """Fields of the record at a position and the position after it; None if its quotes do not close properly."""
        fields = []
        while True:
            if body.startswith(b'"', at):
                found = self._quoted.match(body, at)
                if found is None:
                    return None
                at = found.end()
                fields.append(found.group(1).replace(b'""', b'"'))
            else:
                found = self._plain.match(body, at)
                assert found is not None  # the pattern also matches nothing
                at = found.end()
                value = found.group()
                fields.append(value.removesuffix(b"\r") if body.startswith(b"\n", at) else value)
            if body.startswith(self.delimiter, at):
                at += 1
            elif body.startswith(b"\n", at):
                return fields, at + 1
            elif body.startswith(b"\r\n", at):
                return fields, at + 2
            else:
                return None


def row_pattern(
    fields: list[bytes], quoted: list[bytes] | None, grammar: Grammar, *, may_be_blank: bool
) -> re.Pattern[bytes]:
    """Pattern of as many clean rows as follow each other.

    `quoted`: what each field may hold between quotes, if any. `may_be_blank`: whether the fields allow an empty row.
    """
    if quoted is None:
        parts = fields
    else:
        parts = [rb'(?>"' + inner + rb'"|' + outer + rb")" for inner, outer in zip(quoted, fields, strict=True)]
    row = re.escape(grammar.delimiter).join(parts) + re.escape(grammar.newline)
    if may_be_blank:
        row = rb"(?![ \t" + re.escape(grammar.delimiter) + rb"]*+" + re.escape(grammar.newline) + rb")" + row
    return re.compile(rb"(?>" + row + rb")*+")


class Rows:
    """The rows of a text after its header: read like a file, it gives the clean ones; `odd` receives the others.

    `see` is shown the clean rows, whole runs of them, with their number.

    `runs`: for the n-th clean row (from 1), line = n + shift of the last run that starts at or before n.
    """

    def __init__(
        self,
        stream: BinaryIO,
        *,
        grammar: Grammar,
        columns: int,
        clean: re.Pattern[bytes],
        first_line: int,
        odd: Callable[[Record], None],
        tell: Callable[[int], None] = lambda done: None,
        see: Callable[[bytes, int], None] = lambda rows, count: None,
    ) -> None:
        self._stream, self._grammar, self._columns = stream, grammar, columns
        self._clean, self._odd, self._tell, self._see = clean, odd, tell, see
        self._line, self._rest, self._ended, self._done = first_line, b"", False, 0
        self.clean = 0
        self.records = 0
        self.run_starts, self.run_shifts = array("q"), array("q")
        self._parts: Iterator[bytes] = self._chunks()

    def read(self, size: int = -1) -> bytes:
        """The next clean rows, whole ones, about as many as one chunk of the source holds; b'' at the end."""
        return next(self._parts, b"")

    def _chunks(self) -> Iterator[bytes]:
        while not self._ended or self._rest:
            chunk = self._stream.read(_CHUNK)
            self._done += len(chunk)
            self._tell(self._done)
            if not chunk:
                self._ended = True
                if self._rest and not self._rest.endswith(b"\n"):
                    chunk = b"\n"
            body = self._rest + chunk
            cut = body.rfind(b"\n") + 1
            used, parts = self._scan(body[:cut])
            self._rest = body[used:]
            if len(self._rest) > _LONGEST_LINE:
                raise FileRefused("unsupported_format", line=self._line)
            if parts:
                yield b"".join(parts)

    def _scan(self, body: bytes) -> tuple[int, list[bytes]]:
        """Take the whole lines of a chunk; returns how many bytes were used, and the clean runs among them."""
        at, parts = 0, []
        while at < len(body):
            found = self._clean.match(body, at)
            assert found is not None  # the pattern also matches nothing
            if found.end() > at:
                parts.append(body[at : found.end()])
                height = parts[-1].count(b"\n")
                self._count_run(height)
                self._see(parts[-1], height)
                at = found.end()
                continue
            after = self._take_odd(body, at)
            if after == at:
                break
            at = after
        return at, parts

    def _count_run(self, rows: int) -> None:
        shift = self._line - self.clean - 1
        if not self.run_shifts or self.run_shifts[-1] != shift:
            self.run_starts.append(self.clean + 1)
            self.run_shifts.append(shift)
        self.clean += rows
        self.records += rows
        self._line += rows

    def _take_odd(self, body: bytes, at: int) -> int:
        """Take one record with care; returns the position after it, or `at` if more of the source is needed."""
        line_end = body.index(b"\n", at) + 1
        if self._grammar.is_blank(body, at):
            self._line += 1
            return line_end
        parsed = self._grammar.record(body, at)
        height = body.count(b"\n", at, parsed[1]) if parsed else 1
        if parsed is None and self._may_go_on(body, at):
            return at
        fields: list[bytes]
        if parsed is None or height > _MOST_LINES or parsed[1] - at > _LONGEST_RECORD:
            problem, fields, end, height = "broken_quotes", [], line_end, 1
        elif len(parsed[0]) != self._columns:
            # A wrong count over several lines comes from a quote that was never meant to open: spoil one line only.
            problem = "wrong_columns" if height == 1 else "broken_quotes"
            fields, end, height = [], line_end, 1
        else:
            (fields, end), problem = parsed, ""
            if b"\x00" in body[at:end]:
                problem, fields = "control_character", []
        self._odd(Record(self._line, height, problem, fields))
        self.records += 1
        self._line += height
        return end

    def _may_go_on(self, body: bytes, at: int) -> bool:
        """Whether an open quote could still close in what has not been read yet."""
        if self._ended or len(body) - at > _LONGEST_RECORD:
            return False
        probe = self._grammar.record(body + b'"\n', at)
        return probe is not None and probe[1] > len(body)
