"""Working and trading days against the announced calendars, and where the calendar is silent."""

import csv
import gzip
from datetime import date, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from org import calendar
from org.models import CalendarDay
from tests.datasets import needs, path


def rows(name: str) -> list[dict[str, str]]:
    with gzip.open(path("china_calendar") / name, "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@needs("china_calendar")
@pytest.mark.data
def test_library_days_equal_the_announced_calendars_since_2007():
    sessions = {row["session"] for row in rows("xshg_sessions.csv.gz")}
    announced = {row["date"]: row["is_workday"] == "1" for row in rows("days.csv.gz")}
    wrong, seen = [], 0
    for year in range(2007, 2027):
        for day in calendar.library_days(year):
            key = day.date.isoformat()
            seen += 1
            if day.is_workday != announced[key] or day.is_trading_day != (key in sessions) or day.provisional:
                wrong.append(day)
    assert wrong == []
    assert seen == 7305


def test_the_six_make_up_days_of_2026_are_working_but_no_trading_days():
    days = {day.date: day for day in calendar.library_days(2026)}
    odd = [day.date.isoformat() for day in days.values() if day.is_workday and not day.is_trading_day]
    assert odd == ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"]
    assert sum(day.is_workday for day in days.values()) == 248
    assert sum(day.is_trading_day for day in days.values()) == 242


@pytest.fixture
def year_2026(db):
    calendar.load([2026])


def test_spans_over_spring_festival(year_2026):
    # Closed from Sunday 15 to Monday 23 February; Saturday 14 and 28 are made up for in the offices.
    assert calendar.previous_trading_day(date(2026, 2, 24)) == date(2026, 2, 13)
    assert calendar.next_trading_day(date(2026, 2, 13)) == date(2026, 2, 24)
    assert calendar.working_days(date(2026, 2, 12), date(2026, 2, 25)) == [
        date(2026, 2, 12),
        date(2026, 2, 13),
        date(2026, 2, 14),
        date(2026, 2, 24),
        date(2026, 2, 25),
    ]
    assert calendar.trading_days(date(2026, 2, 12), date(2026, 2, 24)) == [
        date(2026, 2, 12),
        date(2026, 2, 13),
        date(2026, 2, 24),
    ]
    assert calendar.is_workday(date(2026, 2, 28))
    assert not calendar.is_trading_day(date(2026, 2, 28))


def test_a_date_the_calendar_does_not_hold_goes_by_its_weekday_and_says_so(year_2026):
    friday, saturday = calendar.day(date(2031, 8, 1)), calendar.day(date(2031, 8, 2))
    assert (friday.is_workday, friday.is_trading_day, friday.provisional) == (True, True, True)
    assert (saturday.is_workday, saturday.is_trading_day, saturday.provisional) == (False, False, True)
    assert not calendar.day(date(2026, 8, 3)).provisional
    # Across the edge: 31 December 2026 is in the calendar, 4 January 2027 (Monday) is not.
    assert calendar.next_trading_day(date(2026, 12, 31)) == date(2027, 1, 1)


@pytest.mark.django_db
def test_a_break_longer_than_one_look_is_crossed():
    closed = [date(2030, 1, 1) + timedelta(days=number) for number in range(70)]
    CalendarDay.objects.bulk_create(CalendarDay(date=day, is_workday=False, is_trading_day=False) for day in closed)
    assert calendar.previous_trading_day(date(2030, 3, 12)) == date(2029, 12, 31)
    assert calendar.next_trading_day(date(2029, 12, 31)) == date(2030, 3, 12)


@pytest.mark.django_db
def test_one_query_whatever_the_span(django_assert_num_queries):
    calendar.load([2026])
    with django_assert_num_queries(1):
        assert len(calendar.working_days(date(2026, 1, 1), date(2026, 12, 31))) == 248


@pytest.mark.django_db
def test_loading_again_changes_nothing_and_keeps_what_was_settled_by_hand():
    assert calendar.load([2026, 2027]) == {2026: 365, 2027: 365}
    assert calendar.load([2026, 2027]) == {2026: 0, 2027: 0}
    # The exchange closes once more by order: settled by hand, so it stays.
    CalendarDay.objects.filter(date=date(2026, 8, 3)).update(is_trading_day=False, label="Typhoon")
    # A provisional guess is corrected.
    CalendarDay.objects.filter(date=date(2027, 8, 3)).update(is_trading_day=False)
    assert calendar.load([2026, 2027]) == {2026: 0, 2027: 1}
    assert not calendar.is_trading_day(date(2026, 8, 3))
    assert calendar.is_trading_day(date(2027, 8, 3))


@pytest.mark.django_db
def test_years_without_an_announced_plan_are_provisional_and_named():
    calendar.load([2026, 2027])
    assert calendar.missing_years(date(2026, 11, 23)) == [2027]
    assert calendar.missing_years(date(2025, 11, 23)) == [2025]
    assert calendar.day(date(2027, 3, 1)).provisional


@pytest.mark.django_db
def test_command_takes_years_and_spans():
    out, err = StringIO(), StringIO()
    call_command("load_calendar", "2024-2025", "2027", stdout=out, stderr=err)
    assert [line.split()[:2] for line in out.getvalue().splitlines()] == [
        ["2024", "366"],
        ["2025", "365"],
        ["2027", "365"],
    ]
    with pytest.raises(CommandError, match="neither a year"):
        call_command("load_calendar", "next")
    with pytest.raises(CommandError, match="begins in 2007"):
        call_command("load_calendar", "1999")
