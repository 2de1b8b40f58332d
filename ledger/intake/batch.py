"""Batches: what a delivery consists of, and taking it in file by file, so that a break leaves nothing half done.

Each file is one transaction: its rows, its rejects, its counts and its state become visible together or not at all.
A batch whose runner died is taken up by the next one, which goes on with the files that are not done.
"""

import logging
import shutil
import time
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q

from crm.clock import now
from ledger.intake import mapping as mappings
from ledger.intake.errors import FileRefused
from ledger.intake.kinds import ORDER
from ledger.intake.mapping import Mapping
from ledger.intake.onefile import take_file
from ledger.intake.progress import Progress
from ledger.intake.rejects import rejects_of_dry_run
from ledger.intake.sources import check_format, members, plain_name
from ledger.models import BatchState, FileState, IntakeBatch, IntakeFile, IntakeReject
from org.audit import record
from org.rights import require

logger = logging.getLogger(__name__)

#: A runner that has not been heard of for so long is dead.
STALE_AFTER = timedelta(seconds=60)
#: A batch that killed its runner so often is not tried again by itself.
MOST_ATTEMPTS = 3
UNFINISHED = (BatchState.WAITING, BatchState.RUNNING)


def create(
    paths: Iterable[str | Path],
    *,
    mapping: str = mappings.DEFAULT,
    business_date: date,
    source: str,
    user=None,
    dry_run: bool = False,
    names: Sequence[str] | None = None,
) -> IntakeBatch:
    """Put down a batch of files and folders to be taken in. `names`: what files are called, if not as their paths.

    Raises MappingError for an unknown mapping, PermissionDenied if the user may not run the intake.
    """
    if user is not None:
        require(user, "intake.run")
    declared = mappings.load(mapping)
    planned: list[IntakeFile] = []
    for position, path in enumerate(map(Path, paths)):
        for name, file in _listed(path, declared, names[position] if names else ""):
            planned += _plan(name, file, declared)
    planned.sort(key=lambda file: (ORDER.get(file.kind, -1), file.name))
    with transaction.atomic():
        batch = IntakeBatch.objects.create(
            source=source, mapping=mapping, business_date=business_date, dry_run=dry_run, created_by=user
        )
        for position, row in enumerate(planned):
            row.batch, row.position = batch, position
        IntakeFile.objects.bulk_create(planned)
        detail = {"mapping": mapping, "date": business_date.isoformat(), "files": len(planned), "dry_run": dry_run}
        record("intake.run", user=user, object_kind="intake", object_no=str(batch.pk), detail=detail)
    return batch


def _listed(path: Path, declared: Mapping, name: str) -> list[tuple[str, Path]]:
    """Files of a path, each with its name relative to the delivery."""
    if not path.is_dir():
        return [(name or path.name, path)]
    found = [(file.name, file) for file in sorted(path.iterdir())]
    for folder in sorted(declared.folders):
        inside = sorted((path / folder).iterdir()) if (path / folder).is_dir() else []
        named = ((file.relative_to(path).as_posix(), file) for file in inside)
        # Beside what a mapping looks for in a folder below, other things may lie about there.
        found += [(name, file) for name, file in named if declared.rule_for(plain_name(name))]
    return [(name, file) for name, file in found if file.is_file() and file.name[0] not in "._"]


def _plan(name: str, path: Path, declared: Mapping) -> list[IntakeFile]:
    """What a file will yield; a file refused beforehand stands there with its reason."""
    if declared.ignores(plain_name(name)):
        return []
    try:
        if not name.lower().endswith(".zip"):
            return _plan_one(name, path, "", declared)
        inside = [
            file
            for member in members(path)
            if not declared.ignores(plain_name(member))
            for file in _plan_one(f"{name}/{member}", path, member, declared)
        ]
        if not inside:
            raise FileRefused("empty_file")
        return inside
    except FileRefused as refusal:
        return [_refused(name, path, refusal)]


