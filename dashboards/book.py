"""What a manager's page is about: the clients of one manager, for himself and for those above him (D4, U1)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Q
from django.http import Http404
from django.urls import reverse
from django.utils.http import urlencode

from crm.clock import today
from dashboards.asked import Asked, made_on
from dashboards.rules import period_of, read_period
from org.models import MANAGING, Branch, Staff
from org.rights import may
from org.scope import scope_of


@dataclass(frozen=True)
class Book(Asked):
    """A question about one manager's clients: all of them for himself, those in the own branches for a head."""

    @property
    def whole(self) -> bool:
        """Whether the viewer sees the clients of this manager wherever they are."""
        scope = scope_of(self.user)
        return scope.firm or (self.manager is not None and self.manager.pk in scope.staff_ids)

    @property
    def firm(self) -> bool:
        return self.whole

    @cached_property
    def branches(self) -> dict[int, Branch]:
        found = Branch.objects.filter(pk__in=scope_of(self.user).branch_ids)
        return {one.pk: one for one in found.order_by("branch_no")}

    def clients_url(self, **more: Any) -> str:
        wanted: dict[str, Any] = {}
        if not self.whole:
            wanted["branch"] = [branch.branch_no for branch in self.branches.values()]
        return f"{reverse('clients:list')}?{urlencode({**wanted, **self.narrowing, **more}, doseq=True)}"

    def complaints_url(self, **more: Any) -> str:
        """Complaints that he handles."""
        handler = self.manager.staff_no if self.manager is not None else ""
        return f"{reverse('complaints:list')}?{urlencode({'handler': handler, 'matter': 'true', **more})}"

    @property
    def query(self) -> str:
        return urlencode({"period": str(self.period)})


def books_of(user: Any) -> Q:
    """Condition on staff whose page a viewer may open: the own, those of whom one is deputy, those of the own branches."""
    scope = scope_of(user)
    found = Q(role__in=MANAGING)
    return found if scope.firm else found & (Q(pk__in=scope.staff_ids) | Q(branch__in=scope.branch_ids))


def ask_manager(user: Any, staff_no: str, period: str = "") -> Book:
    """Read a question about a manager. Raises Http404 for what makes no sense or is out of the viewer's scope."""
    as_of = made_on()
    wanted = read_period(period) if period else period_of("month", as_of or today())
    if wanted is None or wanted.first > max(as_of or today(), today()) or "\x00" in staff_no:
        raise Http404
    staff = Staff.objects.serving(today()).filter(books_of(user), staff_no=staff_no).select_related("branch").first()
    if staff is None:
        raise Http404
    return Book(user, None, wanted, as_of, staff)


def manager_url(asked: Asked, staff: Staff | None) -> str:
    """The manager's page in the same period; '' for nobody, for one who left, and for viewers without the right."""
    if staff is None or staff.role not in MANAGING or not may(asked.user, "figures.view"):
        return ""
    if staff.left_on is not None and staff.left_on <= today():
        return ""
    return f"{reverse('dashboards:manager', args=[staff.staff_no])}?{urlencode({'period': str(asked.period)})}"
