"""Branches, staff, clients and accounts: compares what a file says with what is known and writes only the difference.

A file of an earlier business date than one already taken in adds what is unknown and overwrites nothing: the state
then depends on the files, not on the order in which they came.
"""

from dataclasses import dataclass, field
from datetime import date

from django.db.backends.utils import CursorWrapper

from clients.queries import no_key_sql
from ledger.intake import checks, values
from ledger.intake.kinds import Column, Kind, Type
from ledger.intake.stage import Stage

#: Tables whose rows name the file that last wrote them; for the others every new row is put down as a change.
_NAMES_FILE = ("clients", "accounts")


@dataclass
class Outcome:
    """What was written. `months`: first days of the months whose facts were touched."""

    new: int = 0
    changed: int = 0
    months: list[date] = field(default_factory=list)


def write_masters(stage: Stage, *, file_id: int, business_date: date, newest: date | None) -> Outcome:
    """Check and write the rows of the stage. `newest`: the latest business date of this kind taken in so far."""
    stage.number()
    checks.reject_out_of_range(stage, business_date)
    checks.reject_unknown(stage)
    checks.reject_ends_before_start(stage)
    if checks.has_duplicates(stage):
        checks.settle_duplicates(stage)
    if stage.kind.name == "branches" and "parent_no" in stage.columns:
        _reject_impossible_parents(stage)
    _compare(stage)
    if newest is not None and newest > business_date:
        _reject_older(stage)
    outcome = Outcome()
    outcome.changed = _update(stage, file_id, business_date)
    outcome.new = _insert(stage, file_id, business_date)
    if stage.kind.name == "branches":
        if "parent_no" in stage.columns:
            _set_parents(stage)
        set_paths(stage.cursor)
    stage.same += stage.one(f"SELECT count(*) FROM {stage.work} WHERE id IS NOT NULL AND NOT differs")
    return outcome


# --- Comparing --------------------------------------------------------------------------------------------------------


def _targets(stage: Stage) -> list[tuple[str, str]]:
    """Our table's columns that the file gives, each with the SQL of its value (rows aliased s, references by key)."""
    references = {r.column: r for r in checks.REFERENCES[stage.kind.name]}
    targets = []
    for name in stage.columns:
        if name in references:
            reference = references[name]
            targets.append((reference.target, f"{reference.target}_ref.id"))
        elif name != "parent_no":
            targets.append((name, _value(stage.kind.column(name))))
    return targets


def _value(column: Column) -> str:
    return values.stored(column, f"s.{column.name}")


def _compare(stage: Stage) -> None:
    """Make `work`: each row cast, its references as ids, the id of the known row, and whether they differ."""
    kind, targets = stage.kind, _targets(stage)
    selected = ", ".join(f"{sql} AS {name}" for name, sql in targets)
    joins = [
        f"LEFT JOIN {r.table} {r.target}_ref ON {r.target}_ref.{r.key} = s.{r.column}"
        for r in checks.REFERENCES[kind.name]
        if r.column in stage.columns
    ]
    compared = [name for name, _sql in targets]
    differs = f"({_row('t', compared)}) IS DISTINCT FROM ({_row('v', compared)})"
    parent = ""
    if kind.name == "branches" and "parent_no" in stage.columns:
        parent = ", s.parent_no"
        joins.append("LEFT JOIN org_branch p ON p.id = t.parent_id")
        differs += " OR p.branch_no IS DISTINCT FROM s.parent_no"
    stage.sql(
        f"CREATE UNLOGGED TABLE {stage.work} AS SELECT s.n, t.id, v.*{parent}, ({differs}) AS differs"
        f" FROM {stage.rows} s LEFT JOIN {kind.table} t ON t.{kind.key[0]} = s.{kind.key[0]} {' '.join(joins)}"
        f" CROSS JOIN LATERAL (SELECT {selected} OFFSET 0) v"
    )


def _row(alias: str, names: list[str]) -> str:
    return "ROW(" + ", ".join(f"{alias}.{name}" for name in names) + ")"


def _reject_older(stage: Stage) -> None:
    key = stage.kind.key[0]
    stage.reject(
        "older_than_known",
        f"FROM {stage.rows} s JOIN {stage.work} w ON w.n = s.n WHERE w.id IS NOT NULL AND w.differs",
        key,
        f"s.{key}",
    )
    stage.sql(f"DELETE FROM {stage.work} WHERE id IS NOT NULL AND differs")


# --- Writing ----------------------------------------------------------------------------------------------------------


def _given(stage: Stage) -> list[str]:
    return [name for name, _sql in _targets(stage)]


def _extras(kind: Kind, file_id: int, business_date: date) -> dict[str, str]:
    """Columns that are written with every row, beside those of the file."""
    if kind.name == "clients":
        return {"core_as_of": f"date '{business_date}'", "file_id": str(file_id)}
    return {"file_id": str(file_id)} if kind.name == "accounts" else {}


