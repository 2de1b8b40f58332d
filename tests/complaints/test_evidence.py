"""The evidence pack of a case (H4): whoever gets it can verify it with nothing but the pack; only for who may."""

import hashlib
import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse

from analyses.models import Offer
from complaints.models import Attachment, Complaint
from complaints.services import evidence, files
from org.models import AuditEvent, Role
from tests.complaints.cases import T0, Office
from tests.complaints.test_pages import browser
from tests.factories import StaffFactory

pytestmark = pytest.mark.django_db
AT = T0 + timedelta(days=3)


@pytest.fixture
def office(settings, tmp_path) -> Office:
    settings.MEDIA_ROOT = tmp_path
    return Office()


@pytest.fixture
def complaint(office) -> Complaint:
    for days in (-1, 1):
        day = T0.date() + timedelta(days=days)
        Offer.objects.create(
            client=office.client, product=f"Fund {days}", kind="fund", made_on=day, made_by=office.manager.user
        )
    made = office.take_in(amount=12_345_000)
    office.walk(made, 4)
    paper = SimpleUploadedFile("../Vertrag <1>.txt", "合同 contract".encode(), "text/plain")
    files.attach(made.number, paper, user=office.officer.user, at=T0 + timedelta(days=1))
    return made


def opened(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def verified(found: dict[str, bytes]) -> list[str]:
    """What a stranger finds wrong, by README.txt alone."""
    wrong, manifest = [], json.loads(found["manifest.json"])
    for one in manifest["files"]:
        content = found.get(one["name"], b"")
        if (len(content), hashlib.sha256(content).hexdigest()) != (one["bytes"], one["sha256"]):
            wrong.append(one["name"])
    before, papers = "", set()
    for n, line in enumerate(found["events.jsonl"].decode().splitlines(), start=1):
        event = json.loads(line)
        said = json.loads(event["said"])
        link = hashlib.sha256(event["said"].encode()).hexdigest()
        told = [before, manifest["complaint"], n, event["kind"], event["data"]]
        if link != event["hash"] or [*said[:4], said[6]] != told:
            wrong.append(f"event {n}")
        before = event["hash"]
        papers |= {event["data"].get("sha256")} if event["kind"] == "attached" else set()
    if before != manifest["head"]:
        wrong.append("head")
    return wrong + [
        n for n, c in found.items() if n.startswith("papers/") and hashlib.sha256(c).hexdigest() not in papers
    ]


def test_a_stranger_verifies_the_pack_by_its_readme(office, complaint):
    made = evidence.pack(complaint.number, user=office.officer.user, at=AT)
    found = opened(made.content)
    manifest = json.loads(found["manifest.json"])
    assert {one["name"] for one in manifest["files"]} | {"manifest.json"} == set(found)
    assert verified(found) == []
    assert made.faults == manifest["faults"] == []
    paper = Attachment.objects.get()
    assert found[f"papers/{paper.pk}-{paper.name}"].decode() == "合同 contract"
    assert not any(".." in name or name.startswith("/") for name in found)
    case, client = json.loads(found["case.json"]), json.loads(found["client.json"])
    assert (case["amount_yuan"], case["narrative"], case["step"]) == ("1234.5000", complaint.narrative, 4)
    assert [one["product"] for one in client["offers"]] == ["Fund -1"]  # not what was offered after the receipt
    assert {one["limit"] for one in json.loads(found["deadlines.json"])} >= {"acknowledge", "answer", "step_4"}
    again = evidence.pack(complaint.number, user=office.officer.user, at=AT)
    assert again.content == made.content


@pytest.mark.parametrize("name", ["case.json", "events.jsonl", "papers/"])
def test_a_changed_pack_does_not_verify(office, complaint, name):
    found = opened(evidence.pack(complaint.number, user=office.officer.user, at=AT).content)
    name = next(one for one in found if one.startswith(name))
    found[name] = found[name].replace(b"fund", b"bond").replace(b"contract", b"contrast")
    assert name in verified(found)


def test_a_broken_file_says_so_in_the_pack(office, complaint):
    (Path(evidence.settings.MEDIA_ROOT) / Attachment.objects.get().path).write_bytes(b"another")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE complaints_complaintevent DISABLE TRIGGER USER")
        cursor.execute("UPDATE complaints_complaintevent SET data = '{}' WHERE sequence = 2")
        cursor.execute("ALTER TABLE complaints_complaintevent ENABLE TRIGGER USER")
    made = evidence.pack(complaint.number, user=office.officer.user, at=AT)
    assert len(made.faults) == 2
    assert json.loads(opened(made.content)["manifest.json"])["faults"] == made.faults
    assert "event 2" in verified(opened(made.content))


def test_only_for_who_may_and_each_making_is_in_the_audit_trail(office, complaint):
    url = reverse("complaints:evidence", args=[complaint.number])
    for staff in (office.manager, StaffFactory(branch=office.firm, role=Role.ANALYST)):
        assert browser(staff).post(url).status_code == 403
    assert browser(StaffFactory(role=Role.BRANCH_HEAD)).post(url).status_code == 404
    about = office.take_in(about=office.head)
    assert browser(office.head).post(reverse("complaints:evidence", args=[about.number])).status_code == 404
    assert browser(office.head).get(url).status_code == 405
    assert not AuditEvent.objects.filter(action="complaint.evidence").exists()
    answer = browser(office.head).post(url)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    row = AuditEvent.objects.get(action="complaint.evidence")
    assert (row.user, row.object_no) == (office.head.user, complaint.number)
    assert row.detail["sha256"] == hashlib.sha256(answer.content).hexdigest()
    case = reverse("complaints:case", args=[complaint.number])
    assert url in browser(office.head).get(case).content.decode()
    assert url not in browser(office.manager).get(case).content.decode()
