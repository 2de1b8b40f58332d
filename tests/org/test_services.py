"""Deputies, grants, tokens, stopped log-ins: who may, what is refused and why, what is written down."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from org import logins, services
from org.api_auth import digest_of, make_token, revoke_token
from org.models import ApiToken, AuditEvent, ClientDataGrant, Leave, Role
from tests.factories import BranchFactory, LeaveFactory, StaffFactory

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()
DAY = timedelta(days=1)


def leave(head, manager, deputy, from_on=TODAY, to_on=TODAY + DAY):
    return services.add_leave(staff=manager, deputy=deputy, from_on=from_on, to_on=to_on, by=head.user, on=TODAY)


@pytest.fixture
def deputy(manager):
    return StaffFactory(branch=manager.branch)


def test_a_head_enters_a_deputy_and_ends_it(head, manager, deputy):
    row = leave(head, manager, deputy, TODAY - 3 * DAY)
    services.end_leave(row, by=head.user, on=TODAY)
    row.refresh_from_db()
    assert row.to_on == TODAY - DAY
    rows = AuditEvent.objects.filter(action__startswith="leave.").order_by("pk")
    assert [(one.action, one.user_id, one.object_no, one.detail["deputy"]) for one in rows] == [
        ("leave.added", head.user.pk, manager.staff_no, deputy.staff_no),
        ("leave.ended", head.user.pk, manager.staff_no, deputy.staff_no),
    ]


def test_a_leave_that_has_not_begun_goes(head, manager, deputy):
    services.end_leave(leave(head, manager, deputy, TODAY + DAY), by=head.user, on=TODAY)
    assert not Leave.objects.exists()


def test_a_leave_that_is_over_stays_as_it_was(head, manager, deputy):
    row = LeaveFactory(staff=manager, deputy=deputy, from_on=TODAY - 3 * DAY, to_on=TODAY - 2 * DAY)
    services.end_leave(row, by=head.user, on=TODAY)
    row.refresh_from_db()
    assert row.to_on == TODAY - 2 * DAY


@pytest.mark.parametrize(
    ("from_on", "to_on", "at"),
    [(TODAY, TODAY - DAY, "to_on"), (TODAY - 3 * DAY, TODAY - DAY, "to_on")],
)
def test_days_that_will_not_do(head, manager, deputy, from_on, to_on, at):
    with pytest.raises(ValidationError) as caught:
        leave(head, manager, deputy, from_on, to_on)
    assert list(caught.value.error_dict) == [at]


def test_two_deputies_for_one_day_are_one_too_many(head, manager, deputy):
    leave(head, manager, deputy, TODAY, TODAY + 3 * DAY)
    other = StaffFactory(branch=manager.branch)
    with pytest.raises(ValidationError) as caught:
        leave(head, manager, other, TODAY + 3 * DAY, TODAY + 5 * DAY)
    assert list(caught.value.error_dict) == ["from_on"]
    leave(head, manager, other, TODAY + 4 * DAY, TODAY + 5 * DAY)


@pytest.mark.parametrize(
    "make",
    [
        lambda manager: manager,
        lambda manager: StaffFactory(branch=manager.branch, role=Role.COMPLAINT_OFFICER),
        lambda manager: StaffFactory(branch=manager.branch, left_on=TODAY + DAY),
        lambda manager: StaffFactory(branch=manager.branch, joined_on=TODAY + DAY),
        lambda manager: (
            LeaveFactory(staff=StaffFactory(branch=manager.branch), from_on=TODAY + DAY, to_on=TODAY + DAY).staff
        ),
    ],
    ids=["oneself", "wrong role", "leaves meanwhile", "not there yet", "away"],
)
def test_deputies_that_will_not_do(head, manager, make):
    with pytest.raises(ValidationError) as caught:
        leave(head, manager, make(manager))
    assert list(caught.value.error_dict) == ["deputy"]


def test_nobody_reaches_into_another_branch(head, manager, deputy, stranger):
    for staff, other in ((stranger, deputy), (manager, stranger)):
        with pytest.raises(PermissionDenied):
            leave(head, staff, other)
    row = LeaveFactory(staff=stranger, from_on=TODAY, to_on=TODAY)
    with pytest.raises(PermissionDenied):
        services.end_leave(row, by=head.user, on=TODAY)


def test_managers_enter_no_deputies(manager, deputy):
    with pytest.raises(PermissionDenied):
        leave(manager, manager, deputy)


# --- Grants ---------------------------------------------------------------------------------------------------------


def grant(by, to, branch, until=TODAY + 7 * DAY):
    return services.grant_client_data(to=to, branch=branch, until=until, reason="Intake of March", by=by.user, on=TODAY)


def test_a_head_grants_the_own_branch_and_ends_it(head, admin):
    row = grant(head, admin, head.branch)
    services.end_grant(row, by=head.user, on=TODAY)
    row.refresh_from_db()
    assert row.until == TODAY - DAY
    assert [one.action for one in AuditEvent.objects.filter(object_no=admin.staff_no).order_by("pk")] == [
        "grant.made",
        "grant.ended",
    ]


def test_no_head_grants_another_branch_or_the_firm(head, admin, stranger):
    for branch in (stranger.branch, None):
        with pytest.raises(PermissionDenied):
            grant(head, admin, branch)
    row = grant(StaffFactory(role=Role.COMPLIANCE_OFFICER), admin, None)
    with pytest.raises(PermissionDenied):
        services.end_grant(row, by=head.user, on=TODAY)


def test_administrators_grant_themselves_nothing(admin):
    with pytest.raises(PermissionDenied):
        grant(admin, admin, admin.branch)
    assert not ClientDataGrant.objects.exists()


@pytest.mark.parametrize(("days", "good"), [(-1, False), (0, True), (30, True), (31, False)])
def test_a_grant_is_for_a_time(head, admin, days, good):
    if good:
        assert grant(head, admin, head.branch, TODAY + days * DAY).pk
    else:
        with pytest.raises(ValidationError):
            grant(head, admin, head.branch, TODAY + days * DAY)


@pytest.mark.parametrize(
    "make",
    [
        lambda: StaffFactory(role=Role.AUDITOR),
        lambda: StaffFactory(role=Role.ADMIN, user=None),
        lambda: StaffFactory(role=Role.ADMIN, left_on=TODAY),
    ],
)
def test_only_an_administrator_with_a_log_in_needs_one(head, make):
    with pytest.raises(ValidationError):
        grant(head, make(), head.branch)


# --- Tokens ---------------------------------------------------------------------------------------------------------


def token(by, **changes):
    wanted = {"name": "export", "scopes": ["clients.view"], "branch": None, "expires_at": timezone.now() + DAY}
    return make_token(**(wanted | changes), by=by.user)


def test_only_the_fingerprint_of_a_token_is_kept(admin):
    row, secret = token(admin)
    assert row.digest == digest_of(secret)
    kept = str(vars(ApiToken.objects.get())) + str(list(AuditEvent.objects.values_list("detail", flat=True)))
    assert secret not in kept
    assert len(secret) > 40


def test_a_token_is_made_and_revoked_by_the_administrator_only(admin, head):
    with pytest.raises(PermissionDenied):
        token(head)
    row, _secret = token(admin)
    with pytest.raises(PermissionDenied):
        revoke_token(row, by=head.user)
    revoke_token(row, by=admin.user)
    revoke_token(row, by=admin.user)
    assert AuditEvent.objects.filter(action="token.revoked").count() == 1


# --- Log-ins --------------------------------------------------------------------------------------------------------


def test_only_the_administrator_stops_log_ins_and_not_the_own(admin, head, manager):
    with pytest.raises(PermissionDenied):
        logins.stop(manager, by=head.user)
    with pytest.raises(PermissionDenied):
        logins.one_time_link(manager, by=head.user)
    logins.stop(admin, by=admin.user)
    admin.user.refresh_from_db()
    assert admin.user.is_active
    logins.stop(manager, by=admin.user)
    logins.allow(manager, by=admin.user)
    assert list(
        AuditEvent.objects.filter(object_no=manager.staff_no).values_list("action", flat=True).order_by("pk")
    ) == [
        "login.stopped",
        "login.started",
    ]


def test_a_link_makes_the_log_in_if_there_is_none(admin):
    staff = StaffFactory(user=None, branch=BranchFactory())
    path = logins.one_time_link(staff, by=admin.user)
    staff.refresh_from_db()
    assert staff.user.username == staff.staff_no
    assert path.startswith("/account/password/reset/key/")
