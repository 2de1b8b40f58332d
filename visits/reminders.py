"""Reminders (V9): made once per person, day and occasion, sent once by each way; quiet hours are kept.

Two steps, each safe in any number of workers: `make` writes rows with a unique key, `send` claims due rows one by one.
"""

import hashlib
import hmac
import json
import logging
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Count, Min, Q
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from crm.clock import now
from org import notify
from org.models import Role, Staff
from visits.cadence import rise_day
from visits.models import Reminder, ReminderWish, Visit

logger = logging.getLogger(__name__)

EVENING, MORNING = time(18, 0), time(7, 30)
#: Nobody is reminded of a morning that is over, or of an evening the next day.
STALE = timedelta(hours=6)
#: A message under way so long was lost with its worker; it is taken up again with the same Message-ID.
LOST = timedelta(minutes=10)
MAX_ATTEMPTS = 5
TIMEOUT = 10


_texts: dict[str, Callable[[dict[str, Any]], str]] = {}
_subjects: dict[str, str | Promise] = {}


def register_kind(kind: str, subject: str | Promise, text: Callable[[dict[str, Any]], str]) -> None:
    """Reminders of an app above: subject of the e-mail, and the sentence, without names."""
    _subjects[kind], _texts[kind] = subject, text


def make(moment: datetime) -> int:
    """Write the reminders that are due by now; returns how many rows were new. Repeating it adds nothing."""
    local = timezone.localtime(moment)
    day, made = local.date(), 0
    if local.time() >= EVENING:
        made += _make("evening", day + timedelta(days=1), _at(day, EVENING))
    if local.time() >= MORNING:
        made += _make("morning", day, _at(day, MORNING))
        made += _make_risen(day, _at(day, MORNING))
    return made


def _at(day: date, at: time) -> datetime:
    return timezone.make_aware(datetime.combine(day, at))


def _make(kind: str, day: date, due: datetime) -> int:
    if now() - due > STALE:
        return 0
    # Asked every minute for hours: whoever has the reminder already is not written again, only to be ignored.
    known = Reminder.objects.filter(day=day, kind=kind).values("staff_id")
    counted = (
        Visit.objects.filter(date=day, state="planned", manager__user__is_active=True)
        .exclude(manager__in=known)
        .values("manager_id")
        .annotate(n=Count("pk"), calls=Count("pk", filter=Q(kind="phone")), first=Min("start"))
    )
    rows: list[Reminder] = []
    found = {row["manager_id"]: row for row in counted.order_by()}
    wishes = ReminderWish.objects.in_bulk(list(found))
    for staff_id, row in found.items():
        wish = wishes.get(staff_id) or ReminderWish(staff_id=staff_id)
        if not getattr(wish, kind):
            continue
        data = {
            "day": day.isoformat(),
            "n": row["n"],
            "calls": row["calls"],
            "first": row["first"].isoformat("minutes"),
        }
        rows += rows_for(f"{kind}:{staff_id}:{day}", kind, staff_id, day, data, due, wish)
    return len(Reminder.objects.bulk_create(rows, ignore_conflicts=True)) if rows else 0


def _make_risen(day: date, due: datetime) -> int:
    """Tell heads of visits missed so many working days ago that nobody made good (policy: rise_after_days)."""
    if now() - due > STALE:
        return 0
    missed_on = rise_day(day)
    if missed_on is None:
        return 0
    missed = Visit.objects.filter(date=missed_on, state="missed").exclude(
        client__contacts__at__date__gte=missed_on,
        client__contacts__outcome__in=["deal", "interest", "talk", "later", "refused"],
    )
    counts = dict(missed.values_list("client__branch_id").annotate(n=Count("pk", distinct=True)).order_by())
    if not counts:
        return 0
    heads = Staff.objects.serving(day).filter(role=Role.BRANCH_HEAD, branch__in=list(counts), user__is_active=True)
    wishes = ReminderWish.objects.in_bulk([head.pk for head in heads])
    rows: list[Reminder] = []
    for head in heads:
        data = {"day": missed_on.isoformat(), "n": counts[head.branch_id]}
        wish = wishes.get(head.pk) or ReminderWish(staff=head)
        rows += rows_for(f"risen:{head.pk}:{missed_on}", "risen", head.pk, day, data, due, wish)
    return len(Reminder.objects.bulk_create(rows, ignore_conflicts=True))


def rows_for(
    key: str, kind: str, staff_id: int, day: date, data: dict[str, Any], due: datetime, wish: ReminderWish
) -> list[Reminder]:
    """One reminder by each way that somebody wishes, e-mail and messenger after the quiet hours; not written yet."""
    ways = [Reminder.Way.APP]
    ways += [Reminder.Way.EMAIL] if wish.by_email else []
    ways += [Reminder.Way.MESSENGER] if wish.by_messenger and settings.MESSENGER_URL else []
    return [
        Reminder(
            key=key,
            way=way,
            staff_id=staff_id,
            kind=kind,
            day=day,
            data=data,
            due_at=due if way == Reminder.Way.APP else after_quiet(due, wish.quiet_from, wish.quiet_to),
        )
        for way in ways
    ]


