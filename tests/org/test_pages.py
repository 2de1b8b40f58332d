"""The pages of the organisation: what they show to whom, errors at the field, constant queries."""

import re
from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.utils import timezone

from org.models import ApiToken, ClientDataGrant, Leave, Role
from org.queries import PAGE
from tests.factories import PASSWORD, BranchFactory, GrantFactory, LeaveFactory, StaffFactory

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
def as_head(client, head) -> Browser:
    client.force_login(head.user)
    return client


@pytest.fixture
def as_admin(client, admin) -> Browser:
    client.force_login(admin.user)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    return client


def numbers(answer) -> list[str]:
    return [row.staff_no for row in answer.context["rows"]]


# --- Staff ----------------------------------------------------------------------------------------------------------


def test_a_head_sees_the_staff_of_the_branch(as_head, head, manager, stranger):
    assert numbers(as_head.get("/staff/")) == [manager.staff_no, head.staff_no]


def test_filters(as_admin, head, manager, stranger, admin):
    StaffFactory(branch=manager.branch, left_on=TODAY, name="已走")
    everybody = {head.staff_no, manager.staff_no, stranger.staff_no, admin.staff_no}
    assert set(numbers(as_admin.get("/staff/"))) == everybody
    assert set(numbers(as_admin.get("/staff/", {"branch": manager.branch.branch_no}))) == {
        head.staff_no,
        manager.staff_no,
    }
    assert numbers(as_admin.get("/staff/", {"role": "admin"})) == [admin.staff_no]
    assert numbers(as_admin.get("/staff/", {"q": stranger.name})) == [stranger.staff_no]
    assert numbers(as_admin.get("/staff/", {"q": manager.user.username})) == [manager.staff_no]
    assert len(numbers(as_admin.get("/staff/", {"left": "on"}))) == 5
    assert numbers(as_admin.get("/staff/", {"q": "%"})) == []
    # What is no branch and no role is not asked for.
    assert set(numbers(as_admin.get("/staff/", {"branch": "none", "role": "king"}))) == everybody


def test_a_foreign_branch_is_not_among_the_choices(as_head, head, stranger):
    page = as_head.get("/staff/")
    assert [branch.pk for branch in page.context["form"].fields["branch"].queryset] == [head.branch.pk]
    # Asked for by hand, it is not asked for at all.
    assert stranger.staff_no not in numbers(as_head.get("/staff/", {"branch": stranger.branch.branch_no}))


def test_pages_go_forth_and_back(as_admin, admin):
    StaffFactory.create_batch(2 * PAGE, branch=admin.branch, user=None)
    seen, address = [], "/staff/"
    while address:
        page = as_admin.get(address)
        seen.append(numbers(page))
        address = page.context["pager"]["next_url"] and f"/staff/{page.context['pager']['next_url']}"
    everybody = sum(map(len, seen))
    assert (len(seen), everybody) == (3, 2 * PAGE + 1)
    back = as_admin.get(f"/staff/{page.context['pager']['previous_url']}")
    assert numbers(back) == seen[1]
    first = as_admin.get(f"/staff/{back.context['pager']['previous_url']}")
    assert numbers(first) == seen[0]
    assert first.context["pager"]["previous_url"] == ""


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_costs_the_same_for_one_row_and_for_three(as_head, head, rows, django_assert_num_queries):
    StaffFactory.create_batch(rows, branch=head.branch)
    as_head.get("/staff/")
    with django_assert_num_queries(5):
        assert len(numbers(as_head.get("/staff/"))) == rows + 2


@pytest.mark.parametrize("rows", [1, 3])
def test_a_record_costs_the_same_for_one_leave_and_for_three(as_head, manager, rows, django_assert_num_queries):
    for number in range(rows):
        day = TODAY + timedelta(days=number)
        LeaveFactory(staff=manager, deputy=StaffFactory(branch=manager.branch), from_on=day, to_on=day)
    as_head.get(f"/staff/{manager.staff_no}/")
    with django_assert_num_queries(8):
        assert len(as_head.get(f"/staff/{manager.staff_no}/").context["leaves"]) == rows


