"""Every mark of the analysis opens a list with the same count; worth; the ledger (X7, X8)."""

import csv
import io
from datetime import date, timedelta

import pytest
from django.db import connection
from django.urls import reverse

from clients.models import Client
from complaints import analysis, services
from complaints.analysis import Period, wilson
from complaints.models import Complaint
from org.models import AuditEvent
from tests.complaints.cases import T0, Office
from tests.complaints.test_pages import browser
from tests.factories import ClientFactory

pytestmark = pytest.mark.django_db
PERIOD = Period(date(2026, 10, 1), date(2026, 11, 30))


@pytest.fixture
def office() -> Office:
    """Closed, open, merged, repeated, against a person."""
    made = Office()
    made.walk(made.take_in(product="Fund"), "closed")
    made.walk(made.take_in(at=T0 + timedelta(days=2), product="Fund"), 4, at=T0 + timedelta(days=2))
    other = ClientFactory(manager=made.manager)
    first = made.take_in(client=other, category="fees", about=made.manager)
    second = made.take_in(client=other, category="fees", channel="mail")
    services.merge(second.number, first.number, "Same", user=made.officer.user, at=T0 + timedelta(days=1))
    made.take_in(at=T0 - timedelta(days=400))
    return made


def listed(staff, url: str) -> int:
    text = browser(staff).get(url).content.decode()
    return text.count("/complaints/TS")


def test_every_figure_is_the_count_of_its_list(office):
    user = office.compliance.user
    marks = [
        *analysis.causes(user, PERIOD),
        *analysis.by_choice(user, PERIOD, "category"),
        *analysis.by_choice(user, PERIOD, "channel"),
        *analysis.by_product(user, PERIOD),
        *analysis.by_relation(user, PERIOD, "branch", "branch__branch_no", "branch__name"),
        *analysis.by_relation(user, PERIOD, "about", "about_person__staff_no", "about_person__name"),
    ]
    assert len(marks) >= 7
    for mark in marks:
        assert listed(office.compliance, mark.url) == mark.count, mark
    for step in analysis.step_times(user, PERIOD):
        assert listed(office.compliance, step.url) == step.cases
    page = browser(office.compliance).get(reverse("complaints:analysis") + "?from=2026-10-01&to=2026-11-30")
    totals, urls = page.context["totals"], page.context["urls"]
    assert (totals.cases, totals.repeats) == (3, 1)
    for name in ("cases", "open", "overdue", "repeats"):
        assert listed(office.compliance, urls[name]) == getattr(totals, name), name


def test_figures_agree_with_a_plain_count(office):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT category, count(*) FROM complaints_complaint WHERE result <> 'merged'"
            " AND received_at >= '2026-09-30 16:00Z' AND received_at < '2026-11-30 16:00Z' GROUP BY 1"
        )
        plain = dict(cursor.fetchall())
    found = {row.key: row.count for row in analysis.by_choice(office.compliance.user, PERIOD, "category")}
    assert found == plain == {"products": 2, "fees": 1}


def test_nobody_counts_what_he_does_not_see(office):
    about_head = office.take_in(about=office.head)
    rows = analysis.by_relation(office.head.user, PERIOD, "about", "about_person__staff_no", "about_person__name")
    assert [row.key for row in rows] == [office.manager.staff_no]
    assert about_head.number not in browser(office.head).get(PERIOD.url()).content.decode()


def test_the_change_against_the_year_before(office):
    year_before = T0 - timedelta(days=370)
    office.walk(office.take_in(at=year_before), 3, at=year_before)
    period = Period(date(2026, 10, 20), date(2026, 11, 30))
    first = next(one for one in analysis.step_times(office.compliance.user, period) if one.step == 1)
    assert first.before is not None
    assert first.change == pytest.approx(first.median / first.before - 1)


def test_worth_counts_clients_by_their_last_complaint(office):
    gone = ClientFactory(manager=office.manager)
    Client.objects.filter(pk=gone.pk).update(closed_on=date(2026, 11, 20), status="closed")
    found = {
        one.key: (one.clients, one.kept) for one in analysis.worth(office.compliance.user, PERIOD, date(2026, 11, 30))
    }
    # The first client's last case is open; the second's too; a third never complained and has left.
    assert found == {"silent": (1, 0), "unresolved": (2, 2), "resolved": (0, 0), "fast": (0, 0)}
    services.act(
        Complaint.objects.get(step=4).number, "withdraw", {"reason": "x", "evidence": "y"}, user=office.officer.user,
        at=T0 + timedelta(days=3),
    )  # fmt: skip
    found = {one.key: one.clients for one in analysis.worth(office.compliance.user, PERIOD, date(2026, 11, 30))}
    assert found["fast"] == 1


def test_wilson_is_the_known_interval():
    low, high = wilson(8, 10)
    assert (round(low, 4), round(high, 4)) == (0.4902, 0.9433)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 5)[0] == 0.0
    assert wilson(5, 5)[1] == 1.0


def test_the_ledger_holds_every_case_of_the_range_and_no_name(office):
    url = reverse("complaints:ledger") + "?from=2026-10-01&to=2026-11-30&format="
    answer = browser(office.compliance).get(url + "csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == 1 + 4
    assert office.client.name not in text
    assert office.client.client_no in text
    book = browser(office.compliance).get(url + "xlsx")
    assert b"".join(book.streaming_content).startswith(b"PK")
    assert browser(office.compliance).get(url + "exe").status_code == 404
    assert browser(office.manager).get(url + "csv").status_code == 403
    assert AuditEvent.objects.filter(action="complaint.ledger", detail__rows=4).count() == 2
