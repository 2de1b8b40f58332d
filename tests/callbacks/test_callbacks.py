"""Call-backs on real rows (H1, U11): the list, the draw, independence, calls, compliance, the quota."""

import threading
from collections import Counter
from datetime import date, timedelta

import pytest
import time_machine
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.urls import reverse

from callbacks import rules, services
from callbacks.models import Callback, Draw, Frame
from callbacks.services import Call
from clients.errors import Conflict, Refused
from clients.models import Client, CoManager
from crm.clock import now
from nights.models import Notice
from org.models import AuditEvent, Role
from tests.factories import BranchFactory, ClientFactory, StaffFactory
from tests.visits.test_duties import ranked

pytestmark = pytest.mark.django_db
DAY = date(2026, 10, 8)
RIGHT = dict(rules.EXPECTED)


@pytest.fixture(autouse=True)
def autumn(db):
    with time_machine.travel("2026-10-08 10:00+08:00", tick=False):
        yield


@pytest.fixture
def firm(db):
    return BranchFactory(name="总部")


@pytest.fixture
def manager(firm):
    return StaffFactory(branch=BranchFactory(parent=firm))


@pytest.fixture
def agent(firm):
    return StaffFactory(role=Role.CALLBACK_AGENT, branch=firm)


@pytest.fixture
def compliance(firm):
    return StaffFactory(role=Role.COMPLIANCE_OFFICER, branch=firm)


@pytest.fixture
def book(manager):
    """A branch with 43 clients of all kinds, some of whom are not eligible."""
    for tier, number in (("A", 5), ("B", 12), ("C", 23)):
        for _n in range(number):
            ranked(tier, manager=manager)
    ClientFactory(manager=manager, status="dormant")
    ClientFactory(manager=manager, status="closed", closed_on=date(2025, 6, 1))
    return [
        ClientFactory(manager=manager, opened_on=day) for day in (DAY - timedelta(days=3), DAY - timedelta(days=40))
    ]


def one(**more) -> Callback:
    return Callback.objects.filter(**more).earliest("pk")


def call(row, agent, outcome="reached", **answers):
    row.refresh_from_db()
    said = Call(outcome, (RIGHT | answers) if outcome == "reached" else {})
    return services.record(row.pk, said, user=agent.user, at=now(), version=row.version)


def test_the_night_lists_new_clients_and_draws_the_year_once(book):
    counts = services.refresh(DAY, now())
    assert (counts.new, counts.drawn) == (1, 4), "40 eligible, a tenth"
    assert services.refresh(DAY, now()) == services.Counts()
    new = Callback.objects.get(kind="new")
    assert (new.client, new.due_on) == (book[0], book[0].opened_on + timedelta(days=30))
    assert Counter(Callback.objects.filter(kind="periodic").values_list("tier", flat=True)) == {"C": 2, "B": 1, "A": 1}
    draw = Draw.objects.get()
    assert (draw.on, draw.eligible, draw.drawn) == (date(2025, 12, 31), 40, 4)


def test_the_database_draws_whom_the_rules_draw_and_the_draw_repeats(book, capsys):
    draw = services.draw(2026, 12345, now())
    call_command("verify_draw", "2026")
    assert "4 of 40 clients" in capsys.readouterr().out
    numbers = Frame.objects.filter(draw=draw, tier="B").values_list("client__client_no", flat=True)
    wanted = sorted(numbers, key=lambda number: rules.place(12345, number))[:1]
    assert list(Callback.objects.filter(tier="B").values_list("client__client_no", flat=True)) == wanted
    other = Frame.objects.exclude(client__in=Callback.objects.values("client")).filter(draw=draw).earliest("client")
    Callback.objects.filter(tier=other.tier).update(client=other.client_id)
    with pytest.raises(CommandError, match="differ"):
        call_command("verify_draw", "2026")


def test_less_than_a_tenth_is_refused(book):
    with pytest.raises(ValueError, match="quota"):
        services.draw(2026, 1, now(), percent=9)


def test_who_is_lost_is_made_up_for_by_the_next_of_the_same_seed(book, agent, compliance, capsys):
    services.draw(2026, 99, now())
    lost = one(tier="C")
    call(lost, agent, "refused")
    assert services.top_up(2026, user=compliance.user, at=now()) == 1
    assert services.top_up(2026, user=compliance.user, at=now()) == 0
    assert Callback.objects.filter(tier="C").count() == 3
    call_command("verify_draw", "2026")
    with pytest.raises(PermissionDenied):
        services.top_up(2026, user=agent.user, at=now())


def test_nobody_calls_his_own_clients(book, manager, compliance):
    services.refresh(DAY, now())
    row = one(kind="new")
    assert Callback.objects.visible_to(manager.user).count() == 0
    CoManager.objects.create(client=row.client, staff=compliance, since=DAY)
    assert Callback.objects.visible_to(compliance.user).count() == 4
    with pytest.raises(Callback.DoesNotExist):
        call(row, compliance)


def test_an_agent_of_another_branch_sees_nothing(book, client):
    stranger = StaffFactory(role=Role.CALLBACK_AGENT)
    services.refresh(DAY, now())
    row = one(kind="new")
    client.force_login(stranger.user)
    assert client.get(reverse("callbacks:callback", args=[row.pk])).status_code == 404
    with pytest.raises(Callback.DoesNotExist):
        call(row, stranger)


def test_a_call_that_is_right_counts(book, agent):
    services.refresh(DAY, now())
    row = call(one(kind="new"), agent)
    assert (row.state, row.abnormal, row.agent, row.attempts) == ("reached", [], agent, 1)
    assert AuditEvent.objects.filter(action="callback.call", object_no=row.client.client_no).count() == 1
    with pytest.raises(Refused):
        call(row, agent)


