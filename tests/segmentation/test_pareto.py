"""The Pareto of any day (S2, S12): each column and tier opens a list of that size, within the viewer's scope."""

import re
from datetime import date, timedelta

import pytest
from django.urls import reverse

from clients.models import Client, CoManager
from ledger.models import ClientTotals
from org.models import Role
from segmentation.models import RankingPolicy
from segmentation.ranking import rank
from tests.factories import BranchFactory, StaffFactory
from tests.segmentation.conftest import DAY, totals_of

PAGE, DATA, LIST = (reverse(f"segmentation:{name}") for name in ("pareto", "pareto-data", "pareto-clients"))
LATER = DAY + timedelta(days=3)


@pytest.fixture
def head(branch):
    return StaffFactory(branch=branch, role=Role.BRANCH_HEAD)


@pytest.fixture
def two_days(branch, set_contribution):
    """First 100, 80, 30, 0; three days later the last one brings most. A A C C, then A B B C from the top."""
    clients = totals_of(branch, [(1_000_000, 0), (800_000, 0), (300_000, 0), (0, 0)])
    rank(DAY)
    set_contribution(clients[3], 3_000_000)
    rank(LATER)
    return clients


def count_behind(client, url: str) -> int:
    """How many clients the list behind a link has: what it says, and what its pages show."""
    page = client.get(url)
    assert page.status_code == 200
    if "/pareto/clients/" not in url:
        return int(re.search(r'class="crm-list-count[^"]*"[^>]*>([\d,]+)', page.content.decode())[1].replace(",", ""))
    said, shown = page.context["found"], len(page.context["rows"])
    while page.context["pager"]["next_url"]:
        page = client.get(page.context["pager"]["next_url"])
        shown += len(page.context["rows"])
    assert said == shown
    return said


def test_each_bundle_opens_its_clients(branch, head, client):
    totals_of(branch, [(5000 - n, 0) for n in range(1001)])
    rank(DAY)
    client.force_login(head.user)
    data = client.get(DATA).json()
    seen = []
    for label, url in zip(data["labels"], data["urls"], strict=True):
        first, last = (int(part) for part in label.split("–")) if "–" in label else (int(label), int(label))
        page = client.get(url)
        rows = [row for row, _name in page.context["rows"]]
        assert page.context["found"] == len(rows) == last - first + 1
        seen += [row.place for row in rows]
        # The column stands for these clients: the same end of the curve, the same sum.
        at = data["labels"].index(label)
        assert float(rows[-1].cumulative) == data["cumulative"][at]
        assert sum(row.contribution for row in rows) / 10_000 == pytest.approx(data["columns"][at])
        assert "".join(sorted({row.tier for row in rows})) == data["tier_names"][at].replace("–", "")
    assert seen == list(range(1, 1002))


def test_a_column_of_one_opens_the_record(two_days, head, client):
    client.force_login(head.user)
    data = client.get(DATA).json()
    assert data["urls"][0] == reverse("clients:record", args=[two_days[3].client_no])


def test_long_lists_have_pages(branch, head, client):
    totals_of(branch, [(500 - n, 0) for n in range(120)])
    rank(DAY)
    client.force_login(head.user)
    assert count_behind(client, f"{LIST}?first=11&last=115") == 105
    assert client.get(f"{LIST}?page=4").status_code == 404


def test_a_past_day_shows_what_was_ranked_then(two_days, head, client):
    client.force_login(head.user)
    then = client.get(PAGE, {"date": DAY.isoformat()})
    now = client.get(PAGE)
    counts = [[row["clients"] for row in page.context["composition"]] for page in (then, now)]
    assert counts == [[2, 0, 2], [1, 2, 1]]
    assert then.context["figures"].contribution == 2_100_000
    assert str(then.context["run"].business_date) in then.content.decode()
    for row in then.context["composition"] + now.context["composition"]:
        assert count_behind(client, row["url"]) == row["clients"]
    assert count_behind(client, then.context["list_url"]) == 4
    data = client.get(DATA, {"date": DAY.isoformat()}).json()
    assert data["columns"] == [100, 80, 30, 0]
    assert client.get(DATA).json()["columns"] == [300, 100, 80, 30]


