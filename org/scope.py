"""SCOPE: the one place that says whose rows a user may see. Apps turn it into conditions on their own tables.

| role | clients | staff |
| --- | --- | --- |
| account manager | own, co-managed, and those of colleagues whose deputy he or she is today | the same colleagues |
| branch head | the branch and the branches below it (also as deputy of its head) | the same branches |
| head-office analyst | all, personal data masked | all |
| administrator | none, unless granted for a time (`ClientDataGrant`) | all |
| service account | the branch of its token and those below, or the firm | the same |
| anybody else | none | oneself |

Somebody who has left, or is not in service yet, sees nothing.
"""

from dataclasses import dataclass, replace
from datetime import date

from django.db.models import Q

from crm.clock import today
from org.models import MANAGING, Branch, ClientDataGrant, Role, Staff


@dataclass(frozen=True)
class Scope:
    """Rows a user may see. `firm` wins over the lists; nothing set means nothing may be seen."""

    firm: bool = False
    branch_ids: tuple[int, ...] = ()
    staff_ids: tuple[int, ...] = ()
    masked: bool = False

    def branch_condition(self, field: str) -> Q:
        """Condition on a column holding a branch id, for rows that belong to whole branches."""
        if self.firm:
            return Q()
        return Q(**{f"{field}__in": list(self.branch_ids)})

    @property
    def nothing(self) -> bool:
        return not (self.firm or self.branch_ids or self.staff_ids)


NOTHING = Scope()


def scope_of(user) -> Scope:
    """The scope of a user over clients today; worked out once per user object, that is once per request."""
    if not (user.is_authenticated and user.is_active):
        return NOTHING
    cached = user.__dict__.get("_scope")
    if cached is None:
        cached = user.__dict__["_scope"] = _scope_of(user)
    return cached


def people_scope_of(user) -> Scope:
    """The scope of a user over staff and branches as an organisation: nobody's clients are behind it."""
    scope = scope_of(user)
    staff = None if is_service_account(user) else getattr(user, "staff", None)
    if staff is None or not user.is_active or not in_service(staff, today()):
        return scope
    if staff.role in (Role.ADMIN, Role.COMPLIANCE_OFFICER):
        return Scope(firm=True)
    return replace(scope, staff_ids=tuple({*scope.staff_ids, staff.pk}))


def is_service_account(user) -> bool:
    """Whether the user came with an API token."""
    return getattr(user, "api_token", None) is not None


def _scope_of(user) -> Scope:
    token = getattr(user, "api_token", None)
    if token is not None:
        if token.branch_id is None:
            return Scope(firm=True)
        return Scope(branch_ids=with_branches_below([token.branch_id]))
    staff = getattr(user, "staff", None)
    on = today()
    if staff is None or not in_service(staff, on):
        return NOTHING
    if staff.role == Role.ANALYST:
        return Scope(firm=True, masked=True)
    if staff.role == Role.ADMIN:
        return _granted(user, on)
    principals = [staff, *absent_colleagues(user)]
    heads = [p.branch_id for p in principals if p.role == Role.BRANCH_HEAD]
    return Scope(
        branch_ids=with_branches_below(heads) if heads else (),
        staff_ids=tuple(p.pk for p in principals if p.role in MANAGING),
    )


def in_service(staff: Staff, on: date) -> bool:
    """Whether somebody is in service on a date: from joined_on on, until the day before left_on."""
    return (staff.joined_on is None or staff.joined_on <= on) and (staff.left_on is None or on < staff.left_on)


def absent_colleagues(user) -> tuple[Staff, ...]:
    """Those whose deputy a user is today; a leave ends with the service of the absent one. Once per user object."""
    cached = user.__dict__.get("_absent")
    if cached is None:
        cached = user.__dict__["_absent"] = _absent_colleagues(getattr(user, "staff", None), today())
    return cached


def _absent_colleagues(staff: Staff | None, on: date) -> tuple[Staff, ...]:
    # Checked when a leave is entered too; roles may change afterwards.
    if staff is None or staff.role not in MANAGING or not in_service(staff, on):
        return ()
    on_leave = (
        Staff.objects.serving(on)
        .filter(leaves__deputy=staff, leaves__from_on__lte=on, leaves__to_on__gte=on, role__in=MANAGING)
        .select_related("branch")
    )
    return tuple(on_leave.distinct().order_by("staff_no"))


def _granted(user, on: date) -> Scope:
    grants = list(ClientDataGrant.objects.filter(user=user, until__gte=on).values_list("branch_id", flat=True))
    if None in grants:
        return Scope(firm=True)
    return Scope(branch_ids=with_branches_below(grants)) if grants else NOTHING


def with_branches_below(branch_ids: list[int]) -> tuple[int, ...]:
    """The branches and all below them, in ascending order of ids; one query, branches are few."""
    below = Q()
    for branch_id in branch_ids:
        below |= Q(path__contains=f"/{branch_id}/")
    if not below:
        return ()
    return tuple(Branch.objects.filter(below).order_by("pk").values_list("pk", flat=True))
