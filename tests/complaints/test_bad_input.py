"""What must not go wrong, on the pages and in the API alike: each has a clear answer and nothing good is lost."""

from datetime import date, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from clients.models import Client
from complaints import services
from complaints.models import Attachment, Clock, Complaint
from complaints.services import files
from crm.clock import now
from org.calendar import load
from tests.complaints.cases import RECORDS, T0, ZONE, Office
from tests.complaints.test_api import intake, program, send
from tests.complaints.test_pages import browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(settings, tmp_path) -> Office:
    settings.MEDIA_ROOT = tmp_path
    return Office()


def act(staff, complaint, key, **data):
    complaint.refresh_from_db()
    url = reverse("complaints:act", args=[complaint.number, key])
    return browser(staff).post(url, {"version": complaint.version, **data})


def by_hand(office, **more) -> dict[str, object]:
    """The form of a new case."""
    return {
        "channel": "phone", "category": "fees", "party": "client", "client_no": office.client.client_no, "narrative": "Too dear",
        "received_at": (now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M"), "persons": 1, "severity": "normal",
        "kind": "complaint", "wish": "remedy",
    } | more  # fmt: skip


def new_case(office, **more):
    return browser(office.officer).post(reverse("complaints:new"), by_hand(office, **more))


def test_a_step_out_of_order(office):
    complaint = office.take_in(at=now())
    page = act(office.officer, complaint, "answer", text="We pay", way="letter")
    assert page.status_code == 422
    api = send(program(), f"{complaint.number}/command/", {"command": "answer", "data": {"text": "x", "way": "letter"}})
    assert api.status_code == 400
    complaint.refresh_from_db()
    assert (complaint.state, complaint.step) == ("received", 1)


def test_a_close_without_proof(office):
    complaint = office.walk(office.take_in(), 6)
    for key, data in (
        ("answer", {"text": "We give the fee back.", "way": "letter"}),
        ("follow", {"no": 1, "kept": True, "note": "paid"}),
        ("record", {"record": RECORDS[6]}),
    ):
        services.act(complaint.number, key, data, user=office.officer.user, at=T0 + timedelta(hours=2))
    said = {"result": "upheld", "cause": "information", "proof": " "}
    assert act(office.officer, complaint, "close", **said).status_code == 422
    api = send(program(), f"{complaint.number}/command/", {"command": "close", "data": said})
    assert api.status_code == 400
    complaint.refresh_from_db()
    assert complaint.state == "answered"


def test_no_limit_in_working_days_ends_on_a_holiday(office):
    load([2026])
    received = datetime(2026, 9, 29, 15, 0, tzinfo=ZONE)  # National Day is 1–7 October, the 10th a make-up Saturday
    complaint = office.take_in(at=received)
    ends = {
        row.key: (row.due_at - timedelta(seconds=1)).astimezone(ZONE).date()
        for row in Clock.objects.filter(complaint=complaint)
    }
    off = {date(2026, 10, day) for day in range(1, 8)} | {date(2026, 10, 11)}
    units = {limit["key"]: limit["unit"] for limit in complaint.policy.limits}
    working = {key: day for key, day in ends.items() if units.get(key) == "working_day"}
    assert working, "the policy has a limit in working days"
    assert not off & set(working.values())


@pytest.mark.parametrize(
    ("name", "content"), [("bill.pdf", b"MZ\x90\x00 a program"), ("page.txt.exe", b"MZ"), ("empty.pdf", b"")]
)
def test_a_renamed_program_through_the_api(office, name, content):
    complaint = office.take_in(at=now())
    url = f"/api/v1/complaints/{complaint.number}/papers/"
    answer = program().post(url, {"file": SimpleUploadedFile(name, content)})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "#/file"
    assert not Attachment.objects.exists()


def test_too_large_a_file_through_the_api(office, monkeypatch):
    monkeypatch.setattr(files, "MAX_SIZE", 100)
    complaint = office.take_in(at=now())
    url = f"/api/v1/complaints/{complaint.number}/papers/"
    large = program().post(url, {"file": SimpleUploadedFile("a.pdf", b"%PDF-1.7\n" + b"x" * 100)})
    small = program().post(url, {"file": SimpleUploadedFile("a.pdf", b"%PDF-1.7\nx")})
    assert (large.status_code, small.status_code) == (400, 201)
    assert Attachment.objects.count() == 1


@pytest.mark.parametrize("text", ["<script>alert(1)</script> & <b>fees</b>", "长" * 10_000])
def test_html_and_a_long_text_are_kept_word_for_word(office, text):
    assert new_case(office, narrative=text).status_code == 302
    made = send(program(), data=intake(office, narrative=text))
    assert made.status_code == 201
    assert set(Complaint.objects.values_list("narrative", flat=True)) == {text}
    page = browser(office.officer).get(reverse("complaints:case", args=[made.json()["number"]])).content.decode()
    assert "<script>alert(1)" not in page
    assert "长" * 10_000 in page or "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;b&gt;" in page


def test_an_anonymous_complainant(office):
    assert new_case(office, party="anonymous", client_no="", complainant="").status_code == 302
    made = send(program(), data=intake(office, party="anonymous", client_no="", branch_no=office.branch.branch_no))
    assert made.status_code == 201, made.content
    assert set(Complaint.objects.values_list("party", "client")) == {("anonymous", None)}


def test_against_the_branch_head(office):
    assert new_case(office, about_no=office.head.staff_no).status_code == 302
    made = send(program(), data=intake(office, about_no=office.head.staff_no))
    assert made.status_code == 201, made.content
    for complaint in Complaint.objects.all():
        assert complaint.about_person == office.head
        assert complaint.handler_id not in (None, office.head.pk)
        assert browser(office.head).get(reverse("complaints:case", args=[complaint.number])).status_code == 404


def test_a_client_who_was_merged_away_in_the_core_system(office):
    """The core system closes the number that goes; what its client complains of is still his."""
    Client.objects.filter(pk=office.client.pk).update(status="closed")
    assert new_case(office).status_code == 302
    assert send(program(), data=intake(office)).status_code == 201
    assert set(Complaint.objects.values_list("client", flat=True)) == {office.client.pk}


def test_a_replayed_call_happens_once(office):
    complaint = office.take_in(at=now())
    said = {"command": "note", "reason": "Rang back"}
    headers = {"Idempotency-Key": "note-1"}
    api = program()
    first, again = (send(api, f"{complaint.number}/command/", said, **headers) for _n in range(2))
    assert first.status_code == again.status_code
    assert first.json()["version"] == again.json()["version"]
