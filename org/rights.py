"""Which role may do what: one table, read by pages, API and services. Rows are decided elsewhere, in `org.scope`.

The deputy of somebody on leave has the rights of the absent one's role in these days, but those of `NEVER_BY_DEPUTY`.
"""

from django.core.exceptions import PermissionDenied

from org.models import MANAGING, Role, Staff
from org.scope import absent_colleagues

_COMPLAINT_ROLES = {Role.COMPLAINT_OFFICER, Role.COMPLIANCE_OFFICER}
_HEAD_OFFICE = {Role.ANALYST, Role.ADMIN}
_CLIENT_ROLES = set(MANAGING)

#: What a page or a viewset declares when it is for everybody who is signed in.
ANYBODY = "anybody"

#: Right → the roles that have it. A service account has a right when its token carries the scope of the same name.
RIGHTS: dict[str, frozenset[str]] = {
    "clients.view": frozenset(_CLIENT_ROLES | _HEAD_OFFICE),
    "clients.reveal": frozenset(_CLIENT_ROLES | {Role.ADMIN}),
    # Who opened a record: for those who answer for it.
    "clients.viewers": frozenset({Role.BRANCH_HEAD, Role.COMPLIANCE_OFFICER}),
    "clients.edit": frozenset(_CLIENT_ROLES),
    "clients.reassign": frozenset({Role.BRANCH_HEAD}),
    # A book handed over: the head who does it, the manager who got it.
    "handovers.view": frozenset(_CLIENT_ROLES),
    "clients.export": frozenset(_CLIENT_ROLES | {Role.ANALYST}),
    "pareto.view": frozenset(_CLIENT_ROLES | {Role.ANALYST}),
    "profit.view": frozenset({Role.BRANCH_HEAD, Role.ANALYST}),
    "profit.edit": frozenset({Role.BRANCH_HEAD}),
    "prospects.view": frozenset(_CLIENT_ROLES),
    "prospects.edit": frozenset(_CLIENT_ROLES),
    "prospects.export": frozenset(_CLIENT_ROLES),
    # Fields of the firm's own on the client profile.
    "fields.edit": frozenset({Role.ADMIN}),
    "analyses.view": frozenset({Role.BRANCH_HEAD, Role.ANALYST}),
    # Of whole branches; a complaint officer sees the complaints on them alone.
    "dashboards.view": frozenset({Role.BRANCH_HEAD, Role.COMPLAINT_OFFICER, Role.ANALYST}),
    # One manager's own figures (D4): his own page, for a head those of the managers below.
    "figures.view": frozenset(_CLIENT_ROLES | {Role.COMPLAINT_OFFICER, Role.ANALYST}),
    "targets.edit": frozenset({Role.BRANCH_HEAD}),
    # Links that show a branch's wallboard without a log-in.
    "walls.edit": frozenset({Role.BRANCH_HEAD}),
    "segments.view": frozenset(_CLIENT_ROLES | {Role.ANALYST}),
    "segments.edit": frozenset(_CLIENT_ROLES | {Role.ANALYST}),
    # With one's role, branch or the firm.
    "segments.share": frozenset({Role.BRANCH_HEAD, Role.ANALYST}),
    "visits.view": frozenset(_CLIENT_ROLES | {Role.ANALYST}),
    "visits.edit": frozenset(_CLIENT_ROLES),
    "visits.waive": frozenset({Role.BRANCH_HEAD}),
    "visits.export": frozenset(_CLIENT_ROLES | {Role.ANALYST}),
    # Complaints; which ones is decided in complaints.scope.
    "complaints.view": frozenset(_CLIENT_ROLES | _COMPLAINT_ROLES | {Role.ANALYST}),
    "complaints.handle": frozenset(_CLIENT_ROLES | _COMPLAINT_ROLES),
    "complaints.assign": frozenset({Role.BRANCH_HEAD} | _COMPLAINT_ROLES),
    # The amount of a proposal, a longer time for the answer: by somebody other than the handler.
    "complaints.approve": frozenset({Role.BRANCH_HEAD, Role.COMPLIANCE_OFFICER}),
    "complaints.analyse": frozenset({Role.BRANCH_HEAD, Role.ANALYST} | _COMPLAINT_ROLES),
    "complaints.export": frozenset({Role.BRANCH_HEAD} | _COMPLAINT_ROLES),
    # Call-backs: made by people who do not serve the clients; heads and head office see numbers alone.
    "callbacks.view": frozenset({Role.CALLBACK_AGENT, Role.COMPLIANCE_OFFICER}),
    "callbacks.record": frozenset({Role.CALLBACK_AGENT, Role.COMPLIANCE_OFFICER}),
    "callbacks.steer": frozenset({Role.COMPLIANCE_OFFICER}),
    "callbacks.meter": frozenset({Role.CALLBACK_AGENT, Role.COMPLIANCE_OFFICER, Role.BRANCH_HEAD, Role.ANALYST}),
    "policies.view": frozenset({Role.BRANCH_HEAD} | _HEAD_OFFICE),
    "policies.edit": frozenset({Role.ADMIN}),
    "intake.view": frozenset(_HEAD_OFFICE),
    "intake.run": frozenset({Role.ADMIN}),
    "nights.view": frozenset(_HEAD_OFFICE),
    "nights.run": frozenset({Role.ADMIN}),
    "staff.view": frozenset({Role.BRANCH_HEAD} | _HEAD_OFFICE),
    "staff.edit": frozenset({Role.ADMIN}),
    "leave.edit": frozenset({Role.BRANCH_HEAD, Role.ADMIN}),
    "grants.view": frozenset({Role.BRANCH_HEAD, Role.COMPLIANCE_OFFICER, Role.ADMIN}),
    "grants.edit": frozenset({Role.BRANCH_HEAD, Role.COMPLIANCE_OFFICER}),
    "tokens.edit": frozenset({Role.ADMIN}),
    # The change feed; what of it, by the rights of its kinds.
    "changes.view": frozenset(_HEAD_OFFICE),
    "webhooks.edit": frozenset({Role.ADMIN}),
    "audit.view": frozenset({Role.AUDITOR}),
    # Sharing a saved view of a list.
    "views.branch": frozenset(_CLIENT_ROLES),
    "views.firm": frozenset(_HEAD_OFFICE),
}