def after_quiet(due: datetime, quiet_from: time, quiet_to: time) -> datetime:
    """`due`, or the end of the quiet hours it falls into; they may run over midnight. Equal ends: no quiet hours."""
    if isinstance(quiet_from, str) or isinstance(quiet_to, str):
        quiet_from, quiet_to = time.fromisoformat(str(quiet_from)), time.fromisoformat(str(quiet_to))
    local = timezone.localtime(due)
    at = local.time()
    if quiet_from == quiet_to:
        return due
    if quiet_from < quiet_to:
        return _at(local.date(), quiet_to) if quiet_from <= at < quiet_to else due
    if at >= quiet_from:
        return _at(local.date() + timedelta(days=1), quiet_to)
    return _at(local.date(), quiet_to) if at < quiet_to else due


# --- Sending -----------------------------------------------------------------------------------------------------------


def send(moment: datetime, limit: int = 500) -> int:
    """Send what is due; returns how many went out. A worker that dies in between leaves nothing sent twice in the app;
    an e-mail or message that was under way goes out again with the same identity, which receivers drop."""
    count = 0
    while count < limit and _send_one(moment):
        count += 1
    return count


def _send_one(moment: datetime) -> bool:
    with transaction.atomic():
        due = Reminder.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            Q(state="due", due_at__lte=moment) | Q(state="sending", due_at__lte=moment - LOST)
        )
        row = due.select_related("staff__user").order_by("due_at", "pk").first()
        if row is None:
            return False
        if row.way == Reminder.Way.APP:
            if row.staff.user_id is not None:
                notify.tell(row.staff.user_id, row.key, f"visits.{row.kind}", row.data)
            row.state, row.sent_at = "sent", moment
            row.save(update_fields=["state", "sent_at"])
            return True
        row.state, row.attempts, row.due_at = "sending", row.attempts + 1, moment
        row.save(update_fields=["state", "attempts", "due_at"])
    error = _deliver(row)
    if not error:
        Reminder.objects.filter(pk=row.pk).update(state="sent", sent_at=now(), error="")
    elif row.attempts >= MAX_ATTEMPTS:
        Reminder.objects.filter(pk=row.pk).update(state="failed", error=error)
    else:
        again = moment + timedelta(minutes=5 * 2 ** (row.attempts - 1))
        Reminder.objects.filter(pk=row.pk).update(state="due", due_at=again, error=error)
    return True


def _deliver(row: Reminder) -> str:
    """Hand a message over; returns what went wrong, without personal data, or ''."""
    user = row.staff.user
    with translation.override((user.language if user else "") or settings.LANGUAGE_CODE):
        text = text_of(row.kind, row.data)
        subject = str(_subjects.get(row.kind) or _("Reminder: visits"))
    if row.way == Reminder.Way.EMAIL:
        if not row.staff.email:
            return ""
        message_id = f"<{row.key.replace(':', '.')}@core-client-crm>"
        message = EmailMessage(subject, text, None, [row.staff.email], headers={"Message-ID": message_id})
        try:
            message.send()
        except OSError as problem:  # SMTP errors are OSErrors too
            logger.warning("reminder %s: e-mail not taken (%s)", row.pk, type(problem).__name__)
            return type(problem).__name__
        return ""
    return _post(row, text)


def _post(row: Reminder, text: str) -> str:
    body = json.dumps({"to": row.staff.staff_no, "text": text, "key": row.key}, ensure_ascii=False).encode()
    stamp = str(int(now().timestamp()))
    signature = hmac.new(settings.MESSENGER_SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    request = urllib.request.Request(  # noqa: S310  the address is the operator's setting, https or http only
        settings.MESSENGER_URL,
        data=body,
        headers={
            "Content-Type": "application/json",
            "Idempotency-Key": row.key,
            "X-Timestamp": stamp,
            "X-Signature": f"sha256={signature}",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return "" if 200 <= answer.status < 300 else f"HTTP {answer.status}"
    except (OSError, urllib.error.URLError) as problem:
        logger.warning("reminder %s: messenger did not take it (%s)", row.pk, type(problem).__name__)
        return type(problem).__name__


def text_of(kind: str, data: dict[str, Any]) -> str:
    """One sentence, without names: it leaves the house."""
    if kind in _texts:
        return _texts[kind](data)
    if kind == "risen":
        return _("%(n)s visits missed on %(day)s were not made good.") % data
    visits = int(data["n"]) - int(data["calls"])
    values = {"day": data["day"], "visits": visits, "calls": data["calls"], "first": data["first"]}
    return _("%(day)s: %(visits)s visits and %(calls)s calls, the first at %(first)s.") % values
