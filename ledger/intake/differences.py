"""What a dry run shows: some of the rows that would change, column by column, old and new."""

import json
from decimal import Decimal
from typing import Any

from django.db.backends.utils import CursorWrapper

from crm.money import to_yuan
from ledger.intake.kinds import Kind, Type

#: So many changed rows are shown per file.
SHOWN = 50
#: References of our tables: the column of the files that names them, and the SQL of what stands there.
_NAMES = {"branch_id": "branch_no", "core_manager_id": "manager_no", "client_id": "client_no", "parent_id": "parent_no"}
_NUMBERS = {
    "branch_id": "(SELECT branch_no FROM org_branch WHERE id = {id})",
    "core_manager_id": "(SELECT staff_no FROM org_staff WHERE id = {id})",
    "client_id": "(SELECT client_no FROM clients_client WHERE id = {id})",
    "parent_id": "(SELECT branch_no FROM org_branch WHERE id = {id})",
}


def sample(cursor: CursorWrapper, kind: Kind, file_id: int) -> list[dict[str, Any]]:
    """The first changed rows of a file: `key` and, per column, `[old, new]` as text."""
    by_client = kind.fact and not kind.number
    key = "t.date::text || '/' || t.client_id" if by_client else f"t.{kind.key[0]}::text"
    shown = f"t.date::text || ' ' || {_NUMBERS['client_id'].format(id='t.client_id')}" if by_client else "c.key"
    written = f"AND t.file_id = {file_id}" if kind.fact else ""
    cursor.execute(
        f"SELECT {shown}, {_with_numbers('c.before')}::text, {_with_numbers('to_jsonb(t)')}::text"
        f" FROM ledger_intakechange c JOIN {kind.table} t ON {key} = c.key {written}"
        f" WHERE c.file_id = {file_id} AND c.before IS NOT NULL ORDER BY c.id LIMIT {SHOWN}"
    )
    return [
        {"key": found, "columns": _differences(kind, json.loads(before), json.loads(after))}
        for found, before, after in cursor.fetchall()
    ]


def _with_numbers(row: str) -> str:
    """SQL: a row as JSON, its references under the names and numbers that the files use."""
    pairs = []
    for name, number in _NUMBERS.items():
        found = number.format(id=f"({row} ->> '{name}')::bigint")
        pairs.append(f"'{_NAMES[name]}', {found}")
    return f"({row} || jsonb_build_object({', '.join(pairs)}))"


def _differences(kind: Kind, before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[str]]:
    return {
        column.name: [_shown(kind, column.name, before.get(column.name)), _shown(kind, column.name, after[column.name])]
        for column in kind.columns
        if column.name in after and before.get(column.name) != after[column.name]
    }


def _shown(kind: Kind, name: str, value: Any) -> str:
    if value is None:
        return ""
    money = kind.column(name).type == Type.MONEY
    return f"{Decimal(to_yuan(int(value))).normalize():f}" if money else str(value)
