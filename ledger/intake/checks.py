"""Checks of repaired rows that need more than the row itself: references, date ranges, keys that stand twice."""

from dataclasses import dataclass
from datetime import date

from ledger.intake import values
from ledger.intake.kinds import FIRST_DAY, FIRST_FACT_DAY, LAST_DAY, Column, Type
from ledger.intake.stage import Stage


@dataclass(frozen=True)
class Reference:
    """A column that names a row of another table. `target`: our column that takes that row's id."""

    column: str
    table: str
    key: str
    target: str
    reason: str


BRANCH = Reference("branch_no", "org_branch", "branch_no", "branch_id", "unknown_branch")
# Who is in charge follows it where it changes (`masters`): a hand-over made here outlives files that repeat the old name.
MANAGER = Reference("manager_no", "org_staff", "staff_no", "core_manager_id", "unknown_manager")
CLIENT = Reference("client_no", "clients_client", "client_no", "client_id", "unknown_client")

REFERENCES: dict[str, tuple[Reference, ...]] = {
    "branches": (),  # parents are checked by `tree`, for they may stand in the same file
    "staff": (BRANCH,),
    "clients": (BRANCH, MANAGER),
    "accounts": (CLIENT,),
    "assets": (CLIENT,),
    "trades": (CLIENT,),
    "cash_flows": (CLIENT,),
    "fees": (CLIENT,),
}

#: Pairs of dates of which the second may not lie before the first.
SPANS: dict[str, tuple[str, str]] = {
    "branches": ("opened_on", "closed_on"),
    "staff": ("joined_on", "left_on"),
    "clients": ("opened_on", "closed_on"),
    "accounts": ("opened_on", "closed_on"),
}


def reject_unknown(stage: Stage) -> int:
    """Reject rows that name a branch, manager, client or account that does not exist. Returns how many."""
    rejected = 0
    for reference in REFERENCES[stage.kind.name]:
        if reference.column in stage.columns:
            rejected += stage.reject(
                reference.reason,
                f"FROM {stage.rows} s WHERE s.{reference.column} IS NOT NULL AND NOT EXISTS"
                f" (SELECT FROM {reference.table} t WHERE t.{reference.key} = s.{reference.column})",
                reference.column,
                f"s.{reference.column}",
            )
    if stage.kind.name == "trades" and "account_no" in stage.columns:
        rejected += stage.reject(
            "unknown_account",
            f"FROM {stage.rows} s WHERE s.account_no IS NOT NULL AND NOT EXISTS"
            " (SELECT FROM clients_account t WHERE t.account_no = s.account_no)",
            "account_no",
            "s.account_no",
        )
        rejected += stage.reject(
            "account_of_other_client",
            f"FROM {stage.rows} s JOIN clients_account a ON a.account_no = s.account_no"
            " JOIN clients_client c ON c.client_no = s.client_no WHERE a.client_id <> c.id",
            "account_no",
            "s.account_no",
        )
    return rejected


def reject_out_of_range(stage: Stage, business_date: date) -> None:
    """Reject rows with a date before the first day, or after the business date where that cannot be."""
    days = [c for c in map(stage.kind.column, stage.columns) if c.type == Type.DATE]
    if not days:
        return
    conditions = [(c, _out_of_range(c, business_date, fact=stage.kind.fact)) for c in days]
    found = ", ".join(f"coalesce(bool_or({condition}), false)" for _column, condition in conditions)
    stage.cursor.execute(f"SELECT {found} FROM {stage.rows} s")
    for (column, condition), bad in zip(conditions, stage.cursor.fetchone(), strict=True):
        if bad:
            value = f"s.{column.name}"
            stage.reject("date_out_of_range", f"FROM {stage.rows} s WHERE {condition}", column.name, value)


def _out_of_range(column: Column, business_date: date, *, fact: bool) -> str:
    first = FIRST_FACT_DAY if fact else FIRST_DAY
    last = business_date if column.past else LAST_DAY
    return f"(s.{column.name} < date '{first}' OR s.{column.name} > date '{last}')"


def reject_ends_before_start(stage: Stage) -> None:
    """Reject rows whose end lies before their start; a date that the file does not carry is the known one."""
    span = SPANS.get(stage.kind.name)
    if span is None or not set(span) & set(stage.columns):
        return
    start, end = (f"s.{name}" if name in stage.columns else f"t.{name}" for name in span)
    key = stage.kind.key[0]
    known = f"LEFT JOIN {stage.kind.table} t ON t.{key} = s.{key}" if not set(span) <= set(stage.columns) else ""
    stage.reject("ends_before_start", f"FROM {stage.rows} s {known} WHERE {end} < {start}", span[1], end)


def has_duplicates(stage: Stage) -> bool:
    """Whether a key stands more than once. Only if loading has not proved the contrary (`Rising`) it is looked for."""
    if stage.distinct and not stage.odd:
        return False
    if stage.distinct:
        # The clean rows differ; those that were repaired, which alone carry their line, may repeat one of them.
        same = " AND ".join(f"s.{name} = o.{name}" for name in stage.kind.key)
        pairs = f"FROM {stage.rows} o JOIN {stage.rows} s ON {same} AND s.ctid <> o.ctid WHERE o.line IS NOT NULL"
        return bool(stage.one(f"SELECT 1 {pairs} LIMIT 1"))
    keys = ", ".join(stage.kind.key)
    return bool(stage.one(f"SELECT 1 FROM {stage.rows} GROUP BY {keys} HAVING count(*) > 1 LIMIT 1"))


def settle_duplicates(stage: Stage) -> None:
    """Of rows with the same key the first stands; identical ones count as same, others are rejected."""
    stage.number()
    keys = ", ".join(stage.kind.key)
    joined = " AND ".join(f"s.{name} = k.{name}" for name in stage.kind.key)
    whole = ", ".join(values.stored(stage.kind.column(name), f"s.{name}") for name in stage.columns)
    doubles = f"{stage.known}_doubles"
    partition = ", ".join(f"d.{name}" for name in stage.kind.key)
    stage.sql(
        f"CREATE UNLOGGED TABLE {doubles} AS"
        f" SELECT d.n, row_number() OVER w AS nth, d.whole IS NOT DISTINCT FROM first_value(d.whole) OVER w AS same"
        f" FROM (SELECT s.*, {stage.line('s')} AS at, ROW({whole})::text AS whole FROM {stage.rows} s"
        f" JOIN (SELECT {keys} FROM {stage.rows} GROUP BY {keys} HAVING count(*) > 1) k ON {joined}) d"
        f" WINDOW w AS (PARTITION BY {partition} ORDER BY d.at, d.n)"
    )
    stage.same += stage.sql(f"DELETE FROM {stage.rows} WHERE n IN (SELECT n FROM {doubles} WHERE nth > 1 AND same)")
    stage.reject(
        "duplicate_key",
        f"FROM {stage.rows} s JOIN {doubles} d ON d.n = s.n WHERE d.nth > 1 AND NOT d.same",
        stage.kind.key[0],
        f"s.{stage.kind.key[0]}",
    )
    stage.sql(f"DROP TABLE {doubles}")
