"""What came of a contact (V6), promises kept, duties waived (U3)."""

import uuid
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from clients.models import Client
from clients.services import Event, add_events
from crm.clock import now
from crm.partitions import month_start
from org import audit
from org.models import Staff, User
from org.rights import require
from visits.models import Channel, Contact, Duty, Feeling, Outcome, Promise, Visit
from visits.rules import duty_done_by
from visits.services import photos
from visits.services.photos import Picture
from visits.services.scope import editable
from visits.services.state import owe_again, touch

#: A note may arrive so many days after the contact: a phone can be without a network for long, but not for ever.
LATE_DAYS = 31
MAX_PROMISES = 10


@dataclass(frozen=True)
class Note:
    """What was typed or tapped after a contact. `key` is made where it is written, so that it arrives once.

    `promises`: text and day of each.
    """

    key: uuid.UUID
    channel: str
    at: datetime
    outcome: str
    feeling: int | None = None
    text: str = ""
    next_step: str = ""
    next_on: date | None = None
    promises: tuple[tuple[str, date], ...] = field(default_factory=tuple)
    photos: tuple[Picture, ...] = ()


def record_contact(client_no: str, note: Note, *, user: User, visit_id: int | None = None) -> tuple[Contact, bool]:
    """Keep a note; returns it and whether it is new. The same `key` again changes nothing.

    Closes the visit and fulfils a duty of the month of the contact, also a missed one; 'not met' fulfils none. A note for
    a cancelled visit is kept without it. Raises ValidationError, Client.DoesNotExist out of scope, PermissionDenied.
    """
    require(user, "visits.edit")
    known = Contact.objects.visible_to(user).filter(key=note.key, created_by=user).first()
    if known is not None:
        return known, False
    client = Client.objects.visible_to(user).get(client_no=client_no)
    staff = _author(user)
    _check(note)
    files: list[Path] = []
    try:
        with transaction.atomic():
            contact = _write(client, staff, note, user, visit_id)
            files = photos.store(contact, note.photos, note.at)
    except IntegrityError:
        photos.drop(files)
        # The same note by two ways at once: the other one has written it.
        return Contact.objects.get(key=note.key, created_by=user, client=client), False
    except BaseException:
        photos.drop(files)
        raise
    return contact, True


def _author(user: User) -> Staff:
    staff = getattr(user, "staff", None)
    if staff is None:
        raise ValidationError(_("Only a member of staff writes notes of visits."))
    return staff


def _check(note: Note) -> None:
    problems: dict[str, str] = {}
    if note.channel not in Channel.values:
        problems["channel"] = _("Choose a channel.")
    if note.outcome not in Outcome.values:
        problems["outcome"] = _("Choose what came of it.")
    if note.outcome != Outcome.ABSENT and note.feeling not in Feeling.values:
        problems["feeling"] = _("Choose how it felt.")
    if note.at > now() + timedelta(minutes=5):
        problems["at"] = _("This time has not come yet.")
    if note.at < now() - timedelta(days=LATE_DAYS):
        problems["at"] = _("Notes are accepted up to %(days)s days after the contact.") % {"days": LATE_DAYS}
    if len(note.text) > 4000:
        problems["text"] = _("At most 4,000 characters.")
    if len(note.promises) > MAX_PROMISES or any(not text.strip() or len(text) > 200 for text, _on in note.promises):
        problems["promises"] = _("A promise has a text of at most 200 characters and a day.")
    if len(note.photos) > photos.MAX_PHOTOS:
        problems["photos"] = _("At most %(n)s photos.") % {"n": photos.MAX_PHOTOS}
    if note.next_on and not note.next_step.strip():
        problems["next_step"] = _("Say what the next step is.")
    if problems:
        raise ValidationError(problems)


