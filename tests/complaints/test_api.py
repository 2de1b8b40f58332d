"""The API: intake by outside number, actions with versions, scope (N3, X5)."""

from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.utils import timezone

from complaints.models import Complaint, ComplaintEvent
from crm.clock import now
from org.api_auth import make_token
from org.models import Role
from tests.complaints.cases import RECORDS, Office
from tests.factories import StaffFactory

pytestmark = pytest.mark.django_db
URL = "/api/v1/complaints/"


@pytest.fixture
def office() -> Office:
    return Office()


def program(branch=None, scopes=("complaints.view", "complaints.handle")) -> Browser:
    until = timezone.now() + timedelta(days=1)
    admin = StaffFactory(role=Role.ADMIN).user
    _row, secret = make_token(name="hotline", scopes=list(scopes), branch=branch, expires_at=until, by=admin)
    return Browser(headers={"Authorization": f"Bearer {secret}", "Accept-Language": "en"})


def send(api, path="", data=None, **headers):
    return api.post(URL + path, data or {}, content_type="application/json", headers=headers)


def intake(office, **more):
    return {
        "channel": "12386_transfer", "category": "fees", "narrative": "Too dear", "source": "12386", "external_ref": "P1",
        "received_at": now().isoformat(), "client_no": office.client.client_no, "amount": "12.50",
    } | more  # fmt: skip


def test_a_replayed_intake_is_the_same_case(office):
    api = program()
    first = send(api, data=intake(office))
    again = send(api, data=intake(office, narrative="Too  dear\n"))
    other = send(api, data=intake(office, narrative="Another story"))
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert other.json()["number"] == first.json()["number"]
    assert first.json()["number"] == again.json()["number"]
    assert first.json()["amount"] == "12.50"
    complaint = Complaint.objects.get()
    assert complaint.narrative == "Too dear"
    assert complaint.receiver is None
    assert complaint.handler == office.officer  # by the policy's rule: nobody heard it first


def test_the_six_steps_by_a_program(office):
    api = program()
    number = send(api, data=intake(office)).json()["number"]
    assert send(api, f"{number}/command/", {"command": "accept"}).status_code == 200
    for step in range(1, 5):
        answer = send(api, f"{number}/advance/", {"record": RECORDS[step]})
        assert (answer.status_code, answer.json()["step"]) == (200, step + 1)
    promise = {"command": "promise", "data": {"text": "Pay", "due_on": "2026-12-01"}}
    assert send(api, f"{number}/command/", promise).status_code == 200
    assert send(api, f"{number}/advance/", {"record": RECORDS[5]}).json()["step"] == 6
    for command, data in (
        ("answer", {"text": "Fee back", "way": "Letter"}),
        ("follow", {"no": 1, "kept": True, "note": "Paid"}),
        ("record", {"record": RECORDS[6]}),
        ("close", {"result": "upheld", "cause": "price", "proof": "Receipt"}),
    ):
        assert send(api, f"{number}/command/", {"command": command, "data": data}).status_code == 200, command
    assert send(api, f"{number}/reopen/", {"reason": "Not paid"}).json()["state"] == "reopened"
    gone = send(api, f"{number}/withdraw/", {"reason": "Settled", "evidence": "Mail"})
    assert gone.json()["result"] == "withdrawn"
    events = api.get(f"{URL}{number}/events/").json()
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))


def test_the_second_gets_409_with_both_versions(office):
    complaint = office.walk(office.take_in(at=now() - timedelta(hours=2)), 3, at=now() - timedelta(hours=1))
    api, seen = program(), f'"{complaint.version}"'
    first = send(api, f"{complaint.number}/back/", {"reason": "Mine"}, If_Match=seen)
    second = send(api, f"{complaint.number}/advance/", {"record": RECORDS[3]}, If_Match=seen)
    assert (first.status_code, second.status_code) == (200, 409)
    body = second.json()
    assert body["current"]["version"] == complaint.version + 1
    assert body["yours"]["record"] == RECORDS[3]
    assert first.headers["ETag"] == f'"{complaint.version + 1}"'
    assert ComplaintEvent.objects.filter(complaint=complaint, kind="recorded").count() == 2


def test_refusals_say_why_and_write_nothing(office):
    api = program()
    number = send(api, data=intake(office)).json()["number"]
    before = ComplaintEvent.objects.count()
    for path, data, code in (
        ("advance/", {}, "state"),
        ("back/", {"reason": "x"}, "state"),
        ("reopen/", {"reason": "x"}, "state"),
        ("command/", {"command": "close", "data": {}}, "state"),
    ):
        answer = send(api, f"{number}/{path}", data)
        assert (answer.status_code, answer.json()["code"]) == (400, code), path
    for path, data in (
        ("withdraw/", {"reason": "x"}),
        ("handover/", {"to": "nobody", "reason": "x"}),
        ("command/", {"command": "record"}),
        ("command/", {"command": "approve"}),
    ):
        assert send(api, f"{number}/{path}", data).status_code == 400, path
    assert ComplaintEvent.objects.count() == before


def test_scope_and_rights(office):
    complaint = office.take_in(at=now())
    reader, elsewhere = program(scopes=["complaints.view"]), program(branch=StaffFactory().branch)
    assert [row["number"] for row in reader.get(URL).json()["results"]] == [complaint.number]
    assert send(reader, f"{complaint.number}/back/").status_code == 403
    assert elsewhere.get(f"{URL}{complaint.number}/").status_code == 404
    assert send(elsewhere, f"{complaint.number}/back/", {"reason": "x"}).status_code == 404
    refused = send(elsewhere, data=intake(office, external_ref="Z"))
    assert refused.status_code == 400
    assert program(scopes=["clients.view"]).get(URL).status_code == 403


def test_whom_it_is_about_moves_nothing_through_the_api(office):
    complaint = office.take_in(about=office.head, at=now())
    api = Browser()
    api.force_login(office.head.user)
    assert api.get(URL).json()["results"] == []
    for verb in ("advance", "back", "handover", "reopen", "withdraw", "command"):
        assert send(api, f"{complaint.number}/{verb}/", {"reason": "x", "to": "x"}).status_code == 404
    given = send(program(), f"{complaint.number}/handover/", {"to": office.head.staff_no, "reason": "x"})
    assert (given.status_code, given.json()["code"]) == (400, "about_you")


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_costs_the_same_for_any_number_of_rows(office, rows, django_assert_max_num_queries):
    for _ in range(rows):
        office.take_in(at=now())
    api = program()
    api.get(URL)
    with django_assert_max_num_queries(4):
        assert len(api.get(URL).json()["results"]) == rows
