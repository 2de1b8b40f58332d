"""The verbs of the organisation: deputies during leave, client data granted for a time."""

from datetime import date, timedelta

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from org.audit import record
from org.models import MANAGING, Branch, ClientDataGrant, Leave, Role, Staff, User
from org.rights import require
from org.scope import in_service, people_scope_of

#: A grant of client data ends by itself after at most so many days.
GRANT_DAYS = 30


@transaction.atomic
def add_leave(*, staff: Staff, deputy: Staff, from_on: date, to_on: date, by: User, on: date) -> Leave:
    """Enter somebody's absence and who sees and works the clients meanwhile, both days included.

    Raises PermissionDenied without 'leave.edit' or for staff out of the actor's scope, ValidationError for days or a
    deputy that will not do. `on` is today.
    """
    require(by, "leave.edit")
    # Locked: two absences of one person are entered one after the other.
    staff = _own(Staff.objects.select_for_update(of=("self",)), staff, by)
    deputy = _own(Staff.objects.all(), deputy, by)
    if to_on < from_on:
        raise ValidationError({"to_on": _("The last day is before the first.")})
    if to_on < on:
        raise ValidationError({"to_on": _("These days are over.")})
    if staff.role not in MANAGING:
        raise ValidationError(_("Only account managers and branch heads have clients to look after."))
    _check_deputy(staff, deputy, from_on, to_on)
    if staff.leaves.filter(from_on__lte=to_on, to_on__gte=from_on).exists():
        raise ValidationError({"from_on": _("There is a deputy for some of these days already.")})
    leave = Leave.objects.create(staff=staff, deputy=deputy, from_on=from_on, to_on=to_on, entered_by=by)
    days = {"deputy": deputy.staff_no, "from": from_on.isoformat(), "to": to_on.isoformat()}
    record("leave.added", user=by, object_kind="staff", object_no=staff.staff_no, detail=days)
    return leave


def _check_deputy(staff: Staff, deputy: Staff, from_on: date, to_on: date) -> None:
    problem = ""
    if deputy.pk == staff.pk:
        problem = _("Nobody is his or her own deputy.")
    elif deputy.role not in MANAGING:
        problem = _("A deputy is an account manager or a branch head.")
    elif not (in_service(deputy, from_on) and in_service(deputy, to_on)):
        problem = _("The deputy is not in service on all of these days.")
    elif deputy.leaves.filter(from_on__lte=to_on, to_on__gte=from_on).exists():
        problem = _("The deputy is away on some of these days.")
    if problem:
        raise ValidationError({"deputy": problem})


@transaction.atomic
def end_leave(leave: Leave, *, by: User, on: date) -> None:
    """End an absence: yesterday was its last day; one that has not begun goes without a trace but the audit's."""
    require(by, "leave.edit")
    staff = _own(Staff.objects.all(), leave.staff, by)
    detail = {"deputy": leave.deputy.staff_no, "from": leave.from_on.isoformat(), "to": leave.to_on.isoformat()}
    if leave.to_on < on:
        return
    if leave.from_on >= on:
        leave.delete()
    else:
        leave.to_on = on - timedelta(days=1)
        leave.save(update_fields=["to_on"])
    record("leave.ended", user=by, object_kind="staff", object_no=staff.staff_no, detail=detail)


def _own(queryset, staff: Staff, by: User) -> Staff:
    """The row again, if the actor may see this member of staff. Raises PermissionDenied otherwise."""
    row = queryset.visible_to(by).filter(pk=staff.pk).first()
    if row is None:
        raise PermissionDenied("staff")
    return row


@transaction.atomic
def grant_client_data(
    *, to: Staff, branch: Branch | None, until: date, reason: str, by: User, on: date
) -> ClientDataGrant:
    """Let an administrator see the clients of a branch and those below it (None: of the firm) until a day, included.

    A branch head grants the own branches, the compliance officer any and the firm. Raises PermissionDenied without
    'grants.edit' or for a branch out of scope, ValidationError for a wrong person or day. `on` is today.
    """
    require(by, "grants.edit")
    scope = people_scope_of(by)
    if not scope.firm and (branch is None or branch.pk not in scope.branch_ids):
        raise PermissionDenied("branch")
    if to.role != Role.ADMIN or to.user_id is None or not in_service(to, on):
        raise ValidationError({"to": _("Only an administrator with a log-in needs a grant.")})
    if to.user_id == by.pk:
        raise PermissionDenied("oneself")
    if not on <= until <= on + timedelta(days=GRANT_DAYS):
        raise ValidationError({"until": _("From today on, at most %(days)s days.") % {"days": GRANT_DAYS}})
    grant = ClientDataGrant.objects.create(user_id=to.user_id, branch=branch, until=until, reason=reason, granted_by=by)
    detail = {"branch": branch.branch_no if branch else "", "until": until.isoformat(), "grant": grant.pk}
    record("grant.made", user=by, object_kind="staff", object_no=to.staff_no, detail=detail)
    return grant


@transaction.atomic
def end_grant(grant: ClientDataGrant, *, by: User, on: date) -> None:
    """End a grant now; the row stays. Raises PermissionDenied without 'grants.edit' or for a branch out of scope."""
    require(by, "grants.edit")
    scope = people_scope_of(by)
    if not scope.firm and grant.branch_id not in scope.branch_ids:
        raise PermissionDenied("branch")
    if grant.until < on:
        return
    grant.until = on - timedelta(days=1)
    grant.save(update_fields=["until"])
    staff_no = Staff.objects.filter(user=grant.user_id).values_list("staff_no", flat=True).first() or ""
    record("grant.ended", user=by, object_kind="staff", object_no=staff_no, detail={"grant": grant.pk})