def _update(stage: Stage, file_id: int, business_date: date) -> int:
    kind, table = stage.kind, stage.kind.table
    stage.sql(
        f"INSERT INTO ledger_intakechange (file_id, kind, key, before) SELECT {file_id}, '{kind.name}',"
        f" t.{kind.key[0]}, to_jsonb(t) FROM {table} t JOIN {stage.work} w ON w.id = t.id WHERE w.differs"
    )
    assigned = [f"{name} = w.{name}" for name in _given(stage) if name != kind.key[0]]
    if "core_manager_id" in _given(stage):
        assigned.append(
            "manager_id = CASE WHEN w.core_manager_id IS DISTINCT FROM t.core_manager_id THEN w.core_manager_id"
            " ELSE t.manager_id END"
        )
    assigned += [f"{name} = {sql}" for name, sql in _extras(kind, file_id, business_date).items()]
    return stage.sql(f"UPDATE {table} t SET {', '.join(assigned)} FROM {stage.work} w WHERE w.id = t.id AND w.differs")


def _insert(stage: Stage, file_id: int, business_date: date) -> int:
    kind, given = stage.kind, _given(stage)
    columns = {name: f"w.{name}" for name in given}
    columns |= {c.name: _nothing(c) for c in kind.columns if c.name not in stage.columns and _is_own(c, kind)}
    columns |= _extras(kind, file_id, business_date)
    if kind.name == "clients":
        columns |= {"no_key": no_key_sql("w.client_no"), "name_key": "w.name"}
        columns.setdefault("core_manager_id", "NULL")
        columns["manager_id"] = columns["core_manager_id"]
    if kind.name == "branches":
        columns |= {"path": "''"}
    if kind.name not in _NAMES_FILE:
        key = kind.key[0]
        stage.sql(
            f"INSERT INTO ledger_intakechange (file_id, kind, key, before)"
            f" SELECT {file_id}, '{kind.name}', {key}, NULL FROM {stage.work} WHERE id IS NULL"
        )
    return stage.sql(
        f"INSERT INTO {kind.table} ({', '.join(columns)}) SELECT {', '.join(columns.values())}"
        f" FROM {stage.work} w WHERE w.id IS NULL ORDER BY w.n"
    )


def _is_own(column: Column, kind: Kind) -> bool:
    """Whether the table has a column of that very name (references have an id instead)."""
    return column.name != "parent_no" and column.name not in {r.column for r in checks.REFERENCES[kind.name]}


def _nothing(column: Column) -> str:
    """SQL of an optional column that the file does not carry, in a new row."""
    if column.nullable:
        return "NULL"
    return "0" if column.type == Type.MONEY else "''"


# --- The tree of branches ---------------------------------------------------------------------------------------------


def _reject_impossible_parents(stage: Stage) -> None:
    """Reject rows whose parent does not exist, and those whose parents lead back to themselves.

    Each rejection may leave other rows without a parent, hence the rounds; branches are few.
    """
    key, parent = "s.branch_no", "s.parent_no"
    while True:
        rejected = stage.reject(
            "unknown_parent",
            f"FROM {stage.rows} s WHERE {parent} IS NOT NULL"
            f" AND NOT EXISTS (SELECT FROM org_branch b WHERE b.branch_no = {parent})"
            f" AND NOT EXISTS (SELECT FROM {stage.rows} o WHERE o.branch_no = {parent})",
            "parent_no",
            parent,
        )
        links = (
            f"SELECT branch_no, parent_no FROM {stage.rows} UNION ALL SELECT b.branch_no, p.branch_no FROM org_branch b"
            f" LEFT JOIN org_branch p ON p.id = b.parent_id"
            f" WHERE NOT EXISTS (SELECT FROM {stage.rows} o WHERE o.branch_no = b.branch_no)"
        )
        rejected += stage.reject(
            "parent_cycle",
            f"FROM {stage.rows} s WHERE {key} IN (WITH RECURSIVE links AS ({links}), up AS ("
            " SELECT branch_no AS start, parent_no AS at FROM links WHERE parent_no IS NOT NULL"
            " UNION SELECT up.start, links.parent_no FROM up JOIN links ON links.branch_no = up.at"
            " WHERE links.parent_no IS NOT NULL) SELECT start FROM up WHERE at = start)",
            "parent_no",
            parent,
        )
        if not rejected:
            return


def _set_parents(stage: Stage) -> None:
    stage.sql(
        f"UPDATE org_branch b SET parent_id = p.id FROM {stage.work} w LEFT JOIN org_branch p"
        " ON p.branch_no = w.parent_no WHERE b.branch_no = w.branch_no AND b.parent_id IS DISTINCT FROM p.id"
    )


def set_paths(cursor: CursorWrapper) -> None:
    """Bring the paths of ids in line with the parents; only those that changed are written."""
    cursor.execute(
        "WITH RECURSIVE tree AS (SELECT id, '/' || id || '/' AS path FROM org_branch WHERE parent_id IS NULL"
        " UNION ALL SELECT b.id, tree.path || b.id || '/' FROM org_branch b JOIN tree ON b.parent_id = tree.id)"
        " UPDATE org_branch b SET path = tree.path FROM tree WHERE tree.id = b.id AND b.path <> tree.path"
    )
