"""Photos of notes (V6): made anew so that nothing of the camera stays, kept where no URL leads, read with rights asked."""

import hashlib
import io
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from org import audit
from org.models import User
from visits.models import Contact, Photo

#: Photos of one note; bytes of a photo as it is sent; its points; points of the longer edge as it is kept.
MAX_PHOTOS, MAX_SIZE, MAX_POINTS, EDGE = 3, 12 * 1024 * 1024, 50_000_000, 1600


@dataclass(frozen=True)
class Picture:
    """A checked photo: a JPEG without anything but the picture."""

    data: bytes
    width: int
    height: int


def picture(file: BinaryIO, size: int) -> Picture:
    """Check a photo by what is in it and make it anew, upright and at most `EDGE` points long; `size` in bytes.

    JPEG, PNG and WebP are taken. Raises ValidationError: empty, too large, another kind, broken.
    """
    from PIL import Image, ImageOps  # not for a process that never sees a photo

    if not size:
        raise ValidationError(_("The file is empty."))
    if size > MAX_SIZE:
        raise ValidationError(_("A photo has at most 12 MB."))
    try:
        with Image.open(file, formats=["JPEG", "PNG", "WEBP"]) as sent:
            if sent.width * sent.height > MAX_POINTS:
                raise ValidationError(_("This photo has too many points."))
            sent.draft("RGB", (EDGE, EDGE))
            upright = ImageOps.exif_transpose(sent)
            upright.thumbnail((EDGE, EDGE))
            # Pasted on white: nothing of the file but its points comes along, see-through ones included.
            clean = Image.new("RGB", upright.size, "white")
            layer = upright.convert("RGBA")
            clean.paste(layer, mask=layer)
    except ValidationError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValidationError(_("This is no photo: JPEG, PNG and WebP are taken.")) from error
    kept = io.BytesIO()
    clean.save(kept, "JPEG", quality=82, optimize=True)
    return Picture(kept.getvalue(), clean.width, clean.height)


def store(contact: Contact, pictures: Sequence[Picture], at: datetime) -> list[Path]:
    """Write the photos of a new note, within its transaction; returns the files, which the caller deletes if that fails."""
    written: list[Path] = []
    try:
        for number, one in enumerate(pictures, 1):
            path = f"visits/{at:%Y}/{uuid.uuid4().hex}"
            target = Path(settings.MEDIA_ROOT) / path
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            written.append(target)
            with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as kept:
                kept.write(one.data)
            Photo.objects.create(
                contact=contact, number=number, width=one.width, height=one.height, size=len(one.data),
                sha256=hashlib.sha256(one.data).hexdigest(), path=path,
            )  # fmt: skip
    except BaseException:
        drop(written)
        raise
    return written


def drop(files: Sequence[Path]) -> None:
    """Delete files whose note was not kept."""
    for file in files:
        file.unlink(missing_ok=True)


def opened(photo_id: int, *, user: User) -> BinaryIO:
    """A photo for reading, with rights asked now; leaves an audit row. Raises Photo.DoesNotExist, FileNotFoundError."""
    row = Photo.objects.visible_to(user).select_related("contact__client").get(pk=photo_id)
    file = (Path(settings.MEDIA_ROOT) / row.path).open("rb")
    client_no = row.contact.client.client_no
    audit.record("contact.photo", user=user, object_kind="client", object_no=client_no, detail={"photo": row.pk})
    return file
