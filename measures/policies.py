"""Measure policies: versions of cuts and weights that head office drafts, looks at and publishes (S3–S6, U1)."""

from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from crm.clock import now
from measures.models import WEIGHTS, MeasurePolicy, MeasureRun
from org import audit
from org.models import User
from org.rights import require

#: Fields of a policy that a draft may change.
FIELDS = (
    "valid_from", "medium_from", "large_from", "idle_months", "short_turnover", "growth_percent", "cash_months", *WEIGHTS,
    "note",
)  # fmt: skip


def policy_on(business_date: date) -> MeasurePolicy:
    """The policy in force on a date."""
    return MeasurePolicy.objects.filter(state="published", valid_from__lte=business_date).latest(
        "valid_from", "version"
    )


def open_draft() -> MeasurePolicy | None:
    """The draft that is being worked on; there is at most one."""
    return MeasurePolicy.objects.filter(state="draft").first()


@transaction.atomic
def save_draft(values: dict[str, Any], *, by: User, not_before: date) -> MeasurePolicy:
    """Make the draft from values of `FIELDS`, or change the one there is; nothing holds by it yet.

    Raises ValidationError for values that make no policy, and for a first day that is past or measured already.
    """
    require(by, "policies.edit")
    _lock()
    policy = open_draft()
    if policy is None:
        version = (MeasurePolicy.objects.aggregate(newest=Max("version"))["newest"] or 0) + 1
        policy = MeasurePolicy(version=version, created_by=by)
    for name in FIELDS:
        setattr(policy, name, values[name])
    policy.full_clean(exclude=["created_by", "created_at", "published_by", "published_at"])
    _begins_later(policy, not_before)
    policy.save()
    _record("draft", policy, by)
    return policy


@transaction.atomic
def publish(version: int, *, by: User, not_before: date) -> MeasurePolicy:
    """Put the draft of this version in force from its day on.

    Raises MeasurePolicy.DoesNotExist when there is no such draft, ValidationError when its day has come meanwhile.
    """
    require(by, "policies.edit")
    _lock()
    policy = MeasurePolicy.objects.select_for_update().get(version=version, state="draft")
    _begins_later(policy, not_before)
    policy.state, policy.published_by, policy.published_at = "published", by, now()
    policy.save(update_fields=["state", "published_by", "published_at"])
    _record("publish", policy, by)
    return policy


@transaction.atomic
def discard(version: int, *, by: User) -> None:
    """Throw the draft away. Raises MeasurePolicy.DoesNotExist when there is no such draft."""
    require(by, "policies.edit")
    _lock()
    policy = MeasurePolicy.objects.select_for_update().get(version=version, state="draft")
    _record("discard", policy, by)
    policy.delete()


def _begins_later(policy: MeasurePolicy, not_before: date) -> None:
    measured = MeasureRun.objects.aggregate(newest=Max("business_date"))["newest"]
    if policy.valid_from < not_before or (measured and policy.valid_from <= measured):
        raise ValidationError({"valid_from": _("Choose a day that is still to come and not measured yet.")})


def _record(act: str, policy: MeasurePolicy, by: User) -> None:
    audit.record(f"measure_policy.{act}", user=by, object_kind="policy", object_no=f"M{policy.version}")


def _lock() -> None:
    """Two at once would both find no draft."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('measures.policies'))")
