"""Versions of the policy: drafted, checked, published for later cases only; law is not edited (X2, X4)."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, transaction
from django.urls import reverse

from complaints import services
from complaints.models import Complaint, ComplaintPolicy
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
    sent = {name: form[name].value() for name in form.fields}
    assert "amount-aml" not in sent
    refused = browser(admin).post(draft_url, sent | {"publish": "1"})
    assert refused.status_code == 422
    tomorrow = (today() + timedelta(days=1)).isoformat()
    sent |= {"valid_from": tomorrow, "amount-acknowledge": "2", "publish": "1", "note": "Twice the time"}
    assert browser(admin).post(draft_url, sent).status_code == 302
    newest = ComplaintPolicy.objects.get(version=2)
    assert newest.state == "published"
    assert next(one for one in newest.limits if one["key"] == "acknowledge")["amount"] == 2
