"""My day: the answer first, in the viewer's scope, for each role, at a cost that does not grow."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clients.models import ClientCare
from nights.models import Night, Notice
from segmentation.models import TierChange
from tests.factories import CoManagerFactory
from tests.nights.firm import DAY, MORNING

HOME = "/"


@pytest.fixture
def night(firm, morning, drop_dir):
    summary = {"clients": 6, "a": 2, "b": 2, "c": 2, "up": 2, "down": 1, "entered": 0, "gone": 0, "files": 8,
               "refused": 0, "rejected": 3, "data_as_of": DAY.isoformat()}  # fmt: skip
    return Night.objects.create(business_date=DAY, state="done", finished_at=MORNING, summary=summary)


@pytest.fixture
def visit(client):
    """Open My day as somebody, in English."""

    def open_page(staff):
        staff.user.language = "en"
        staff.user.save()
        client.force_login(staff.user)
        return client.get(HOME)

    return open_page


def change(client, before: str, after: str, reason: str = "own", **values) -> TierChange:
    values = {"contribution_before": 300_000, "contribution_after": 900_000} | values
    return TierChange.objects.create(
        business_date=DAY, client=client, before=before, after=after, reason=reason, **values
    )


def text(response) -> str:
    return " ".join(response.content.decode().split())


def moved(response) -> list[str]:
    return [move.client_no for move in response.context["moves"].top]


def test_a_manager_sees_the_moves_of_own_and_shared_clients_with_their_reason(night, firm, visit):
    own, shared, foreign = firm.client(0, 60), firm.client(1, 30), firm.client(1, 10)
    CoManagerFactory(client=shared, staff=firm.managers[0])
    change(own, "B", "A")
    change(shared, "A", "C", reason="line")
    change(foreign, "C", "A")

    response = visit(firm.managers[0])

    assert moved(response) == [shared.client_no, own.client_no], "falls from A before rises into A"
    page = text(response)
    assert re.search(r"Tier up from B to A: own contribution rose from \D*30\.00\D* to \D*90\.00", page)
    assert "Tier down from A to C: the line between the tiers moved" in page
    assert reverse("clients:record", args=[own.client_no]) in page
    assert foreign.client_no not in page
    assert foreign.name not in page
    assert "night of 2026-10-16" in page, "figures name their date"
    assert "By manager" not in page
    assert 'role="search"' in page


def test_the_door_opens_the_list_with_the_same_count(night, firm, visit, client):
    for branch in (0, 0, 1):
        change(firm.client(branch, 10), "B", "C")
    older = change(firm.client(0, 10), "B", "C")
    TierChange.objects.filter(pk=older.pk).update(business_date=DAY - timedelta(days=1))

    response = visit(firm.managers[0])
    assert response.context["moves"].total == 2
    listed = client.get(response.context["moves_url"])
    assert listed.status_code == 200
    page = listed.content.decode()
    assert sum(change.client.client_no in page for change in TierChange.objects.select_related("client")) == 2


def test_moves_of_an_earlier_night_stay_news_for_a_month(night, firm, visit):
    mine = change(firm.client(0, 10), "B", "C")
    TierChange.objects.update(business_date=DAY - timedelta(days=20))
    change(firm.client(1, 10), "B", "C")

    response = visit(firm.managers[0])
    assert moved(response) == [mine.client.client_no]
    assert response.context["moves_url"].endswith("moved_since=2026-09-26")
    assert "No changes in the night of 2026-10-16; the newest are of the night of 2026-09-26." in text(response)

    TierChange.objects.filter(pk=mine.pk).update(business_date=DAY - timedelta(days=32))
    response = visit(firm.managers[0])
    assert moved(response) == []
    assert "None of your clients changed tier lately." in text(response)


def test_a_head_sees_the_branch_grouped_by_manager(night, firm, visit):
    change(firm.client(0, 60), "B", "A")
    change(firm.client(0, 60, manager=None), "A", "B")
    change(firm.client(1, 60), "B", "A")

    response = visit(firm.heads[0])

    groups = {group.number: (group.up, group.down, url) for group, url in response.context["groups"]}
    assert set(groups) == {firm.managers[0].staff_no, ""}
    assert groups[firm.managers[0].staff_no][:2] == (1, 0)
    assert groups[""][:2] == (0, 1)
    assert groups[""][2].endswith("manager=-")
    assert "By manager" in text(response)


def test_a_head_is_told_that_a_night_is_held_without_the_firm_s_figures(night, firm, visit):
    Night.objects.create(
        business_date=DAY + timedelta(days=3), state="held", held_reason={"moved": 777, "known": 999, "limit": "20"}
    )

    page = text(visit(firm.heads[0]))
    assert "The night of 2026-10-19 waits for head office" in page
    assert "777" not in page
    assert "2026-10-19" not in text(visit(firm.managers[0]))


def test_an_analyst_sees_the_firm_by_branch_with_masked_names(night, firm, visit, analyst):
    client = firm.client(0, 60, name="欧阳修")
    change(client, "B", "A")

    response = visit(analyst)

    page = text(response)
    assert [(group.number, group.up) for group, _ in response.context["groups"]] == [(firm.branches[0].branch_no, 1)]
    assert response.context["moves"].by == "branch"
    assert "欧阳*" in page
    assert "欧阳修" not in page
    assert "A 2 · B 2 · C 2" in page, "the firm's counts"


def test_an_administrator_sees_the_night_and_no_client(night, firm, visit):
    night.summary |= {"refused": 1}
    night.save()
    client = firm.client(0, 60)
    change(client, "B", "A")
    Night.objects.create(
        business_date=DAY + timedelta(days=3), state="held", held_reason={"moved": 3, "known": 6, "limit": "20"}
    )

    page = text(visit(firm.admin))
    assert "3 of 6 clients would change their tier. It waits for your decision." in page
    assert "1 refused" in page
    assert client.client_no not in page
    assert 'role="search"' not in page


def test_an_administrator_is_told_of_a_late_night(night, firm, visit):
    page = text(visit(firm.admin))

    assert "night of 2026-10-19</a> has been due since" in page


@pytest.mark.parametrize("role", ["complaint_officer", "auditor", "compliance_officer", "callback_agent"])
def test_other_roles_find_an_empty_page_that_helps(night, firm, visit, auditor, role):
    auditor.role = role
    auditor.save()
    client = firm.client(0, 60)
    change(client, "B", "A")

    response = visit(auditor)
    assert response.status_code == 200
    assert "Nothing for you here today" in text(response)
    assert client.client_no not in text(response)


def test_before_the_first_night(firm, morning, drop_dir, visit):
    assert "No night has run yet" in text(visit(firm.managers[0]))
    assert "Take files in and run the first night" in text(visit(firm.admin))


def test_stale_records_of_own_clients_oldest_first(night, firm, visit):
    for yuan, days in ((10, -3), (20, -30), (30, 1)):
        ClientCare.objects.update_or_create(
            client=firm.client(0, yuan), defaults={"review_due_on": MORNING.date() + timedelta(days=days)}
        )
    ClientCare.objects.update_or_create(client=firm.client(1, 5), defaults={"review_due_on": MORNING.date()})
    gone = firm.client(0, 5, status="closed")
    ClientCare.objects.update_or_create(client=gone, defaults={"review_due_on": MORNING.date()})

    response = visit(firm.managers[0])

    assert [care.review_due_on for care in response.context["stale"].rows] == [
        MORNING.date() - timedelta(days=30),
        MORNING.date() - timedelta(days=3),
    ]
    assert response.context["stale"].total == 2


def test_notices_are_read_by_their_owner_alone(night, firm, visit, client):
    data = {"date": DAY.isoformat(), "up": 2, "down": 0, "entered": 0, "gone": 0}
    mine = Notice.objects.create(user=firm.managers[0].user, key="moves:x", kind="moves", data=data)
    other = Notice.objects.create(user=firm.managers[1].user, key="moves:x", kind="moves", data=data | {"up": 7})

    page = text(visit(firm.managers[0]))
    assert "<strong><a" in page
    assert "2 risen" in page
    assert "7 risen" not in page

    client.post(reverse("nights:notices-read"), {"notice": other.pk})
    client.post(reverse("nights:notices-read"), {"notice": "9" * 30})
    other.refresh_from_db()
    assert other.read_at is None
    client.post(reverse("nights:notices-read"))
    mine.refresh_from_db()
    assert mine.read_at is not None
    assert "<strong><a" not in text(client.get(HOME))


def test_strangers_are_sent_to_the_log_in(client, db):
    response = client.get(HOME)

    assert response.status_code == 302
    assert response.url.startswith(reverse("account_login"))


@pytest.mark.parametrize("who", ["manager", "head", "analyst", "admin"])
def test_at_most_twelve_statements_whatever_the_number_of_rows(night, firm, visit, client, analyst, who):
    """The count beside 'My day' is kept for a minute; here it is asked for too."""
    from django.core.cache import cache

    viewer = {"manager": firm.managers[0], "head": firm.heads[0], "analyst": analyst, "admin": firm.admin}[who]
    visit(viewer)
    costs = []
    for rows in (1, 3, 20):
        for _ in range(rows):
            moving = firm.client(0, 10)
            change(moving, "B", "C")
            ClientCare.objects.update_or_create(client=moving, defaults={"review_due_on": MORNING.date()})
            Notice.objects.create(user=viewer.user, key=f"k{moving.pk}", kind="moves", data={"date": "2026-10-16"})
        cache.clear()
        client.force_login(viewer.user)
        client.get(HOME)
        cache.delete(f"nav:{viewer.user.pk}:home")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(HOME).status_code == 200
        costs.append(len(queries))

    assert costs == [costs[0]] * 3, [query["sql"] for query in queries]
    # Eleven, and the row of the audit trail that says who was named.
    assert costs[0] <= 12, "\n".join(query["sql"] for query in queries)
