"""Papers: what is taken, what is refused, who reads them (X3)."""

import io
import zipfile
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from complaints.models import Attachment, ComplaintEvent
from complaints.services import files
from complaints.verify import broken
from crm.clock import now
from org.models import Role
from tests.complaints.cases import Office
from tests.complaints.test_pages import browser
from tests.factories import StaffFactory

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7\nsmall but true"


@pytest.fixture(autouse=True)
def _kept_here(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def office_paper(*parts: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for part in parts:
            archive.writestr(part, "x")
    return made.getvalue()


def send(staff, complaint, name: str, content: bytes):
    upload = SimpleUploadedFile(name, content)
    return browser(staff).post(reverse("complaints:attach", args=[complaint.number]), {"file": upload}, follow=True)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("letter.pdf", PDF),
        ("photo.PNG", b"\x89PNG\r\n\x1a\nrest"),
        ("photo.jpeg", b"\xff\xd8\xff\xe0rest"),
        ("函件.docx", office_paper("[Content_Types].xml", "word/document.xml")),
        ("note.txt", "说明".encode()),
        ("call.wav", b"RIFF\x00\x00\x00\x00WAVEfmt "),
    ],
)
def test_true_papers_are_taken_and_hashed_into_the_file(name, content, tmp_path):
    office = Office()
    complaint = office.take_in(at=now())
    assert name in send(office.officer, complaint, name, content).content.decode()
    row = Attachment.objects.get()
    assert (tmp_path / row.path).read_bytes() == content
    assert ComplaintEvent.objects.get(kind="attached").data["sha256"] == row.sha256
    assert list(broken()) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("letter.pdf", b"MZ\x90\x00 a program with another name"),
        ("program.exe", b"MZ\x90\x00"),
        ("page.html", b"<script>alert(1)</script>"),
        ("letter.docx", office_paper("anything.xml")),
        ("letter.docx", office_paper("word/document.xml", "word/vbaProject.bin")),
        ("letter.docx", PDF),
        ("note.txt", b"\xff\xfe\x00binary"),
        ("empty.pdf", b""),
        ("noextension", PDF),
    ],
)
def test_others_are_refused_and_leave_nothing(name, content, tmp_path):
    office = Office()
    complaint = office.take_in(at=now())
    send(office.officer, complaint, name, content)
    assert not Attachment.objects.exists()
    assert ComplaintEvent.objects.count() == 1
    assert [path for path in Path(tmp_path).rglob("*") if path.is_file()] == []


def test_too_large_a_file_is_refused(monkeypatch):
    office = Office()
    complaint = office.take_in(at=now())
    monkeypatch.setattr(files, "MAX_SIZE", 10)
    assert "20 MB" in send(office.officer, complaint, "letter.pdf", PDF).content.decode()
    assert not Attachment.objects.exists()


def test_a_path_in_the_name_leads_nowhere(tmp_path):
    office = Office()
    complaint = office.take_in(at=now())
    upload = SimpleUploadedFile("x.pdf", PDF)
    upload._name = "..\\..\\etc/passwd.pdf"
    row = files.attach(complaint.number, upload, user=office.officer.user, at=now())
    assert row.name == "passwd.pdf"
    assert (tmp_path / row.path).parent.parent == tmp_path / "complaints"


def test_reading_asks_for_rights_each_time():
    office = Office()
    complaint = office.take_in(at=now())
    send(office.officer, complaint, "letter.pdf", PDF)
    url = reverse("complaints:paper", args=[complaint.number, Attachment.objects.get().pk])
    answer = browser(office.head).get(url)
    assert b"".join(answer.streaming_content) == PDF
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    for stranger in (StaffFactory(), StaffFactory(role=Role.ANALYST), StaffFactory(role=Role.COMPLAINT_OFFICER)):
        assert browser(stranger).get(url).status_code == 404
    about = office.take_in(about=office.head, at=now())
    assert (
        browser(office.head)
        .get(reverse("complaints:paper", args=[about.number, Attachment.objects.get().pk]))
        .status_code
        == 404
    )
