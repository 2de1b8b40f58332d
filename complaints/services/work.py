"""The verbs of a case beside `act`: each a transaction with right, scope, rules, audit (X1, X5, X6)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from complaints import rules
from complaints.choices import Severity
from complaints.models import Complaint, FollowUp
from complaints.services.assignment import possible_handlers
from complaints.services.core import act, append, happenings, locked
from complaints.services.hourly import whom
from org import audit, notify
from org.models import Branch, Role, Staff, User
from org.rights import require


def give_to(
    number: str,
    staff_no: str,
    reason: str,
    *,
    user: User,
    at: datetime,
    version: int | None = None,
    key: str = "handover",
) -> Complaint:
    """Hand a case over, or assign it (`key`). Raises ValidationError when the person cannot handle it, Refused, Stale."""
    complaint = Complaint.objects.visible_to(user).select_related("branch").get(number=number)
    staff = possible_handlers(complaint, user).filter(staff_no=staff_no).first()
    if staff is None:
        about = [one for one in (complaint.about_person_id, complaint.about_superior_id) if one is not None]
        if Staff.objects.filter(staff_no=staff_no, pk__in=about).exists():
            raise rules.Refused("about_you", _("Nobody handles or approves a complaint about himself."))
        raise ValidationError({"to": _("Nobody with this number can handle the case.")})
    return act(number, key, {"to": staff.pk, "reason": reason}, user=user, at=at, version=version)


def correct(
    number: str, to: dict[str, Any], reason: str, *, user: User, at: datetime, version: int | None = None
) -> Complaint:
    """Correct what was recorded: the old value stays in the file. Persons and branch by their rows, amounts in units."""
    said = {}
    for name, value in to.items():
        said[name] = value.pk if isinstance(value, Staff | Branch) or hasattr(value, "client_no") else value
    if said.get("severity", Severity.NORMAL) not in Severity.values:
        raise ValidationError({"severity": _("Not one of the choices.")})
    return act(number, "correct", {"to": said, "reason": reason}, user=user, at=at, version=version)


@transaction.atomic
def relabel(
    number: str, to: Mapping[str, str], reason: str, *, user: User, at: datetime, version: int | None = None
) -> Complaint:
    """Ask for another kind, business line or severity; those who may confirm it are told. Raises Refused, Stale.

    `to` names `rules.LABELS`; what does not differ is left out. Confirmed by `act(…, "relabel_confirm")`.
    """
    complaint = act(number, "relabel", {**to, "reason": reason}, user=user, at=at, version=version)
    seconds = {one for role in (Role.BRANCH_HEAD, Role.COMPLIANCE_OFFICER) for one in whom(complaint, role)}
    for one in sorted(seconds, key=lambda staff: staff.pk):
        if one.user_id not in (None, user.pk) and one.pk != complaint.handler_id:
            key = f"complaint:{number}:relabel:{complaint.version}"
            notify.tell(one.user_id, key, "complaints.relabel", {"number": number})
    return complaint


@transaction.atomic
def follow_up(number: str, days: int, *, satisfaction: int | None, note: str, user: User, at: datetime) -> FollowUp:
    """Record a follow-up after closing (X6). Raises DoesNotExist when none of this interval is open, ValidationError."""
    require(user, "complaints.handle")
    complaint = locked(number, user)
    row = FollowUp.objects.get(complaint=complaint, round=complaint.round, days=days, done_at=None, dropped=False)
    note = note.replace("\x00", "").strip()[:500]
    if satisfaction is not None and satisfaction not in range(1, 6):
        raise ValidationError({"satisfaction": _("From 1 to 5.")})
    if satisfaction is None and not note:
        raise ValidationError({"note": _("Write down what the client said.")})
    row.done_at, row.done_by, row.satisfaction, row.note = at, user, satisfaction, note
    row.save()
    data = {"days": days, "satisfaction": satisfaction, "note": note}
    append(complaint, happenings(complaint), [("followed_up", data)], by=user, at=at)
    audit.record("complaint.follow_up", user=user, object_kind="complaint", object_no=number)
    return row
