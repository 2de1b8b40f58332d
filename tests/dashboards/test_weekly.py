"""The weekly report (D5): once per head and week, over a real mail server; what is in it; who gets none."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core import mail
from django.db import IntegrityError, transaction
from django.utils import translation

from crm import pdf
from dashboards import report, weekly
from dashboards.asked import ask
from dashboards.models import WeeklyReport
from dashboards.tasks import send_weekly
from org.models import AuditEvent, Role
from tests.dashboards.test_pages import own  # noqa: F401  a branch with one below it, and kept figures
from tests.factories import BranchFactory, StaffFactory
from tests.visits.test_reminders_killed import Gateway, mail_server, serving

SHANGHAI = ZoneInfo("Asia/Shanghai")
MONDAY = datetime(2026, 11, 2, 8, 0, tzinfo=SHANGHAI)
WEEK = date(2026, 11, 2)


@pytest.fixture
def monday():
    with time_machine.travel(MONDAY, tick=False):
        yield


@pytest.fixture
def told(own, monday):  # noqa: F811
    """The head, with an address; another without one gets nothing."""
    own.email = "head@example.com"
    own.save()
    StaffFactory(role=Role.BRANCH_HEAD, branch=BranchFactory(), email="")
    return own


def test_once_over_a_real_mail_server(told, settings):
    gateway = Gateway()
    with serving(mail_server(gateway)) as port:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        for _look in range(3):
            send_weekly()
    assert gateway.got == [f"<weekly.{told.pk}.2026-11-02@core-client-crm>"]
    assert WeeklyReport.objects.get().state == "sent"
    event = AuditEvent.objects.get(action="dashboard.weekly")
    assert (event.object_no, event.detail["week"]) == (told.branch.branch_no, "2026-11-02")


def test_the_message_has_the_pdf_in_the_heads_language(told, mailoutbox, monkeypatch):
    told.user.language = "en"
    told.user.save()
    seen, real = [], pdf.render
    monkeypatch.setattr(pdf, "render", lambda name, data, *, at: seen.append(data) or real(name, data, at=at))
    send_weekly()
    (message,) = mailoutbox
    assert message.to == ["head@example.com"]
    assert message.subject == f"Weekly report of {told.branch.name}, 2026-11-02"
    ((name, content, kind),) = message.attachments
    assert (name, content[:5], kind) == (f"{told.branch.name}-2026-11-02.pdf", b"%PDF-", "application/pdf")
    assert {"−50%"} <= {row["figure"] for row in seen[0]["deviations"]["rows"]}
    assert seen[0]["bars"]["rows"][-1]["text"].startswith("150")
    assert seen[0]["sections"][0]["title"] == "Revenue and assets"


def test_not_before_monday_morning_nor_when_it_says_nothing_new(told):
    assert weekly.make(MONDAY - timedelta(minutes=31)) == 0
    assert weekly.make(MONDAY + timedelta(days=2)) == 0
    assert weekly.make(MONDAY) == 1
    assert weekly.make(MONDAY + timedelta(days=1)) == 0, "the week has its report"
    assert weekly.make(MONDAY + timedelta(days=7)) == 1


def test_a_mail_server_that_is_down_is_tried_again_and_given_up(told, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise ConnectionRefusedError

    monkeypatch.setattr(report, "pdf_of", lambda asked, *, at: b"%PDF-")
    weekly.make(MONDAY)
    with monkeypatch.context() as down:
        down.setattr(mail.EmailMessage, "send", refuse)
        weekly.send(MONDAY)
        row = WeeklyReport.objects.get()
        assert (row.state, row.attempts, row.error) == ("due", 1, "ConnectionRefusedError")
        assert weekly.send(MONDAY + timedelta(minutes=4)) == 0, "not before its time"
        for hours in range(1, 8):
            weekly.send(MONDAY + timedelta(hours=hours))
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("failed", 5)


def test_what_a_dead_worker_had_claimed_is_sent_by_the_next(told, mailoutbox, monkeypatch):
    monkeypatch.setattr(report, "pdf_of", lambda asked, *, at: b"%PDF-")
    weekly.make(MONDAY)
    WeeklyReport.objects.update(state="sending", attempts=1, due_at=MONDAY)
    weekly.send(MONDAY + timedelta(minutes=9))
    assert mailoutbox == [], "it may still be under way"
    weekly.send(MONDAY + timedelta(minutes=10))
    assert len(mailoutbox) == 1
    assert WeeklyReport.objects.get().state == "sent"


def test_whoever_leads_no_branch_any_more_gets_none(told, mailoutbox):
    weekly.make(MONDAY)
    told.role = Role.ACCOUNT_MANAGER
    told.save()
    weekly.send(MONDAY)
    assert mailoutbox == []
    assert WeeklyReport.objects.get().state == "dropped"


def test_the_database_keeps_one_a_week(told):
    weekly.make(MONDAY)
    for week in (WEEK, date(2026, 11, 3)):
        with pytest.raises(IntegrityError), transaction.atomic():
            WeeklyReport.objects.create(staff=told, week=week, due_at=MONDAY)


def test_the_same_report_on_the_page(told, client):
    client.force_login(told.user)
    address = f"/dashboards/branch/{told.branch.branch_no}/report.pdf?period=2026-10"
    answer = client.get(address)
    assert (answer["Content-Type"], answer.content[:5]) == ("application/pdf", b"%PDF-")
    assert AuditEvent.objects.filter(action="dashboard.report").count() == 1
    officer = StaffFactory(role=Role.COMPLAINT_OFFICER, branch=told.branch)
    client.force_login(officer.user)
    assert client.get(address).status_code == 200
    with translation.override("en"):
        titles = [one["title"] for one in report.data_of(ask(officer.user, told.branch), at=MONDAY)["sections"]]
    assert titles == ["Complaints against their limits"]
    client.force_login(StaffFactory(role=Role.BRANCH_HEAD).user)
    assert client.get(address).status_code == 404
