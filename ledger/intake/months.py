"""Month partitions of the fact tables, as the intake needs them: which exist, and new ones loaded before attaching."""

import re
from datetime import date

from django.db import connection

from crm.partitions import next_month
from ledger.intake.stage import Stage

_NAME = re.compile(r"_y(\d{4})m(\d{2})$")


def partition_name(table: str, month: date) -> str:
    """Name of a month's partition, as `crm.partitions.ensure_months` gives it."""
    return f"{table}_y{month:%Y}m{month:%m}"


def existing_months(table: str) -> set[date]:
    """First days of the months that a fact table has partitions for."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = %s::regclass",
            [table],
        )
        found = (_NAME.search(name) for (name,) in cursor.fetchall())
    return {date(int(match[1]), int(match[2]), 1) for match in found if match}


class NewMonths:
    """Makes months that do not exist yet: filled first, then given their key and attached, all at once.

    Filling a table and then building its index costs a fifth of keeping the index up row by row; and a table made by
    a query is filled by several processes, which an INSERT is not.
    """

    def __init__(self, stage: Stage, table: str) -> None:
        self._stage, self._table = stage, table
        # The lock that ensure_months takes, too: two sessions must not make the same month.
        stage.cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"partitions:{table}"])
        stage.cursor.execute(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, quote_ident(l.collname)"
            " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_collation l"
            " ON l.oid = a.attcollation AND a.attcollation <> t.typcollation"
            " WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            [table],
        )
        self._columns: list[tuple[str, str, bool, str | None]] = stage.cursor.fetchall()

    def make(self, month: date, values: dict[str, str], source: str) -> int:
        """Make one month of the rows that `source` (FROM … WHERE …) gives; returns how many they are."""
        name = partition_name(self._table, month)
        selected = ", ".join(self._cast(values, *column) for column in self._columns)
        written = self._stage.sql(f"CREATE TABLE {name} AS SELECT {selected} {source}")
        demands = [f"ALTER {column} SET NOT NULL" for column, _type, required, _l in self._columns if required]
        # All demands are checked in one reading. With this one among them, attaching does not read the rows again.
        demands.append(f"ADD CONSTRAINT within CHECK (date >= '{month}' AND date < '{next_month(month)}')")
        self._stage.sql(f"ALTER TABLE {name} {', '.join(demands)}")
        self._stage.sql(
            f"ALTER TABLE {self._table} ATTACH PARTITION {name} FOR VALUES FROM ('{month}') TO ('{next_month(month)}')"
        )
        self._stage.sql(f"ALTER TABLE {name} DROP CONSTRAINT within")
        return written

    def _cast(self, values: dict[str, str], column: str, kind: str, _required: bool, collation: str | None) -> str:
        collated = f" COLLATE {collation}" if collation else ""
        return f"({values[column]})::{kind}{collated} AS {column}"
