"""Versions of the policy: drafted, checked, published for later cases only; law is not edited (X2, X4)."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, transaction
from django.urls import reverse

from complaints import services
from complaints.models import Complaint, ComplaintPolicy
from complaints.preview import preview_of
from complaints.services import policies
from crm.clock import now, today
from org.models import Role
from tests.complaints.cases import Office
from tests.complaints.test_pages import browser
from tests.factories import StaffFactory

pytestmark = pytest.mark.django_db


def changed(limits, key, **values):
    return [one | values if one["key"] == key else one for one in limits]


def test_a_new_version_holds_for_later_cases_and_old_ones_keep_theirs():
    office, admin = Office(), StaffFactory(role=Role.ADMIN)
    old = office.take_in(at=now())
    draft = policies.draft(by=admin.user)
    limits = changed(draft.limits, "acknowledge", amount=2)
    policies.change(draft.version, {"limits": limits, "valid_from": today() + timedelta(days=1)}, by=admin.user)
    policies.publish(draft.version, by=admin.user, not_before=today() + timedelta(days=1))
    assert services.policy_on(today()).version == 1
    assert services.policy_on(today() + timedelta(days=1)).version == 2
    services.act(old.number, "note", {"reason": "x"}, user=office.officer.user, at=now())
    assert Complaint.objects.get().policy.version == 1
    with pytest.raises(DatabaseError), transaction.atomic():
        ComplaintPolicy.objects.filter(version=2).update(fast_workdays=9)


@pytest.mark.parametrize(
    ("key", "values"),
    [("aml", {"amount": 30}), ("aml", {"basis": "practice"}), ("answer", {"amount": 0}), ("answer", {"extended": 5}),
     ("answer", {"unit": "fortnight"})],
)  # fmt: skip
def test_what_makes_no_policy_is_refused(key, values):
    admin = StaffFactory(role=Role.ADMIN).user
    draft = policies.draft(by=admin)
    with pytest.raises(ValidationError):
        policies.change(draft.version, {"limits": changed(draft.limits, key, **values)}, by=admin)
    assert policies.draft(by=admin) == draft


def test_only_for_days_to_come_and_only_by_head_office():
    admin = StaffFactory(role=Role.ADMIN).user
    draft = policies.draft(by=admin)
    with pytest.raises(ValidationError):
        policies.publish(draft.version, by=admin, not_before=today())
    with pytest.raises(PermissionDenied):
        policies.draft(by=StaffFactory(role=Role.BRANCH_HEAD).user)


def test_the_pages_show_the_basis_and_publish_a_draft():
    admin = StaffFactory(role=Role.ADMIN)
    page = browser(admin).get(reverse("complaints:policy")).content.decode()
    assert "<strong>Statutory</strong>" in page
    assert page.count("Statutory") == 1
    draft_url = browser(admin).post(reverse("complaints:policy")).headers["Location"]
    form = browser(admin).get(draft_url).context["form"]
    sent = {name: "" if form[name].value() is None else form[name].value() for name in form.fields}
    assert "amount-aml" not in sent
    refused = browser(admin).post(draft_url, sent | {"publish": "1"})
    assert refused.status_code == 422
    tomorrow = (today() + timedelta(days=1)).isoformat()
    sent |= {"valid_from": tomorrow, "amount-acknowledge": "2", "publish": "1", "note": "Twice the time"}
    assert browser(admin).post(draft_url, sent).status_code == 302
    newest = ComplaintPolicy.objects.get(version=2)
    assert newest.state == "published"
    assert next(one for one in newest.limits if one["key"] == "acknowledge")["amount"] == 2


def form_of(page, url):
    form = page.get(url).context["form"]
    return {name: "" if form[name].value() is None else form[name].value() for name in form.fields}


def test_the_ladder_and_the_assignment_are_drafted_on_the_page():
    admin = StaffFactory(role=Role.ADMIN)
    page = browser(admin)
    url = page.post(reverse("complaints:policy")).headers["Location"]
    sent = form_of(page, url)
    assert page.post(url, sent | {"percent-6": "200"}).status_code == 422
    assert page.post(url, sent | {f"percent-{n}": "150" for n in range(1, 6)}).status_code == 422
    assert page.post(url, sent | {f"given-major-{n}": "" for n in (1, 2, 3)}).status_code == 422
    assert ComplaintPolicy.objects.get(version=2).ladder == ComplaintPolicy.objects.get(version=1).ladder
    typed = {
        "percent-6": "200",
        "to-6": "compliance_officer",
        "percent-1": "",
        "to-1": "",
        "given-normal-1": "branch_head",
    }
    typed |= {"given-normal-2": "complaint_officer", "grave_from": "50000", "extended-answer": "45"}
    assert page.post(url, sent | typed).headers["Location"] == url
    draft = ComplaintPolicy.objects.get(version=2)
    assert [rung["percent"] for rung in draft.ladder] == [80, 100, 125, 150, 200]
    assert draft.assignment["normal"] == ["branch_head", "complaint_officer", "compliance_officer"]
    assert (draft.grave_from, next(one for one in draft.limits if one["key"] == "answer")["extended"]) == (50_000, 45)
    assert page.post(reverse("complaints:policy-discard", args=[2])).status_code == 302
    assert not ComplaintPolicy.objects.filter(version=2).exists()
    assert page.post(reverse("complaints:policy-discard", args=[1])).status_code == 404


@pytest.mark.parametrize(
    "values",
    [
        {"ladder": []},
        {"ladder": [{"percent": 120, "to": "handler"}]},
        {"ladder": [{"percent": 50, "to": "analyst"}]},
        {"ladder": [{"percent": 50, "to": "handler"}] * 2},
        {"assignment": {"normal": ["branch_head"]}},
        {"assignment": {key: ["account_manager"] for key in ("normal", "important", "major", "group")}},
    ],
)
def test_a_ladder_that_lets_a_limit_pass_or_a_rule_without_anybody_is_refused(values):
    admin = StaffFactory(role=Role.ADMIN).user
    with pytest.raises(ValidationError):
        policies.change(policies.draft(by=admin).version, values, by=admin)


def test_as_much_as_the_policy_says_is_assigned_like_a_major_case():
    office, admin = Office(), StaffFactory(role=Role.ADMIN)
    draft = policies.draft(by=admin.user)
    policies.change(draft.version, {"grave_from": 50_000, "valid_from": today() + timedelta(days=1)}, by=admin.user)
    policies.publish(draft.version, by=admin.user, not_before=today() + timedelta(days=1))
    later = now() + timedelta(days=2)
    assert office.take_in(at=later, amount=499_999_999).handler == office.officer
    assert office.take_in(at=later, amount=500_000_000).handler == office.compliance
    assert office.take_in(at=now(), amount=500_000_000).handler == office.officer  # of the day before


def test_the_preview_says_what_would_change_and_writes_nothing(django_assert_max_num_queries):
    office, admin = Office(), StaffFactory(role=Role.ADMIN)
    at = now()
    mine = office.take_in(at=at - timedelta(days=40), amount=900_000_000)
    office.take_in(at=at - timedelta(minutes=5))
    about = office.take_in(at=at - timedelta(minutes=5), about=office.compliance)
    draft = policies.draft(by=admin.user)
    same = preview_of(draft, office.compliance.user, at)
    assert (same.open_cases, same.sooner, same.later, same.others, same.changed) == (3, 0, 0, 0, [])
    assert same.late_now == same.late_then == 1
    limits = changed(draft.limits, "acknowledge", amount=1, unit="hour")
    limits = changed(limits, "step_1", amount=20)
    ladder = [{"percent": 1, "to": "branch_head"}, {"percent": 90, "to": "handler"}]
    draft = policies.change(draft.version, {"limits": limits, "ladder": ladder, "grave_from": 80_000}, by=admin.user)
    with django_assert_max_num_queries(9):
        found = preview_of(draft, office.compliance.user, at)
    assert (found.sooner, found.later, found.others) == (3, 0, 1)
    assert ("branch_head", 1, 3) in found.told
    named = {one.complaint: one for one in found.changed}
    assert about not in named
    assert (named[mine].handler_now, named[mine].handler_then) == (office.officer, office.compliance)
    assert set(Complaint.objects.values_list("policy__version", flat=True)) == {1}
    url = reverse("complaints:policy-preview", args=[draft.version])
    assert mine.number not in browser(admin).get(url).content.decode()  # keeps policies, sees no case
    assert browser(office.officer).get(url).status_code in (403, 404)
