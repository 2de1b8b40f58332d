"""Assets, trades, cash flows and fees: into their month partitions, each number once whatever its date.

Two ways, the same result. *Append*: when no number of the file can be known yet, rows go straight to their partitions;
a month that did not exist is loaded first and attached afterwards, which builds its index at once instead of row by
row. *Merge*: rows are compared with what is known, and only the difference is written.
"""

from dataclasses import dataclass
from datetime import date

from crm.partitions import ensure_months, month_start, next_month
from ledger.intake import checks, values
from ledger.intake.kinds import FIRST_FACT_DAY, Column, Kind, Type
from ledger.intake.masters import Outcome
from ledger.intake.months import NewMonths, existing_months, partition_name
from ledger.intake.stage import Stage

_JOINED = {"date", "client_no", "account_no"}
#: Each new month filled apart reads the staging table once more; with many small ones rows are better routed.
_MOST_FILLED_APART = 12


def write_facts(stage: Stage, *, file_id: int, business_date: date) -> Outcome:
    """Check and write the rows of the stage; marks the months of the clients concerned as dirty."""
    found = _survey(stage)
    if found.days and not FIRST_FACT_DAY <= found.days[0] <= found.days[-1] <= business_date:
        checks.reject_out_of_range(stage, business_date)
        found = _survey(stage)
    # Without figures the planner takes a range of days for a few rows, and looks clients up one by one.
    stage.sql(f"ANALYZE {stage.rows} ({', '.join(_JOINED & set(stage.columns))})")
    known = _partitions_to_search(stage, found)
    if not known and not checks.has_duplicates(stage):
        return _append(stage, file_id, found)
    checks.reject_unknown(stage)
    if checks.has_duplicates(stage):
        checks.settle_duplicates(stage)
    return _merge(stage, file_id, business_date, known)


@dataclass(frozen=True)
class _Survey:
    """What one look at the staged rows tells. `lowest`, `highest`: of their numbers, None for kinds without."""

    rows: int
    days: list[date]
    lowest: str | None
    highest: str | None

    @property
    def months(self) -> list[date]:
        return sorted({month_start(day) for day in self.days})


def _survey(stage: Stage) -> _Survey:
    number = f'{stage.kind.number} COLLATE "C"' if stage.kind.number else "NULL::text"
    stage.cursor.execute(f"SELECT date, count(*), min({number}), max({number}) FROM {stage.rows} GROUP BY date")
    found = stage.cursor.fetchall()
    # By code points, as the collation "C" has it.
    lowest = min((low for _day, _rows, low, _high in found if low), default=None)
    highest = max((high for _day, _rows, _low, high in found if high), default=None)
    return _Survey(sum(rows for _day, rows, _low, _high in found), sorted(row[0] for row in found), lowest, highest)


def _partitions_to_search(stage: Stage, found: _Survey) -> list[str]:
    """Partitions in which rows of the file may already lie; none is proof that all of them are new.

    Numbers are looked for in every month, since a correction may carry another date. Where the numbers of a partition
    and those of the file do not overlap, nothing needs to be looked for.
    """
    kind = stage.kind
    if not kind.number:
        there = existing_months(kind.table)
        candidates = [partition_name(kind.table, month) for month in found.months if month in there]
        days = ", ".join(f"'{day}'" for day in found.days)
        return [p for p in candidates if stage.one(f"SELECT 1 FROM {p} t WHERE t.date IN ({days}) LIMIT 1")]
    if found.lowest is None:
        return []
    overlapping = []
    for month in sorted(existing_months(kind.table)):
        partition = partition_name(kind.table, month)
        stage.cursor.execute(
            f"SELECT 1 FROM {partition} WHERE {kind.number} BETWEEN %s AND %s LIMIT 1", [found.lowest, found.highest]
        )
        if stage.cursor.fetchone():
            overlapping.append(partition)
    return overlapping


# --- What is written ----------------------------------------------------------------------------------------------


def _values(stage: Stage) -> dict[str, str]:
    """Columns of the fact table that come from the file, each with the SQL of its value (rows aliased s)."""
    given = [stage.kind.column(name) for name in stage.columns if name != "client_no"]
    return {column.name: values.stored(column, f"s.{column.name}") for column in given}


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


def _append(stage: Stage, file_id: int, found: _Survey) -> Outcome:
    table, months = stage.kind.table, found.months
    columns = _values(stage) | _nothing(stage) | {"client_id": "c.id", "file_id": str(file_id)}
    source = f"FROM {_joined(stage)} WHERE {_account_fits(stage)}"
    there = existing_months(table)
    missing = [month for month in months if month not in there]
    once = "" if _few_return(stage, found) else "DISTINCT"
    written = 0
    if 0 < len(missing) <= _MOST_FILLED_APART:
        fresh = NewMonths(stage, table)
        for month in missing:
            only = f" AND {_within(month)}" if len(months) > 1 else ""
            written += fresh.make(month, columns, source + only)
            _mark_dirty(stage, f"SELECT {once} client_id, date '{month}' FROM {partition_name(table, month)}")
        source += "".join(f" AND NOT ({_within(month)})" for month in missing)
    elif missing:
        ensure_months(table, missing)
        missing = []
    if len(missing) < len(months):
        written += stage.one(
            f"WITH put AS (INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} {source}"
            " RETURNING client_id, date), noted AS (INSERT INTO ledger_dirtymonth (client_id, month)"
            f" SELECT {once} client_id, date_trunc('month', date)::date FROM put) SELECT count(*) FROM put"
        )
    # The join left out exactly the rows that these checks reject.
    if written < found.rows:
        checks.reject_unknown(stage)
        months = _survey(stage).months
    return Outcome(new=written, months=months)


def _few_return(stage: Stage, found: _Survey) -> bool:
    """Whether most clients stand in a month once: picking each out once then costs more than it saves."""
    stage.cursor.execute("SELECT n_distinct FROM pg_stats WHERE tablename = %s AND attname = 'client_no'", [stage.rows])
    row = stage.cursor.fetchone()
    clients = 0.0 if row is None else -row[0] * found.rows if row[0] < 0 else row[0]
    return found.rows < 2 * clients * len(found.months)


def _within(month: date) -> str:
    return f"s.date >= date '{month}' AND s.date < date '{next_month(month)}'"


def _mark_dirty(stage: Stage, query: str) -> None:
    """Note the (client, month) pairs of a query for the monthly facts. A pair noted before is noted once more: whoever
    takes the earlier note away need not wait for this transaction, and the rows that it brings are still announced.
    """
    stage.sql(f"INSERT INTO ledger_dirtymonth (client_id, month) {query}")


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
        f"CREATE UNLOGGED TABLE {stage.work} AS SELECT s.n, {selected} FROM {_joined(stage)} WHERE {_account_fits(stage)}"
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
