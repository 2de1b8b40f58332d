"""Letters of a case (X1): what they say, that nothing typed is more than text, and that they stay as they were written."""

import hashlib
import re
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client as Browser
from django.urls import reverse
from django.utils import translation

from complaints.models import Attachment, Complaint, ComplaintEvent
from complaints.rules import Refused
from complaints.services import Stale, act
from complaints.services import letters as services
from complaints.verify import broken
from crm import pdf
from tests.complaints.cases import T0, Office

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(settings, tmp_path) -> Office:
    settings.MEDIA_ROOT = tmp_path
    return Office()


@pytest.fixture
def said(monkeypatch):
    """What the letters are made of, as it goes to the engine."""
    found = []
    real = pdf.render

    def render(name, data, *, at):
        found.append(data)
        return real(name, data, at=at)

    monkeypatch.setattr(pdf, "render", render)
    return found


def words(data) -> str:
    rows = [
        text for box in data["boxes"] for row in box["rows"] for text in (box["heading"], row["label"], row["text"])
    ]
    return "\n".join([data["title"], data["to"], *data["paragraphs"]["before"], *rows, *data["paragraphs"]["after"]])


def write(office, complaint, letter="acknowledgement", language="zh-hans", at=T0 + timedelta(hours=30)):
    complaint.refresh_from_db()
    return services.write(
        complaint.number, letter, language, user=office.officer.user, at=at, version=complaint.version
    )


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_each_letter_says_what_the_case_holds(office, said, language):
    complaint = office.take_in(complainant="欧阳㛃𬀩", amount=1_234_500, category="aml")
    paper = write(office, complaint, "acknowledgement", language)
    office.walk(complaint, 5)
    write(office, complaint, "proposal", language)
    other = office.take_in(complainant="甄客户")
    office.walk(other, "closed")
    write(office, other, "closing", language, at=T0 + timedelta(days=30))
    first, second, third = (words(data) for data in said)
    assert "欧阳㛃𬀩" in first
    assert "123.45" in first
    assert "12386" in first
    assert ("法定" in first or "依法" in first) if language == "zh-hans" else "by law" in first
    assert "Fee given back" in second
    assert "The risk sheet was not shown" in second
    assert "Pay the fee back" in third
    assert "2026-11-09" in third
    if language == "zh-hans":
        assert not re.search(r"We |Your |complaint", first)
    made = (Path(settings.MEDIA_ROOT) / paper.path).read_bytes()
    assert made.startswith(b"%PDF-")
    assert hashlib.sha256(made).hexdigest() == paper.sha256


def test_the_letter_stands_in_the_chained_file_and_stays(office):
    complaint = office.take_in(complainant="甄客户")
    paper = write(office, complaint)
    event = ComplaintEvent.objects.filter(complaint=complaint).latest("sequence")
    assert (event.kind, event.data["sha256"], event.data["letter"]) == ("attached", paper.sha256, "acknowledgement")
    act(complaint.number, "correct", {"to": {"complainant": "别人"}, "reason": "x"}, user=office.officer.user, at=T0)
    paper.refresh_from_db()
    assert hashlib.sha256((Path(settings.MEDIA_ROOT) / paper.path).read_bytes()).hexdigest() == event.data["sha256"]
    assert list(broken()) == []


@pytest.mark.parametrize(
    "text",
    [
        '#panic("x")',
        '#read("/etc/passwd")',
        "$ x $ *b* _i_ `c` <l> @r \\ \" ' [ ] { } //",
        "<script>",
        "\u202e倒",
        "a" * 900,
    ],
)
def test_what_people_wrote_is_only_text(office, text):
    complaint = office.take_in(complainant=text[:120], summary=text[:120])
    data = {"text": services.draft(complaint.number, "acknowledgement", "en", user=office.officer.user, at=T0)}
    assert data["text"].startswith(b"%PDF-")