def test_a_day_without_a_run_is_answered_by_the_one_before(two_days, head, client):
    client.force_login(head.user)
    between = client.get(PAGE, {"date": (DAY + timedelta(days=1)).isoformat()})
    assert between.context["run"].business_date == DAY
    tomorrow = client.get(PAGE, {"date": (LATER + timedelta(days=400)).isoformat()})
    assert tomorrow.context["run"].business_date == LATER
    assert tomorrow.context["asked"].past is None


def test_a_day_before_the_first_ranking_shows_nobody(two_days, head, client):
    client.force_login(head.user)
    page = client.get(PAGE, {"date": "2020-01-02"})
    assert page.context["figures"].clients == 0
    assert client.get(LIST, {"date": "2020-01-02"}).context["found"] == 0
    assert client.get(DATA, {"date": "2020-01-02"}).json()["columns"] == []


def test_who_left_since_is_still_in_the_past_and_not_in_the_present(two_days, head, client):
    day = LATER + timedelta(days=1)
    ClientTotals.objects.filter(client=two_days[0]).update(ranked=False)
    rank(day)
    client.force_login(head.user)
    assert client.get(PAGE).context["figures"].clients == 3
    assert client.get(PAGE, {"date": LATER.isoformat()}).context["figures"].clients == 4


@pytest.mark.parametrize("url", [PAGE, DATA, LIST])
@pytest.mark.parametrize("query", [{"date": "yesterday"}, {"tier": "D"}, {"first": "0"}, {"page": "x"}, {"date": "0"}])
def test_questions_without_sense_find_nothing(head, client, url, query, branch):
    client.force_login(head.user)
    assert client.get(url, query).status_code == 404


def test_the_past_is_in_scope_too(two_days, branch, client):
    """A manager sees the own book of then, and a stranger nothing; nobody learns of others by asking for a range."""
    manager, other = StaffFactory(branch=branch), StaffFactory(branch=branch)
    Client.objects.filter(pk=two_days[1].pk).update(manager=manager)
    CoManager.objects.create(client=two_days[0], staff=other, since=date(2026, 1, 1))
    for query in ({}, {"date": DAY.isoformat()}):
        client.force_login(manager.user)
        assert [row.client_no for row, _ in client.get(LIST, query).context["rows"]] == [two_days[1].client_no]
        assert client.get(PAGE, query).context["figures"].clients == 1
        assert client.get(LIST, query | {"first": 2}).context["found"] == 0
        assert client.get(LIST, query | {"manager": other.staff_no}).status_code == 404
        client.force_login(other.user)
        # Co-managed clients are in nobody's book but their manager's.
        assert client.get(PAGE, query).context["figures"].clients == 0
        client.force_login(StaffFactory(branch=BranchFactory(), role=Role.BRANCH_HEAD).user)
        assert client.get(LIST, query).context["found"] == 0
        assert client.get(LIST, query | {"branch": branch.branch_no}).status_code == 404


def test_a_client_handed_over_today_counts_where_it_is_now(two_days, branch, client):
    """Totals follow in the night; the page goes by the record."""
    elsewhere = StaffFactory(branch=BranchFactory(), role=Role.BRANCH_HEAD)
    Client.objects.filter(pk=two_days[2].pk).update(branch=elsewhere.branch)
    client.force_login(elsewhere.user)
    assert client.get(PAGE).context["figures"].clients == 1


def test_names_are_masked_for_analysts(two_days, client, branch):
    client.force_login(StaffFactory(role=Role.ANALYST, branch=branch).user)
    names = [name for _row, name in client.get(LIST).context["rows"]]
    assert all("*" in name for name in names)


def test_a_policy_of_another_scope_answers_for_its_days(two_days, head, client, set_contribution):
    day = LATER + timedelta(days=1)
    RankingPolicy.objects.create(version=2, state="published", valid_from=day, scope="firm")
    rank(day)
    client.force_login(head.user)
    assert client.get(PAGE).context["run"].scope == "firm"
    past = client.get(PAGE, {"date": DAY.isoformat()})
    assert (past.context["run"].scope, past.context["figures"].clients) == ("branch", 4)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("query", [{}, {"date": DAY.isoformat()}])
def test_queries_of_the_list_do_not_grow(branch, head, client, count, query, django_assert_max_num_queries):
    totals_of(branch, [(100 * n, 0) for n in range(1, count + 1)])
    rank(DAY)
    rank(LATER)
    client.force_login(head.user)
    client.get(LIST, query)
    with django_assert_max_num_queries(11):
        client.get(LIST, query)
