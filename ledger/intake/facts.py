"""Assets, trades, cash flows and fees: into their month partitions, each number once whatever its date.

Two ways, the same result. *Append*: when no number of the file can be known yet, rows go straight to their partitions;
a month that did not exist is loaded first and attached afterwards, which builds its index at once instead of row by
row. *Merge*: rows are compared with what is known, and only the difference is written.
"""

from datetime import date

from crm.partitions import ensure_months, month_start
from ledger.intake import checks, values
from ledger.intake.kinds import Column, Kind, Type
from ledger.intake.masters import Outcome
from ledger.intake.months import NewMonths, existing_months, partition_name
from ledger.intake.stage import Stage

#: Each new month filled apart reads the staging table once more; with many small ones rows are better routed.
_MOST_FILLED_APART = 12


def write_facts(stage: Stage, *, file_id: int, business_date: date) -> Outcome:
    """Check and write the rows of the stage; marks the months of the clients concerned as dirty."""
    checks.reject_out_of_range(stage, business_date)
    months = _months(stage)
    known = _partitions_to_search(stage, months)
    if not known and not checks.has_duplicates(stage):
        return _append(stage, file_id, months)
    checks.reject_unknown(stage)
    if checks.has_duplicates(stage):
        checks.settle_duplicates(stage)
    return _merge(stage, file_id, business_date, known)


def _months(stage: Stage) -> list[date]:
    stage.cursor.execute(f"SELECT DISTINCT left(date, 7) || '-01' FROM {stage.rows} ORDER BY 1")
    return [date.fromisoformat(month) for (month,) in stage.cursor.fetchall()]


def _partitions_to_search(stage: Stage, months: list[date]) -> list[str]:
    """Partitions in which rows of the file may already lie; none is proof that all of them are new.

    Numbers are looked for in every month, since a correction may carry another date. Where the numbers of a partition
    and those of the file do not overlap, nothing needs to be looked for.
    """
    kind = stage.kind
    if not kind.number:
        there = existing_months(kind.table)
        candidates = [partition_name(kind.table, month) for month in months if month in there]
        days = f"(SELECT DISTINCT date::date FROM {stage.rows})"
        return [p for p in candidates if stage.one(f"SELECT 1 FROM {p} t WHERE t.date IN {days} LIMIT 1")]
    number = f'{kind.number} COLLATE "C"'
    stage.cursor.execute(f"SELECT min({number}), max({number}) FROM {stage.rows}")
    lowest, highest = stage.cursor.fetchone()
    if lowest is None:
        return []
    overlapping = []
    for month in sorted(existing_months(kind.table)):
        partition = partition_name(kind.table, month)
        stage.cursor.execute(
            f"SELECT 1 FROM {partition} WHERE {kind.number} BETWEEN %s AND %s LIMIT 1", [lowest, highest]
        )
        if stage.cursor.fetchone():
            overlapping.append(partition)
    return overlapping


# --- What is written ----------------------------------------------------------------------------------------------


def _values(stage: Stage) -> dict[str, str]:
    """Columns of the fact table that come from the file, each with the SQL of its value (rows aliased s)."""
    given = [stage.kind.column(name) for name in stage.columns if name != "client_no"]
    return {column.name: values.cast(column, f"s.{column.name}") for column in given}


def _nothing(stage: Stage) -> dict[str, str]:
    """The optional columns that the file does not carry, as a new row has them."""
    return {c.name: _empty(c) for c in stage.kind.columns if c.name not in stage.columns}


def _empty(column: Column) -> str:
    if column.nullable:
        return "NULL"
    return "0" if column.type == Type.MONEY else "''"


def _joined(stage: Stage) -> str:
    """FROM: rows with their client, and an account only if it is that client's."""
    joined = f"{stage.rows} s JOIN clients_client c ON c.client_no = s.client_no"
    if "account_no" in stage.columns:
        joined += " LEFT JOIN clients_account a ON a.account_no = s.account_no"
    return joined


def _account_fits(stage: Stage) -> str:
    return "(s.account_no IS NULL OR a.client_id = c.id)" if "account_no" in stage.columns else "TRUE"


# --- Append -----------------------------------------------------------------------------------------------------------