def test_the_analyst_sees_staff_masked(client, analyst):
    person = StaffFactory(mobile="13812345678", email="zhang@example.com")
    client.force_login(analyst.user)
    text = client.get(f"/staff/{person.staff_no}/").content.decode()
    assert "138****5678" in text
    assert "13812345678" not in text
    assert "zhang@example.com" not in text


# --- Deputies -------------------------------------------------------------------------------------------------------


def enter(browser, staff, deputy, first=TODAY, last=TOMORROW):
    form = {"deputy": getattr(deputy, "staff_no", deputy), "from_on": str(first), "to_on": str(last)}
    return browser.post(f"/staff/{staff.staff_no}/", form)


def test_a_head_enters_and_ends_a_deputy(as_head, manager):
    deputy = StaffFactory(branch=manager.branch)
    assert enter(as_head, manager, deputy).status_code == 302
    leave = Leave.objects.get()
    page = as_head.get(f"/staff/{manager.staff_no}/").content.decode()
    assert deputy.name in page
    as_head.post(f"/staff/{manager.staff_no}/leave/{leave.pk}/end/")
    assert not Leave.objects.filter(to_on__gte=TODAY).exists()


def test_errors_stand_at_the_field(as_head, manager, head):
    deputy = StaffFactory(branch=manager.branch)
    for first, last, other, where in (
        (TOMORROW, TODAY, deputy, "to_on"),
        (TODAY, TODAY, manager, "deputy"),
        (TODAY, "soon", deputy, "to_on"),
        ("", TODAY, deputy, "from_on"),
    ):
        page = enter(as_head, manager, other, first, last)
        assert page.status_code == 200
        assert list(page.context["form"].errors) == [where]
        assert f'id="id_{where}_error"' in page.content.decode()
    assert not Leave.objects.exists()


def test_no_foreigner_is_offered_or_taken_as_deputy(as_head, manager, stranger):
    page = as_head.get(f"/staff/{manager.staff_no}/")
    assert stranger not in page.context["form"].fields["deputy"].queryset
    assert list(enter(as_head, manager, stranger).context["form"].errors) == ["deputy"]


def test_who_has_no_clients_needs_no_deputy(as_admin):
    officer = StaffFactory(role=Role.COMPLAINT_OFFICER)
    assert as_admin.get(f"/staff/{officer.staff_no}/").context["form"] is None


# --- Log-ins --------------------------------------------------------------------------------------------------------


def test_the_administrator_makes_a_link_that_works(as_admin, manager):
    assert as_admin.get(f"/staff/{manager.staff_no}/link/").status_code == 200
    page = as_admin.post(f"/staff/{manager.staff_no}/link/")
    link = re.search(r'value="(http://testserver/account/password/reset/key/[^"]+)"', page.content.decode())[1]
    answer = Browser().get(link.removeprefix("http://testserver"), follow=True)
    assert b"password1" in answer.content


def test_a_link_wants_the_password_again(client, admin, manager):
    client.force_login(admin.user)
    answer = client.post(f"/staff/{manager.staff_no}/link/")
    assert answer.headers["Location"].startswith("/account/reauthenticate/")
    manager.user.refresh_from_db()
    assert manager.user.has_usable_password()


def test_the_administrator_stops_a_log_in_and_lets_it_in_again(as_admin, manager):
    person = Browser()
    person.force_login(manager.user)
    address = f"/staff/{manager.staff_no}/login/"
    as_admin.post(address, {"active": "no"})
    assert person.get("/settings/").status_code == 302
    as_admin.post(address, {"active": "yes"})
    manager.user.refresh_from_db()
    assert manager.user.is_active


# --- Grants ---------------------------------------------------------------------------------------------------------


