"""Puts a source into staging tables by COPY. The tables are unlogged, made and dropped within the file's transaction. They are
no temporary ones, because those are read by one process only: casting and joining a large file takes two.

`rows` holds good values in our columns, in the types of `values.staged`. A source in our own format whose rows need no
repair goes there as it is; rows that do need repair, and whole sources in foreign formats, go to `raw` first (`repair`).
"""

import tempfile
from collections.abc import Callable
from typing import BinaryIO

from django.db.backends.utils import CursorWrapper

from ledger.intake import values
from ledger.intake.ahead import Ahead
from ledger.intake.kinds import Kind
from ledger.intake.layout import Layout
from ledger.intake.lines import Grammar, Record, Rows, row_pattern
from ledger.intake.mapping import Product
from ledger.intake.rising import Rising

_COPY_SIZE = 256 * 1024
_PROBE = 256 * 1024


class Stage:
    """The staging tables of one file and kind, and what is known about them."""

    def __init__(self, cursor: CursorWrapper, file_id: int, layout: Layout, product: Product, *, fast: bool) -> None:
        self.cursor, self.layout, self.product = cursor, layout, product
        self.kind: Kind = product.kind
        self.rows, self.raw = f"intake_{file_id}_rows", f"intake_{file_id}_raw"
        self.rejects, self._runs = f"intake_{file_id}_rejects", f"intake_{file_id}_runs"
        self.work, self.known = f"intake_{file_id}_work", f"intake_{file_id}_known"
        self.direct = fast and product.named and not (product.fold or product.only or product.reject)
        self.columns = self._columns()
        self.read = 0
        self.same = 0
        self.odd = 0
        self.distinct = False
        self._shifts: list[int] = []
        self._numbered = False

    def _columns(self) -> list[str]:
        """Our columns that the source gives, in the order of the kind."""
        names = [column.name for column in self.kind.columns]
        if self.product.named:
            return [name for name in names if self.layout.position(name) is not None]
        return [name for name in names if name in self.product.columns]

    def sql(self, statement: str) -> int:
        """Run a statement; returns how many rows it touched."""
        self.cursor.execute(statement)
        return self.cursor.rowcount

    def one(self, query: str) -> int:
        """The single number that a query gives; 0 for NULL."""
        self.cursor.execute(query)
        row = self.cursor.fetchone()
        return int(row[0] or 0) if row else 0

    def line(self, alias: str) -> str:
        """SQL: the line of a row in the source. Clean rows were not given theirs: it follows from their order."""
        if not self._shifts:
            return f"{alias}.line"
        if len(self._shifts) == 1:
            return f"coalesce({alias}.line, {alias}.n + {self._shifts[0]})"
        found = f"SELECT r.shift FROM {self._runs} r WHERE r.n <= {alias}.n ORDER BY r.n DESC LIMIT 1"
        return f"coalesce({alias}.line, {alias}.n + ({found}))"

    def reject(self, reason: str, query: str, column: str = "", value: str = "''") -> int:
        """Move rows of `rows`, aliased s and chosen by a FROM … WHERE, to the rejects. Returns how many."""
        self.number()
        chosen = (
            f"SELECT s.n, {self.line('s')} AS line, coalesce(s.height, 1) AS height, ({value})::text AS val {query}"
        )
        return self.sql(
            f"WITH chosen AS MATERIALIZED ({chosen}), gone AS (DELETE FROM {self.rows} WHERE n IN (SELECT n FROM chosen))"
            f" INSERT INTO {self.rejects} SELECT line, height, {values.literal(reason)}, {values.literal(column)},"
            " left(val, 200) FROM chosen"
        )

    def number(self) -> None:
        """Give the rows their `n`, in the order of the source. Only those need it that are picked out one by one."""
        if self._numbered:
            return
        self._numbered = True
        fresh, names = f"{self.rows}_numbered", ", ".join(["line", "height", *self.columns])
        # COPY filled the table from its beginning on, so the physical order is that of the source.
        self.sql(
            f"CREATE UNLOGGED TABLE {fresh} AS SELECT row_number() OVER (ORDER BY ctid) AS n, {names} FROM {self.rows}"
        )
        self.sql(f"DROP TABLE {self.rows}")
        self.sql(f"ALTER TABLE {fresh} RENAME TO {self.rows}")

    # --- Loading ------------------------------------------------------------------------------------------------

    def load(self, stream: BinaryIO, tell: Callable[[int], None]) -> None:
        """COPY the whole source; afterwards `rows` (direct) or `raw` holds it, and odd rows are in `raw`."""
        self._create()
        grammar = Grammar(self.layout.delimiter, self.layout.newline.encode())
        # Where a key has two columns, it is enough that the second rises.
        rising = Rising(self.layout.position(self.kind.key[-1]) or 0, self.layout.delimiter) if self.direct else None
        with tempfile.TemporaryFile() as spill:
            rows = Rows(
                stream,
                grammar=grammar,
                columns=len(self.layout.names),
                clean=self._pattern(grammar, quoted=_has_quotes(stream)),
                first_line=self.layout.line + 1,
                odd=lambda record: self._spill(record, spill),
                tell=tell,
                **({"see": rising.see} if rising else {}),
            )
            target = self.rows if self.direct else self.raw
            names = self._file_columns() if self.direct else self._raw_columns()
            with Ahead(rows) as ahead:
                self._copy(target, names, self.layout.delimiter, ahead)
            spill.seek(0)
            self._copy(self.raw, ["line", "height", "problem", *self._raw_columns()], ",", spill)
        self.read, self.odd = rows.records, rows.records - rows.clean
        self.distinct = rising is not None and rising.holds
        self._keep_runs(rows)

    def _create(self) -> None:
        columns = ", ".join(self._typed(name) for name in (self._file_columns() if self.direct else self.columns))
        raws = ", ".join(f"{name} text" for name in self._raw_columns())
        number = "n bigint GENERATED BY DEFAULT AS IDENTITY (CACHE 1000)"
        self.sql(f"CREATE UNLOGGED TABLE {self.rows} (line bigint, height int, {columns})")
        self.sql(f"CREATE UNLOGGED TABLE {self.raw} ({number}, line bigint, height int, problem text, {raws})")
        self.sql(f"CREATE UNLOGGED TABLE {self.rejects} (line bigint, height int, reason text, col text, val text)")

    def _typed(self, name: str) -> str:
        return f"{name} {values.staged(self.kind.column(name)) if name in self.columns else 'text'}"

    def drop(self) -> None:
        """Drop every table of the stage."""
        for name in (self.rows, self.raw, self.rejects, self._runs, self.work, self.known):
            self.sql(f"DROP TABLE IF EXISTS {name}")

    def _file_columns(self) -> list[str]:
        known = {self.layout.position(name): name for name in self.columns}
        return [known.get(position, f"u{position}") for position in range(len(self.layout.names))]

    def _raw_columns(self) -> list[str]:
        return [f"c{position}" for position in range(len(self.layout.names))]

    def _pattern(self, grammar: Grammar, *, quoted: bool):
        delimiter = self.layout.delimiter
        if not self.direct:
            fields = [values.any_field(delimiter)] * len(self.layout.names)
            inner = [values.any_field("")] * len(fields)
            return row_pattern(fields, inner if quoted else None, grammar, may_be_blank=True)
        columns = [self.kind.column(name) if name in self.columns else None for name in self._file_columns()]
        fields = [values.pattern(c, delimiter) if c else values.any_field(delimiter) for c in columns]
        inner = [values.pattern(c, "") if c else values.any_field("") for c in columns]
        return row_pattern(fields, inner if quoted else None, grammar, may_be_blank=False)

    def _spill(self, record: Record, spill: BinaryIO) -> None:
        fields = record.fields or [b""] * len(self.layout.names)
        told = b"%d,%d,%b" % (record.line, record.height, record.problem.encode())
        quoted = (b'"' + field.replace(b'"', b'""') + b'"' if field else b"" for field in fields)
        spill.write(told + b"," + b",".join(quoted) + b"\n")

    def _copy(self, table: str, names: list[str], delimiter: str, source) -> None:
        told = "E'\\t'" if delimiter == "\t" else values.literal(delimiter)
        columns = ", ".join(names)
        # FREEZE: the table was made in this transaction; later scans need not mark its rows as committed.
        options = f"FORMAT csv, DELIMITER {told}, FORCE_NULL ({columns}), FREEZE, ENCODING 'UTF8'"
        self.cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN WITH ({options})", source, _COPY_SIZE)

    def _keep_runs(self, rows: Rows) -> None:
        self._shifts = list(rows.run_shifts)
        if len(self._shifts) < 2:
            return
        self.sql(f"CREATE UNLOGGED TABLE {self._runs} (n bigint PRIMARY KEY, shift bigint)")
        with tempfile.TemporaryFile() as spool:
            spool.writelines(b"%d\t%d\n" % pair for pair in zip(rows.run_starts, rows.run_shifts, strict=True))
            spool.seek(0)
            self.cursor.copy_expert(f"COPY {self._runs} FROM STDIN", spool)
        self._shifts = [0, 0]


def _has_quotes(stream: BinaryIO) -> bool:
    """Whether quotes occur near the beginning: only then are they worth looking for in each field."""
    at = stream.tell()
    found = b'"' in stream.read(_PROBE)
    stream.seek(at)
    return found
