"""Uploaded files: kept under names of our own until the intake has read them; done in the background."""

import uuid
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from ledger import tasks
from ledger.intake import batch
from ledger.models import IntakeBatch
from org.models import User
from org.rights import require


def take_in_later(
    files: Iterable[UploadedFile], *, mapping: str, business_date: date, source: str, user: User, dry_run: bool
) -> IntakeBatch:
    """Put uploads down as a batch that a worker takes in; progress and counts stand on the batch.

    Raises PermissionDenied, MappingError.
    """
    require(user, "intake.run")
    folder = batch.uploads_folder() / uuid.uuid4().hex
    folder.mkdir(mode=0o700, parents=True)
    paths, names = [], []
    for number, file in enumerate(files):
        # Only the name's own part, and never as a path on our disk.
        name = Path(file.name or "file").name
        path = folder / f"{number}{''.join(Path(name).suffixes[-2:])[:16]}"
        with path.open("wb") as out:
            for chunk in file.chunks():
                out.write(chunk)
        paths.append(path)
        names.append(name)
    with transaction.atomic():
        made = batch.create(
            paths,
            mapping=mapping,
            business_date=business_date,
            source=source,
            user=user,
            dry_run=dry_run,
            names=names,
        )
        tasks.ring(tasks.take_in, batch_id=made.pk)
    return made