def _append(stage: Stage, file_id: int, months: list[date]) -> Outcome:
    table = stage.kind.table
    columns = _values(stage) | _nothing(stage) | {"client_id": "c.id", "file_id": str(file_id)}
    source = f"FROM {_joined(stage)} WHERE {_account_fits(stage)}"
    there = existing_months(table)
    missing = [month for month in months if month not in there]
    written = 0
    if 0 < len(missing) <= _MOST_FILLED_APART:
        fresh = NewMonths(stage, table)
        for month in missing:
            only = f" AND s.date LIKE '{month:%Y-%m}-%'" if len(months) > 1 else ""
            written += fresh.make(month, columns, source + only)
        source += "".join(f" AND s.date NOT LIKE '{month:%Y-%m}-%'" for month in missing)
    elif missing:
        ensure_months(table, missing)
        missing = []
    if len(missing) < len(months):
        written += stage.sql(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} {source}"
        )
    # The join left out exactly the rows that these checks reject.
    if written < stage.one(f"SELECT count(*) FROM {stage.rows}"):
        checks.reject_unknown(stage)
        months = _months(stage)
    written_to = (
        f"SELECT DISTINCT client_id, date '{month}' FROM {partition_name(table, month)} WHERE file_id = {file_id}"
        for month in months
    )
    if months:
        _mark_dirty(stage, " UNION ALL ".join(written_to))
    return Outcome(new=written, months=months)


def _mark_dirty(stage: Stage, query: str) -> None:
    """Note the (client, month) pairs of a query, each once, for the monthly facts.

    A pair noted before is locked, not left alone: the facts step, which takes pairs away before it reads, then waits
    for this transaction instead of missing its rows.
    """
    noted = stage.one("SELECT 1 FROM ledger_dirtymonth LIMIT 1")
    conflict = "ON CONFLICT (client_id, month) DO UPDATE SET month = excluded.month WHERE false" if noted else ""
    stage.sql(
        "INSERT INTO ledger_dirtymonth (client_id, month)"
        f" SELECT client_id, month FROM ({query}) touched (client_id, month) ORDER BY 1, 2 {conflict}"
    )


# --- Merge ------------------------------------------------------------------------------------------------------------


def _merge(stage: Stage, file_id: int, business_date: date, partitions: list[str]) -> Outcome:
    kind = stage.kind
    _make_work(stage)
    _make_known(stage, partitions)
    newer = (
        "SELECT f.id FROM ledger_intakefile f JOIN ledger_intakebatch b ON b.id = f.batch_id"
        f" WHERE b.business_date > '{business_date}' AND f.kind = '{kind.name}' AND f.state = 'done'"
    )
    stage.reject(
        "older_than_known",
        f"FROM {stage.rows} s JOIN {stage.known} k ON k.n = s.n WHERE NOT k.same AND k.file_id IN ({newer})",
        kind.key[0],
        f"s.{kind.key[0]}",
    )
    stage.sql(f"DELETE FROM {stage.known} k WHERE NOT EXISTS (SELECT FROM {stage.rows} s WHERE s.n = k.n)")
    stage.sql(f"DELETE FROM {stage.work} w WHERE NOT EXISTS (SELECT FROM {stage.rows} s WHERE s.n = w.n)")
    same = stage.sql(f"DELETE FROM {stage.work} w USING {stage.known} k WHERE k.n = w.n AND k.same")
    stage.same += same
    stage.sql(f"DELETE FROM {stage.known} WHERE same")
    outcome = Outcome(changed=_take_out_changed(stage, file_id))
    outcome.months = _put_in(stage, file_id)
    outcome.new = stage.one(f"SELECT count(*) FROM {stage.work}") - outcome.changed
    return outcome


def _make_work(stage: Stage) -> None:
    """`work`: the rows cast, with the id of their client. A changed row keeps what the file does not speak of."""
    columns = _values(stage) | {"client_id": "c.id"}
    selected = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    stage.sql(
        f"CREATE UNLOGGED TABLE {stage.work} AS SELECT s.n, {selected}"
        f" FROM {_joined(stage)} WHERE {_account_fits(stage)}"
    )
    stage.sql(f"ANALYZE {stage.work}")


