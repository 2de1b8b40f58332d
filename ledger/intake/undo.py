"""Taking a batch back (U12): what it added goes, what it changed becomes what it was. Newest first, all or nothing.

A batch is refused when a later one changed the same rows, or when something else hangs on records that it brought.
"""

from collections.abc import Iterable
from datetime import date

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper

from clients import search
from clients.services.care import refresh_reviews
from crm.clock import now
from ledger.intake.errors import UndoRefused
from ledger.intake.kinds import KINDS, Kind
from ledger.intake.masters import set_paths
from ledger.intake.story import forget_moves
from ledger.models import BatchState, FileState, IntakeBatch, IntakeFile
from org.audit import record
from org.rights import require

_UNDOABLE = (BatchState.DONE, BatchState.PARTLY, BatchState.FAILED, BatchState.UNDOING)
#: Columns that are not the core system's and stay as they are when a row is put back.
_OURS = {"id", "user_id", "path"}
#: The manager of client `t` when its row becomes `old` again: one who took over by hand, before the batch or after it,
#: is another than the core system named last and stays, as long as the client stays in the branch.
_MANAGER = (
    "CASE WHEN t.manager_id IS DISTINCT FROM t.core_manager_id AND t.branch_id = old.branch_id"
    " THEN t.manager_id ELSE old.manager_id END"
)
#: Tables that are made from what the intake brings, with their client column: they go with a client that goes.
_DERIVED: list[tuple[str, str, str]] = [
    ("ledger_clienttotals", "client_id", ""),
    ("ledger_monthlyfact", "client_id", ""),
    ("ledger_dirtymonth", "client_id", ""),
    ("clients_clientsearch", "client_id", ""),
    # A care row that nobody has written on was made by the intake itself.
    ("clients_clientcare", "client_id", "changed_at IS NULL AND confirmed = '{}'::jsonb"),
]


def register_derived(table: str, column: str = "client_id", condition: str = "") -> None:
    """Tell that a table's rows are made by the night and may go with their client when an intake is undone.

    `condition`: SQL that picks the rows meant, where a table also holds what people wrote. For `AppConfig.ready`.
    """
    entry = (table, column, condition)
    if entry not in _DERIVED:
        _DERIVED.append(entry)


def undo(batch: IntakeBatch, *, user=None) -> IntakeBatch:
    """Take a batch back now, its updates included. `user`: None for the command line.

    Raises UndoRefused, PermissionDenied; then nothing has changed.
    """
    if user is not None:
        require(user, "intake.run")
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('ledger.intake'))")
            batch = IntakeBatch.objects.select_for_update().get(pk=batch.pk)
            _check_state(batch)
            files = list(batch.files.filter(state__in=[FileState.DONE, FileState.SAME]).order_by("-position", "-pk"))
            done = [file for file in files if file.state == FileState.DONE]
            _refuse_if_changed_later(cursor, batch, done)
            for file in done:
                _undo_file(cursor, file, batch)
            # Foreign keys are checked at the end of a transaction; here it must be known before.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
            IntakeFile.objects.filter(pk__in=[file.pk for file in files]).update(state=FileState.UNDONE)
            batch.state, batch.undone_at, batch.undone_by = BatchState.UNDONE, now(), user
            batch.problem, batch.progress = "", {}
            batch.save(update_fields=["state", "undone_at", "undone_by", "problem", "progress"])
            record("intake.undo", user=user, object_kind="intake", object_no=str(batch.pk))
    except IntegrityError as error:
        table = getattr(getattr(error.__cause__, "diag", None), "table_name", "") or ""
        raise UndoRefused("undo_in_use", table=table) from error
    return batch


def begin_undo(batch: IntakeBatch, *, user) -> IntakeBatch:
    """Mark a batch as being undone, for a worker to do it (`finish_undo`). Raises UndoRefused, PermissionDenied."""
    require(user, "intake.run")
    with transaction.atomic():
        batch = IntakeBatch.objects.select_for_update().get(pk=batch.pk)
        if batch.state == BatchState.UNDOING:
            return batch
        _check_state(batch)
        batch.progress = {"was": batch.state}
        batch.state, batch.undone_by, batch.heartbeat_at, batch.problem = BatchState.UNDOING, user, now(), ""
        batch.save(update_fields=["state", "undone_by", "heartbeat_at", "problem", "progress"])
    return batch


def finish_undo(batch_id: int) -> IntakeBatch:
    """Undo a batch marked for it; refused, it is again what it was, with the reason in `problem`."""
    batch = IntakeBatch.objects.select_related("undone_by").get(pk=batch_id)
    if batch.state != BatchState.UNDOING:
        return batch
    try:
        return undo(batch, user=batch.undone_by)
    except (UndoRefused, PermissionDenied) as refusal:
        code = refusal.code if isinstance(refusal, UndoRefused) else "undo_not_allowed"
        detail = refusal.detail if isinstance(refusal, UndoRefused) else {}
        was = batch.progress.get("was", BatchState.DONE)
        IntakeBatch.objects.filter(pk=batch_id, state=BatchState.UNDOING).update(
            state=was, problem=code, progress=detail, undone_by=None
        )
        return IntakeBatch.objects.get(pk=batch_id)


def _check_state(batch: IntakeBatch) -> None:
    if batch.dry_run:
        raise UndoRefused("undo_dry_run")
    if batch.state == BatchState.UNDONE:
        raise UndoRefused("undone_before")
    if batch.state not in _UNDOABLE:
        raise UndoRefused("undo_not_done")


