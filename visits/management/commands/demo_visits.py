"""`manage.py demo_visits`: the running month of the demo firm, planned and worked as its people would, by the services."""

import random
import uuid
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from crm.clock import now, today
from crm.partitions import month_start
from org.models import Role, Staff, User
from visits import duties
from visits.models import Feeling, Outcome, Visit
from visits.services import Note, accept_plan, make_plan, record_contact

#: Outcome and feeling of an invented note, with how often each comes.
_NOTES = (
    (Outcome.TALK, Feeling.SATISFIED, "聊了近期行情，客户心情不错", 5),
    (Outcome.INTEREST, Feeling.COMFORTABLE, "对稳健型理财感兴趣，下次带产品说明", 3),
    (Outcome.DEAL, Feeling.DELIGHTED, "同意参加下月的客户活动", 1),
    (Outcome.LATER, Feeling.NEUTRAL, "正在开会，约好改天再谈", 2),
    (Outcome.REFUSED, Feeling.POOR, "抱怨手续费偏高，需要跟进", 1),
    (Outcome.ABSENT, None, "", 1),
)


class Command(BaseCommand):
    help = "Demo mode only: plans the running month and notes what was done in it so far."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.CRM_ENV == "production":
            raise CommandError("demo_visits is for demo firms only")
        on = today()
        duties.refresh(month_start(on))
        planned = noted = 0
        chance = random.Random(20)  # noqa: S311  made-up visits
        heads = Staff.objects.filter(role=Role.BRANCH_HEAD, user__isnull=False).select_related("user")
        for head in heads.order_by("staff_no"):
            if head.user is None:
                continue
            team = Staff.objects.filter(branch=head.branch_id, role=Role.ACCOUNT_MANAGER).select_related(
                "branch", "user"
            )
            for manager in team.order_by("staff_no"):
                planned += self._plan(manager, head.user, on)
                if manager.user is not None:
                    noted += self._work(manager, manager.user, on, chance)
        duties.refresh(on)
        self.stdout.write(f"{planned} visits and calls planned, {noted} noted")

    def _plan(self, manager: Staff, user: User, on: date) -> int:
        """A manager with a log-in planned the whole month, the others what is left of it."""
        begin = month_start(on) if manager.user_id is not None else on
        if Visit.objects.filter(manager=manager, date__gte=month_start(on)).exclude(state="proposed").exists():
            return 0
        plan = make_plan(manager, month_start(on), user=user, begin=begin)
        return accept_plan(plan.pk, user=user)

    def _work(self, manager: Staff, user: User, on: date, chance: random.Random) -> int:
        done = 0
        visits = Visit.objects.filter(manager=manager, date__range=(on - timedelta(days=30), on - timedelta(days=1)))
        for visit in (
            visits.filter(state="planned", contact__isnull=True).select_related("client").order_by("date", "start")
        ):
            if chance.random() < 0.08:
                continue
            outcome, feeling, text, _weight = chance.choices(_NOTES, [row[3] for row in _NOTES])[0]
            at = timezone.make_aware(datetime.combine(visit.date, visit.start))
            promises = (
                (("发送产品说明书", on + timedelta(days=chance.randint(0, 6))),) if outcome == Outcome.INTEREST else ()
            )
            note = Note(
                key=uuid.uuid5(visit.uid, "note"),
                channel=visit.kind,
                at=min(at, now()),
                outcome=outcome,
                feeling=feeling,
                text=text,
                promises=promises,
            )
            done += record_contact(visit.client.client_no, note, user=user, visit_id=visit.pk)[1]
        return done
