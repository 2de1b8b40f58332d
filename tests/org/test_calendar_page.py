"""Head office edits the calendar; limits that run over a changed day are reckoned anew (X4, U5)."""

from datetime import date

import pytest
from django.core.exceptions import PermissionDenied

from complaints.services import hourly
from org import calendar
from org.models import AuditEvent, CalendarDay, Role
from tests.complaints.cases import T0, Office
from tests.factories import StaffFactory

pytestmark = pytest.mark.django_db
URL = "/policies/calendar/"


@pytest.fixture
def admin():
    return StaffFactory(role=Role.ADMIN)


def test_the_page_shows_takes_over_and_settles(admin, client):
    client.force_login(admin.user)
    assert "2026" in client.get(URL, {"year": "2026"}).content.decode()
    assert client.post(URL, {"load": "1", "year": "2026"}).status_code == 302
    page = client.get(URL, {"year": "2026"}).content.decode()
    assert "2026-10-01" in page
    form = {"date": "2026-11-20", "label": "抗台风停工", "year": "2026"}
    assert client.post(URL, form).status_code == 302
    row = CalendarDay.objects.get(date=date(2026, 11, 20))
    assert (row.is_workday, row.is_trading_day, row.provisional) == (False, False, False)
    # What a person settled stands, whatever is taken over later.
    client.post(URL, {"load": "1", "year": "2026"})
    row.refresh_from_db()
    assert row.is_workday is False
    assert AuditEvent.objects.filter(action="calendar.settle", object_no="2026-11-20").count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"date": "2026-11-20", "is_trading_day": "on"},
        {"date": "2026-11-21", "is_trading_day": "on", "is_workday": "on"},
        {"date": "tomorrow"},
        {"date": "2026-11-20", "label": "x" * 61},
    ],
)
def test_what_can_not_be_is_said_at_the_field(admin, client, wrong):
    client.force_login(admin.user)
    answer = client.post(URL, wrong)
    assert answer.status_code == 422
    assert "is-invalid" in answer.content.decode() or "invalid" in answer.content.decode()
    assert not CalendarDay.objects.filter(date=date(2026, 11, 20), provisional=False).exists()


@pytest.mark.parametrize("year", ["1999", "999999", "x", ""])
def test_any_year_in_the_address_is_answered(admin, client, year):
    client.force_login(admin.user)
    assert client.get(URL, {"year": year}).status_code == 200


def test_only_who_edits_policies_may(client):
    head = StaffFactory(role=Role.BRANCH_HEAD)
    client.force_login(head.user)
    assert client.get(URL).status_code == 200
    assert client.post(URL, {"date": "2026-11-20"}).status_code == 403
    with pytest.raises(PermissionDenied):
        calendar.take_over(2026, user=head.user)


def test_limits_move_with_the_calendar(admin, django_capture_on_commit_callbacks):
    calendar.load([2026])
    office = Office()
    complaint = office.take_in(at=T0)
    before = {clock.key: clock.due_at for clock in complaint.clocks.all()}
    with django_capture_on_commit_callbacks() as rung:
        for _ in "twice":
            calendar.settle(date(2026, 11, 4), is_workday=False, is_trading_day=False, label="停工", user=admin.user)
    assert len(rung) == 1, "what changes nothing rings for nobody"
    assert hourly.reckon_again() == 1
    after = {clock.key: clock.due_at for clock in complaint.clocks.all()}
    assert before != after
    assert all(after[key] >= due for key, due in before.items() if due is not None)