def _plan_one(name: str, path: Path, member: str, declared: Mapping) -> list[IntakeFile]:
    try:
        rule = declared.rule_for(plain_name(name))
        check_format(member or name)
        if rule is None:
            raise FileRefused("unknown_kind")
        size = path.stat().st_size if path.exists() else 0
        return [
            IntakeFile(name=name[:255], path=str(path.absolute()), member=member, kind=product.kind.name, size=size)
            for product in rule.products
        ]
    except FileRefused as refusal:
        return [_refused(name, path, refusal)]


def _refused(name: str, path: Path, refusal: FileRefused) -> IntakeFile:
    return IntakeFile(
        name=name[:255],
        path=str(path.absolute()),
        state=FileState.REFUSED,
        error=refusal.code,
        error_detail=refusal.detail,
    )


# --- Running ------------------------------------------------------------------------------------------------------


def run(batch_id: int) -> IntakeBatch:
    """Take in the files of a batch that are not done yet; returns the batch as it then stands.

    Does nothing if somebody else is at it, or if it is finished. Unforeseen errors stop the batch and are raised.
    """
    runner = uuid.uuid4()
    batch = _claim(batch_id, runner)
    if batch is None:
        return IntakeBatch.objects.get(pk=batch_id)
    declared = mappings.load(batch.mapping)
    waiting = list(batch.files.filter(state=FileState.WAITING).order_by("position", "pk"))
    try:
        with Progress(batch.pk, runner) as progress:
            if batch.dry_run:
                _dry_run(batch, waiting, declared, progress)
            else:
                for file in waiting:
                    _take_alone(file.pk, declared, progress)
    except (OperationalError, InterfaceError):
        # The database is gone, and with it the way to say so. The batch is taken up again when it is back.
        logger.exception("Intake batch %s: the database went away.", batch.pk)
        raise
    except Exception:
        IntakeBatch.objects.filter(pk=batch.pk, runner=runner).update(
            state=BatchState.FAILED, problem="failed", finished_at=now()
        )
        raise
    return _finish(batch)


def _claim(batch_id: int, runner: uuid.UUID) -> IntakeBatch | None:
    """Make the batch ours if nobody alive has it."""
    free = Q(state=BatchState.WAITING) | Q(state=BatchState.RUNNING, heartbeat_at__lt=now() - STALE_AFTER)
    claimed = IntakeBatch.objects.filter(free, pk=batch_id).update(
        state=BatchState.RUNNING, runner=runner, heartbeat_at=now(), attempts=F("attempts") + 1, problem=""
    )
    if not claimed:
        return None
    IntakeBatch.objects.filter(pk=batch_id, started_at=None).update(started_at=now())
    return IntakeBatch.objects.get(pk=batch_id)


def _take_alone(file_id: int, declared: Mapping, progress: Progress) -> None:
    """One file in one transaction; refused, it is put down as such."""
    try:
        with transaction.atomic():
            file = _locked(file_id)
            if file.state != FileState.WAITING:
                return
            take_file(file, declared, progress.teller(file))
            file.save()
    except FileRefused as refusal:
        _note_refusal(file_id, refusal)


