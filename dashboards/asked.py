"""What a dashboard is about: whose clients, in which period; the same in pages, exports and API, and in every link."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from django.db.models import Max, Q, QuerySet
from django.http import Http404
from django.urls import reverse
from django.utils.http import urlencode

from clients.models import Client
from complaints.scope import complaint_scope
from crm.clock import today
from dashboards.models import NOBODY, WHOLE, Made
from dashboards.rules import Period, period_of, read_period
from org.models import MANAGING, Branch, Staff
from org.scope import scope_of
from segmentation.pareto import Selection
from segments import rules as segment_rules
from segments.models import Segment
from segments.reading import find
from segments.services import clients_of

#: Value of `manager` for clients without one, as in the client list.
NO_MANAGER = "-"


@dataclass(frozen=True)
class Asked:
    """A branch with those below it (None: all that the viewer sees whole), one manager's clients there, a segment of them.

    `as_of`: business date of the newest night that made the figures, None before the first.
    """

    user: Any
    branch: Branch | None
    period: Period
    as_of: date | None
    manager: Staff | None = None
    nobody: bool = False
    segment: Segment | None = None

    # --- Whose ------------------------------------------------------------------------------------------------------

    @cached_property
    def branches(self) -> dict[int, Branch]:
        """The branch and those below, within the viewer's scope, by id in the order of their numbers."""
        return {one.pk: one for one in branches_of(self.user, self.branch).order_by("branch_no")}

    @property
    def firm(self) -> bool:
        """Whether all branches of the firm are meant."""
        return self.branch is None and scope_of(self.user).firm

    @property
    def sees_clients(self) -> bool:
        """Whether the viewer sees whole branches' clients; a complaint officer sees complaints alone."""
        scope = scope_of(self.user)
        return scope.firm or bool(scope.branch_ids)

    @property
    def narrowed(self) -> bool:
        return self.manager is not None or self.nobody or self.segment is not None

    @property
    def selection(self) -> Selection:
        return Selection(self.branch, self.manager)

    @property
    def staff_id(self) -> int:
        """Which rows of the kept figures."""
        return NOBODY if self.nobody else self.manager.pk if self.manager is not None else WHOLE

    def within(self, prefix: str = "") -> Q:
        """Condition on clients behind `prefix`: branches and manager; the segment is not in it."""
        found = Q() if self.firm else Q(**{f"{prefix}branch__in": list(self.branches)})
        if self.manager is not None:
            found &= Q(**{f"{prefix}manager": self.manager})
        if self.nobody:
            found &= Q(**{f"{prefix}manager__isnull": True})
        return found

    def clients(self) -> QuerySet[Client]:
        """The clients meant, closed ones too. Raises Http404 for a segment whose rule no longer holds."""
        found = Client.objects.visible_to(self.user).filter(self.within())
        if self.segment is not None:
            try:
                found = found.filter(pk__in=clients_of(self.segment, self.user).order_by().values("pk"))
            except segment_rules.Broken as error:
                raise Http404 from error
        return found

    # --- Addresses --------------------------------------------------------------------------------------------------

    @property
    def narrowing(self) -> dict[str, str]:
        """Manager and segment as parameters."""
        found = {}
        if self.manager is not None or self.nobody:
            found["manager"] = self.manager.staff_no if self.manager is not None else NO_MANAGER
        if self.segment is not None:
            found["segment"] = str(self.segment.pk)
        return found

    @property
    def query(self) -> str:
        """The same question for another part of the page."""
        return urlencode({"period": str(self.period), **self.narrowing})

    def clients_url(self, **more: Any) -> str:
        """The client list behind a figure."""
        wanted: dict[str, Any] = {}
        if self.branch is not None or not scope_of(self.user).firm:
            wanted["branch"] = [branch.branch_no for branch in self.branches.values()]
        return f"{reverse('clients:list')}?{urlencode({**wanted, **self.narrowing, **more}, doseq=True)}"

    def duties_url(self, month: date, **more: Any) -> str:
        """The list of contacts behind a figure."""
        wanted = {"month": f"{month:%Y-%m}", **({"branch": self.branch.branch_no} if self.branch else {})}
        return f"{reverse('visits:duties')}?{urlencode({**wanted, **self.narrowing, **more}, doseq=True)}"

    def complaints_url(self, **more: Any) -> str:
        """The list of complaints behind a figure; manager and segment do not narrow it."""
        wanted = {"within": self.branch.branch_no} if self.branch else {}
        return f"{reverse('complaints:list')}?{urlencode({**wanted, 'matter': 'true', **more}, doseq=True)}"


def branches_of(user: Any, branch: Branch | None) -> QuerySet[Branch]:
    """Branches that a viewer may see a dashboard of: whole ones, a complaint officer's own."""
    scope = scope_of(user)
    if scope.firm:
        found = Branch.objects.all()
    else:
        found = Branch.objects.filter(pk__in={*scope.branch_ids, *complaint_scope(user).branch_ids})
    return found.filter(path__startswith=branch.path) if branch is not None else found


def own_branch(user: Any) -> Branch | None:
    """The branch that somebody leads or works at; for a deputy the absent head's, for a token its own. None: the firm."""
    if scope_of(user).firm:
        return None
    # The top of the own branches: others lie below it.
    return branches_of(user, None).order_by("path", "pk").first()


def made_on() -> date | None:
    """Business date of the newest night that made the figures."""
    return Made.objects.aggregate(newest=Max("as_of"))["newest"]


def ask(user: Any, branch: Branch | None, *, period: str = "", manager: str = "", segment: str = "") -> Asked:
    """Read a question. Raises Http404 for what makes no sense or is out of the viewer's scope."""
    as_of = made_on()
    wanted = read_period(period) if period else period_of("month", as_of or today())
    if wanted is None or wanted.first > max(as_of or today(), today()):
        raise Http404
    staff, found = None, None
    if manager and manager != NO_MANAGER:
        staff = managers_in(user, branch).filter(staff_no=manager).first()
        if staff is None:
            raise Http404
    if segment:
        found = find(user, segment)
        if found is None:
            raise Http404
    return Asked(user, branch, wanted, as_of, staff, manager == NO_MANAGER, found)


def managers_in(user: Any, branch: Branch | None) -> QuerySet[Staff]:
    """Managers whose clients a viewer may ask about."""
    if not scope_of(user).firm and not scope_of(user).branch_ids:
        return Staff.objects.none()
    found = Staff.objects.filter(branch__in=branches_of(user, branch), role__in=MANAGING)
    return found.order_by("staff_no")