def _refuse_if_changed_later(cursor: CursorWrapper, batch: IntakeBatch, files: list[IntakeFile]) -> None:
    """Refuse if another batch overwrote a row of this one: its picture of the row would be lost."""
    if not files:
        return
    cursor.execute(
        """
        WITH mine AS (SELECT kind, key, max(id) AS id FROM ledger_intakechange WHERE file_id = ANY(%(files)s) GROUP BY 1, 2)
        SELECT f.batch_id FROM ledger_intakechange c JOIN ledger_intakefile f ON f.id = c.file_id
         WHERE f.batch_id <> %(batch)s AND f.state = 'done' AND c.kind = ANY(%(kinds)s)
           AND ((c.before ->> 'file_id')::bigint = ANY(%(files)s)
                OR EXISTS (SELECT FROM mine WHERE mine.kind = c.kind AND mine.key = c.key AND mine.id < c.id))
         ORDER BY f.batch_id DESC LIMIT 1""",
        {"files": [f.pk for f in files], "batch": batch.pk, "kinds": sorted({f.kind for f in files})},
    )
    later = cursor.fetchone()
    if later:
        raise UndoRefused("undo_later_batch", batch=later[0])


def _undo_file(cursor: CursorWrapper, file: IntakeFile, batch: IntakeBatch) -> None:
    kind = KINDS[file.kind]
    if kind.fact:
        _undo_facts(cursor, kind, file)
    else:
        _undo_masters(cursor, kind, file, batch)
        forget_moves(file.pk)
    cursor.execute("DELETE FROM ledger_intakechange WHERE file_id = %s", [file.pk])


# --- Facts --------------------------------------------------------------------------------------------------------


def _undo_facts(cursor: CursorWrapper, kind: Kind, file: IntakeFile) -> None:
    if not file.months:
        return
    table = kind.table
    # The months keep the search within the partitions that the file touched.
    first, last = (date.fromisoformat(month) for month in (min(file.months), max(file.months)))
    within = f"date >= '{first}' AND date < date '{last}' + interval '1 month' AND file_id = {file.pk}"
    before = (
        f"SELECT (jsonb_populate_record(NULL::{table}, before)).* FROM ledger_intakechange WHERE file_id = {file.pk}"
    )
    cursor.execute(
        "INSERT INTO ledger_dirtymonth (client_id, month) SELECT DISTINCT client_id, date_trunc('month', date)::date"
        f" FROM (SELECT client_id, date FROM {table} WHERE {within} UNION ALL"
        f" SELECT client_id, date FROM ({before}) old) touched"
    )
    cursor.execute(f"DELETE FROM {table} WHERE {within}")
    cursor.execute(f"INSERT INTO {table} ({_names(cursor, table)}) SELECT {_names(cursor, table)} FROM ({before}) old")


def _names(cursor: CursorWrapper, table: str, leave_out: Iterable[str] = ()) -> str:
    cursor.execute(
        "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = %s::regclass"
        " AND attnum > 0 AND NOT attisdropped AND NOT attname = ANY(%s)",
        [table, list(leave_out)],
    )
    return cursor.fetchone()[0]


# --- Masters ------------------------------------------------------------------------------------------------------


def _undo_masters(cursor: CursorWrapper, kind: Kind, file: IntakeFile, batch: IntakeBatch) -> None:
    table, key = kind.table, kind.key[0]
    names = _names(cursor, table, _OURS)
    kept = {"manager_id": _MANAGER} if kind.name == "clients" else {}
    old_names = ", ".join(kept.get(name, f"old.{name}") for name in names.split(", "))
    cursor.execute(
        f"UPDATE {table} t SET ({names}) = ROW({old_names}) FROM ledger_intakechange c,"
        f" LATERAL jsonb_populate_record(NULL::{table}, c.before) old"
        f" WHERE c.file_id = {file.pk} AND c.before IS NOT NULL AND t.{key} = c.key RETURNING t.id"
    )
    restored = [row[0] for row in cursor.fetchall()]
    if kind.name == "clients":
        _remove_clients(cursor, file, batch)
        search.refresh(client_ids=restored)
        refresh_reviews()
    elif kind.name == "accounts":
        cursor.execute("DELETE FROM clients_account WHERE file_id = %s", [file.pk])
    else:
        added = f"SELECT key FROM ledger_intakechange WHERE file_id = {file.pk} AND before IS NULL"
        if kind.name == "staff":
            cursor.execute(f"SELECT 1 FROM org_staff WHERE user_id IS NOT NULL AND staff_no IN ({added}) LIMIT 1")
            if cursor.fetchone():
                raise UndoRefused("undo_in_use", table="org_user")
        cursor.execute(f"DELETE FROM {table} WHERE {key} IN ({added})")
        if kind.name == "branches":
            set_paths(cursor)


def _remove_clients(cursor: CursorWrapper, file: IntakeFile, batch: IntakeBatch) -> None:
    """Remove the clients that a file added, and what the night made of them."""
    gone = f"(SELECT id FROM clients_client WHERE file_id = {file.pk})"
    for kind in KINDS.values():
        if kind.fact:
            # Facts carry no foreign key. This batch's own are gone by now: facts are undone before masters.
            cursor.execute(f"SELECT 1 FROM {kind.table} WHERE client_id IN {gone} LIMIT 1")
            if cursor.fetchone():
                raise UndoRefused("undo_in_use", table=kind.table)
    for table, column, condition in _DERIVED:
        only = f" AND ({condition})" if condition else ""
        cursor.execute(f"DELETE FROM {table} WHERE {column} IN {gone}{only}")
    cursor.execute("DELETE FROM clients_client WHERE file_id = %s", [file.pk])
