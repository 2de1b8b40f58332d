"""Whose visits somebody may change: the own ones, those of colleagues deputised for, and the branch's for its head."""

from django.db.models import Q

from org.models import Staff, User
from org.scope import scope_of
from visits.models import Visit, VisitQuerySet


def staff_for(user: User, staff_id: int) -> Staff:
    """A member of staff whose month the user may plan. Raises Staff.DoesNotExist otherwise."""
    return plannable(user).select_related("branch").get(pk=staff_id)


def plannable(user: User):
    """Staff whose months the user may plan: oneself, those deputised for, a head's branches."""
    scope = scope_of(user)
    if scope.firm:
        return Staff.objects.all()
    return Staff.objects.filter(Q(pk__in=list(scope.staff_ids)) | Q(branch__in=list(scope.branch_ids)))


def editable(user: User) -> VisitQuerySet:
    """Visits the user may change; never more than he may see."""
    return Visit.objects.visible_to(user).filter(manager__in=plannable(user))