def test_a_head_grants_and_ends(as_head, head, admin):
    form = {
        "to": admin.staff_no,
        "branch": head.branch.branch_no,
        "until": str(TOMORROW),
        "reason": "Check of the intake",
    }
    assert as_head.post("/grants/", form).status_code == 302
    grant = ClientDataGrant.objects.get()
    assert (grant.user, grant.branch, grant.granted_by) == (admin.user, head.branch, head.user)
    as_head.post(f"/grants/{grant.pk}/end/")
    grant.refresh_from_db()
    assert grant.until < TODAY


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"until": str(TODAY + timedelta(days=31))}, "until"),
        ({"until": str(TODAY - timedelta(days=1))}, "until"),
        ({"reason": "x"}, "reason"),
        ({"branch": ""}, "branch"),
        ({"to": "nobody"}, "to"),
    ],
)
def test_errors_of_a_grant_stand_at_the_field(as_head, head, admin, change, where):
    form = {
        "to": admin.staff_no,
        "branch": head.branch.branch_no,
        "until": str(TOMORROW),
        "reason": "Check of the intake",
    }
    page = as_head.post("/grants/", form | change)
    assert list(page.context["form"].errors) == [where]
    assert not ClientDataGrant.objects.exists()


def test_a_head_sees_and_grants_the_own_branches_only(as_head, head, admin):
    other = GrantFactory(user=admin.user, branch=BranchFactory(), until=TOMORROW, reason="Somebody else's affair")
    own = GrantFactory(user=admin.user, branch=head.branch, until=TOMORROW, reason="Ours")
    page = as_head.get("/grants/")
    assert list(page.context["rows"]) == [own]
    assert "Somebody else" not in page.content.decode()
    assert as_head.post(f"/grants/{other.pk}/end/").status_code == 404
    form = {
        "to": admin.staff_no,
        "branch": other.branch.branch_no,
        "until": str(TOMORROW),
        "reason": "Check of the intake",
    }
    assert list(as_head.post("/grants/", form).context["form"].errors) == ["branch"]


def test_the_compliance_officer_grants_the_firm(client, admin):
    client.force_login(StaffFactory(role=Role.COMPLIANCE_OFFICER).user)
    form = {"to": admin.staff_no, "branch": "", "until": str(TOMORROW), "reason": "Inspection by the regulator"}
    assert client.post("/grants/", form).status_code == 302
    assert ClientDataGrant.objects.get().branch is None


def test_the_administrator_looks_on(as_admin, admin):
    GrantFactory(user=admin.user, branch=None, until=TOMORROW)
    page = as_admin.get("/grants/")
    assert (len(page.context["rows"]), page.context["form"]) == (1, None)
    assert as_admin.post("/grants/", {}).status_code == 403


# --- Tokens ---------------------------------------------------------------------------------------------------------


def test_a_token_is_shown_once_and_works_until_revoked(as_admin):
    page = as_admin.post("/tokens/", {"name": "export", "scopes": ["clients.view"], "branch": "", "days": "7"})
    secret = re.search(r'value="(crm_[^"]+)"', page.content.decode())[1]
    assert secret not in as_admin.get("/tokens/").content.decode()
    program = Browser(headers={"Authorization": f"Bearer {secret}"})
    assert program.get("/api/v1/clients/").status_code == 200
    as_admin.post(f"/tokens/{ApiToken.objects.get().pk}/revoke/")
    assert program.get("/api/v1/clients/").status_code == 401


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["tokens.edit"]}, "scopes"),
        ({"days": "0"}, "days"),
        ({"days": "367"}, "days"),
        ({"name": ""}, "name"),
        ({"branch": "none"}, "branch"),
        ({"scopes": ["nights.run"], "branch": "B-own"}, "scopes"),
    ],
)
def test_errors_of_a_token_stand_at_the_field(as_admin, change, where):
    BranchFactory(branch_no="B-own")
    form = {"name": "export", "scopes": ["clients.view"], "branch": "", "days": "7"}
    page = as_admin.post("/tokens/", form | change)
    assert list(page.context["form"].errors) == [where]
    assert not ApiToken.objects.exists()


def test_tabs_lead_to_what_one_may(client, head, admin):
    def found(staff) -> list[str]:
        client.force_login(staff.user)
        return [tab["url"] for tab in client.get("/staff/").context["tabs"]]

    assert found(head) == ["/staff/", "/grants/"]
    assert found(admin) == ["/staff/", "/grants/", "/tokens/", "/webhooks/"]
