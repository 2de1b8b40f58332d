"""Who gets a case (X2, U6): the people who could handle it, and what the policy's rule makes of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from complaints import rules
from complaints.choices import OPEN_STATES, Severity
from complaints.models import Complaint, ComplaintPolicy
from complaints.rules import Candidate
from complaints.services.core import HANDLING
from crm.money import UNITS_PER_YUAN
from org.models import Branch, Role, Staff, User


@dataclass(frozen=True)
class Asking:
    """What the rule looks at. `amount` in units, None: none claimed; `named`: whom it is about; `receiver`: who heard it."""

    severity: str
    amount: int | None
    branch: Branch
    named: frozenset[int]
    receiver: Staff | None


def first_handler(policy: ComplaintPolicy, asked: Asking, serving: Sequence[Staff]) -> int | None:
    """Who handles a new case: whoever heard it first stays responsible until handed over, unless it is about him or
    grave; then the policy's rule decides. None: nobody fits, the queue shows it as unassigned. `serving`: `people`."""
    limit = None if policy.grave_from is None else policy.grave_from * UNITS_PER_YUAN
    severity = rules.weighed(asked.severity, asked.amount, limit)
    receiver = asked.receiver
    ordinary = severity in (Severity.NORMAL, Severity.IMPORTANT)
    if receiver is not None and receiver.pk not in asked.named and ordinary and receiver.role in HANDLING:
        return receiver.pk
    roles = policy.assignment.get(severity, [])
    found = rules.choose_handler(_near(asked.branch, serving), asked.named, roles)
    return found.staff if found else None


def people(at: datetime, branches: Iterable[Branch]) -> list[Staff]:
    """Who could handle cases of some branches, with `load`, their open cases; one query."""
    above = {one for branch in branches for one in _above(branch)}
    serving = Staff.objects.serving(timezone.localdate(at)).filter(
        Q(branch__in=above, role__in=[Role.COMPLAINT_OFFICER, Role.BRANCH_HEAD]) | Q(role=Role.COMPLIANCE_OFFICER)
    )
    return list(serving.annotate(load=Count("complaints", filter=Q(complaints__state__in=OPEN_STATES))))


def _near(branch: Branch, serving: Sequence[Staff]) -> list[Candidate]:
    """The candidates of one branch: staff of it and of those above, compliance anywhere."""
    above = _above(branch)
    levels = {branch_id: len(above) - 1 - number for number, branch_id in enumerate(above)}
    return [
        Candidate(one.pk, one.staff_no, one.role, levels.get(one.branch_id, len(above)), one.load)  # type: ignore[attr-defined]
        for one in serving
        if one.branch_id in levels or one.role == Role.COMPLIANCE_OFFICER
    ]


def _above(branch: Branch) -> list[int]:
    return [int(part) for part in branch.path.strip("/").split("/") if part]


def possible_handlers(complaint: Complaint, user: User) -> QuerySet[Staff]:
    """To whom a case can be given: staff of its branch and those above, compliance; never those it is about."""
    above = [int(part) for part in complaint.branch.path.strip("/").split("/") if part]
    named = [one for one in (complaint.about_person_id, complaint.about_superior_id) if one]
    return (
        Staff.objects.serving(timezone.localdate())
        .filter(Q(branch__in=above, role__in=HANDLING) | Q(role=Role.COMPLIANCE_OFFICER))
        .exclude(pk__in=named)
        .order_by("staff_no")
    )
