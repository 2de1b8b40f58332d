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
    """Partitions that do not exist yet, gathered under a parent of their own without keys until they are loaded.

    Filling a table and then building its index costs a fifth of keeping the index up row by row.
    """

    def __init__(self, stage: Stage, table: str, months: list[date]) -> None:
        self._stage, self._table, self._months = stage, table, months
        self.parent = f"{stage.rows}_new"
        # The lock that ensure_months takes, too: two sessions must not make the same month.
        stage.cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"partitions:{table}"])
        stage.sql(f"CREATE TABLE {self.parent} (LIKE {table} INCLUDING DEFAULTS) PARTITION BY RANGE (date)")
        for month in months:
            stage.sql(f"CREATE TABLE {self._name(month)} PARTITION OF {self.parent} {self._bounds(month)}")

    def attach(self) -> None:
        """Hand the loaded months to their table; that builds the key and refuses what is there twice."""
        for month in self._months:
            self._stage.sql(f"ALTER TABLE {self.parent} DETACH PARTITION {self._name(month)}")
            self._stage.sql(f"ALTER TABLE {self._table} ATTACH PARTITION {self._name(month)} {self._bounds(month)}")
        self._stage.sql(f"DROP TABLE {self.parent}")

    def _name(self, month: date) -> str:
        return partition_name(self._table, month)

    def _bounds(self, month: date) -> str:
        return f"FOR VALUES FROM ('{month}') TO ('{next_month(month)}')"
