"""Call-backs (H1, U11): the nightly list, the yearly draw, calls, compliance."""

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from callbacks import queries, rules
from callbacks.models import CALLING, Attempt, Callback, Draw
from clients.errors import Conflict, Refused
from org import audit, notify
from org.models import Role, Staff, User
from org.rights import require


@dataclass(frozen=True)
class Counts:
    """New clients put on the list, clients drawn, call-backs that fell away because the account was closed."""

    new: int = 0
    drawn: int = 0
    gone: int = 0


@transaction.atomic
def refresh(business_date: date, at: datetime) -> Counts:
    """Bring the list up to a business date: new clients, the draw of the year if there is none; repeating it adds nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('callbacks.refresh'))")
        values = {"day": business_date, "from": business_date - timedelta(days=rules.NEW_DAYS), "at": at}
        cursor.execute(queries.NEW, values | {"days": rules.NEW_DAYS})
        new = cursor.rowcount
        cursor.execute(queries.GONE, values | {"reason": "closed"})
        gone = cursor.rowcount
    drawn = 0
    if not Draw.objects.filter(year=business_date.year).exists():
        drawn = draw(business_date.year, secrets.randbits(62), at).drawn
    return Counts(new, drawn, gone)


@transaction.atomic
def draw(year: int, seed: int, at: datetime, percent: int = rules.QUOTA_PERCENT) -> Draw:
    """Draw the year's call-backs. Raises IntegrityError for a year that is drawn already, ValueError below the quota."""
    if percent < rules.QUOTA_PERCENT:
        raise ValueError("below the quota")
    on = date(year - 1, 12, 31)
    made = Draw.objects.create(year=year, on=on, seed=seed, percent=percent, eligible=0, drawn=0, made_at=at)
    with connection.cursor() as cursor:
        cursor.execute(queries.FRAME, {"draw": made.pk, "on": on})
        made.eligible = cursor.rowcount
    made.drawn = queries.pick(made, _wanted(made), date(year, 12, 31))
    made.save(update_fields=["eligible", "drawn"])
    audit.record("callback.drawn", user=None, object_kind="draw", object_no=str(year), detail={"drawn": made.drawn})
    return made


def _wanted(made: Draw) -> list[tuple[int, str, int]]:
    """Clients of each stratum to be reached: the quota of a branch, shared over its tiers."""
    strata: dict[int, dict[str, int]] = {}
    for branch, tier, size in queries.strata(made):
        strata.setdefault(branch, {})[tier] = size
    return [
        (branch, tier, number)
        for branch, sizes in strata.items()
        for tier, number in rules.allot(sizes, made.percent).items()
        if number
    ]


@transaction.atomic
def top_up(year: int, *, user: User, at: datetime) -> int:
    """Draw on, by the same seed, where refusals and unreached clients keep a branch from its quota; how many were added."""
    require(user, "callbacks.steer")
    made = Draw.objects.select_for_update().get(year=year)
    held = queries.held(made)
    lacking = [(branch, tier, number - held.get((branch, tier), 0)) for branch, tier, number in _wanted(made)]
    added = queries.pick(made, [row for row in lacking if row[2] > 0], date(year, 12, 31))
    made.drawn += added
    made.save(update_fields=["drawn"])
    audit.record("callback.topped_up", user=user, object_kind="draw", object_no=str(year), detail={"added": added})
    return added


@transaction.atomic
def take(*, user: User, on: date) -> Callback | None:
    """Give the caller the most urgent call-back that nobody has; two at once get two. None when there is none."""
    require(user, "callbacks.record")
    staff = _caller(user)
    waiting = Callback.objects.visible_to(user).filter(state=Callback.State.OPEN, agent=None)
    found = waiting.order_by("due_on", "pk").select_for_update(of=("self",), skip_locked=True).first()
    if found is not None:
        found.agent, found.version = staff, found.version + 1
        found.save(update_fields=["agent", "version"])
    return found


@dataclass(frozen=True)
class Call:
    """What came of one call. `answers`: question → yes, no or None (not asked)."""

    outcome: str
    answers: dict[str, bool | None]
    note: str = ""
    recording: str = ""


