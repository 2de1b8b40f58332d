"""Scope over complaints: who sees which cases. Never those about oneself, whatever the role (U6).

| role | complaints |
| --- | --- |
| account manager | of own, co-managed and deputised clients; those received or handled by oneself |
| branch head | of the branch and those below (also as deputy of its head) |
| complaint officer | of the own branch and those below; at head office that is the firm |
| compliance officer | all |
| head-office analyst | all, names and texts masked |
| service account | of its branch and those below, or the firm |
| anybody else | none |
"""

from dataclasses import dataclass

from django.db.models import Q

from clients.models import CoManager
from crm.clock import today
from org.models import MANAGING, Role, Staff
from org.scope import in_service, is_service_account, scope_of, with_branches_below


@dataclass(frozen=True)
class ComplaintScope:
    """Which complaints; `me` is left out as somebody complained about."""

    firm: bool = False
    branch_ids: tuple[int, ...] = ()
    staff_ids: tuple[int, ...] = ()
    client_ids: tuple[int, ...] = ()
    me: int | None = None
    masked: bool = False

    def condition(self, prefix: str = "") -> Q:
        """Condition for a queryset whose complaint sits behind `prefix` ('' on Complaint itself)."""
        wanted = Q() if self.firm else Q(**{f"{prefix}pk__in": []})
        if not self.firm and self.branch_ids:
            wanted |= Q(**{f"{prefix}branch__in": list(self.branch_ids)})
        if not self.firm and self.staff_ids:
            wanted |= Q(**{f"{prefix}client__manager__in": list(self.staff_ids)})
        if not self.firm and self.client_ids:
            wanted |= Q(**{f"{prefix}client__in": list(self.client_ids)})
        if self.me is not None:
            if not self.firm:
                wanted |= Q(**{f"{prefix}receiver": self.me}) | Q(**{f"{prefix}handler": self.me})
            # NOT of a nullable column needs its NULLs said.
            for column in ("about_person", "about_superior"):
                wanted &= Q(**{f"{prefix}{column}__isnull": True}) | ~Q(**{f"{prefix}{column}": self.me})
        return wanted


NOTHING = ComplaintScope()
_OFFICERS = (Role.COMPLAINT_OFFICER, Role.COMPLIANCE_OFFICER)


def complaint_scope(user) -> ComplaintScope:
    """The complaints a user may see, worked out once per user object."""
    if not (user.is_authenticated and user.is_active):
        return NOTHING
    cached = user.__dict__.get("_complaint_scope")
    if cached is None:
        cached = user.__dict__["_complaint_scope"] = _scope_of(user)
    return cached


def _scope_of(user) -> ComplaintScope:
    if is_service_account(user):
        scope = scope_of(user)
        return ComplaintScope(firm=scope.firm, branch_ids=scope.branch_ids)
    staff: Staff | None = getattr(user, "staff", None)
    if staff is None or not in_service(staff, today()):
        return NOTHING
    if staff.role == Role.ANALYST:
        return ComplaintScope(firm=True, me=staff.pk, masked=True)
    if staff.role == Role.COMPLIANCE_OFFICER:
        return ComplaintScope(firm=True, me=staff.pk)
    if staff.role == Role.COMPLAINT_OFFICER:
        return ComplaintScope(branch_ids=with_branches_below([staff.branch_id]), me=staff.pk)
    if staff.role in MANAGING:
        scope = scope_of(user)
        shared = CoManager.objects.filter(staff__in=scope.staff_ids).values_list("client_id", flat=True)
        return ComplaintScope(
            branch_ids=scope.branch_ids, staff_ids=scope.staff_ids, client_ids=tuple(shared), me=staff.pk
        )
    return NOTHING
