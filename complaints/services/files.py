"""Papers of a case (X3): checked by what is in them, kept where no URL leads, sent with rights asked again."""

import hashlib
import os
import uuid
import zipfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from complaints.models import Attachment, Complaint
from complaints.services.core import act
from org import audit
from org.models import User

#: Largest paper, in bytes.
MAX_SIZE = 20 * 1024 * 1024
#: Papers of one case.
MAX_FILES = 50


def _begins(*signatures: bytes) -> Callable[[BinaryIO], bool]:
    return lambda file: file.read(16).startswith(signatures)


def _office(part: str) -> Callable[[BinaryIO], bool]:
    """Office papers are zip files with a part of their own kind; macros are not taken."""

    def check(file: BinaryIO) -> bool:
        try:
            with zipfile.ZipFile(file) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, OSError, ValueError):
            return False
        return part in names and not any(name.lower().endswith("vbaproject.bin") for name in names)

    return check


def _text(file: BinaryIO) -> bool:
    try:
        return "\x00" not in file.read().decode("utf-8")
    except UnicodeDecodeError:
        return False


def _wave(file: BinaryIO) -> bool:
    head = file.read(12)
    return head[:4] == b"RIFF" and head[8:] == b"WAVE"


#: Extension → (content type sent with it, whether the content is of that kind).
KINDS: dict[str, tuple[str, Callable[[BinaryIO], bool]]] = {
    "pdf": ("application/pdf", _begins(b"%PDF-")),
    "png": ("image/png", _begins(b"\x89PNG\r\n\x1a\n")),
    "jpg": ("image/jpeg", _begins(b"\xff\xd8\xff")),
    "jpeg": ("image/jpeg", _begins(b"\xff\xd8\xff")),
    "docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", _office("word/document.xml")),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _office("xl/workbook.xml")),
    "txt": ("text/plain; charset=utf-8", _text),
    "mp3": ("audio/mpeg", _begins(b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")),
    "wav": ("audio/wav", _wave),
}


def checked(file: UploadedFile) -> tuple[str, str]:
    """Name and content type of a paper. Raises ValidationError: too large, empty, unknown, or not what its name says."""
    name = PurePosixPath(str(file.name).replace("\\", "/")).name.replace("\x00", "")[-120:]
    size = file.size or 0
    if size > MAX_SIZE:
        raise ValidationError(_("A paper has at most 20 MB."))
    if size == 0:
        raise ValidationError(_("The file is empty."))
    extension = name.rpartition(".")[2].lower()
    if extension not in KINDS:
        raise ValidationError(_("Only these kinds are taken: %s") % ", ".join(sorted(KINDS)))
    content_type, check = KINDS[extension]
    file.seek(0)
    is_kind = check(file)  # type: ignore[arg-type]
    file.seek(0)
    if not is_kind:
        raise ValidationError(_("The content is not what the name says."))
    return name, content_type


def attach(
    number: str,
    file: UploadedFile,
    *,
    user: User,
    at: datetime,
    version: int | None = None,
    said: Mapping[str, str] | None = None,
) -> Attachment:
    """Add a paper to a case; the file's hash and what is `said` of it stand in the event.

    Raises ValidationError, Refused, Stale (not at `version` any more), DoesNotExist.
    """
    name, content_type = checked(file)
    path = f"complaints/{at:%Y}/{uuid.uuid4().hex}"
    target = Path(settings.MEDIA_ROOT) / path
    try:
        with transaction.atomic():
            found = Complaint.objects.visible_to(user).get(number=number)
            if found.attachments.count() >= MAX_FILES:
                raise ValidationError(_("A case holds at most %s papers.") % MAX_FILES)
            digest = _write(file, target)
            data = {"name": name, "sha256": digest, "size": file.size, **(said or {})}
            complaint = act(number, "attach", data, user=user, at=at, version=version)
            return Attachment.objects.create(
                complaint=complaint, name=name, kind=content_type, size=file.size or 0, sha256=digest, path=path,
                added_at=at, added_by=user,
            )  # fmt: skip
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _write(file: UploadedFile, target: Path) -> str:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = hashlib.sha256()
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as kept:
        for chunk in file.chunks():
            found.update(chunk)
            kept.write(chunk)
    return found.hexdigest()


def opened(number: str, attachment_id: int, *, user: User) -> tuple[Attachment, BinaryIO]:
    """A paper for reading, with rights asked now. Raises DoesNotExist out of scope, FileNotFoundError."""
    row = Attachment.objects.visible_to(user).get(complaint__number=number, pk=attachment_id)
    file = (Path(settings.MEDIA_ROOT) / row.path).open("rb")
    audit.record("complaint.paper", user=user, object_kind="complaint", object_no=number, detail={"paper": row.pk})
    return row, file
