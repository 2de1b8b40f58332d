"""The daily digest of a branch to its head (D2): what deviates, in one sentence, by the ways and quiet hours of reminders."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import Http404
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboards import deviations
from dashboards.asked import ask, made_on
from org import calendar
from org.models import Role, Staff
from visits.models import Reminder, ReminderWish
from visits.reminders import MORNING, STALE, rows_for

KIND = "digest"


def make(moment: datetime) -> int:
    """Write the digests of a working day's morning; how many rows were new. Repeating it adds nothing.

    Whoever has a digest already, or wants none, is not looked up again; nothing deviates: nothing is written.
    """
    local = timezone.localtime(moment)
    day = local.date()
    due = timezone.make_aware(datetime.combine(day, MORNING))
    if not due <= moment <= due + STALE or made_on() is None or not calendar.working_days(day, day):
        return 0
    known = Reminder.objects.filter(day=day, kind=KIND).values("staff_id")
    unwilling = ReminderWish.objects.filter(digest=False).values("staff_id")
    heads = Staff.objects.serving(day).filter(role=Role.BRANCH_HEAD, user__is_active=True)
    rows: list[Reminder] = []
    wishes = ReminderWish.objects.in_bulk([head.pk for head in heads])
    for head in heads.exclude(pk__in=known).exclude(pk__in=unwilling).select_related("user", "branch"):
        data = _data(head)
        if data is not None:
            wish = wishes.get(head.pk) or ReminderWish(staff=head)
            rows += rows_for(f"{KIND}:{head.pk}:{day}", KIND, head.pk, day, data | {"day": day.isoformat()}, due, wish)
    return len(Reminder.objects.bulk_create(rows, ignore_conflicts=True)) if rows else 0


def _data(head: Staff) -> dict[str, Any] | None:
    """Counts of what deviates in the head's branch; None when nothing does."""
    # The lines are words; only their kinds are kept, so their language does not matter.
    with translation.override(settings.LANGUAGE_CODE):
        try:
            found = deviations.find(ask(head.user, head.branch))
        except Http404:
            return None
    if not found:
        return None
    overdue = next((int(one.deviation.figure) for one in found if one.deviation.kind == "overdue"), 0)
    return {"n": len(found), "urgent": sum(1 for one in found if one.deviation.urgent), "overdue": overdue}


def text_of(data: dict[str, Any]) -> str:
    """One sentence, without names: it leaves the house."""
    text = ngettext("%(n)s figure of the branch deviates", "%(n)s figures of the branch deviate", int(data["n"])) % data
    if data["overdue"]:
        return _("%(text)s; complaints over a limit: %(n)s.") % {"text": text, "n": data["overdue"]}
    return _("%(text)s.") % {"text": text}
