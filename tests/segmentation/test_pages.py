"""Pareto, policies, explanation, API: in scope, and every count opens a list of that size."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from crm.clock import today
from ledger.models import ClientTotals
from org.api_auth import make_token
from org.models import Role
from segmentation.explain import why
from segmentation.models import RankingPolicy, Standing
from segmentation.pareto import figures, select
from segmentation.policies import change, draft, publish
from segmentation.ranking import rank
from tests.factories import BranchFactory, StaffFactory
from tests.segmentation.conftest import DAY, totals_of


def give(clients, manager) -> None:
    """Make somebody the manager of clients."""
    for client in clients:
        client.manager = manager
        client.save(update_fields=["manager"])
    ClientTotals.objects.filter(client__in=clients).update(manager_id=manager.pk)


@pytest.fixture
def book(branch):
    """Two managers in one branch; the first has the best and the worst client."""
    first, second = StaffFactory(branch=branch), StaffFactory(branch=branch)
    clients = totals_of(branch, [(1_000_000, 0), (800_000, 0), (300_000, 0), (0, 0)])
    give([clients[0], clients[3]], first)
    give(clients[1:3], second)
    rank(DAY)
    return first, second, clients


def test_manager_sees_the_own_book_only(book):
    first, _second, clients = book
    found = figures(first.user, select(first.user, "", ""), columns=True)
    assert (found.clients, found.contribution) == (2, 1_000_000)
    assert [column.client_no for column in found.columns] == [clients[0].client_no, clients[3].client_no]


def test_manager_learns_nothing_of_the_branch(book, client):
    first, second, clients = book
    found = why(clients[0], first.user)
    assert (found.book_rank, found.book_clients, found.branch_rank, found.branch_clients, found.share) == (
        1,
        2,
        None,
        None,
        None,
    )
    client.force_login(first.user)
    assert client.get(reverse("segmentation:pareto"), {"manager": second.staff_no}).status_code == 404
    assert client.get(reverse("segmentation:pareto"), {"manager": "nobody"}).status_code == 404
    assert client.get(reverse("segmentation:pareto-data"), {"branch": first.branch.branch_no}).status_code == 404


def test_head_sees_places_in_the_branch(book, branch):
    _first, _second, clients = book
    head = StaffFactory(branch=branch, role=Role.BRANCH_HEAD)
    clients[1].refresh_from_db()
    found = why(clients[1], head.user)
    assert (found.branch_rank, found.branch_clients, found.book_rank) == (2, 4, 1)
    assert found.share == Decimal("0.380952380952")


def test_each_tier_count_opens_a_list_with_the_same_count(book, branch, client):
    head = StaffFactory(branch=branch, role=Role.BRANCH_HEAD)
    client.force_login(head.user)
    page = client.get(reverse("segmentation:pareto"))
    assert page.status_code == 200
    for row in page.context["composition"]:
        listed = client.get(row["url"])
        assert listed.status_code == 200
        assert str(row["clients"]) in listed.content.decode()
        assert Standing.objects.filter(tier=row["tier"], client__branch=branch).count() == row["clients"]


def test_chart_data_adds_up(book, branch, client):
    head = StaffFactory(branch=branch, role=Role.BRANCH_HEAD)
    client.force_login(head.user)
    data = client.get(reverse("segmentation:pareto-data")).json()
    assert data["cumulative"][-1] == 1
    assert sum(data["columns"]) == pytest.approx(210)
    assert [line["at"] for line in data["lines"]] == [0.55, 0.85]
    assert data["tiers"] == ["A", "A", "C", "C"]


def test_many_clients_are_bundled(branch, client):
    totals_of(branch, [(5000 - n, 0) for n in range(1001)])
    rank(DAY)
    head = StaffFactory(branch=branch, role=Role.BRANCH_HEAD)
    found = figures(head.user, select(head.user, "", ""), columns=True)
    assert len(found.columns) <= 200
    # Equally many in each, so that the columns fall from left to right.
    assert {column.last - column.first + 1 for column in found.columns[:-1]} == {6}
    heights = [column.contribution for column in found.columns]
    assert heights == sorted(heights, reverse=True)
    assert sum(column.last - column.first + 1 for column in found.columns) == found.clients == 1001
    assert sum(column.contribution for column in found.columns) == found.contribution


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow_with_clients(branch, client, count, django_assert_max_num_queries):
    totals_of(branch, [(100 * n, 0) for n in range(1, count + 1)])
    rank(DAY)
    head = StaffFactory(branch=branch, role=Role.BRANCH_HEAD)
    client.force_login(head.user)
    client.get(reverse("segmentation:pareto"))
    with django_assert_max_num_queries(12):
        client.get(reverse("segmentation:pareto"))


# --- Policies ----------------------------------------------------------------------------------------------------------


def test_a_policy_is_drafted_changed_and_published_and_moves_clients_with_that_reason(book, admin, branch):
    current = RankingPolicy.objects.get(version=1)
    made = draft(by=admin.user, base=current)
    assert draft(by=admin.user, base=current) == made
    later = max(today(), DAY) + timedelta(days=1)
    change(made, {"cut_a": Decimal(30), "valid_from": later}, by=admin.user)
    publish(made, by=admin.user, not_before=today())
    ClientTotals.objects.update(
        window_from=later.replace(year=later.year - 1, day=1), window_to=later.replace(day=1) - timedelta(days=1)
    )
    rank(later)
    second = Standing.objects.get(client=book[2][1])
    assert second.tier == "B"
    assert second.client.tier_changes.get(what="tier").reason == "policy"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"cut_a": "90"}, "cut_b"),
        ({"cut_a": "85"}, "cut_b"),
        ({"cut_a": "0"}, "cut_a"),
        ({"cut_b": "101"}, "cut_b"),
        ({"window_months": "0"}, "window_months"),
        ({"window": "range"}, "window_from"),
        ({"window": "range", "window_from": "2026-02-01", "window_to": "2026-01-01"}, "window_to"),
    ],
)
def test_a_policy_that_cannot_be_says_so_at_the_field_in_words(client, admin, values, field):
    made = draft(by=admin.user, base=RankingPolicy.objects.get(version=1))
    client.force_login(admin.user)
    page = client.get(reverse("segmentation:policy", args=[made.version]))
    before = {name: "" if value is None else value for name, value in page.context["form"].initial.items()}
    page = client.post(reverse("segmentation:policy", args=[made.version]), {**before, **values})
    assert field in page.context["form"].errors
    assert not page.context["form"].non_field_errors()
    assert "policy_" not in str(page.context["form"].errors)


def test_a_published_policy_is_never_changed(admin):
    from django.core.exceptions import ValidationError

    with pytest.raises(ValidationError):
        change(RankingPolicy.objects.get(version=1), {"cut_a": Decimal(30)}, by=admin.user)


def test_publishing_for_a_day_that_is_ranked_is_refused(book, admin):
    from django.core.exceptions import ValidationError

    made = draft(by=admin.user, base=RankingPolicy.objects.get(version=1))
    change(made, {"valid_from": DAY}, by=admin.user)
    with pytest.raises(ValidationError):
        publish(made, by=admin.user, not_before=date(2020, 1, 1))


def test_bad_values_are_said_at_the_field(admin, client):
    client.force_login(admin.user)
    client.post(reverse("segmentation:policy-draft"))
    version = RankingPolicy.objects.get(state="draft").version
    url = reverse("segmentation:policy", args=[version])
    values = {"valid_from": "2027-01-01", "scope": "branch", "cut_a": "90", "cut_b": "85", "window": "months"}
    page = client.post(url, values)
    assert page.status_code == 200
    assert RankingPolicy.objects.get(version=version).cut_a == Decimal(55)
    assert page.context["form"].errors


def test_only_the_administrator_edits_policies(head, client):
    client.force_login(head.user)
    assert client.get(reverse("segmentation:policies")).status_code == 200
    assert client.post(reverse("segmentation:policy-draft")).status_code == 403


def test_preview_counts_for_all_but_names_only_the_own_clients(book, admin, branch, client):
    made = draft(by=admin.user, base=RankingPolicy.objects.get(version=1))
    change(made, {"cut_a": Decimal(30)}, by=admin.user)
    url = reverse("segmentation:policy-preview", args=[made.version])
    client.force_login(admin.user)
    preview = client.get(url).context["preview"]
    assert (preview.moved, preview.movers) == (1, [])
    assert preview.contacts_change == -1
    client.force_login(StaffFactory(branch=branch, role=Role.BRANCH_HEAD).user)
    preview = client.get(url).context["preview"]
    assert [mover["client_no"] for mover in preview.movers] == [book[2][1].client_no]


# --- API ---------------------------------------------------------------------------------------------------------------


def test_api_gives_the_tiers_of_a_date_in_scope(book, admin, branch, client):
    _row, token = make_token(
        name="t", scopes=["clients.view"], branch=branch, expires_at=None or _tomorrow(), by=admin.user
    )
    _row, other = make_token(
        name="o", scopes=["clients.view"], branch=StaffFactory().branch, expires_at=_tomorrow(), by=admin.user
    )
    query = {"date": DAY.isoformat(), "scope": "branch"}
    answer = client.get("/api/v1/tiers/", query, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.content
    assert [(row["client_no"], row["tier"], row["contribution"]) for row in answer.json()["results"]] == [
        ("1", "A", "100.00"), ("2", "A", "80.00"), ("3", "C", "30.00"), ("4", "C", "0.00"),
    ]  # fmt: skip
    only_a = client.get("/api/v1/tiers/", query | {"tier": "A"}, headers={"Authorization": f"Bearer {token}"})
    assert len(only_a.json()["results"]) == 2
    foreign = client.get("/api/v1/tiers/", query, headers={"Authorization": f"Bearer {other}"})
    assert foreign.json()["results"] == []
    bad = client.get("/api/v1/tiers/", {"date": "yesterday"}, headers={"Authorization": f"Bearer {token}"})
    assert bad.status_code == 400


def _tomorrow():
    from crm.clock import now

    return now() + timedelta(days=1)


def test_a_regional_heads_counts_open_lists_of_the_branches_below_too(branch, client):
    region = BranchFactory()
    branch.parent, branch.path = region, f"{region.path}{branch.pk}/"
    branch.save()
    totals_of(branch, [(100, 0), (50, 0)])
    rank(DAY)
    client.force_login(StaffFactory(branch=region, role=Role.BRANCH_HEAD).user)
    page = client.get(reverse("segmentation:pareto"))
    assert page.context["figures"].clients == 2
    listed = client.get(page.context["list_url"])
    assert "1</a>" in listed.content.decode()
    assert "2</a>" in listed.content.decode()