@transaction.atomic
def record(callback_id: int, call: Call, *, user: User, at: datetime, version: int) -> Callback:
    """Write a call down. Raises Callback.DoesNotExist, Conflict (somebody else wrote), Refused, ValidationError.

    A call that is not as it should be goes to compliance at once.
    """
    require(user, "callbacks.record")
    staff = _caller(user)
    row = _locked(callback_id, user, version)
    _check(call)
    Attempt.objects.create(callback=row, at=at, by=user, outcome=call.outcome, note=_plain(call.note, 500))
    row.attempts += 1
    row.agent = row.agent or staff
    if call.outcome == Attempt.Outcome.REACHED:
        row.answers = {key: value for key, value in call.answers.items() if value is not None}
        row.abnormal = rules.abnormal(call.answers)
        row.recording = _plain(call.recording, 120)
        # Somebody who is not the client is no call-back; it stays open, and compliance hears of it.
        if rules.counts(call.outcome, call.answers):
            _end(row, Callback.State.REACHED, user, at)
    elif call.outcome == Attempt.Outcome.REFUSED:
        _end(row, Callback.State.REFUSED, user, at)
    elif _missed_days(row) >= rules.MOST_ATTEMPTS:
        _end(row, Callback.State.GIVEN_UP, user, at)
    row.version += 1
    row.save()
    audit.record(
        "callback.call",
        user=user,
        object_kind="client",
        object_no=row.client.client_no,
        detail={"outcome": call.outcome, "abnormal": len(row.abnormal)},
    )
    if row.abnormal and call.outcome == Attempt.Outcome.REACHED:
        _tell_compliance(row, at)
    return row


def _check(call: Call) -> None:
    if call.outcome not in Attempt.Outcome.values:
        raise ValidationError({"outcome": _("Choose what came of it.")})
    if call.outcome == Attempt.Outcome.REACHED and call.answers.get("identity") is None:
        raise ValidationError({"identity": _("Say whether it was the client.")})
    if call.answers.keys() - rules.EXPECTED.keys():
        raise ValidationError({"answers": _("There is no such question.")})


def _missed_days(row: Callback) -> int:
    """Days on which the client was tried; three calls in a row are one try."""
    return len({timezone.localdate(at) for at in row.calls.values_list("at", flat=True)})


@transaction.atomic
def dispense(callback_id: int, reason: str, *, user: User, at: datetime, version: int) -> Callback:
    """Compliance does without a call-back, and says why. Raises as `record`."""
    require(user, "callbacks.steer")
    reason = _plain(reason, 200)
    if not reason:
        raise ValidationError({"reason": _("Say why.")})
    row = _locked(callback_id, user, version)
    row.reason = reason
    _end(row, Callback.State.DISPENSED, user, at)
    row.version += 1
    row.save()
    audit.record("callback.dispensed", user=user, object_kind="client", object_no=row.client.client_no)
    return row


@transaction.atomic
def look(callback_id: int, finding: str, *, user: User, at: datetime) -> Callback:
    """Compliance writes what it found out about an abnormal answer. Raises Callback.DoesNotExist, ValidationError."""
    require(user, "callbacks.steer")
    finding = _plain(finding, 500)
    if not finding:
        raise ValidationError({"finding": _("Write down what you found.")})
    rows = Callback.objects.visible_to(user).exclude(abnormal=[])
    row = rows.select_for_update(of=("self",)).select_related("client").get(pk=callback_id)
    row.looked_at, row.looked_by, row.finding, row.version = at, user, finding, row.version + 1
    row.save(update_fields=["looked_at", "looked_by", "finding", "version"])
    audit.record("callback.looked", user=user, object_kind="client", object_no=row.client.client_no)
    return row


def _locked(callback_id: int, user: User, version: int) -> Callback:
    rows = Callback.objects.visible_to(user).select_related("client").select_for_update(of=("self",))
    row = rows.get(pk=callback_id)
    if row.version != version:
        raise Conflict
    if row.state != Callback.State.OPEN:
        raise Refused(_("This call-back is done already."))
    return row


def _end(row: Callback, state: str, user: User, at: datetime) -> None:
    row.state, row.done_at, row.done_by = state, at, user


def _caller(user: User) -> Staff:
    staff: Any = getattr(user, "staff", None)
    if staff is None or staff.role not in CALLING:
        raise Refused(_("Call-backs are made by call-back agents."))
    return staff


def _plain(text: str, most: int) -> str:
    return text.replace("\x00", "").strip()[:most]


def _tell_compliance(row: Callback, at: datetime) -> None:
    above = [int(part) for part in row.client.branch.path.strip("/").split("/") if part]
    officers = Staff.objects.serving(timezone.localdate(at)).filter(
        role=Role.COMPLIANCE_OFFICER, branch__in=above, user__is_active=True
    )
    for user_id in officers.exclude(clients=row.client).values_list("user_id", flat=True):
        notify.tell(user_id, f"callback:{row.pk}:{row.version}", "callbacks.abnormal", {"id": row.pk})
