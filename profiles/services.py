"""The verbs of profiles and prospects: rights, scope, timeline and audit included."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from clients.errors import Conflict
from clients.models import Client
from clients.services import Event, add_events
from org import audit
from org.models import User
from org.rights import require
from profiles.models import CustomField, Profile, Prospect
from profiles.rules import let_go_before

#: Fields that people edit.
EDITABLE = (
    "background", "psychology", "needs_found", "gathers", "decides", "after", "residence", "values", "life_style",
    "influence", "social",
)  # fmt: skip
PROSPECT_FIELDS = (
    "name", "mobile", "email", "kind", "state", "assets", "occupation", "source", "next_step", "next_on", "note",
)  # fmt: skip


@transaction.atomic
def save_profile(
    client_no: str, version: int, values: dict[str, Any], custom: dict[str, Any], *, user: User, at: datetime
) -> Profile:
    """Save checked values of `EDITABLE` and of the firm's own fields. Raises Conflict when somebody saved since `version`.

    Only what differs is written, told on the timeline (names of fields, no values) and audited. DoesNotExist out of scope.
    """
    require(user, "clients.edit")
    client = Client.objects.visible_to(user).get(client_no=client_no)
    Profile.objects.get_or_create(client=client)
    profile = Profile.objects.select_for_update().get(client=client)
    if profile.version != version:
        raise Conflict
    fields = put(profile, values, custom, user=user, at=at)
    if not fields:
        return profile
    profile.save()
    add_events([told(profile, fields)])
    audit.record(
        "profile.change", user=user, object_kind="client", object_no=client.client_no, detail={"fields": fields}
    )
    return profile


def put(profile: Profile, values: dict[str, Any], custom: dict[str, Any], *, user: User, at: datetime) -> list[str]:
    """Put checked values on a profile, unsaved; returns the names of what differs, none = the profile stays as it is."""
    changed = [name for name in EDITABLE if name in values and getattr(profile, name) != values[name]]
    for name in changed:
        setattr(profile, name, values[name])
    own = {key: value for key, value in custom.items() if profile.custom.get(key) != value}
    for key, value in own.items():
        if value in (None, ""):
            profile.custom.pop(key, None)
        else:
            profile.custom[key] = value
    fields = [*changed, *(f"custom.{key}" for key in own)]
    if fields:
        profile.version += 1
        profile.changed_at, profile.changed_by = at, user
    return fields


def told(profile: Profile, fields: list[str]) -> Event:
    """The change of a profile for the timeline: names of fields, no values."""
    user = profile.changed_by
    assert user is not None
    assert profile.changed_at is not None
    by = user.staff.name if getattr(user, "staff", None) else user.username
    return Event(
        client_id=profile.client_id,
        at=profile.changed_at,
        kind="profile.changed",
        source_key=f"profile:{profile.client_id}:{profile.version}",
        data={"fields": fields, "by": by},
        actor_id=user.pk,
    )


@transaction.atomic
def save_field(values: dict[str, Any], *, user: User, field: CustomField | None = None) -> CustomField:
    """Define a field of the firm's own, or change its labels, choices and place. Key and kind stay: values hang on them."""
    require(user, "fields.edit")
    if field is None:
        field = CustomField(key=values["key"], kind=values["kind"], created_by=user)
    for name in ("label_zh", "label_en", "choices", "position"):
        setattr(field, name, values[name])
    if field.kind != CustomField.Kind.CHOICE:
        field.choices = []
    field.full_clean(exclude=["retired_at", "created_by"])
    field.save()
    audit.record("field.save", user=user, object_kind="field", object_no=field.key)
    return field


@transaction.atomic
def retire_field(field: CustomField, *, user: User, back: bool = False) -> None:
    """No longer ask for a field (its values are kept), or ask for it again."""
    require(user, "fields.edit")
    field.retired_at = None if back else timezone.now()
    field.save(update_fields=["retired_at"])
    audit.record("field.retire", user=user, object_kind="field", object_no=field.key, detail={"back": back})