def _make_known(stage: Stage, partitions: list[str]) -> None:
    """`known`: for each row of the file that is there already, where it lies and whether it says the same."""
    kind = stage.kind
    compared = [*_values(stage), "client_id"]
    sides = [", ".join(f"{alias}.{name}" for name in compared) for alias in ("t", "w")]
    key = f"t.{kind.number} = w.{kind.number}" if kind.number else "t.date = w.date AND t.client_id = w.client_id"
    parts = " UNION ALL ".join(
        f"SELECT w.n, t.date AS old_date, t.client_id AS old_client_id, t.file_id,"
        f" ROW({sides[0]}) IS NOT DISTINCT FROM ROW({sides[1]}) AS same FROM {stage.work} w JOIN {p} t ON {key}"
        for p in partitions
    )
    empty = (
        "SELECT 0::bigint AS n, NULL::date AS old_date, 0::bigint AS old_client_id, 0::bigint AS file_id, true AS same"
    )
    stage.sql(f"CREATE UNLOGGED TABLE {stage.known} AS {parts or empty + ' WHERE false'}")
    stage.sql(f"ANALYZE {stage.known}")


def _old(kind: Kind) -> str:
    """Condition that finds the known row (t) of a changed one (w, k)."""
    number = f"t.{kind.number} = w.{kind.number}" if kind.number else "t.client_id = w.client_id"
    return f"t.date = k.old_date AND {number}"


def _take_out_changed(stage: Stage, file_id: int) -> int:
    """Put the known rows of changed ones aside, mark their months, and delete them; returns how many."""
    kind, table = stage.kind, stage.kind.table
    changed = f"{stage.known} k JOIN {stage.work} w ON w.n = k.n"
    key = f"t.{kind.number}" if kind.number else "t.date::text || '/' || t.client_id"
    stage.sql(
        f"INSERT INTO ledger_intakechange (file_id, kind, key, before) SELECT {file_id}, '{kind.name}', {key},"
        f" to_jsonb(t) FROM {table} t, {changed} WHERE {_old(kind)}"
    )
    _mark_dirty(stage, f"SELECT DISTINCT old_client_id, date_trunc('month', old_date)::date FROM {stage.known}")
    # What the file does not speak of goes on as it was.
    absent = list(_nothing(stage))
    if absent:
        stage.sql(f"ALTER TABLE {stage.work} " + ", ".join(f"ADD {_typed(kind, name)}" for name in absent))
        assigned = ", ".join(f"{name} = t.{name}" for name in absent)
        stage.sql(
            f"UPDATE {stage.work} w SET {assigned} FROM {table} t, {stage.known} k WHERE k.n = w.n AND {_old(kind)}"
        )
    return stage.sql(f"DELETE FROM {table} t USING {stage.known} k, {stage.work} w WHERE w.n = k.n AND {_old(kind)}")


def _typed(kind: Kind, name: str) -> str:
    column = kind.column(name)
    types = {Type.MONEY: "bigint", Type.QUANTITY: "numeric", Type.CODE: "text"}
    default = "" if column.nullable else f" DEFAULT {_empty(column)}"
    return f"{name} {types[column.type]}{default}"


def _put_in(stage: Stage, file_id: int) -> list[date]:
    """Insert the new and the changed rows; returns the months they fell into."""
    table = stage.kind.table
    stage.cursor.execute(f"SELECT DISTINCT date_trunc('month', date)::date FROM {stage.work} ORDER BY 1")
    months = [month for (month,) in stage.cursor.fetchall()]
    ensure_months(table, months)
    names = ", ".join([*_values(stage), *_nothing(stage), "client_id"])
    stage.sql(f"INSERT INTO {table} ({names}, file_id) SELECT {names}, {file_id} FROM {stage.work}")
    _mark_dirty(stage, f"SELECT DISTINCT client_id, date_trunc('month', date)::date FROM {stage.work}")
    stage.cursor.execute(f"SELECT DISTINCT date_trunc('month', old_date)::date FROM {stage.known}")
    return sorted({*months, *(month_start(month) for (month,) in stage.cursor.fetchall())})
