"""Pages: queue, board, intake, the case, two at once (X1, X3, X5)."""

from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.urls import reverse

from complaints.models import Complaint, ComplaintEvent
from crm.clock import now
from org.models import Role
from tests.complaints.cases import RECORDS, Office
from tests.factories import StaffFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def office() -> Office:
    return Office()


def browser(staff) -> Browser:
    made = Browser(headers={"Accept-Language": "en"})
    made.force_login(staff.user)
    made.cookies["language"] = "en"
    return made


def post(staff, complaint, key, **data):
    version = data.pop("version", Complaint.objects.get(pk=complaint.pk).version)
    return browser(staff).post(reverse("complaints:act", args=[complaint.number, key]), {"version": version, **data})


FORM = {
    "channel": "phone", "received_at": "2026-11-03T10:00", "party": "client", "persons": "1", "narrative": "<b>Bad</b> fund",
    "category": "products", "severity": "normal", "wish": "heard",
}  # fmt: skip


@pytest.mark.parametrize("rows", [1, 3])
def test_the_queue_costs_the_same_for_any_number_of_cases(office, rows, django_assert_max_num_queries):
    for _ in range(rows):
        office.take_in(at=now() - timedelta(hours=30))
    page = browser(office.officer)
    page.get(reverse("complaints:list"))
    with django_assert_max_num_queries(9):
        answer = page.get(reverse("complaints:list"))
    text = answer.content.decode()
    assert text.count("TS") >= rows
    assert "late by 6 hours" in text


@pytest.mark.parametrize("rows", [1, 3])
def test_the_board_costs_the_same_for_any_number_of_cases(office, rows, django_assert_max_num_queries):
    for _ in range(rows):
        office.take_in(at=now())
    page = browser(office.head)
    page.get(reverse("complaints:board"))
    with django_assert_max_num_queries(14):
        answer = page.get(reverse("complaints:board"))
    assert answer.content.decode().count("crm-board-card") == rows


def test_intake_by_the_form_escapes_what_was_told(office):
    answer = browser(office.officer).post(
        reverse("complaints:new"), FORM | {"client_no": office.client.client_no}, follow=True
    )
    complaint = Complaint.objects.get()
    assert complaint.client == office.client
    assert complaint.complainant == office.client.name
    text = answer.content.decode()
    assert "&lt;b&gt;Bad&lt;/b&gt; fund" in text
    assert "<b>Bad</b>" not in text


def test_a_wrong_form_names_its_fields_and_registers_nothing(office):
    other = StaffFactory(role=Role.COMPLAINT_OFFICER)
    for staff, wrong in (
        (office.officer, {"client_no": "none"}),
        (other, {"client_no": office.client.client_no}),  # of another branch: like one that does not exist
        (office.officer, {"party": "non_client", "about_no": "nobody", "complainant": "x"}),
        (office.officer, {}),
    ):
        answer = browser(staff).post(reverse("complaints:new"), FORM | wrong)
        assert answer.status_code == 422
    assert not Complaint.objects.exists()


def test_a_case_is_walked_through_the_pages(office):
    complaint = office.take_in(at=now())
    assert post(office.officer, complaint, "accept", told_how="By phone").status_code == 302
    page = browser(office.officer).get(reverse("complaints:case", args=[complaint.number])).content.decode()
    assert "What was told, in the client" in page
    assert 'aria-current="step"' in page
    record = {"told": "All of it", "feeling": "Angry", "restated": "on"}
    assert post(office.officer, complaint, "advance", **record).status_code == 302
    for step in (2, 3):
        assert post(office.officer, complaint, "advance", **RECORDS[step]).status_code == 302
    proposal = {"responsibility": "firm", "grounds": "Duty", "proposal_1": "Fee back", "amount_1": "12.50"}
    refused = post(office.officer, complaint, "advance", **proposal)
    assert refused.status_code == 422
    assert "Branch head" in refused.content.decode()
    assert post(office.head, complaint, "approve").status_code == 302
    assert post(office.compliance, complaint, "approve").status_code == 302
    assert post(office.officer, complaint, "advance", **proposal).status_code == 302
    assert post(office.officer, complaint, "promise", text="Pay", due_on="2026-12-01").status_code == 302
    choice = {"choice": "1", "client_words": "Yes", "evidence": "Letter"}
    assert post(office.officer, complaint, "advance", **choice).status_code == 302
    assert post(office.officer, complaint, "answer", text="Fee back", way="Letter").status_code == 302
    assert post(office.officer, complaint, "follow", no="1", kept="on", note="Paid").status_code == 302
    assert post(office.officer, complaint, "record", carried_out="Paid").status_code == 302
    closed = post(office.officer, complaint, "close", result="upheld", cause="price", proof="Receipt")
    assert closed.status_code == 302
    complaint.refresh_from_db()
    assert (complaint.state, complaint.step) == ("closed", 6)
    late = post(office.officer, complaint, "advance", carried_out="x")
    assert late.status_code == 422
    follow = browser(office.officer).post(
        reverse("complaints:follow-up", args=[complaint.number, 7]), {"d7-satisfaction": "5"}
    )
    assert follow.status_code == 302


