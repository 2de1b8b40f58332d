"""Versions of the complaint policy: drafted, published, then never changed (X2, X4). A case keeps the version it began with."""

from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from complaints.choices import Basis, Severity, Unit
from complaints.models import ComplaintPolicy
from complaints.rules import Limit, Rung
from crm.clock import now
from org import audit
from org.models import Role, User
from org.rights import require

FIELDS = (
    "valid_from", "limits", "ladder", "assignment", "follow_up_days", "fast_workdays", "group_from", "approve_from",
    "grave_from", "archive_days", "keep_years", "note",
)  # fmt: skip


@transaction.atomic
def draft(*, by: User) -> ComplaintPolicy:
    """A draft that begins as a copy of the newest version; there is at most one, an existing one is returned."""
    require(by, "policies.edit")
    found = ComplaintPolicy.objects.select_for_update().filter(state="draft").first()
    if found is not None:
        return found
    base = ComplaintPolicy.objects.filter(state="published").latest("valid_from", "version")
    values = {name: getattr(base, name) for name in FIELDS} | {"note": ""}
    version = (ComplaintPolicy.objects.aggregate(newest=Max("version"))["newest"] or 0) + 1
    made = ComplaintPolicy.objects.create(version=version, state="draft", created_by=by, **values)
    audit.record("policy.draft", user=by, object_kind="complaint policy", object_no=str(made.version))
    return made


@transaction.atomic
def change(version: int, values: dict[str, Any], *, by: User) -> ComplaintPolicy:
    """Change the draft. Raises ValidationError for values that make no policy, DoesNotExist without such a draft."""
    require(by, "policies.edit")
    policy = ComplaintPolicy.objects.select_for_update().get(version=version, state="draft")
    for name in values.keys() & set(FIELDS):
        setattr(policy, name, values[name])
    _check(policy)
    policy.save()
    detail = {"fields": sorted(values)}
    audit.record("policy.change", user=by, object_kind="complaint policy", object_no=str(version), detail=detail)
    return policy


def _check(policy: ComplaintPolicy) -> None:
    errors: list[str] = []
    base = ComplaintPolicy.objects.filter(state="published").latest("valid_from", "version")
    law = {one["key"]: one for one in base.limits if one["basis"] == Basis.LAW}
    for one in policy.limits:
        limit = Limit(**one)
        if limit.unit not in Unit.values or limit.basis not in Basis.values or not 1 <= limit.amount <= 365:
            errors.append(_("A limit is from 1 to 365, in one of the units."))
        if limit.extended is not None and limit.extended <= limit.amount:
            errors.append(_("An extension is longer than the limit."))
    now_there = {one["key"]: one for one in policy.limits}
    if any(now_there.get(key) != one for key, one in law.items()):
        errors.append(_("A statutory limit stays as the law has it."))
    errors += _ladder_errors([Rung(**one) for one in policy.ladder]) + _assignment_errors(policy.assignment)
    days = policy.follow_up_days
    if not all(isinstance(one, int) and 1 <= one <= 365 for one in days) or len(set(days)) != len(days):
        errors.append(_("Follow-ups are from 1 to 365 days after closing, each once."))
    if errors:
        raise ValidationError(sorted(set(errors)))
    policy.full_clean(exclude=["created_by", "created_at", "published_by", "published_at"])


#: Whom a rung may tell, and who may be given a case by rule.
TOLD = ("handler", Role.BRANCH_HEAD, Role.COMPLAINT_OFFICER, Role.COMPLIANCE_OFFICER)
GIVEN = (Role.COMPLAINT_OFFICER, Role.BRANCH_HEAD, Role.COMPLIANCE_OFFICER)


def _ladder_errors(rungs: list[Rung]) -> list[str]:
    errors = []
    if not rungs or any(not 1 <= rung.percent <= 500 for rung in rungs):
        errors.append(_("A rung is from 1 to 500 % of a limit."))
    if any(rung.to not in TOLD for rung in rungs):
        errors.append(_("A rung tells the handler, the branch head, the complaint officer or compliance."))
    if len({(rung.percent, rung.to) for rung in rungs}) != len(rungs):
        errors.append(_("Each rung stands once."))
    if not any(rung.percent <= 100 for rung in rungs):
        errors.append(_("At least one rung comes by the end of a limit: nothing expires unseen."))
    return errors


def _assignment_errors(assignment: dict[str, list[str]]) -> list[str]:
    errors = []
    if set(assignment) != set(Severity.values) or not all(assignment.values()):
        errors.append(_("Each severity names at least one role."))
    if any(role not in GIVEN or roles.count(role) > 1 for roles in assignment.values() for role in roles):
        errors.append(_("A case is given to a complaint officer, a branch head or compliance, each named once."))
    return errors


@transaction.atomic
def publish(version: int, *, by: User, not_before: date) -> ComplaintPolicy:
    """Publish the draft; it holds for cases received from `valid_from` on. Raises ValidationError for an earlier day."""
    require(by, "policies.edit")
    policy = ComplaintPolicy.objects.select_for_update().get(version=version, state="draft")
    if policy.valid_from < not_before:
        raise ValidationError(
            {"valid_from": _("Choose a day from tomorrow on: cases keep the policy they began with.")}
        )
    _check(policy)
    policy.state, policy.published_by, policy.published_at = "published", by, now()
    policy.save(update_fields=["state", "published_by", "published_at"])
    audit.record("policy.publish", user=by, object_kind="complaint policy", object_no=str(version))
    return policy


@transaction.atomic
def discard(version: int, *, by: User) -> None:
    """Throw the draft away. Raises PermissionDenied, DoesNotExist without such a draft."""
    require(by, "policies.edit")
    ComplaintPolicy.objects.select_for_update().get(version=version, state="draft").delete()
    audit.record("policy.discard", user=by, object_kind="complaint policy", object_no=str(version))
