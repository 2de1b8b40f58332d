"""Measuring each night, and the policy's versions (S3–S6)."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from crm.clock import now
from crm.money import UNITS_PER_YUAN
from crm.partitions import ensure_months, month_start
from crm.planner import whole_tables
from crm.temporary import drop
from measures import queries
from measures.models import WEIGHTS, MeasurePolicy, MeasureRun
from org import audit
from org.models import User
from org.rights import require
from segmentation import policies as ranking_policies
from segmentation.explain import newest_run

FIELDS = (
    "valid_from", "medium_from", "large_from", "idle_months", "short_turnover", "growth_percent", "cash_months", *WEIGHTS,
    "note",
)  # fmt: skip


@dataclass(frozen=True)
class Counts:
    """Clients measured, rows of theirs that changed, history marks written."""

    clients: int
    changed: int
    marks: int


def policy_on(business_date: date) -> MeasurePolicy:
    """The policy in force on a date."""
    return MeasurePolicy.objects.filter(state="published", valid_from__lte=business_date).latest(
        "valid_from", "version"
    )


def idle_before(business_date: date, months: int) -> date:
    """Whoever traded last before this day is idle."""
    number = business_date.year * 12 + business_date.month - 1 - months
    year, month = number // 12, number % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(business_date.day, last))


@transaction.atomic
def refresh(business_date: date) -> Counts | None:
    """Measure all ranked clients as of a business date. Repeating it writes nothing.

    None, and nothing written, unless the newest ranking is of this date: history is not rewritten, and nobody is measured
    on a day that is not ranked yet.
    """
    ranked = newest_run()
    if ranked is None or ranked.business_date != business_date:
        return None
    with connection.cursor() as cursor:  # two at once would write the same marks
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('measures.refresh'))")
    policy = policy_on(business_date)
    window = ranking_policies.window_of(ranking_policies.policy_on(business_date), business_date)
    values = {name: getattr(policy, name) for name in (*WEIGHTS, "growth_percent", "cash_months", "short_turnover")} | {
        "day": business_date,
        "first": month_start(window.start),
        "last": month_start(window.end),
        "days": max((window.end - window.start).days + 1, 1),
        "idle_before": idle_before(business_date, policy.idle_months),
        "medium_from": policy.medium_from * UNITS_PER_YUAN,
        "large_from": policy.large_from * UNITS_PER_YUAN,
    }
    ensure_months("measures_measuremark", [business_date])
    with whole_tables(), connection.cursor() as cursor:
        drop(cursor, "measure_window", "measured")
        written: dict[str, int] = {}
        for name in ("WINDOW", "MEASURE", "MARK", "MARK_GONE", "DROP_GONE", "CHANGE", "ADD"):
            cursor.execute(getattr(queries, name), values)
            written[name] = max(cursor.rowcount, 0)
            if name in ("WINDOW", "MEASURE"):
                cursor.execute(f"ANALYZE {'measure_window' if name == 'WINDOW' else 'measured'}")
    counts = Counts(
        written["MEASURE"],
        written["CHANGE"] + written["ADD"] + written["DROP_GONE"],
        written["MARK"] + written["MARK_GONE"],
    )
    MeasureRun.objects.update_or_create(
        business_date=business_date,
        defaults={
            "policy": policy,
            "window_from": window.start,
            "window_to": window.end,
            "clients": counts.clients,
            "changed": counts.changed,
            "finished_at": now(),
        },
    )
    return counts


# --- Policy ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def draft(*, by: User) -> MeasurePolicy:
    """The open draft, or a new one that starts as a copy of the newest version."""
    require(by, "policies.edit")
    found = MeasurePolicy.objects.select_for_update().filter(state="draft").first()
    if found is not None:
        return found
    base = MeasurePolicy.objects.filter(state="published").latest("valid_from", "version")
    values = {name: getattr(base, name) for name in FIELDS} | {"note": ""}
    version = (MeasurePolicy.objects.aggregate(newest=Max("version"))["newest"] or 0) + 1
    made = MeasurePolicy.objects.create(version=version, created_by=by, **values)
    audit.record("measure_policy.draft", user=by, object_kind="policy", object_no=f"M{version}")
    return made


@transaction.atomic
def publish(policy: MeasurePolicy, values: dict[str, Any], *, by: User, not_before: date) -> MeasurePolicy:
    """Write a draft's values and put it in force from a date that is not measured yet. Raises ValidationError."""
    require(by, "policies.edit")
    policy = MeasurePolicy.objects.select_for_update().get(pk=policy.pk)
    if policy.state != "draft":
        raise ValidationError(_("A published policy is never changed; make a new draft."))
    for name in FIELDS:
        setattr(policy, name, values[name])
    policy.full_clean(exclude=["created_by", "created_at", "published_by", "published_at"])
    measured = MeasureRun.objects.aggregate(newest=Max("business_date"))["newest"]
    if policy.valid_from < not_before or (measured and policy.valid_from <= measured):
        raise ValidationError({"valid_from": _("Choose a day that is still to come and not measured yet.")})
    policy.state, policy.published_by, policy.published_at = "published", by, now()
    policy.save()
    audit.record("measure_policy.publish", user=by, object_kind="policy", object_no=f"M{policy.version}")
    return policy
