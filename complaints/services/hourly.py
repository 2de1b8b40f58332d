"""The hourly step (X4): reminders, escalations, follow-ups; each once, in order, however long nobody looked."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from complaints import rules
from complaints.choices import OPEN_STATES, State
from complaints.models import Clock, Complaint, Escalation, FollowUp, HourRun
from complaints.services.core import append, calendar_around, happenings, refresh_clocks, terms_of
from org import notify
from org.models import Role, Staff

_LOCK = "hashtext('complaints.hourly')"
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Fired:
    """One reminder or escalation: about which case and clock, whom to tell."""

    complaint: Complaint
    key: str
    percent: int
    due_at: datetime
    staff: tuple[Staff, ...]


def tell(fired: Fired) -> None:
    """A notice to whoever a rung names, once for each rung and due date."""
    number = fired.complaint.number
    data = {"number": number, "clock": fired.key, "percent": fired.percent}
    key = f"complaint:{number}:{fired.key}:{fired.percent}:{fired.due_at:%Y%m%d%H%M}"
    for one in fired.staff:
        if one.user_id is not None:
            notify.tell(one.user_id, key, "complaints.due", data)


#: Who hears of what was fired.
listeners: list[Callable[[Fired], None]] = [tell]


def run(now: datetime) -> list[HourRun]:
    """Work every full hour that nobody has worked, oldest first; the hours that were worked now.

    Safe in any number of processes at once: an hour is a transaction that ends with its row in the ledger.
    """
    done = []
    last = HourRun.objects.aggregate(last=Max("hour"))["last"]
    current = now.replace(minute=0, second=0, microsecond=0)
    hour = current if last is None else last + _HOUR
    while hour <= current:
        row = _work(hour, now)
        if row is not None:
            done.append(row)
        hour += _HOUR
    return done


@transaction.atomic
def _work(hour: datetime, now: datetime) -> HourRun | None:
    """One hour: everything whose moment lies before its end of reach, in order of the moments."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
    if HourRun.objects.filter(hour=hour).exists():
        return None
    fired = _fire(hour, now)
    asked = _remind_of_follow_ups(hour, now)
    _archive(hour, now)
    return HourRun.objects.create(hour=hour, fired=fired, follow_ups=asked, finished_at=now)


def _fire(hour: datetime, now: datetime) -> int:
    """Fire the rungs reached by an hour, across all cases in the order of their moments."""
    count = 0
    for _pass in range(10_000):
        clock = Clock.objects.filter(alarm_at__lte=hour).order_by("alarm_at", "complaint_id", "key").first()
        if clock is None:
            return count
        count += _fire_one(clock.complaint_id, clock.key, hour, now)
    return count


def _fire_one(complaint_id: int, key: str, hour: datetime, now: datetime) -> int:
    complaint = Complaint.objects.select_for_update(of=("self",)).get(pk=complaint_id)
    events = happenings(complaint)
    # The calendar may have changed since the clock was written down.
    refresh_clocks(complaint, events)
    terms = terms_of(complaint.policy)
    first = timezone.localdate(complaint.received_at) - timedelta(days=1)
    found = rules.deadlines(events, terms, calendar_around(first, timezone.localdate(events[-1].at)))
    known = set(complaint.escalations.values_list("key", "percent", "to", "due_at"))
    due = [
        alarm
        for alarm in rules.alarms(found, terms.ladder)
        if alarm.deadline.limit.key == key
        and alarm.moment <= hour
        and (key, alarm.rung.percent, alarm.rung.to, alarm.deadline.due) not in known
    ]
    if not due:
        return 0
    alarm, due_at = due[0], due[0].deadline.due
    assert due_at is not None  # an alarm has one
    Escalation.objects.create(
        complaint=complaint,
        key=key,
        percent=alarm.rung.percent,
        to=alarm.rung.to,
        due_at=due_at,
        moment=alarm.moment,
        fired_at=now,
    )
    staff = whom(complaint, alarm.rung.to)
    said = {
        "clock": key,
        "percent": alarm.rung.percent,
        "to": alarm.rung.to,
        "due_at": due_at.isoformat(),
        "moment": alarm.moment.isoformat(),
        "staff": [one.pk for one in staff],
    }
    append(complaint, events, [("escalated", said)], by=None, at=now)
    for listen in listeners:
        listen(Fired(complaint, key, alarm.rung.percent, due_at, staff))
    return 1


def whom(complaint: Complaint, rung: str) -> tuple[Staff, ...]:
    """Who is told on a rung: the handler, or the role's people nearest above the case's branch; never those named."""
    if rung == "handler":
        return (complaint.handler,) if complaint.handler else ()
    named = {complaint.about_person_id, complaint.about_superior_id}
    serving = Staff.objects.serving(timezone.localdate()).filter(role=rung).exclude(pk__in=[n for n in named if n])
    if rung == Role.COMPLIANCE_OFFICER:
        return tuple(serving.order_by("staff_no"))
    above = [int(part) for part in complaint.branch.path.strip("/").split("/") if part]
    for branch_id in reversed(above):
        found = tuple(serving.filter(branch_id=branch_id).order_by("staff_no"))
        if found:
            return found
    return ()


def _remind_of_follow_ups(hour: datetime, now: datetime) -> int:
    """Tell the handlers of follow-ups that fall due, once each."""
    on = timezone.localdate(hour)
    waiting = FollowUp.objects.filter(due_on__lte=on, done_at=None, dropped=False, reminded_at=None)
    rows = list(waiting.select_for_update(of=("self",)).select_related("complaint__handler").order_by("due_on", "pk"))
    for row in rows:
        row.reminded_at = now
        staff = (row.complaint.handler,) if row.complaint.handler else ()
        due = timezone.make_aware(datetime.combine(row.due_on, datetime.min.time()))
        for listen in listeners:
            listen(Fired(row.complaint, f"follow_up_{row.days}", 100, due, staff))
    FollowUp.objects.bulk_update(rows, ["reminded_at"], batch_size=1000)
    return len(rows)


def _archive(hour: datetime, now: datetime) -> None:
    """Archive what has been closed long enough and waits for nothing."""
    closed = Complaint.objects.filter(state=State.CLOSED).select_related("policy")
    for complaint in closed.select_for_update(of=("self",)).filter(closed_at__lte=hour - timedelta(days=30)):
        ripe = complaint.closed_at and complaint.closed_at <= hour - timedelta(days=complaint.policy.archive_days)
        if ripe and not complaint.follow_ups.filter(done_at=None, dropped=False).exists():
            append(complaint, happenings(complaint), [("archived", {})], by=None, at=now)


#: Cases reckoned in one transaction: others wait for their locks.
_AT_ONCE = 100


def reckon_again() -> int:
    """Reckon the clocks of all open cases anew, after the calendar changed; returns how many cases."""
    last, count = 0, 0
    while True:
        with transaction.atomic():
            waiting = Complaint.objects.filter(state__in=OPEN_STATES, pk__gt=last).order_by("pk")
            rows = list(waiting.select_for_update(of=("self",))[:_AT_ONCE])
            for complaint in rows:
                refresh_clocks(complaint, happenings(complaint))
        if not rows:
            return count
        last, count = rows[-1].pk, count + len(rows)
