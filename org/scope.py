"""SCOPE: the one place that says whose rows a user may see. Apps turn it into conditions on their own tables.

| role | clients |
| --- | --- |
| account manager | own, co-managed, and those of colleagues whose deputy he or she is today |
| branch head | the branch and the branches below it (also as deputy of its head) |
| head-office analyst | all, personal data masked |
| administrator | none, unless granted for a time (`ClientDataGrant`) |
| service account | the branch of its token and those below, or the firm |
| anybody else | none |

Somebody who has left, or is not in service yet, sees nothing.
"""

from dataclasses import dataclass

from django.db.models import Q

from crm.clock import today
from org.models import Branch, ClientDataGrant, Role, Staff


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
    """The scope of a user today; worked out once per user object, that is once per request."""
    if not (user.is_authenticated and user.is_active):
        return NOTHING
    cached = user.__dict__.get("_scope")
    if cached is None:
        cached = user.__dict__["_scope"] = _scope_of(user)
    return cached


def _scope_of(user) -> Scope:
    token = getattr(user, "api_token", None)
    if token is not None:
        return (
            Scope(firm=True) if token.branch_id is None else Scope(branch_ids=_with_branches_below([token.branch_id]))
        )
    staff = getattr(user, "staff", None)
    on = today()
    if staff is None or not in_service(staff, on):
        return NOTHING
    if staff.role == Role.ANALYST:
        return Scope(firm=True, masked=True)
    if staff.role == Role.ADMIN:
        return _granted(user, on)
    principals = [staff, *_absent_colleagues(staff, on)]
    heads = [p.branch_id for p in principals if p.role == Role.BRANCH_HEAD]
    return Scope(
        branch_ids=_with_branches_below(heads) if heads else (),
        staff_ids=tuple(p.pk for p in principals if p.role in (Role.ACCOUNT_MANAGER, Role.BRANCH_HEAD)),
    )


def in_service(staff: Staff, on) -> bool:
    """Whether somebody is in service on a date: from joined_on on, until the day before left_on."""
    return (staff.joined_on is None or staff.joined_on <= on) and (staff.left_on is None or on < staff.left_on)


def _absent_colleagues(staff: Staff, on) -> list[Staff]:
    return list(Staff.objects.filter(leaves__deputy=staff, leaves__from_on__lte=on, leaves__to_on__gte=on).distinct())


def _granted(user, on) -> Scope:
    grants = list(ClientDataGrant.objects.filter(user=user, until__gte=on).values_list("branch_id", flat=True))
    if None in grants:
        return Scope(firm=True)
    return Scope(branch_ids=_with_branches_below(grants)) if grants else NOTHING


def _with_branches_below(branch_ids: list[int]) -> tuple[int, ...]:
    below = Q()
    for path in Branch.objects.filter(pk__in=branch_ids).values_list("path", flat=True):
        below |= Q(path__startswith=path)
    return tuple(Branch.objects.filter(below).values_list("pk", flat=True)) if below else ()
