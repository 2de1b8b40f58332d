"""Photos of notes (V6): nothing of the camera stays, no URL leads to the file, rights are asked for each."""

import io
import uuid
from pathlib import Path

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from org.models import AuditEvent
from tests.factories import ClientFactory
from visits.models import Contact, Photo
from visits.services import photos
from visits.services.photos import picture

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def files(db, settings, tmp_path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    with time_machine.travel("2026-10-08 10:00+08:00", tick=False):
        yield tmp_path


def image(kind: str = "JPEG", size: tuple[int, int] = (40, 20), turned: bool = False) -> bytes:
    """A picture as a phone sends it: with a place, a maker and, if `turned`, an orientation to be followed."""
    exif = Image.Exif()
    exif[0x010F] = "Secretphone"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (31.0, 14.0, 5.0)
    if turned:
        exif[0x0112] = 6
    kept = io.BytesIO()
    Image.new("RGB", size, "red").save(kept, kind, exif=exif, comment=b"Secretphone")
    return kept.getvalue()


def form(client, *sent: bytes, **more) -> dict[str, object]:
    return {
        "key": str(uuid.uuid4()), "channel": "phone", "on": "2026-10-08", "at": "09:30", "outcome": "talk",
        "feeling": "6", "photos": [SimpleUploadedFile(f"{n}.jpg", data) for n, data in enumerate(sent)], **more,
    }  # fmt: skip


def send(client, record, data):
    return client.post(f"/clients/{record.client_no}/contact/note/", data, headers={"Accept": "application/json"})


def test_a_photo_comes_with_its_note_once_and_without_the_camera(client, manager, files):
    record = ClientFactory(manager=manager)
    client.force_login(manager.user)
    data = form(client, image(turned=True), image("PNG"))
    assert send(client, record, data).status_code == 201
    again = data | {"photos": [SimpleUploadedFile("x.jpg", image())]}
    assert send(client, record, again).status_code == 200
    rows = list(Photo.objects.order_by("number"))
    assert [(row.width, row.height) for row in rows] == [(20, 40), (40, 20)], "upright, and nothing twice"
    on_disk = sorted(path for path in files.rglob("*") if path.is_file())
    assert sorted(files / row.path for row in rows) == on_disk
    for path in on_disk:
        kept = path.read_bytes()
        assert not [word for word in (b"Secretphone", b"Exif") if word in kept]
        assert path.stat().st_mode & 0o077 == 0
    page = client.get(f"/clients/{record.client_no}/contact/").content.decode()
    assert page.count("/visits/photos/") == 2


def test_rights_are_asked_for_each_photo_and_reading_is_noted(client, manager, stranger, analyst):
    record = ClientFactory(manager=manager)
    client.force_login(manager.user)
    send(client, record, form(client, image()))
    address = f"/visits/photos/{Photo.objects.get().pk}/"
    answer = client.get(address)
    assert (answer["Content-Type"], answer["Cache-Control"]) == ("image/jpeg", "private, no-store")
    assert Image.open(io.BytesIO(b"".join(answer.streaming_content))).size == (40, 20)
    assert AuditEvent.objects.filter(action="contact.photo", object_no=record.client_no).count() == 1
    for other in (stranger, analyst):
        client.force_login(other.user)
        assert client.get(address).status_code == 404
    assert AuditEvent.objects.filter(action="contact.photo").count() == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"%PDF-1.7 not a picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        image()[:200],
        image("GIF"),
    ],
)
def test_what_is_no_photo_is_refused_by_its_content(data):
    with pytest.raises(ValidationError):
        picture(io.BytesIO(data), len(data))


def test_large_ones_are_made_smaller_and_bombs_are_not_opened(monkeypatch):
    data = image(size=(3200, 800))
    assert (picture(io.BytesIO(data), len(data)).width, picture(io.BytesIO(data), len(data)).height) == (1600, 400)
    with pytest.raises(ValidationError):
        picture(io.BytesIO(data), photos.MAX_SIZE + 1)
    monkeypatch.setattr(photos, "MAX_POINTS", 1_000_000)
    with pytest.raises(ValidationError):
        picture(io.BytesIO(data), len(data))


def test_a_refused_note_leaves_no_file(client, manager, files):
    record = ClientFactory(manager=manager)
    client.force_login(manager.user)
    assert send(client, record, form(client, image(), b"nothing")).status_code == 422
    assert send(client, record, form(client, *[image()] * 4)).status_code == 422
    assert send(client, record, form(client, image(), on="2026-11-08")).status_code == 422
    assert not Contact.objects.exists()
    assert not [path for path in files.rglob("*") if path.is_file()]
