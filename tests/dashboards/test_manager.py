"""A manager's own page (D4): who may open it, the same counts as the lists, targets, time, workbook, API."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clients.models import Client
from dashboards import manager_queries, services
from dashboards.book import ask_manager
from dashboards.models import Figure, Target
from dashboards.queries import behind
from dashboards.rules import Period
from org import audit
from org.models import AuditEvent, Role
from tests.dashboards.test_marks import LATER, board, firm, head, walk  # noqa: F401
from tests.factories import BranchFactory, StaffFactory
from visits.models import Contact, Visit

MONTH = LATER.replace(day=1)


@pytest.fixture
def manager(board):  # noqa: F811
    return Client.objects.filter(branch=board.branch, manager__isnull=False).order_by("pk").first().manager


@pytest.fixture
def chief(board):  # noqa: F811
    """The head above the manager."""
    return StaffFactory(role=Role.BRANCH_HEAD, branch=board.branch)


def address(staff, more: str = "") -> str:
    return f"/dashboards/manager/{staff.staff_no}/?period={LATER:%Y-%m}{more}"


def test_each_mark_for_himself_and_for_his_head(manager, chief, client):
    client.cookies["language"] = "en"
    found = []
    for viewer in (manager, chief):
        client.force_login(viewer.user)
        found.append(walk(client, address(manager)))
    assert found[0] == found[1] >= 15


def test_who_may_open_it(manager, chief, client):
    colleague, stranger = StaffFactory(branch=manager.branch), StaffFactory(role=Role.BRANCH_HEAD)
    officer, admin = StaffFactory(role=Role.COMPLAINT_OFFICER), StaffFactory(role=Role.ADMIN)
    seen = []
    for viewer in (manager, chief, colleague, stranger, officer, admin):
        client.force_login(viewer.user)
        paths = (address(manager), f"/api/v1/manager-dashboards/{manager.staff_no}/")
        seen.append([client.get(path).status_code for path in paths])
    assert seen == [[200, 200], [200, 200], [404, 404], [404, 404], [404, 404], [403, 403]]
    client.force_login(manager.user)
    assert client.get("/dashboards/", follow=True).redirect_chain[-1][0] == f"/dashboards/manager/{manager.staff_no}/"
    for wrong in ("period=soon", "period=2099"):
        assert client.get(f"/dashboards/manager/{manager.staff_no}/?{wrong}").status_code == 404
    client.force_login(officer.user)
    assert client.get("/dashboards/manager/").status_code == 404


def test_a_head_sees_of_a_manager_what_lies_in_the_own_branches(manager, chief):
    """Clients of his in another branch are his affair: their sums are on his page, not on the head's."""
    elsewhere = BranchFactory()
    Figure.objects.create(branch=elsewhere, staff_id=manager.pk, month=MONTH, key="revenue", count=1, amount=77)
    whole, part = (
        manager_queries.sums_of(ask_manager(one.user, manager.staff_no), ["revenue"], [MONTH])["revenue", MONTH].amount
        for one in (manager, chief)
    )
    assert whole - part == 77


def test_whom_to_act_on_are_the_clients_of_the_figures(manager, chief):
    book = ask_manager(manager.user, manager.staff_no, f"{LATER:%Y-%m}")
    pressing, many = manager_queries.act_on(book, MONTH)
    expected = {client_id for key in manager_queries.REASONS for client_id in counted_clients(key, manager)}
    assert many == len(expected) > 0
    assert {one.client.pk for one in pressing} <= expected
    weights = [sum(manager_queries.REASONS[key] for key in one.reasons) for one in pressing]
    assert weights == sorted(weights, reverse=True)


def counted_clients(key, manager):
    """Clients of a manager that a figure counts, by the list behind it."""
    return behind(Client.objects.filter(manager=manager), key, MONTH).values_list("pk", flat=True)


