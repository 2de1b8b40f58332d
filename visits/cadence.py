"""Which cadence holds where and when: the firm's version, a branch's own version, and the ranking policy's numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from org import audit, calendar
from org.models import Branch, User
from org.rights import require
from segmentation.models import RankingPolicy
from segmentation.policies import policy_on
from visits.models import CadencePolicy
from visits.rules import Cadence, minutes_of

#: Fields of a policy that a draft may change.
FIELDS = (
    "valid_from", "branch", "contacts_a", "contacts_b", "contacts_c", "in_person_a", "in_person_b", "in_person_c",
    "first_days_a", "gap_days", "visit_minutes", "phone_minutes", "visits_a_day", "day_from", "day_to", "noon_from",
    "noon_to", "desk_minutes", "speed_kmh", "detour_percent", "far_km", "near_km", "unknown_travel_minutes",
    "rise_after_days", "note",
)  # fmt: skip


@dataclass(frozen=True)
class Cadences:
    """All cadences in force on a day: by branch id, and the firm's for whoever has none."""

    firm: Cadence
    own: Mapping[int, Cadence]

    def of(self, branch_id: int | None) -> Cadence:
        return self.own.get(branch_id or 0, self.firm)

    def groups(self) -> list[tuple[Cadence, list[int]]]:
        """Each cadence with the branches of its own; the firm's without."""
        found: dict[Cadence | int, tuple[Cadence, list[int]]] = {}
        for branch_id, cadence in self.own.items():
            found.setdefault(id(cadence), (cadence, []))[1].append(branch_id)
        return [(self.firm, []), *found.values()]


def contacts_of(numbers: RankingPolicy, day: date) -> tuple[Mapping[str, int], Mapping[int, Mapping[str, int]]]:
    """Contacts a month by tier if a ranking policy were in force on a day: the firm's, and those of branches of their own."""
    found = cadences_on(day, numbers)
    return found.firm.contacts, {branch_id: cadence.contacts for branch_id, cadence in found.own.items()}


def rise_day(on: date) -> date | None:
    """The day whose missed visits rise to the head on a day: so many working days before (policy); None: none rise."""
    firm = CadencePolicy.objects.filter(state="published", branch=None, valid_from__lte=on)
    after = firm.latest("valid_from", "version").rise_after_days
    days = calendar.working_days(on - timedelta(days=30), on - timedelta(days=1))
    return days[-after] if after and len(days) >= after else None


def cadences_on(day: date, numbers: RankingPolicy | None = None, draft: CadencePolicy | None = None) -> Cadences:
    """The cadences of a day; four queries, whatever the number of branches.

    `numbers`, `draft`: as if that ranking policy, that cadence were in force.

    Raises CadencePolicy.DoesNotExist when none is published (the migrations publish version 1 from 2000 on).
    """
    numbers = numbers or policy_on(day)
    valid = CadencePolicy.objects.filter(state="published", valid_from__lte=day).order_by("valid_from", "version")
    newest: dict[int | None, CadencePolicy] = {policy.branch_id: policy for policy in valid}
    if draft is not None:
        newest[draft.branch_id] = draft
    if None not in newest:
        raise CadencePolicy.DoesNotExist
    made = {branch_id: _resolved(policy, numbers) for branch_id, policy in newest.items()}
    own: dict[int, Cadence] = {}
    if len(made) > 1:
        for branch_id, path in Branch.objects.values_list("pk", "path"):
            above = [int(part) for part in path.split("/") if part]
            # The nearest branch upwards that has a version of its own.
            nearest = next((up for up in reversed([*above, branch_id]) if up in made), None)
            if nearest is not None:
                own[branch_id] = made[nearest]
    return Cadences(made[None], own)


def _resolved(policy: CadencePolicy, numbers: RankingPolicy) -> Cadence:
    def chosen(own: int | None, firm: int) -> int:
        return firm if own is None else own

    contacts = {
        "A": chosen(policy.contacts_a, numbers.visits_a),
        "B": chosen(policy.contacts_b, numbers.visits_b),
        "C": chosen(policy.contacts_c, numbers.visits_c),
    }
    return Cadence(
        version=policy.version,
        contacts=contacts,
        in_person={"A": policy.in_person_a, "B": policy.in_person_b, "C": policy.in_person_c},
        first_days_a=policy.first_days_a,
        gap_days=policy.gap_days,
        visit_minutes=policy.visit_minutes,
        phone_minutes=policy.phone_minutes,
        visits_a_day=policy.visits_a_day,
        day_from=minutes_of(policy.day_from),
        day_to=minutes_of(policy.day_to),
        noon_from=minutes_of(policy.noon_from),
        noon_to=minutes_of(policy.noon_to),
        desk_minutes=policy.desk_minutes,
        speed_kmh=policy.speed_kmh,
        detour_percent=policy.detour_percent,
        far_km=float(policy.far_km),
        near_km=float(policy.near_km),
        unknown_travel_minutes=policy.unknown_travel_minutes,
        rise_after_days=policy.rise_after_days,
    )


def open_draft() -> CadencePolicy | None:
    """The draft that is being worked on; there is at most one."""
    return CadencePolicy.objects.filter(state="draft").select_related("branch").first()


@transaction.atomic
def draft(values: dict[str, Any], *, by: User, on: date) -> CadencePolicy:
    """Make the draft from checked values of `FIELDS`, or change the one there is. `on`: today.

    Raises ValidationError for values that make no policy or a beginning that is not after `on`, PermissionDenied.
    """
    require(by, "policies.edit")
    _lock()
    policy = CadencePolicy.objects.filter(state="draft").first()
    if policy is None:
        number = (CadencePolicy.objects.aggregate(newest=Max("version"))["newest"] or 0) + 1
        policy = CadencePolicy(version=number, created_by=by)
    for name in values.keys() & set(FIELDS):
        setattr(policy, name, values[name])
    _begins_later(policy, on)
    policy.full_clean(exclude=["created_by", "published_by", "published_at"])
    policy.save()
    audit.record("cadence.draft", user=by, object_kind="cadence", object_no=str(policy.version))
    return policy


@transaction.atomic
def publish(version: int, *, by: User, on: date) -> CadencePolicy:
    """Publish the draft; earlier versions stay as they are. What the running month owes already is promised and stays.

    Raises ValidationError when it would not begin after `on` (today), CadencePolicy.DoesNotExist when there is no such
    draft, PermissionDenied.
    """
    require(by, "policies.edit")
    _lock()
    policy = CadencePolicy.objects.get(version=version, state="draft")
    _begins_later(policy, on)
    policy.state, policy.published_by, policy.published_at = CadencePolicy.State.PUBLISHED, by, timezone.now()
    policy.save(update_fields=["state", "published_by", "published_at"])
    audit.record("cadence.publish", user=by, object_kind="cadence", object_no=str(version))
    return policy


@transaction.atomic
def discard(version: int, *, by: User) -> None:
    """Throw the draft away. Raises CadencePolicy.DoesNotExist when there is no such draft, PermissionDenied."""
    require(by, "policies.edit")
    _lock()
    CadencePolicy.objects.get(version=version, state="draft").delete()
    audit.record("cadence.discard", user=by, object_kind="cadence", object_no=str(version))


def _lock() -> None:
    """One after the other: two who save at once make one draft, and nobody publishes what is being changed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('cadence'))")


def _begins_later(policy: CadencePolicy, on: date) -> None:
    if policy.valid_from <= on:
        raise ValidationError({"valid_from": _("A new cadence begins after today.")})
