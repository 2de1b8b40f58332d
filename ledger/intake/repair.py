"""From raw text to repaired text in our columns: the mapping's transforms, then each column's rules, in one statement.

Rows that cannot be repaired go to the rejects with the first thing that is wrong with them.
"""

from datetime import date

from ledger.intake import values
from ledger.intake.kinds import Column
from ledger.intake.stage import Stage
from ledger.intake.transforms import Transforms


def repair(stage: Stage, *, file: str, business_date: date) -> None:
    """Empty `raw` into `rows` and `rejects`. Sets `stage.read` where the mapping chooses or folds lines."""
    if stage.direct and not stage.odd:
        return
    transforms = Transforms(stage.layout, file=file, business_date=business_date)
    fixed = f"{stage.raw}_fixed"
    count = stage.sql(f"CREATE UNLOGGED TABLE {fixed} AS {_repaired(stage, transforms)}")
    if not stage.direct:
        stage.read = count
    if stage.product.fold:
        _fold(stage, fixed)
    stage.sql(
        f"INSERT INTO {stage.rejects} SELECT line, height, reason, col, left(val, 200) FROM {fixed}"
        " WHERE reason IS NOT NULL"
    )
    columns = ", ".join(stage.columns)
    shaped = ", ".join(f"v_{name}::{values.staged(stage.kind.column(name))}" for name in stage.columns)
    stage.sql(
        f"INSERT INTO {stage.rows} (line, height, {columns}) SELECT line, height, {shaped} FROM {fixed}"
        " WHERE reason IS NULL ORDER BY line"
    )
    stage.sql(f"DROP TABLE {fixed}")


def _repaired(stage: Stage, transforms: Transforms) -> str:
    """The layers of the repair. OFFSET 0 keeps each layer from being computed again in the next."""
    columns = [stage.kind.column(name) for name in stage.columns]
    raw = ", ".join(f"{_source(stage, transforms, c)} AS r_{c.name}" for c in columns)
    folded = ", ".join(f"{values.folded(c, f'r_{c.name}')} AS f_{c.name}" for c in columns)
    shaped = ", ".join(f"{values.shaped(c, f'f_{c.name}')} AS v_{c.name}" for c in columns)
    judged = ", ".join(f"{values.complaint(c, f'r_{c.name}', f'v_{c.name}')} AS e_{c.name}" for c in columns)
    unwanted = [f"WHEN {transforms.meets(c)} THEN {values.literal(c.reason)}" for c in stage.product.reject]
    refused = "CASE " + " ".join(unwanted) + " END" if unwanted else "NULL::text"
    only = " AND ".join(transforms.meets(condition) for condition in stage.product.only)
    chosen = f"WHERE problem IS NOT NULL OR ({only})" if only else ""
    trimmed = ", ".join(f"{values.trimmed(f'o.c{n}')} AS t{n}" for n in range(len(stage.layout.names)))
    names = ", ".join(f"v_{c.name}" for c in columns)
    return f"""
        SELECT line, coalesce(height, 1) AS height, {names},
               coalesce(problem, refused, {", ".join(f"e_{c.name}" for c in columns)}) AS reason,
               CASE WHEN problem IS NOT NULL OR refused IS NOT NULL THEN '' {_first(columns, "'{name}'")} END AS col,
               CASE WHEN problem IS NOT NULL OR refused IS NOT NULL THEN ''
                    {_first(columns, "coalesce(r_{name}, '')")} END AS val
          FROM (SELECT *, {judged}
                  FROM (SELECT *, {shaped}
                          FROM (SELECT *, {folded}
                                  FROM (SELECT line, height, problem, {refused} AS refused, {raw}
                                          FROM (SELECT {stage.line("o")} AS line, o.height, o.problem, {trimmed}
                                                  FROM {stage.raw} o OFFSET 0) l
                                         {chosen} OFFSET 0) a
                                OFFSET 0) b
                        OFFSET 0) c
                OFFSET 0) d"""


def _first(columns: list[Column], form: str) -> str:
    return " ".join(f"WHEN e_{c.name} IS NOT NULL THEN {form.format(name=c.name)}" for c in columns)


def _source(stage: Stage, transforms: Transforms, column: Column) -> str:
    if stage.product.named:
        return transforms.raw(column.name)
    return values.trimmed(transforms.value(stage.product.columns[column.name]))


def _fold(stage: Stage, fixed: str) -> None:
    """Keep one row per key, the first or the last that is good. Lines without a key make no row of this kind."""
    keys = ", ".join(f"v_{name}" for name in stage.kind.key)
    missing = " OR ".join(f"v_{name} IS NULL" for name in stage.kind.key)
    order = "DESC" if stage.product.fold == "last" else "ASC"
    every = f"{fixed}_all"
    stage.sql(f"ALTER TABLE {fixed} RENAME TO {every}")
    stage.read = stage.sql(
        f"CREATE UNLOGGED TABLE {fixed} AS SELECT DISTINCT ON ({keys}) * FROM {every} WHERE NOT ({missing})"
        f" ORDER BY {keys}, (reason IS NOT NULL), line {order}"
    )
    stage.sql(f"DROP TABLE {every}")