def test_targets_against_what_was_reached(manager, chief, client):
    kept = Figure.objects.filter(staff_id=manager.pk, key="revenue", month=MONTH).values_list("amount", flat=True)
    target = services.set_target(
        manager.branch.branch_no,
        Period("month", MONTH),
        "revenue",
        2 * sum(kept),
        user=chief.user,
        staff_no=manager.staff_no,
    )
    services.set_target(manager.branch.branch_no, Period("month", MONTH), "revenue", 5, user=chief.user)
    for viewer in (manager, chief):
        book = ask_manager(viewer.user, manager.staff_no, f"{LATER:%Y-%m}")
        assert manager_queries.targets(book) == [target]
        assert manager_queries.reached(book, [target]) == {target.pk: sum(kept)}
    client.force_login(manager.user)
    answer = client.get(address(manager, "&table=targets").replace("/?", "/export/?"))
    assert answer.getvalue()[:2] == b"PK"
    assert AuditEvent.objects.filter(action="dashboard.export", object_no=manager.staff_no).count() == 1
    assert client.get(address(manager, "&table=nothing").replace("/?", "/export/?")).status_code == 404
    assert Target.objects.count() == 2


def test_how_time_is_spent(manager, chief):
    visit = Visit.objects.filter(manager=manager).first()
    Visit.objects.filter(pk=visit.pk).update(date=MONTH, state="done", minutes=45, travel_minutes=20)
    at = timezone.now().replace(year=MONTH.year, month=MONTH.month, day=2)
    Contact.objects.create(
        key="6b0f2e9e-3a68-4f0e-9b52-0e8e2c1d9a01", client=visit.client, staff=manager, channel="phone", at=at,
        outcome="talk", feeling=5, created_by=manager.user,
    )  # fmt: skip
    for action in ("visit.move", "complaint.view", "client.view"):
        audit.record(action, user=manager.user, object_kind="visit", object_no="1")
    book = ask_manager(chief.user, manager.staff_no, f"{LATER:%Y-%m}")
    before = manager_queries.time_spent(book)
    assert (before["networking"].acts, before["networking"].minutes, before["networking"].travel) == (1, 45, 20)
    assert (before["routine"].acts, before["routine"].minutes) == (1, 0)
    running = ask_manager(chief.user, manager.staff_no, f"{timezone.localdate():%Y-%m}")
    now_spent = manager_queries.time_spent(running)
    assert now_spent["planning"].acts == 1, "opening a record is no act"
    assert now_spent["people"].acts == AuditEvent.objects.filter(user=manager.user, action="complaint.register").count()


def test_statements_do_not_grow_with_the_clients(manager, client):
    client.force_login(manager.user)
    client.get(address(manager))
    with CaptureQueriesContext(connection) as many:
        client.get(address(manager))
    Client.objects.filter(manager=manager).exclude(pk=Client.objects.filter(manager=manager).first().pk).update(
        manager=StaffFactory(branch=manager.branch)
    )
    with CaptureQueriesContext(connection) as few:
        client.get(address(manager))
    assert len(many) - len(few) in (0, 1), "only the names of those to act on may be missing"


def test_the_api_gives_the_page_as_data(manager, client):
    client.force_login(manager.user)
    page = client.get(f"/api/v1/manager-dashboards/{manager.staff_no}/?period={LATER:%Y-%m}").json()
    assert [section["key"] for section in page["sections"]] == ["act", "figures", "targets", "contacts", "time"]
    times = page["sections"][-1]["tables"][0]
    assert len(times["rows"]) == 4
    assert client.get(f"/api/v1/manager-dashboards/{manager.staff_no}/?period=soon").status_code == 400


def test_before_the_first_night(client, db):
    someone = StaffFactory()
    client.force_login(someone.user)
    assert client.get(f"/dashboards/manager/{someone.staff_no}/").status_code == 200
    later = timezone.localdate() + timedelta(days=400)
    assert client.get(f"/dashboards/manager/{someone.staff_no}/?period={later:%Y-%m}").status_code == 404