def test_an_incomplete_record_says_what_is_missing_and_keeps_what_was_typed(office):
    complaint = office.take_in(at=now())
    post(office.officer, complaint, "accept")
    answer = post(office.officer, complaint, "advance", told="Typed and not lost", feeling="")
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "Still to be recorded" in text
    assert "Typed and not lost" in text


def test_two_at_once_the_second_sees_both_versions_and_loses_nothing(office):
    complaint = office.walk(office.take_in(at=now() - timedelta(hours=2)), 2, at=now() - timedelta(hours=1))
    shown = complaint.version
    assert post(office.officer, complaint, "record", version=shown, **RECORDS[2]).status_code == 302
    answer = post(office.head, complaint, "back", version=shown, reason="My own words")
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Record written" in text
    assert "My own words" in text
    assert Complaint.objects.get().step == 2
    again = post(office.head, complaint, "back", reason="My own words")
    assert again.status_code == 302
    assert ComplaintEvent.objects.filter(kind="stepped_back").count() == 1


def test_whom_it_is_about_meets_a_case_that_is_not_there(office):
    complaint = office.take_in(about=office.head, at=now())
    assert browser(office.head).get(reverse("complaints:case", args=[complaint.number])).status_code == 404
    for key in ("accept", "handover", "note", "approve", "close", "record"):
        assert post(office.head, complaint, key, reason="x").status_code == 404
    assert ComplaintEvent.objects.count() == 1


def test_an_analyst_reads_no_names_and_no_words(office):
    analyst = StaffFactory(role=Role.ANALYST)
    complaint = office.walk(office.take_in(at=now(), contact="13800001234"), 3, at=now())
    for url in (
        reverse("complaints:list"),
        reverse("complaints:board"),
        reverse("complaints:case", args=[complaint.number]),
    ):
        text = browser(analyst).get(url).content.decode()
        assert complaint.number in text
        for secret in (office.client.name, complaint.narrative, "13800001234", RECORDS[2]["apology"]):
            assert secret not in text, url
    assert post(analyst, complaint, "note", reason="x").status_code == 403


def test_a_branch_head_whose_client_complains_reads_it_on_the_record(office):
    quiet = office.take_in(about=office.manager)
    told = office.take_in()
    text = browser(office.head).get(reverse("clients:record", args=[office.client.client_no])).content.decode()
    assert told.number in text
    assert quiet.number not in text


def test_one_matter_by_two_channels_is_one_case_with_two_intakes(office):
    complaint = office.take_in(at=now() - timedelta(days=1))
    url = reverse("complaints:again", args=[complaint.number])
    earlier = (now() - timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    form = {"channel": "12386_transfer", "received_at": earlier, "external_ref": "T-77"}
    assert browser(office.officer).post(url, form).status_code == 302
    complaint.refresh_from_db()
    assert complaint.intakes.count() == 2
    assert complaint.received_at < now() - timedelta(days=2), "the earlier receipt counts"
    assert "T-77" in browser(office.officer).get(reverse("complaints:case", args=[complaint.number])).content.decode()
    for wrong, told in (
        ({}, "belongs to a case already"),
        ({"external_ref": ""}, "gave the matter a number"),
        ({"channel": "phone", "external_ref": "", "received_at": "2999-01-01T00:00"}, "in the future"),
        ({"channel": "phone", "external_ref": "", "received_at": "0001-01-02T00:00"}, "more than a year before"),
        ({"external_ref": "", "channel": "owl"}, "valid choice"),
    ):
        answer = browser(office.officer).post(url, form | wrong)
        assert answer.status_code == 422
        assert told in answer.content.decode()
    other = browser(office.manager).post(url, form | {"external_ref": "T-78"})
    assert other.status_code == 422, "the client's manager sees the case, and does not handle it"
    office.walk(closed := office.take_in(at=now() - timedelta(days=9)), "closed", at=now() - timedelta(days=8))
    late = browser(office.officer).post(
        reverse("complaints:again", args=[closed.number]), form | {"channel": "phone", "external_ref": ""}
    )
    assert late.status_code == 422
    assert ComplaintEvent.objects.filter(kind="intake_added").count() == 1
