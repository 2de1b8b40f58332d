"""The daily digest: once a working day, to heads who want it, quiet hours kept, nobody named."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import translation

from dashboards import digest
from dashboards.tasks import make_digests
from nights.models import Notice
from org.calendar import load
from org.models import Role
from tests.dashboards.test_pages import own  # noqa: F401  its revenue is half of the year before
from tests.factories import StaffFactory
from visits import reminders
from visits.models import Reminder, ReminderWish

SHANGHAI = ZoneInfo("Asia/Shanghai")
MORNING = datetime(2026, 11, 3, 7, 35, tzinfo=SHANGHAI)


@pytest.fixture(autouse=True)
def morning(own):  # noqa: F811
    load([2026])
    own.email = "head@example.com"
    own.save()
    StaffFactory(branch=own.branch)
    with time_machine.travel(MORNING, tick=False):
        yield


def test_once_in_the_app_and_by_mail(own, mailoutbox):  # noqa: F811
    for _look in range(3):
        make_digests()
        reminders.send(MORNING)
    notice = Notice.objects.get(kind="visits.digest")
    assert notice.user == own.user
    assert notice.data["n"] >= 1
    (message,) = mailoutbox
    with translation.override(own.user.language or "zh-hans"):
        assert message.body == digest.text_of(notice.data)
    assert own.name not in message.body
    assert message.extra_headers["Message-ID"] == f"<digest.{own.pk}.2026-11-03@core-client-crm>"


def test_neither_to_whom_wants_none_nor_at_the_weekend_nor_late(own):  # noqa: F811
    assert digest.make(MORNING - timedelta(minutes=6)) == 0
    assert digest.make(MORNING + timedelta(hours=7)) == 0
    assert digest.make(MORNING + timedelta(days=4)) == 0, "a Saturday"
    wish = ReminderWish.objects.create(staff=own, digest=False)
    assert digest.make(MORNING) == 0
    wish.digest, wish.quiet_from, wish.quiet_to = True, time(7, 0), time(9, 0)
    wish.save()
    assert digest.make(MORNING) == 2
    assert Reminder.objects.get(way="email").due_at == datetime(2026, 11, 3, 9, 0, tzinfo=SHANGHAI)


def test_the_setting_is_there_for_heads_alone(own, client):  # noqa: F811
    client.force_login(own.user)
    fields = {"morning": "on", "by_email": "on", "quiet_from": "20:00", "quiet_to": "07:30"}
    assert client.post("/visits/settings/", fields).status_code == 302
    assert ReminderWish.objects.get().digest is False
    client.force_login(StaffFactory(role=Role.ACCOUNT_MANAGER, branch=own.branch).user)
    assert "digest" not in client.get("/visits/settings/").context["form"].fields


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"n": 1, "overdue": 0}, "1 figure of the branch deviates."),
        ({"n": 3, "overdue": 2}, "3 figures of the branch deviate; complaints over a limit: 2."),
    ],
)
def test_its_words(data, text):
    with translation.override("en"):
        assert digest.text_of(data) == text
