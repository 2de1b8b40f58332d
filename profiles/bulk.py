"""Profiles and prospects by the thousand (N3): one lock, one write, one timeline and one audit statement for all rows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.timezone import localdate
from django.utils.translation import gettext as _

from clients.models import Client
from clients.services import add_events
from org import audit
from org.bulk import CHANGED, CREATED, Row, no_client, stale
from org.models import MANAGING, Branch, Staff, User
from org.rights import require
from org.scope import in_service, scope_of
from profiles.models import Profile, Prospect
from profiles.services import EDITABLE, PROSPECT_FIELDS, apply, put, told


@transaction.atomic
def save_profiles(rows: Sequence[Row], *, user: User, at: datetime) -> None:
    """Save profiles by client number; says on each row what came of it.

    Values as `services.save_profile` takes them, `custom` checked already, and `version` where the caller names the one seen.
    """
    require(user, "clients.edit")
    clients = Client.objects.visible_to(user).in_bulk([row.key[0] for row in rows], field_name="client_no")
    Profile.objects.bulk_create([Profile(client=client) for client in clients.values()], ignore_conflicts=True)
    # In one order, so that two requests at once wait for each other instead of locking each other out.
    locked = Profile.objects.select_for_update().filter(client__in=list(clients.values())).order_by("pk")
    profiles = {profile.client_id: profile for profile in locked}
    events, written = [], []
    names: dict[str, list[str]] = {}
    for row in rows:
        client = clients.get(row.key[0])
        if client is None:
            row.refuse(no_client())
            continue
        profile, version = profiles[client.pk], row.values.get("version")
        if version is not None and version != profile.version:
            row.refuse(stale(profile.version))
            continue
        first = profile.version == 0
        fields = put(profile, row.values, row.values.get("custom", {}), user=user, at=at)
        if not fields:
            continue
        row.status = CREATED if first else CHANGED
        written.append(profile)
        events.append(told(profile, fields))
        names[client.client_no] = fields
    Profile.objects.bulk_update(written, [*EDITABLE, "custom", "version", "changed_at", "changed_by"], batch_size=500)
    add_events(events)
    _audit("profile.change", "client", names, user)


def _audit(action: str, kind: str, names: dict[str, list[str]], user: User) -> None:
    """A row for each object; those of which the same fields changed are written together."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for number, fields in names.items():
        alike.setdefault(tuple(fields), []).append(number)
    for same, numbers in alike.items():
        audit.record_each(
            action, user=user, object_kind=kind, object_nos=numbers, detail={"fields": list(same), "bulk": True}
        )


@transaction.atomic
def save_prospects(rows: Sequence[Row], *, user: User, at: datetime) -> None:
    """Save prospects by branch and external number: `values["manager_no"]` says whose, hence the branch; else the user's.

    A prospect that changes hands within the branch keeps its number; the same number in another branch is another prospect.
    """
    require(user, "prospects.edit")
    managers = _managers(rows, user, at)
    own, scope = getattr(user, "staff", None), scope_of(user)
    for row in rows:
        number = row.values.pop("manager_no", "")
        row.values["manager"] = managers.get(number) if number else own
        if row.values["manager"] is None:
            row.refuse({"manager_no": [_("Choose a manager who is in service.")]})
        elif not (scope.firm or row.values["manager"].branch_id in scope.branch_ids):
            # Whoever sees a part of the branch would learn from a refusal which numbers the others use.
            row.refuse({"manager_no": [_("Only who sees the whole branch enters its prospects by number.")]})
    known = _known([row for row in rows if row.open], user)
    new: list[Prospect] = []
    changed: list[Prospect] = []
    for row in rows:
        if not row.open:
            continue
        there = known.get((row.values["manager"].branch_id, row.key[0]))
        prospect = there or Prospect(external_no=row.key[0], created_by=user)
        try:
            different = _put(prospect, row.values, at)
        except ValidationError as error:
            row.refuse(error)
            continue
        if different:
            row.status = CHANGED if there else CREATED
            (changed if there else new).append(prospect)
    Prospect.objects.bulk_create(new)
    fields = [*PROSPECT_FIELDS, "manager", "branch", "version", "changed_at"]
    Prospect.objects.bulk_update(changed, fields, batch_size=500)
    numbers = [str(prospect.pk) for prospect in (*new, *changed)]
    audit.record_each("prospect.save", user=user, object_kind="prospect", object_nos=numbers, detail={"bulk": True})


def _managers(rows: Sequence[Row], user: User, at: datetime) -> dict[str, Staff]:
    numbers = {row.values.get("manager_no", "") for row in rows} - {""}
    if not numbers:
        return {}
    found = Staff.objects.visible_to(user).filter(staff_no__in=numbers, role__in=MANAGING)
    return {staff.staff_no: staff for staff in found if in_service(staff, localdate(at))}


def _known(rows: Sequence[Row], user: User) -> dict[tuple[int, str], Prospect]:
    wanted = Q(pk__in=[])
    by_branch: dict[int, list[str]] = {}
    for row in rows:
        by_branch.setdefault(row.values["manager"].branch_id, []).append(row.key[0])
    for branch, numbers in by_branch.items():
        wanted |= Q(branch=branch, external_no__in=numbers)
    # One request at a time numbers the prospects of a branch; rows that hang on it can go on.
    list(Branch.objects.select_for_update(no_key=True).filter(pk__in=list(by_branch)).order_by("pk"))
    locked = Prospect.objects.visible_to(user).select_for_update(of=("self",)).filter(wanted).order_by("pk")
    return {(prospect.branch_id, prospect.external_no): prospect for prospect in locked}


def _put(prospect: Prospect, values: dict[str, Any], at: datetime) -> bool:
    """Whether anything differs. Raises ValidationError."""
    new = prospect.pk is None
    version = values.get("version")
    if version is not None and not new and version != prospect.version:
        raise ValidationError(stale(prospect.version))
    missing = [name for name in ("name", "kind") if new and name not in values]
    if missing:
        raise ValidationError(dict.fromkeys(missing, _("A new prospect needs it.")))
    before = {name: getattr(prospect, name) for name in PROSPECT_FIELDS}
    manager = prospect.manager_id
    apply(prospect, {"state": prospect.state} | values)
    different = manager != prospect.manager_id or before != {name: getattr(prospect, name) for name in PROSPECT_FIELDS}
    if different and not new:
        prospect.version += 1
    prospect.changed_at = at
    return new or different
