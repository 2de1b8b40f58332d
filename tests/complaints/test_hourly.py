"""Reminders and escalations: each once, in order, after an outage too; follow-ups; archiving (X4, X6)."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from complaints import services
from complaints.models import Clock, Complaint, ComplaintEvent, Escalation, FollowUp, HourRun
from complaints.services import hourly
from org.models import CalendarDay
from tests.complaints.cases import T0, Office

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def told(monkeypatch) -> list[hourly.Fired]:
    heard: list[hourly.Fired] = []
    monkeypatch.setattr(hourly, "listeners", [heard.append])
    return heard


def rungs() -> list[tuple]:
    return list(Escalation.objects.order_by("pk").values_list("complaint_id", "key", "percent", "to", "moment"))


def test_three_days_without_a_worker_change_nothing_but_the_moment_of_telling(told):
    office = Office()
    for minutes in (0, 47, 300):
        office.take_in(at=T0 + timedelta(minutes=minutes))
    hourly.run(T0 + HOUR)
    start = HourRun.objects.latest("hour").hour
    late = T0 + timedelta(days=3, minutes=13)
    worked = hourly.run(late)
    assert [row.hour for row in worked] == [start + HOUR * n for n in range(1, 72)]
    found = rungs()
    moments = [row[4] for row in found]
    assert moments == sorted(moments)
    assert all(moment <= late for moment in moments)
    # Every rung that should have been reached by then was, and once.
    expected = {
        (clock.complaint_id, clock.key, percent)
        for clock in Clock.objects.filter(met_at=None)
        for percent in (50, 80, 100, 125, 150)
        if clock.started_at + (clock.due_at - clock.started_at) * percent / 100 <= worked[-1].hour
    }
    assert {row[:3] for row in found} == expected
    assert len(found) == len(expected) == len(told) == ComplaintEvent.objects.filter(kind="escalated").count()
    assert hourly.run(late) == []
    assert rungs() == found


def test_hour_by_hour_is_the_same_as_all_at_once(told):
    office = Office()
    office.take_in()
    hourly.run(T0)
    for hours in range(1, 73):
        hourly.run(T0 + HOUR * hours)
    assert [row.fired for row in HourRun.objects.order_by("hour")].count(1) >= 8
    stepwise = rungs()
    assert [row[4] for row in stepwise] == sorted(row[4] for row in stepwise)


def test_the_ladder_climbs_and_leaves_out_whom_it_is_about(told):
    office = Office()
    office.take_in(about=office.head)
    hourly.run(T0)
    hourly.run(T0 + timedelta(days=2))
    people = {(one.percent, staff) for one in told if one.key == "step_1" for staff in one.staff}
    assert people == {
        (50, office.officer), (80, office.officer), (125, office.officer), (150, office.compliance),
    }  # fmt: skip


def test_a_met_clock_rings_no_more_and_an_extended_one_rings_for_its_new_date(told):
    office = Office()
    complaint = office.walk(office.take_in(), "closed")
    hourly.run(T0)
    hourly.run(T0 + timedelta(days=4))
    assert [one.key for one in told] == []
    assert complaint.clocks.filter(alarm_at__isnull=False).count() == 0


def test_follow_ups_are_asked_once_and_the_case_is_archived_after_them(told):
    office = Office()
    complaint = office.walk(office.take_in(), "closed")
    hourly.run(T0)
    HourRun.objects.update(hour=T0 + timedelta(days=91))
    hourly.run(T0 + timedelta(days=91, hours=3))
    assert sorted(one.key for one in told) == ["follow_up_30", "follow_up_7", "follow_up_90"]
    for days in (7, 30, 90):
        services.follow_up(
            complaint.number, days, satisfaction=4, note="", user=office.officer.user, at=T0 + timedelta(days=91)
        )
    HourRun.objects.all().delete()
    hourly.run(T0 + timedelta(days=122))
    assert Complaint.objects.get().state == "archived"
    assert FollowUp.objects.filter(satisfaction=4).count() == 3


def test_a_changed_calendar_moves_the_clocks_that_still_run():
    office = Office()
    complaint = office.take_in()
    before = complaint.clocks.get(key="acknowledge").due_at
    CalendarDay.objects.update_or_create(
        date=T0.date() + timedelta(days=1), defaults={"is_workday": False, "is_trading_day": False}
    )
    assert hourly.reckon_again() == 1
    assert complaint.clocks.get(key="acknowledge").due_at == before + timedelta(days=1)


# --- verify_complaints ----------------------------------------------------------------------------------------------


def forge(table: str, trigger: str, statement: str) -> None:
    """Change what nobody can: as the owner of the database, with the trigger lifted."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        cursor.execute(statement)
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {trigger}")


def test_whole_files_pass_and_a_changed_one_is_named(capsys):
    office = Office()
    office.walk(office.take_in(), "closed")
    second = office.walk(office.take_in(), 4)
    call_command("verify_complaints")
    assert "2 files are whole" in capsys.readouterr().out
    row = ComplaintEvent.objects.get(complaint=second, sequence=3)
    forge(
        "complaints_complaintevent",
        "complaint_event_append_only",
        f"UPDATE complaints_complaintevent SET data = data || '{{\"step\": 2}}' WHERE id = {row.pk}",
    )
    with pytest.raises(CommandError, match="1 of 2"):
        call_command("verify_complaints")
    assert f"{second.number}: event 3 (id {row.pk}) was changed" in capsys.readouterr().err


def test_a_row_that_says_something_else_than_its_file_is_named(capsys):
    office = Office()
    complaint = office.walk(office.take_in(), 3)
    forge(
        "complaints_complaint",
        "complaint_moves",
        f"UPDATE complaints_complaint SET severity = 'major' WHERE id = {complaint.pk}",
    )
    with pytest.raises(CommandError):
        call_command("verify_complaints")
    assert "severity of the row" in capsys.readouterr().err