# --- Prospects ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def save_prospect(
    values: dict[str, Any], *, user: User, at: datetime, prospect_id: int | None = None, version: int = 0
) -> Prospect:
    """Enter or change a prospect of the user's scope. Raises Conflict, ValidationError, DoesNotExist out of scope.

    New ones belong to the user's branch and, unless `values` names a manager of the scope, to the user.
    """
    require(user, "prospects.edit")
    if prospect_id is None:
        if not hasattr(user, "staff"):
            raise ValidationError(_("Only a member of staff enters prospects."))
        prospect = Prospect(created_by=user, manager=user.staff, branch=user.staff.branch)
    else:
        prospect = Prospect.objects.visible_to(user).select_for_update(of=("self",)).get(pk=prospect_id)
        if prospect.version != version:
            raise Conflict
        prospect.version += 1
    apply(prospect, values)
    prospect.changed_at = at
    prospect.save()
    audit.record("prospect.save", user=user, object_kind="prospect", object_no=str(prospect.pk))
    return prospect


def apply(prospect: Prospect, values: dict[str, Any]) -> None:
    """Put checked values on a prospect, unsaved. Raises ValidationError for what no prospect can be."""
    manager = values.get("manager")
    if manager is not None:
        if prospect.branch_id not in (None, manager.branch_id):
            prospect.external_no = ""  # numbers are of a branch; the other one may have the same
        prospect.manager, prospect.branch_id = manager, manager.branch_id
    if prospect.state == Prospect.State.WON and values.get("state") != Prospect.State.WON:
        raise ValidationError({"state": _("This prospect is a client already.")})
    if values.get("state") == Prospect.State.WON and prospect.client_id is None:
        raise ValidationError({"state": _("Choose the client record to turn the prospect into a client.")})
    for name in PROSPECT_FIELDS:
        if name in values:
            setattr(prospect, name, values[name])
    if not (prospect.mobile or prospect.email) and prospect.state not in (Prospect.State.WON, Prospect.State.LOST):
        raise ValidationError({"mobile": _("Give a telephone number or an e-mail address.")})


def likely_clients(prospect: Prospect, user: User) -> Sequence[Client]:
    """Clients of the user's scope who may be this prospect: same mobile or e-mail, opened since the prospect was entered."""
    found = Client.objects.visible_to(user).filter(prospect__isnull=True).exclude(status="closed")
    same = found.none()
    if prospect.mobile:
        same |= found.filter(mobile=prospect.mobile)
    if prospect.email:
        same |= found.filter(email__iexact=prospect.email)
    return list(same.order_by("-opened_on", "client_no")[:5])


@transaction.atomic
def convert(prospect_id: int, client_no: str, *, user: User, at: datetime) -> Prospect:
    """The account is open: the prospect becomes this client; what was known goes along as a note on the timeline.

    Raises DoesNotExist when either is out of scope, ValidationError when one of them is taken.
    """
    require(user, "prospects.edit")
    prospect = Prospect.objects.visible_to(user).select_for_update(of=("self",)).get(pk=prospect_id)
    client = Client.objects.visible_to(user).get(client_no=client_no)
    if prospect.client_id is not None or Prospect.objects.filter(client=client).exists():
        raise ValidationError(_("This prospect or this client is linked already."))
    prospect.client, prospect.state, prospect.changed_at = client, Prospect.State.WON, at
    prospect.version += 1
    prospect.save()
    known = {"kind": prospect.kind, "source": prospect.source, "note": prospect.note}
    add_events(
        [
            Event(
                client_id=client.pk,
                at=at,
                kind="prospect.won",
                source_key=f"prospect:{prospect.pk}",
                data={name: text for name, text in known.items() if text},
                actor_id=user.pk,
            )
        ]
    )
    audit.record("prospect.won", user=user, object_kind="client", object_no=client.client_no)
    return prospect


def let_go(on: date) -> int:
    """Delete prospects who never opened an account and were not touched for 24 months (PIPL 19); returns how many."""
    zone = timezone.get_current_timezone()
    before = datetime.combine(let_go_before(on), datetime.min.time(), zone)
    with transaction.atomic():
        gone, _kinds = Prospect.objects.filter(client__isnull=True, changed_at__lt=before).delete()
    return gone
