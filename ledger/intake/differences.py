"""What a dry run shows: some of the rows that would change, column by column, old and new."""

import json
from decimal import Decimal
from typing import Any

from django.db.backends.utils import CursorWrapper

from crm.money import to_yuan
from ledger.intake.kinds import Kind, Type

#: So many changed rows are shown per file.
SHOWN = 50
#: Columns of our own making, which say nothing to the reader.
_HIDDEN = {"id", "file_id", "core_as_of", "name_key", "no_key", "path", "core_manager_id"}


def sample(cursor: CursorWrapper, kind: Kind, file_id: int) -> list[dict[str, Any]]:
    """The first changed rows of a file: `key` and, per column, `[old, new]` as text."""
    now = "t.date::text || '/' || t.client_id" if kind.fact and not kind.number else f"t.{kind.key[0]}::text"
    written = f"AND t.file_id = {file_id}" if kind.fact else ""
    cursor.execute(
        f"SELECT c.key, c.before::text, to_jsonb(t)::text FROM ledger_intakechange c JOIN {kind.table} t"
        f" ON {now} = c.key {written} WHERE c.file_id = {file_id} AND c.before IS NOT NULL ORDER BY c.id LIMIT {SHOWN}"
    )
    return [
        {"key": key, "columns": _differences(kind, json.loads(before), json.loads(after))}
        for key, before, after in cursor.fetchall()
    ]


def _differences(kind: Kind, before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[str]]:
    return {
        name: [_shown(kind, name, before.get(name)), _shown(kind, name, value)]
        for name, value in after.items()
        if name not in _HIDDEN and before.get(name) != value
    }


def _shown(kind: Kind, name: str, value: Any) -> str:
    if value is None:
        return ""
    money = any(column.name == name and column.type == Type.MONEY for column in kind.columns)
    return f"{Decimal(to_yuan(int(value))).normalize():f}" if money else str(value)
