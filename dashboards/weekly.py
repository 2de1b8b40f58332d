"""The weekly report to branch heads (D5): made once per head and week, sent once by e-mail with its PDF.

Two steps, each safe in any number of workers, as for reminders: `make` writes rows with a unique key, `send` claims due
rows one by one. A message that was under way when its worker died goes out again with the same Message-ID.
"""

import logging
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.http import Http404
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from crm.clock import now
from dashboards import report
from dashboards.asked import ask, made_on
from dashboards.models import WeeklyReport
from org import audit
from org.models import Role, Staff
from org.scope import in_service

logger = logging.getLogger(__name__)

#: Monday morning; whoever was without a server until Wednesday still gets the week's, later it says nothing new.
MORNING, LATEST = time(7, 30), timedelta(days=2)
#: A message under way so long was lost with its worker.
LOST = timedelta(minutes=10)
MAX_ATTEMPTS = 5


def week_of(moment: datetime) -> date:
    """Monday of the week, in the firm's time zone."""
    day = timezone.localtime(moment).date()
    return day - timedelta(days=day.weekday())


def make(moment: datetime) -> int:
    """Write the reports that are due by now; how many were new. Repeating it adds nothing; before the first night none."""
    week = week_of(moment)
    due = timezone.make_aware(datetime.combine(week, MORNING))
    if not due <= moment <= due + LATEST or made_on() is None:
        return 0
    known = WeeklyReport.objects.filter(week=week).values("staff_id")
    heads = Staff.objects.serving(week).filter(role=Role.BRANCH_HEAD, user__is_active=True).exclude(email="")
    rows = [WeeklyReport(staff=head, week=week, due_at=due) for head in heads.exclude(pk__in=known)]
    before = WeeklyReport.objects.count() if rows else 0
    WeeklyReport.objects.bulk_create(rows, ignore_conflicts=True)
    return WeeklyReport.objects.count() - before if rows else 0


def send(moment: datetime, limit: int = 200) -> int:
    """Send what is due; how many were worked."""
    count = 0
    while count < limit and _send_one(moment):
        count += 1
    return count


def _send_one(moment: datetime) -> bool:
    with transaction.atomic():
        row = (
            WeeklyReport.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(Q(state="due", due_at__lte=moment) | Q(state="sending", due_at__lte=moment - LOST))
            .select_related("staff__user", "staff__branch")
            .order_by("due_at", "pk")
            .first()
        )
        if row is None:
            return False
        if row.attempts >= MAX_ATTEMPTS or not _still_head(row.staff, moment):
            row.state = "failed" if row.attempts >= MAX_ATTEMPTS else "dropped"
            row.save(update_fields=["state"])
            return True
        row.state, row.attempts, row.due_at = "sending", row.attempts + 1, moment
        row.save(update_fields=["state", "attempts", "due_at"])
    error = _deliver(row, moment)
    mine = WeeklyReport.objects.filter(pk=row.pk, attempts=row.attempts)
    if not error:
        with transaction.atomic():
            mine.update(state="sent", sent_at=now(), error="")
            audit.record(
                "dashboard.weekly",
                user=row.staff.user,
                object_kind="branch",
                object_no=row.staff.branch.branch_no,
                detail={"week": str(row.week), "staff": row.staff.staff_no},
            )
    elif row.attempts >= MAX_ATTEMPTS:
        mine.update(state="failed", error=error)
    else:
        mine.update(state="due", due_at=moment + timedelta(minutes=5 * 2 ** (row.attempts - 1)), error=error)
    return True


def _still_head(staff: Staff, moment: datetime) -> bool:
    """Whoever left or leads no branch any more since the row was made gets nothing."""
    active = staff.user is not None and staff.user.is_active
    return active and staff.role == Role.BRANCH_HEAD and in_service(staff, timezone.localtime(moment).date())


def _deliver(row: WeeklyReport, moment: datetime) -> str:
    """Make the PDF and hand the message over; what went wrong, without personal data, or ''."""
    user = row.staff.user
    with translation.override((user.language if user else "") or settings.LANGUAGE_CODE):
        try:
            made = report.pdf_of(ask(user, row.staff.branch), at=moment)
        except Http404:  # the branch is no longer in the own scope
            return "Http404"
        name, values = row.staff.branch.name, {"branch": row.staff.branch.name, "day": row.week.isoformat()}
        message = EmailMessage(
            _("Weekly report of %(branch)s, %(day)s") % values,
            _("The week's figures of %(branch)s are in the PDF attached. The live ones are on the dashboard.") % values,
            None,
            [row.staff.email],
            headers={"Message-ID": f"<weekly.{row.staff_id}.{row.week}@core-client-crm>"},
        )
        message.attach(f"{name}-{row.week}.pdf", made, "application/pdf")
    try:
        message.send()
    except OSError as problem:  # SMTP errors are OSErrors too
        logger.warning("weekly report %s: e-mail not taken (%s)", row.pk, type(problem).__name__)
        return type(problem).__name__
    return ""