def test_an_abnormal_answer_goes_to_compliance_and_to_nobody_else(book, agent, compliance, manager, head_of):
    services.refresh(DAY, now())
    row = call(one(kind="new"), agent, operated_by_staff=True)
    assert (row.state, row.abnormal) == ("reached", ["operated_by_staff"])
    assert list(Notice.objects.filter(kind="callbacks.abnormal").values_list("user", flat=True)) == [compliance.user_id]
    for staff in (manager, head_of(manager)):
        assert Callback.objects.visible_to(staff.user).count() == 0
    with pytest.raises(PermissionDenied):
        services.look(row.pk, "x", user=agent.user, at=now())
    with pytest.raises(ValidationError):
        services.look(row.pk, " ", user=compliance.user, at=now())
    row = services.look(row.pk, "Talked to both", user=compliance.user, at=now())
    assert (row.finding, row.looked_by) == ("Talked to both", compliance.user)


@pytest.fixture
def head_of():
    return lambda staff: StaffFactory(role=Role.BRANCH_HEAD, branch=staff.branch)


def test_somebody_else_on_the_line_is_no_call_back(book, agent):
    services.refresh(DAY, now())
    row = call(one(kind="new"), agent, identity=False)
    assert (row.state, row.abnormal) == ("open", ["identity"])


def test_three_days_of_trying_and_not_three_calls_in_a_row(book, agent):
    services.refresh(DAY, now())
    row = one(kind="new")
    for _n in range(3):
        row = call(row, agent, "absent")
    assert row.state == "open"
    for days in (1, 2):
        with time_machine.travel(
            f"2026-10-0{8 + days} 10:00+08:00" if days == 1 else "2026-10-10 10:00+08:00", tick=False
        ):
            row = call(row, agent, "absent")
    assert (row.state, row.attempts) == ("given_up", 5)


def test_the_second_of_two_is_told(book, agent):
    services.refresh(DAY, now())
    row = one(kind="new")
    services.record(row.pk, Call("absent", {}), user=agent.user, at=now(), version=1)
    with pytest.raises(Conflict):
        services.record(row.pk, Call("absent", {}), user=agent.user, at=now(), version=1)
    assert row.calls.count() == 1


@pytest.mark.parametrize(
    "wrong", [Call("nothing", {}), Call("reached", {}), Call("reached", RIGHT | {"shoe_size": True})]
)
def test_what_is_wrong_is_told_at_its_field(book, agent, wrong):
    services.refresh(DAY, now())
    with pytest.raises(ValidationError):
        services.record(one(kind="new").pk, wrong, user=agent.user, at=now(), version=1)


def test_compliance_dispenses_with_a_reason_and_closed_accounts_fall_away(book, compliance, agent):
    services.refresh(DAY, now())
    row = one(tier="A")
    with pytest.raises(ValidationError):
        services.dispense(row.pk, "", user=compliance.user, at=now(), version=1)
    assert services.dispense(row.pk, "In court", user=compliance.user, at=now(), version=1).state == "dispensed"
    Client.objects.filter(pk=book[0].pk).update(status="closed")
    assert services.refresh(DAY, now()).gone == 1
    assert one(kind="new").reason == "closed"


def test_the_pages_and_the_quota(book, agent, compliance, manager, head_of, client):
    services.refresh(DAY, now())
    client.force_login(agent.user)
    page = client.get(reverse("callbacks:queue"))
    assert page.context["counts"] == {"open": 5, "mine": 0, "late": 0, "abnormal": 0, "done": 0}
    taken = client.post(reverse("callbacks:take"))
    row = Callback.objects.get(agent=agent)
    assert taken.url == reverse("callbacks:callback", args=[row.pk])
    sent = {
        "outcome": "reached",
        "version": row.version,
        **{key: "yes" if value else "no" for key, value in RIGHT.items()},
    }
    assert client.post(taken.url, sent | {"identity": ""}).status_code == 422
    assert client.post(taken.url, sent | {"version": 99}).status_code == 409
    assert client.post(taken.url, sent).status_code == 302
    client.force_login(head_of(manager).user)
    assert client.get(reverse("callbacks:queue")).status_code == 403
    meter = client.get(reverse("callbacks:meter")).context["rows"]
    assert [(line.eligible, line.quota, line.reached, line.open, line.new, line.new_reached) for line in meter] == [
        (40, 4, 0, 4, 1, 1)
    ]
    client.force_login(agent.user)
    api = client.get("/api/v1/callbacks/quota/").json()
    assert api["branches"][0] | {"branch_no": ""} == {
        "branch_no": "", "eligible": 40, "quota": 4, "reached": 0, "open": 4, "lost": 0,
        "new": 1, "new_reached": 1, "new_late": 0,
    }  # fmt: skip
    assert len(client.get("/api/v1/callbacks/?state=open").json()["results"]) == 4


@pytest.mark.parametrize("page", ["callbacks:queue", "callbacks:meter"])
def test_statements_do_not_grow(book, agent, client, page, django_assert_max_num_queries):
    services.refresh(DAY, now())
    client.force_login(agent.user)
    client.get(reverse(page))
    with django_assert_max_num_queries(14):
        assert client.get(reverse(page)).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_two_at_once_take_two(book, agent):
    services.refresh(DAY, now())
    second = StaffFactory(role=Role.CALLBACK_AGENT, branch=agent.branch)
    barrier, found = threading.Barrier(2), []

    def take(user) -> None:
        try:
            barrier.wait(timeout=10)
            found.append(services.take(user=user, on=DAY).pk)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=take, args=(one.user,)) for one in (agent, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert len(set(found)) == 2
    connection.close()