def _write(client: Client, staff: Staff, note: Note, user: User, visit_id: int | None) -> Contact:
    visit = None
    if visit_id is not None:
        visit = editable(user).select_for_update(of=("self",)).filter(pk=visit_id, client=client).first()
        if visit is not None and (visit.state == "cancelled" or Contact.objects.filter(visit=visit).exists()):
            visit = None
    met = note.outcome != Outcome.ABSENT
    done = _fulfil(client, note, visit) if met else None
    contact = Contact.objects.create(
        key=note.key,
        client=client,
        staff=staff,
        visit=visit,
        channel=note.channel,
        at=note.at,
        outcome=note.outcome,
        feeling=note.feeling if met else None,
        text=note.text.strip(),
        next_step=note.next_step.strip()[:200],
        next_on=note.next_on,
        duty_month=done.month if done else None,
        duty_number=done.number if done else None,
        created_by=user,
    )
    if visit is not None:
        _close(visit, user, met)
    Promise.objects.bulk_create(
        [
            Promise(contact=contact, client=client, staff=staff, text=text.strip(), due_on=on)
            for text, on in note.promises
        ]
    )
    data = {
        "channel": note.channel,
        "outcome": note.outcome,
        "feeling": contact.feeling,
        "text": contact.text,
        "next": contact.next_step,
        "next_on": note.next_on.isoformat() if note.next_on else "",
        "promises": [[text.strip(), on.isoformat()] for text, on in note.promises],
        "photos": len(note.photos),
        "by": staff.name,
    }
    add_events(
        [
            Event(
                client_id=client.pk,
                at=note.at,
                kind="visit.contact",
                source_key=f"contact:{note.key}",
                data=data,
                actor_id=user.pk,
            )
        ]
    )
    audit.record(
        "contact.add", user=user, object_kind="client", object_no=client.client_no, detail={"channel": note.channel}
    )
    return contact


def _fulfil(client: Client, note: Note, visit: Visit | None) -> Duty | None:
    """The duty of the contact's month that this contact fulfils; a missed one of that month counts as open."""
    on = timezone.localtime(note.at).date()
    month = month_start(on)
    duties = list(Duty.objects.select_for_update().filter(month=month, client=client).order_by("number"))
    open_states = {"missed": "owed"}
    rows = [(one.number, open_states.get(one.state, one.state), one.in_person) for one in duties]
    booked = visit.duty_number if visit is not None and visit.duty_month == month else None
    taken = {other.duty_number for other in _booked_elsewhere(client, month, visit)}
    # A duty that another visit is booked for stays with it.
    number = duty_done_by([row for row in rows if row[0] not in taken], note.channel, booked)
    if number is None:
        return None
    duty = next(one for one in duties if one.number == number)
    duty.state, duty.done_on, duty.channel = "done", on, note.channel
    Duty.objects.filter(month=month, client=client, number=number).update(
        state="done", done_on=on, channel=note.channel
    )
    return duty


def _booked_elsewhere(client: Client, month: date, visit: Visit | None):
    others = Visit.objects.filter(client=client, duty_month=month, state="planned")
    return others.exclude(pk=visit.pk) if visit is not None else others


def _close(visit: Visit, user: User, met: bool) -> None:
    if not met:
        owe_again(visit)
    visit.state = "done" if met else "missed"
    touch(visit, user)


@transaction.atomic
def keep_promise(promise_id: int, *, user: User, kept: bool = True) -> Promise:
    """Tick a promise off, or open it again."""
    require(user, "visits.edit")
    visible = Client.objects.visible_to(user)
    promise = Promise.objects.select_for_update(of=("self",)).get(pk=promise_id, client__in=visible)
    promise.kept_at, promise.kept_by = (now(), user) if kept else (None, None)
    promise.save(update_fields=["kept_at", "kept_by"])
    return promise


@transaction.atomic
def waive(client_no: str, month: date, number: int, reason: str, *, user: User) -> None:
    """Release an open duty with a reason (U3); its planned visit is cancelled. Only a head decides for the branch."""
    require(user, "visits.waive" if reason == Duty.Waiver.HEAD else "visits.edit")
    if reason not in (Duty.Waiver.CLIENT, Duty.Waiver.AWAY, Duty.Waiver.HEAD):
        raise ValidationError({"reason": _("Choose a reason.")})
    client = Client.objects.visible_to(user).get(client_no=client_no)
    duty = Duty.objects.select_for_update().get(month=month, client=client, number=number)
    if duty.state not in ("owed", "booked"):
        raise ValidationError(_("This contact is not open any more."))
    Duty.objects.filter(month=month, client=client, number=number).update(state="waived", waiver=reason)
    Visit.objects.filter(client=client, duty_month=month, duty_number=number, state__in=["planned", "proposed"]).update(
        state="cancelled", changed_at=now(), changed_by=user
    )
    audit.record(
        "duty.waive",
        user=user,
        object_kind="client",
        object_no=client.client_no,
        detail={"month": month.isoformat(), "number": number, "reason": reason},
    )