#: Acts of a person, never of a program: no token carries them.
NEVER_BY_TOKEN = frozenset(
    {
        "tokens.edit",
        "webhooks.edit",
        "grants.view",
        "grants.edit",
        "leave.edit",
        "staff.edit",
        "audit.view",
        "clients.viewers",
        "complaints.approve",
        "callbacks.record",
        "callbacks.steer",
        "walls.edit",
        "views.branch",
        "views.firm",
    }
)
#: What a head does not leave to a deputy, who could otherwise prolong the deputyship or open data to others.
NEVER_BY_DEPUTY = frozenset({"leave.edit", "grants.edit", "walls.edit"})
#: What concerns the firm as a whole: a token bound to a branch does not carry it.
FIRM_ONLY = frozenset({"nights.view", "nights.run", "intake.view", "intake.run", "policies.edit"})
TOKEN_SCOPES = tuple(sorted(RIGHTS.keys() - NEVER_BY_TOKEN))


def may(user, right: str) -> bool:
    """Whether the user has a right; an unknown right is a programming error (KeyError)."""
    roles = RIGHTS[right] if right != ANYBODY else None
    if not (user.is_authenticated and user.is_active):
        return False
    if roles is None:
        return True
    token = getattr(user, "api_token", None)
    if token is not None:
        bound = token.branch_id is not None and right in FIRM_ONLY
        return right in token.scopes and right not in NEVER_BY_TOKEN and not bound
    staff = getattr(user, "staff", None)
    return staff is not None and (staff.role in roles or principal(user, right) is not None)


def principal(user, right: str) -> Staff | None:
    """The absent colleague on whose behalf a user has a right that the own role lacks; None without one."""
    # The token first: a service account's staff would cost a query.
    if right == ANYBODY or right in NEVER_BY_DEPUTY or getattr(user, "api_token", None) is not None:
        return None
    roles, staff = RIGHTS[right], getattr(user, "staff", None)
    if staff is None or staff.role in roles:
        return None
    return next((absent for absent in absent_colleagues(user) if absent.role in roles), None)


def require(user, right: str) -> None:
    """Raise PermissionDenied unless the user has the right; what follows is done on behalf of its `principal`.

    The audit trail reads `acting_for` (staff number, or empty) from the user.
    """
    if not may(user, right):
        raise PermissionDenied(right)
    if user.is_authenticated:
        absent = principal(user, right)
        user.acting_for = absent.staff_no if absent is not None else ""