def test_when_a_letter_can_not_be_written(office):
    complaint = office.take_in(complainant="甄客户")
    for letter in ("proposal", "closing"):
        with pytest.raises(Refused):
            write(office, complaint, letter)
    anonymous = office.take_in(party="anonymous", complainant="", client=None, branch=office.branch)
    with pytest.raises(Refused):
        write(office, anonymous)
    assert not Attachment.objects.exists()


def test_a_case_that_moved_on_is_looked_at_again(office):
    complaint = office.take_in(complainant="甄客户")
    with pytest.raises(Stale):
        services.write(complaint.number, "acknowledgement", "en", user=office.officer.user, at=T0, version=99)
    assert not list(Path(settings.MEDIA_ROOT).rglob("*.pdf"))
    assert not Attachment.objects.exists()


def test_through_the_page(office):
    complaint = office.take_in(complainant="甄客户")
    browser = Browser(headers={"Accept-Language": "en"})
    browser.force_login(office.officer.user)
    url = reverse("complaints:letter", args=[complaint.number])
    page = browser.get(reverse("complaints:case", args=[complaint.number])).content.decode()
    assert url in page
    assert 'value="acknowledgement"' in page
    assert 'value="closing"' not in page
    draft = browser.get(url, {"letter": "acknowledgement", "language": "zh-hans"})
    assert (draft.status_code, draft["Content-Type"]) == (200, "application/pdf")
    assert not Attachment.objects.exists()
    form = {"letter": "acknowledgement", "language": "en", "version": Complaint.objects.get().version}
    assert browser.post(url, form).status_code == 302
    paper = Attachment.objects.get()
    sent = browser.get(reverse("complaints:paper", args=[complaint.number, paper.pk]))
    assert b"".join(sent.streaming_content).startswith(b"%PDF-")
    assert browser.post(url, form | {"letter": "sonnet"}).status_code == 302
    assert browser.post(url, form).status_code == 302  # not at that version any more
    assert Attachment.objects.count() == 1


def test_who_may_not_read_it_gets_none(office):
    complaint = office.take_in(complainant="甄客户", about=office.head)
    browser = Browser()
    browser.force_login(office.head.user)
    url = reverse("complaints:letter", args=[complaint.number])
    assert browser.get(url, {"letter": "acknowledgement", "language": "en"}).status_code == 404


def test_the_same_moment_gives_the_same_bytes(office):
    complaint = office.take_in(complainant="甄客户")
    twice = [
        services.draft(complaint.number, "acknowledgement", "zh-hans", user=office.officer.user, at=T0) for _ in "ab"
    ]
    assert twice[0] == twice[1]
    with translation.override("en"), pytest.raises(FileNotFoundError):
        pdf.render("nothing", {}, at=T0)


def test_fonts_are_in_the_file_and_cover_rare_characters(office, tmp_path):
    complaint = office.take_in(complainant="欧阳㛃𬀩龑")
    made = services.draft(complaint.number, "acknowledgement", "zh-hans", user=office.officer.user, at=T0)
    assert b"NotoSerifSC" in made
    assert b"NotoSansSC" in made
    if subprocess.run(["which", "pdftotext"], capture_output=True, check=False).returncode == 0:
        (tmp_path / "a.pdf").write_bytes(made)
        text = subprocess.run(
            ["pdftotext", str(tmp_path / "a.pdf"), "-"], capture_output=True, check=True
        ).stdout.decode()
        assert "欧阳㛃𬀩龑" in text


def test_only_who_handles_the_case_or_assigns_cases_writes_its_letters(office, client):
    """The client's manager sees the case, and a letter speaks for the firm."""
    complaint = office.take_in()
    assert complaint.handler_id != office.manager.pk
    with pytest.raises(Refused, match="writes its letters"):
        services.draft(complaint.number, "acknowledgement", "en", user=office.manager.user, at=T0)
    assert services.may_write(complaint, office.head.user)
    client.force_login(office.manager.user)
    page = client.get(reverse("complaints:case", args=[complaint.number]))
    assert page.status_code == 200
    assert page.context["letters"] is None
    client.force_login(office.officer.user)
    assert client.get(reverse("complaints:case", args=[complaint.number])).context["letters"] is not None