def _locked(file_id: int) -> IntakeFile:
    """The file's row, locked, after every other intake has ended: batches take turns, file by file."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('ledger.intake'))")
    return IntakeFile.objects.select_for_update(of=("self",)).select_related("batch").get(pk=file_id)


def _note_refusal(file_id: int, refusal: FileRefused) -> None:
    IntakeFile.objects.filter(pk=file_id, state=FileState.WAITING).update(
        state=FileState.REFUSED, error=refusal.code, error_detail=refusal.detail
    )


class _RolledBack(Exception):
    pass


def _dry_run(batch: IntakeBatch, waiting: list[IntakeFile], declared: Mapping, progress: Progress) -> None:
    """Take everything in, look, and roll it all back; what was seen is put down afterwards."""
    seen: list[IntakeFile] = []
    rejects: list[IntakeReject] = []
    try:
        with transaction.atomic():
            for waiting_file in waiting:
                file = _locked(waiting_file.pk)
                try:
                    with transaction.atomic():
                        take_file(file, declared, progress.teller(file))
                        file.save()
                        rejects += rejects_of_dry_run(file)
                except FileRefused as refusal:
                    file = IntakeFile.objects.get(pk=file.pk)
                    file.state, file.error, file.error_detail = FileState.REFUSED, refusal.code, refusal.detail
                seen.append(file)
            raise _RolledBack
    except _RolledBack:
        pass
    with transaction.atomic():
        for file in seen:
            file.save()
        IntakeReject.objects.bulk_create(rejects, batch_size=1000)


def _finish(batch: IntakeBatch) -> IntakeBatch:
    refused = batch.files.filter(state=FileState.REFUSED).exists()
    batch.refresh_from_db()
    batch.state = BatchState.PARTLY if refused else BatchState.DONE
    batch.finished_at, batch.progress = now(), {}
    batch.save(update_fields=["state", "finished_at", "progress"])
    if batch.source in ("upload", "api"):
        _forget_uploads(batch)
    return batch


def _forget_uploads(batch: IntakeBatch) -> None:
    """Uploaded copies hold personal data and have served; what was rejected is kept with its lines."""
    root = uploads_folder()
    for folder in {Path(path).parent for path in batch.files.values_list("path", flat=True)}:
        if folder.parent == root:
            shutil.rmtree(folder, ignore_errors=True)


def uploads_folder() -> Path:
    """Where uploads wait for the intake; workers on other machines need to see it, too."""
    return (Path(settings.MEDIA_ROOT) / "intake").absolute()


# --- Taking up what was left ----------------------------------------------------------------------------------------


def left_behind() -> list[int]:
    """Batches that wait for a runner, or whose runner died; those that killed too many are marked as failed."""
    silent = Q(state=BatchState.RUNNING, heartbeat_at__lt=now() - STALE_AFTER)
    IntakeBatch.objects.filter(silent, attempts__gte=MOST_ATTEMPTS).update(
        state=BatchState.FAILED, problem="failed", finished_at=now()
    )
    # An upload just made is rung for by its own message; after a minute that message is lost.
    forgotten = Q(state=BatchState.WAITING, created_at__lt=now() - STALE_AFTER)
    return list(IntakeBatch.objects.filter(silent | forgotten).order_by("pk").values_list("pk", flat=True))


def forget_orphans(older_than: timedelta = timedelta(days=1)) -> int:
    """Remove uploads that no batch knows: the web server ended before it wrote the batch. Returns the folders removed.

    They hold personal data. A younger one may belong to an upload on its way.
    """
    root = uploads_folder()
    if not root.is_dir():
        return 0
    before = time.time() - older_than.total_seconds()
    aged = []
    for folder in root.iterdir():
        with suppress(FileNotFoundError):  # another worker was faster
            if folder.is_dir() and folder.stat().st_mtime <= before:
                aged.append(folder)
    if not aged:
        return 0
    # By the folder's own name, which is random: the way to it changes when the data moves.
    paths = IntakeFile.objects.values_list("path", flat=True)
    known = {Path(path).parent.name for path in paths.iterator()}
    orphans = [folder for folder in aged if folder.name not in known]
    for folder in orphans:
        shutil.rmtree(folder, ignore_errors=True)
    return len(orphans)


def undoing_left_behind() -> list[int]:
    """Batches whose undoing was broken off: nothing of it has happened, so it starts anew."""
    silent = Q(state=BatchState.UNDOING, heartbeat_at__lt=now() - timedelta(minutes=10))
    return list(IntakeBatch.objects.filter(silent).order_by("pk").values_list("pk", flat=True))


def retry(batch: IntakeBatch, *, user) -> IntakeBatch:
    """Give a failed batch another try, with the files that are not done."""
    require(user, "intake.run")
    retried = IntakeBatch.objects.filter(pk=batch.pk, state=BatchState.FAILED).update(
        state=BatchState.WAITING, attempts=0, problem="", finished_at=None
    )
    if retried:
        record("intake.retry", user=user, object_kind="intake", object_no=str(batch.pk))
    batch.refresh_from_db()
    return batch
