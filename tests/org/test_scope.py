"""Whose rows: roles, dates, deputies, grants, the tree of branches, tokens. Both ways: what is seen, what is not."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from clients.models import Client
from org.api_auth import make_token
from org.models import ApiToken, AuditEvent, Branch, Role, Staff, User
from org.rights import FIRM_ONLY, NEVER_BY_DEPUTY, NEVER_BY_TOKEN, RIGHTS, TOKEN_SCOPES, may, require
from org.scope import NOTHING, Scope, people_scope_of, scope_of
from tests.factories import (
    BranchFactory,
    ClientFactory,
    CoManagerFactory,
    GrantFactory,
    LeaveFactory,
    StaffFactory,
    UserFactory,
)

TODAY = timezone.localdate()
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)

pytestmark = pytest.mark.django_db


def again(staff: Staff) -> User:
    """The log-in as a new request sees it: nothing cached."""
    return User.objects.select_related("staff__branch").get(pk=staff.user_id)


@pytest.fixture
def tree():
    """firm > east > (pudong, xuhui), firm > west; a client and a manager in each."""
    firm = BranchFactory()
    east, west = BranchFactory(parent=firm), BranchFactory(parent=firm)
    branches = {"firm": firm, "east": east, "west": west}
    branches |= {"pudong": BranchFactory(parent=east), "xuhui": BranchFactory(parent=east)}
    for branch in branches.values():
        ClientFactory(manager=StaffFactory(branch=branch))
    return branches


def names(branches: dict[str, Branch], scope: Scope) -> set[str]:
    return {name for name, branch in branches.items() if branch.pk in scope.branch_ids}


def clients_of(user) -> set[int]:
    return set(Client.objects.visible_to(user).values_list("pk", flat=True))


# --- Roles ----------------------------------------------------------------------------------------------------------


def test_a_manager_sees_the_own_book_and_co_managed_clients_only():
    mine = ClientFactory()
    shared, foreign = ClientFactory(), ClientFactory(manager=StaffFactory(branch=mine.branch))
    CoManagerFactory(client=shared, staff=mine.manager)
    assert scope_of(mine.manager.user) == Scope(staff_ids=(mine.manager.pk,))
    assert clients_of(mine.manager.user) == {mine.pk, shared.pk}
    assert foreign.pk not in clients_of(mine.manager.user)


@pytest.mark.parametrize(
    ("at", "seen"),
    [
        ("firm", {"firm", "east", "west", "pudong", "xuhui"}),
        ("east", {"east", "pudong", "xuhui"}),
        ("pudong", {"pudong"}),
        ("west", {"west"}),
    ],
)
def test_a_head_sees_the_branch_and_those_below(tree, at, seen):
    head = StaffFactory(role=Role.BRANCH_HEAD, branch=tree[at])
    assert names(tree, scope_of(head.user)) == seen
    expected = Client.objects.filter(branch__in=[tree[name] for name in seen])
    assert clients_of(head.user) == set(expected.values_list("pk", flat=True))


def test_a_branch_whose_id_begins_like_another_is_not_below_it(tree):
    # /1/ must not match /12/: ids are compared whole.
    many = [BranchFactory() for _ in range(12)]
    for branch in many:
        head = StaffFactory(role=Role.BRANCH_HEAD, branch=branch)
        assert scope_of(head.user).branch_ids == (branch.pk,)


def test_the_analyst_sees_all_masked():
    assert scope_of(StaffFactory(role=Role.ANALYST).user) == Scope(firm=True, masked=True)


@pytest.mark.parametrize(
    "role", [Role.ADMIN, Role.AUDITOR, Role.COMPLIANCE_OFFICER, Role.CALLBACK_AGENT, Role.COMPLAINT_OFFICER]
)
def test_other_roles_see_no_clients(role):
    ClientFactory()
    staff = StaffFactory(role=role)
    assert scope_of(staff.user).nothing
    assert clients_of(staff.user) == set()


def test_strangers_see_nothing():
    ClientFactory()
    stopped = StaffFactory(role=Role.ANALYST, user__is_active=False)
    without_staff = UserFactory(is_superuser=True)
    for user in (AnonymousUser(), stopped.user, without_staff):
        assert scope_of(user) == NOTHING
        assert clients_of(user) == set()


# --- Dates ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("joined_on", "left_on", "sees"),
    [
        (None, None, True),
        (TODAY, None, True),
        (TOMORROW, None, False),
        (None, TOMORROW, True),
        (None, TODAY, False),
        (None, YESTERDAY, False),
    ],
)
@pytest.mark.parametrize("role", [Role.ACCOUNT_MANAGER, Role.BRANCH_HEAD, Role.ANALYST, Role.ADMIN])
def test_only_in_service(role, joined_on, left_on, sees):
    staff = StaffFactory(role=role, joined_on=joined_on, left_on=left_on)
    GrantFactory(user=staff.user, until=TOMORROW)
    assert (scope_of(staff.user) != NOTHING) is sees
    assert (Staff.objects.visible_to(staff.user).filter(pk=staff.pk).exists()) is sees


# --- Deputies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("from_on", "to_on", "sees"),
    [
        (TODAY, TODAY, True),
        (YESTERDAY, TODAY, True),
        (TODAY, TOMORROW, True),
        (TOMORROW, TOMORROW, False),
        (YESTERDAY, YESTERDAY, False),
    ],
)
def test_a_deputy_sees_the_absent_ones_clients_in_these_days(from_on, to_on, sees):
    client = ClientFactory()
    deputy = StaffFactory(branch=client.branch)
    shared = CoManagerFactory(staff=client.manager).client
    LeaveFactory(staff=client.manager, deputy=deputy, from_on=from_on, to_on=to_on)
    assert clients_of(deputy.user) == ({client.pk, shared.pk} if sees else set())
    # The absent one goes on seeing the own book.
    assert clients_of(client.manager.user) == {client.pk, shared.pk}


def test_the_deputy_of_a_head_sees_the_heads_branches(tree):
    head = StaffFactory(role=Role.BRANCH_HEAD, branch=tree["east"])
    deputy = StaffFactory(branch=tree["pudong"])
    LeaveFactory(staff=head, deputy=deputy, from_on=TODAY, to_on=TODAY)
    assert names(tree, scope_of(deputy.user)) == {"east", "pudong", "xuhui"}


def rights_of(staff: Staff) -> set[str]:
    user = again(staff)
    return {right for right in RIGHTS if may(user, right)}


@pytest.mark.parametrize(("from_on", "to_on", "has"), [(TODAY, TODAY, True), (TOMORROW, TOMORROW, False)])
def test_the_deputy_of_a_head_has_the_heads_rights_in_these_days(from_on, to_on, has):
    head = StaffFactory(role=Role.BRANCH_HEAD)
    deputy = StaffFactory(branch=head.branch)
    own = rights_of(deputy)
    LeaveFactory(staff=head, deputy=deputy, from_on=from_on, to_on=to_on)
    wanted = {right for right, roles in RIGHTS.items() if Role.BRANCH_HEAD in roles} - NEVER_BY_DEPUTY
    assert "clients.reassign" in wanted - own
    assert rights_of(deputy) == (own | wanted if has else own)
    # The other way round nothing is lost or won, nor by a token of the deputy's.
    assert rights_of(head) == wanted | NEVER_BY_DEPUTY & rights_of(head)


def test_a_deputy_cannot_prolong_the_deputyship():
    head = StaffFactory(role=Role.BRANCH_HEAD)
    deputy = StaffFactory(branch=head.branch)
    LeaveFactory(staff=head, deputy=deputy, from_on=TODAY, to_on=TODAY)
    with pytest.raises(PermissionDenied):
        require(again(deputy), "leave.edit")


def test_the_trail_says_on_whose_behalf_a_deputy_acts(client):
    head = StaffFactory(role=Role.BRANCH_HEAD)
    deputy, other = StaffFactory(branch=head.branch), StaffFactory(branch=head.branch)
    moved, own = ClientFactory(manager=other), ClientFactory(manager=deputy)
    LeaveFactory(staff=head, deputy=deputy, from_on=TODAY, to_on=TODAY)
    client.force_login(deputy.user)
    form = {"pick": [moved.client_no], "to": deputy.staff_no, "reason": "the manager is ill"}
    client.post("/clients/reassign/", form)
    client.get(f"/clients/{own.client_no}/")
    row = AuditEvent.objects.get(action="client.reassign")
    assert (row.user_id, row.detail["on_behalf_of"]) == (deputy.user_id, head.staff_no)
    assert "on_behalf_of" not in AuditEvent.objects.get(action="client.view").detail


def test_a_deputys_deputy_sees_only_one_step():
    first, second, third = StaffFactory(), StaffFactory(), StaffFactory()
    LeaveFactory(staff=first, deputy=second, from_on=TODAY, to_on=TODAY)
    LeaveFactory(staff=second, deputy=third, from_on=TODAY, to_on=TODAY)
    assert set(scope_of(third.user).staff_ids) == {third.pk, second.pk}


def test_a_leave_ends_with_the_service_of_the_absent_one():
    gone, deputy = StaffFactory(left_on=TODAY), StaffFactory()
    LeaveFactory(staff=gone, deputy=deputy, from_on=YESTERDAY, to_on=TOMORROW)
    assert scope_of(deputy.user).staff_ids == (deputy.pk,)


def test_standing_in_for_an_administrator_brings_no_rows():
    admin, deputy = StaffFactory(role=Role.ADMIN), StaffFactory()
    GrantFactory(user=admin.user, until=TOMORROW)
    LeaveFactory(staff=admin, deputy=deputy, from_on=TODAY, to_on=TODAY)
    assert scope_of(deputy.user) == Scope(staff_ids=(deputy.pk,))


# --- Grants ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("until", "sees"), [(TODAY, True), (TOMORROW, True), (YESTERDAY, False)])
def test_a_grant_opens_a_branch_and_those_below_until_its_last_day(tree, until, sees):
    admin = StaffFactory(role=Role.ADMIN, branch=tree["firm"])
    GrantFactory(user=admin.user, branch=tree["east"], until=until)
    assert names(tree, scope_of(admin.user)) == ({"east", "pudong", "xuhui"} if sees else set())


def test_a_grant_without_branch_opens_the_firm():
    admin = StaffFactory(role=Role.ADMIN)
    GrantFactory(user=admin.user, branch=BranchFactory(), until=TODAY)
    GrantFactory(user=admin.user, branch=None, until=TODAY)
    assert scope_of(admin.user) == Scope(firm=True)


def test_a_grant_to_another_role_opens_nothing():
    auditor = StaffFactory(role=Role.AUDITOR)
    GrantFactory(user=auditor.user, branch=None, until=TODAY)
    assert scope_of(auditor.user).nothing


# --- Service accounts -----------------------------------------------------------------------------------------------


def token_user(admin: Staff, branch: Branch | None, scopes: list[str]) -> User:
    row, _secret = make_token(
        name="export", scopes=scopes, branch=branch, expires_at=timezone.now() + timedelta(days=1), by=admin.user
    )
    row.user.api_token = row
    return row.user


def test_a_token_sees_its_branch_and_those_below_or_the_firm(tree, admin):
    assert names(tree, scope_of(token_user(admin, tree["east"], ["clients.view"]))) == {"east", "pudong", "xuhui"}
    assert scope_of(token_user(admin, None, ["clients.view"])) == Scope(firm=True)


def test_a_token_has_the_rights_of_its_scopes_and_no_others(admin):
    user = token_user(admin, None, ["clients.view"])
    assert {right for right in RIGHTS if may(user, right)} == {"clients.view"}


def test_no_token_carries_the_acts_of_a_person(admin):
    for scope in NEVER_BY_TOKEN:
        with pytest.raises(ValueError, match="no such scopes"):
            token_user(admin, None, [scope])
        # Not even if somebody wrote it into the row.
        user = token_user(admin, None, ["clients.view"])
        ApiToken.objects.filter(user=user).update(scopes=[scope])
        user.api_token.refresh_from_db()
        assert not may(user, scope)
    assert not set(TOKEN_SCOPES) & NEVER_BY_TOKEN


def test_a_token_of_a_branch_does_not_carry_what_is_the_firms(tree, admin):
    for scope in FIRM_ONLY:
        assert may(token_user(admin, None, [scope]), scope)
        with pytest.raises(ValueError, match="no such scopes"):
            token_user(admin, tree["east"], [scope])
        user = token_user(admin, tree["east"], ["clients.view"])
        ApiToken.objects.filter(user=user).update(scopes=[scope])
        user.api_token.refresh_from_db()
        assert not may(user, scope)


# --- Staff ----------------------------------------------------------------------------------------------------------


def test_who_sees_which_staff(tree):
    manager = Staff.objects.get(branch=tree["pudong"])
    head = StaffFactory(role=Role.BRANCH_HEAD, branch=tree["east"])
    everybody = {StaffFactory(role=role, branch=tree["firm"]) for role in (Role.ANALYST, Role.ADMIN)}
    assert set(Staff.objects.visible_to(manager.user)) == {manager}
    below = Staff.objects.filter(branch__in=[tree["east"], tree["pudong"], tree["xuhui"]])
    assert set(Staff.objects.visible_to(head.user)) == set(below)
    for staff in everybody:
        assert set(Staff.objects.visible_to(staff.user)) == set(Staff.objects.all())
    # An administrator sees staff, but no branch's figures.
    admin = next(one for one in everybody if one.role == Role.ADMIN)
    assert people_scope_of(admin.user).firm
    assert not Branch.objects.visible_to(admin.user).exists()


def test_oneself_is_always_among_the_staff_one_sees():
    auditor = StaffFactory(role=Role.AUDITOR)
    StaffFactory(branch=auditor.branch)
    assert set(Staff.objects.visible_to(auditor.user)) == {auditor}


# --- Rights ---------------------------------------------------------------------------------------------------------


def test_duties_are_apart():
    """The auditor reads the trail and nothing else; nobody else does; the administrator grants himself nothing."""
    by_role = {role: {right for right, roles in RIGHTS.items() if role in roles} for role in Role}
    assert by_role[Role.AUDITOR] == {"audit.view"}
    assert [role for role in Role if "audit.view" in by_role[role]] == [Role.AUDITOR]
    assert "grants.edit" not in by_role[Role.ADMIN]


def test_an_unknown_right_is_an_error_and_a_missing_one_is_refused(manager):
    with pytest.raises(KeyError):
        may(manager.user, "clients.delete")
    with pytest.raises(PermissionDenied, match=r"tokens\.edit"):
        require(manager.user, "tokens.edit")


def test_scope_is_worked_out_once_per_request(manager, django_assert_num_queries):
    LeaveFactory(deputy=manager, from_on=TODAY, to_on=TODAY)
    user = again(manager)
    with django_assert_num_queries(1):
        scope_of(user)
        scope_of(user)
    head = StaffFactory(role=Role.BRANCH_HEAD)
    user = again(head)
    with django_assert_num_queries(2):
        scope_of(user)
        people_scope_of(user)


# --- Both ways ------------------------------------------------------------------------------------------------------


def test_visible_to_neither_hides_nor_shows_too_much(tree):
    """Against the slow plain answer: for each role and client, one by one, what the table of `org.scope` says."""
    people = [
        StaffFactory(role=role, branch=branch)
        for role in Role
        for branch in (tree["firm"], tree["east"], tree["pudong"], tree["west"])
    ]
    admin = next(one for one in people if one.role == Role.ADMIN)
    GrantFactory(user=admin.user, branch=tree["west"], until=TODAY)
    deputy = next(one for one in people if one.role == Role.ACCOUNT_MANAGER)
    absent = Staff.objects.exclude(pk__in=[one.pk for one in people]).get(branch=tree["xuhui"])
    LeaveFactory(staff=absent, deputy=deputy, from_on=TODAY, to_on=TODAY)
    for one in people:
        if one.role == Role.ACCOUNT_MANAGER:
            ClientFactory(manager=one)
    below = {
        branch.pk: {other.pk for other in tree.values() if other.path.startswith(branch.path)}
        for branch in tree.values()
    }
    for person in people:
        expected = set()
        for client in Client.objects.all():
            own = client.manager_id == person.pk or (person == deputy and client.manager_id == absent.pk)
            granted = person == admin and client.branch_id == tree["west"].pk
            headed = person.role == Role.BRANCH_HEAD and client.branch_id in below[person.branch_id]
            if (person.role == Role.ACCOUNT_MANAGER and own) or headed or granted or person.role == Role.ANALYST:
                expected.add(client.pk)
        assert clients_of(again(person)) == expected, (person.role, person.branch_id)
