"""Kind, business line and a lower severity: asked for by one, confirmed by another (X3)."""

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.urls import reverse

from complaints import analysis, rules, services
from complaints.models import Complaint
from complaints.rules import Refused
from complaints.services.core import append
from complaints.verify import broken
from nights.models import Notice
from tests.complaints.cases import T0, Office
from tests.complaints.test_analysis import PERIOD, listed
from tests.complaints.test_api import program, send
from tests.complaints.test_pages import browser, post

pytestmark = pytest.mark.django_db
QUESTION = {"kind": "question", "category": "fees", "severity": "normal"}


@pytest.fixture
def office() -> Office:
    return Office()


def ask(office, complaint, **to) -> Complaint:
    to = to or {"kind": "question"}
    return services.relabel(complaint.number, to, "Only asked for the fee", user=office.officer.user, at=T0)


def confirm(complaint, staff) -> Complaint:
    return services.act(complaint.number, "relabel_confirm", user=staff.user, at=T0)


def test_nothing_is_relabelled_before_a_second_person_confirms_it(office):
    complaint = office.take_in(category="aml")
    assert complaint.clocks.filter(key="aml").exists()
    asked = ask(office, complaint, kind="question", category="fees")
    assert (asked.kind, asked.category, asked.relabel_asked) == ("complaint", "aml", True)
    assert asked.clocks.filter(key="aml").exists()
    assert analysis.totals(office.compliance.user, PERIOD, T0).cases == 1
    done = confirm(complaint, office.head)
    assert (done.kind, done.category, done.relabel_asked) == ("question", "fees", False)
    assert not done.clocks.filter(key="aml").exists()
    found = analysis.totals(office.compliance.user, PERIOD, T0)
    assert (found.cases, found.others) == (0, 1)
    assert listed(office.compliance, PERIOD.others_url()) == 1
    assert listed(office.compliance, PERIOD.url()) == 0
    assert list(broken()) == []


def test_who_may_confirm_is_told_once_and_nobody_else(office):
    ask(office, office.take_in(about=office.manager))
    told = Notice.objects.filter(kind="complaints.relabel").values_list("user__staff__pk", flat=True)
    assert set(told) == {office.head.pk, office.compliance.pk}


def test_neither_the_one_who_asked_nor_the_handler_nor_the_one_meant_confirms(office):
    complaint = office.take_in(about=office.head)
    services.relabel(complaint.number, {"kind": "question"}, "x", user=office.compliance.user, at=T0)
    with pytest.raises(Refused, match="Somebody other than who asked"):
        confirm(complaint, office.compliance)
    with pytest.raises(PermissionDenied):
        confirm(complaint, office.officer)
    with pytest.raises(Complaint.DoesNotExist):
        confirm(complaint, office.head)
    second = office.take_in()
    services.give_to(second.number, office.head.staff_no, "x", user=office.officer.user, at=T0)
    ask(office, second)
    with pytest.raises(Refused, match="other than the handler"):
        confirm(second, office.head)
    confirm(second, office.compliance)


def test_a_graver_severity_wants_nobody_else_a_lower_one_does(office):
    complaint = office.take_in()
    services.correct(complaint.number, {"severity": "major"}, "Press", user=office.officer.user, at=T0)
    with pytest.raises(Refused, match="second person"):
        services.correct(complaint.number, {"severity": "normal"}, "Calm", user=office.officer.user, at=T0)
    with pytest.raises(Refused, match="Nothing differs"):
        services.correct(complaint.number, {"category": "fees"}, "x", user=office.officer.user, at=T0)
    ask(office, complaint, severity="normal")
    assert confirm(complaint, office.compliance).severity == "normal"


def test_what_was_asked_may_be_declined_and_lapses_when_labels_changed(office):
    complaint = office.take_in(severity="important")
    ask(office, complaint, severity="normal")
    with pytest.raises(Refused, match="already"):
        ask(office, complaint)
    services.correct(complaint.number, {"severity": "major"}, "Press", user=office.officer.user, at=T0)
    with pytest.raises(Refused, match="changed since"):
        confirm(complaint, office.compliance)
    declined = services.act(complaint.number, "relabel_decline", {"reason": "No"}, user=office.head.user, at=T0)
    assert (declined.severity, declined.relabel_asked) == ("major", False)
    for wrong, words in (({"kind": "nonsense"}, "Not one of"), ({"kind": "complaint"}, "Nothing differs")):
        with pytest.raises(Refused, match=words):
            ask(office, complaint, **wrong)


def test_the_database_wants_the_second_person_too(office):
    complaint = office.take_in()
    asked = ask(office, complaint)
    made = {"to": {"kind": "question"}, "from": {"kind": "complaint"}, "reason": "x", "asked_by": None}
    alone = {"to": {"category": "fees"}, "from": {"category": "products"}, "reason": "x"}
    other = made | {"to": {"kind": "suggestion"}}
    for kind, data, staff in (
        ("relabelled", made, office.officer),
        ("relabelled", other, office.compliance),
        ("corrected", alone, office.compliance),
    ):
        asked.refresh_from_db()
        with pytest.raises(DatabaseError, match=r"two persons|second person"), transaction.atomic():
            append(asked, services.happenings(asked), [(kind, data)], by=staff.user, at=T0)
    asked.refresh_from_db()
    append(asked, services.happenings(asked), [("relabelled", made)], by=office.compliance.user, at=T0)


def test_through_the_pages_and_the_api(office):
    complaint = office.take_in()
    assert post(office.officer, complaint, "relabel", **QUESTION, reason="Asked only").status_code == 302
    url = reverse("complaints:case", args=[complaint.number])
    mine, theirs = (browser(staff).get(url).content.decode() for staff in (office.officer, office.head))
    for page in (mine, theirs):
        assert "Kind of matter: Complaint → Question" in page
    assert ("relabel_confirm" in mine, "relabel_confirm" in theirs) == (False, True)
    waiting = browser(office.head).get(reverse("complaints:list") + "?relabel=true").content.decode()
    assert complaint.number in waiting
    assert post(office.officer, complaint, "relabel_confirm").status_code == 403
    assert post(office.head, complaint, "relabel_confirm").status_code == 302
    api = program()
    said = {"command": "relabel", "data": {"kind": "suggestion"}, "reason": "A wish"}
    assert send(api, f"{complaint.number}/command/", said).json()["relabel_asked"] is True
    assert send(api, f"{complaint.number}/command/", {"command": "relabel_confirm"}).status_code in (400, 403)
    case = rules.fold(services.happenings(complaint))
    assert (case.kind, case.asked.to) == ("question", {"kind": "suggestion"})
