"""Which cadence holds where and when: the firm's version, a branch's own version, and the ranking policy's numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
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


def cadences_on(day: date, numbers: RankingPolicy | None = None) -> Cadences:
    """The cadences of a day; four queries, whatever the number of branches. `numbers`: as if that policy were in force.

    Raises CadencePolicy.DoesNotExist when none is published (the migrations publish version 1 from 2000 on).
    """
    numbers = numbers or policy_on(day)
    valid = CadencePolicy.objects.filter(state="published", valid_from__lte=day).order_by("valid_from", "version")
    newest: dict[int | None, CadencePolicy] = {policy.branch_id: policy for policy in valid}
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


@transaction.atomic
def publish(values: dict[str, Any], *, by: User, on: date) -> CadencePolicy:
    """Publish a new version from checked values of `FIELDS`; earlier ones stay as they are.

    It holds from `valid_from`, at the earliest from the first of next month: the running month's duties are promised.
    """
    require(by, "policies.edit")
    begins = values["valid_from"]
    if begins <= on:
        raise ValidationError({"valid_from": _("A new cadence begins after today.")})
    number = (CadencePolicy.objects.aggregate(newest=Max("version"))["newest"] or 0) + 1
    policy = CadencePolicy(
        version=number, created_by=by, published_by=by, published_at=timezone.now(), state="published"
    )
    for name in FIELDS:
        if name in values:
            setattr(policy, name, values[name])
    policy.full_clean(exclude=["created_by", "published_by"])
    policy.save()
    audit.record("cadence.publish", user=by, object_kind="cadence", object_no=str(number))
    return policy
