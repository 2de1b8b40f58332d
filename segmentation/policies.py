"""Ranking policies: versions that head office drafts, previews and publishes (S1, U1)."""

from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from crm.clock import now
from ledger.facts import Window
from org.audit import record
from org.models import User
from org.rights import require
from segmentation.models import RankingPolicy, RankingRun
from segmentation.rules import window_on

#: Fields of a policy that a draft may change.
FIELDS = (
    "valid_from", "scope", "cut_a", "cut_b", "window", "window_months", "window_from", "window_to", "watch_months",
    "max_move_percent", "visits_a", "visits_b", "visits_c", "ideal_a", "ideal_b", "note",
)  # fmt: skip


def policy_on(business_date: date) -> RankingPolicy:
    """The policy in force on a date: the newest version published with valid_from ≤ date.

    Raises RankingPolicy.DoesNotExist when none is (the migrations publish version 1 from the year 2000 on).
    """
    return RankingPolicy.objects.filter(state="published", valid_from__lte=business_date).latest(
        "valid_from", "version"
    )


def window_of(policy: RankingPolicy, business_date: date) -> Window:
    """The window of a policy for a date."""
    return Window(*window_on(policy.window, business_date, policy.window_months, policy.window_from, policy.window_to))


@transaction.atomic
def draft(*, by: User, base: RankingPolicy) -> RankingPolicy:
    """A draft that starts as a copy of a policy; there is at most one, an existing one is returned."""
    require(by, "policies.edit")
    open_draft = RankingPolicy.objects.select_for_update().filter(state="draft").first()
    if open_draft is not None:
        return open_draft
    values = {name: getattr(base, name) for name in FIELDS} | {"note": ""}
    version = (RankingPolicy.objects.aggregate(newest=Max("version"))["newest"] or 0) + 1
    made = RankingPolicy.objects.create(version=version, state="draft", created_by=by, **values)
    record("policy.draft", user=by, object_kind="policy", object_no=str(made.version))
    return made


@transaction.atomic
def change(policy: RankingPolicy, values: dict[str, Any], *, by: User) -> RankingPolicy:
    """Change a draft. Raises ValidationError for values that make no policy, or for a published version."""
    require(by, "policies.edit")
    policy = RankingPolicy.objects.select_for_update().get(pk=policy.pk)
    if policy.state != "draft":
        raise ValidationError(_("A published policy is never changed; make a new draft."))
    for name in values.keys() & set(FIELDS):
        setattr(policy, name, values[name])
    policy.full_clean(exclude=["created_by", "created_at", "published_by", "published_at"])
    policy.save()
    record(
        "policy.change", user=by, object_kind="policy", object_no=str(policy.version), detail={"fields": sorted(values)}
    )
    return policy


@transaction.atomic
def publish(policy: RankingPolicy, *, by: User, not_before: date) -> RankingPolicy:
    """Publish a draft. It must hold from a date that is not ranked yet and not before `not_before`.

    Raises ValidationError otherwise.
    """
    require(by, "policies.edit")
    policy = RankingPolicy.objects.select_for_update().get(pk=policy.pk)
    if policy.state != "draft":
        raise ValidationError(_("This version is published already."))
    newest = RankingRun.objects.aggregate(newest=Max("business_date"))["newest"]
    if policy.valid_from < not_before or (newest is not None and policy.valid_from <= newest):
        raise ValidationError(
            {
                "valid_from": _("Choose a later date: nights up to %(date)s are ranked already.")
                % {"date": newest or not_before}
            }
        )
    policy.state, policy.published_by, policy.published_at = "published", by, now()
    policy.save(update_fields=["state", "published_by", "published_at"])
    record("policy.publish", user=by, object_kind="policy", object_no=str(policy.version))
    return policy


@transaction.atomic
def discard(policy: RankingPolicy, *, by: User) -> None:
    """Throw a draft away."""
    require(by, "policies.edit")
    if policy.state != "draft":
        raise ValidationError(_("A published policy stays."))
    record("policy.discard", user=by, object_kind="policy", object_no=str(policy.version))
    policy.delete()
