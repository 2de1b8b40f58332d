"""Monthly range partitions: made when first needed, by whoever writes the month."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.db import connection
from django.db.migrations.operations import CreateModel


def month_start(day: date) -> date:
    """First day of a date's month."""
    return day.replace(day=1)


def next_month(day: date) -> date:
    """First day of the month after a date's."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def ensure_months(table: str, days: Iterable[date]) -> int:
    """Make the partitions `<table>_yYYYYmMM` for the months of these days; returns how many were missing.

    Safe against two sessions at once: a transaction-level advisory lock per table serialises the making.
    """
    wanted = {f"{table}_y{m:%Y}m{m:%m}": m for m in {month_start(day) for day in days}}
    if not wanted:
        return 0
    with connection.cursor() as cursor:
        missing = _missing(cursor, wanted)
        if not missing:
            return 0
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"partitions:{table}"])
        missing = _missing(cursor, wanted)
        for name in sorted(missing):
            month = wanted[name]
            cursor.execute(
                f'CREATE TABLE "{name}" PARTITION OF "{table}" FOR VALUES FROM (%s) TO (%s)', [month, next_month(month)]
            )
    return len(missing)


def _missing(cursor, wanted: dict[str, date]) -> set[str]:
    cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname = ANY(%s)", [list(wanted)])
    return set(wanted) - {name for (name,) in cursor.fetchall()}


class CreatePartitionedModel(CreateModel):
    """CreateModel whose table is partitioned by range of `partition_by`; its partitions are made by `ensure_months`."""

    def __init__(self, *args: Any, partition_by: str, **kwargs: Any) -> None:
        self.partition_by = partition_by
        super().__init__(*args, **kwargs)

    def database_forwards(self, app_label, schema_editor, from_state, to_state) -> None:
        model = to_state.apps.get_model(app_label, self.name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        sql, params = schema_editor.table_sql(model)
        column = schema_editor.quote_name(self.partition_by)
        schema_editor.execute(f"{sql} PARTITION BY RANGE ({column})", params or None)
        schema_editor.deferred_sql.extend(schema_editor._model_indexes_sql(model))
