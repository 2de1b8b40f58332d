"""API of the clients (N3): scope, masking, filters, cursor pages, constant queries."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from org.api_auth import make_token
from org.models import AuditEvent
from tests.factories import CareFactory, ClientFactory

pytestmark = pytest.mark.django_db
CLIENTS = "/api/v1/clients/"


@pytest.fixture
def api(admin):
    """A caller with a token for the firm, or for a branch."""

    def call(branch=None, scopes=("clients.view",)):
        _row, token = make_token(
            name="t", scopes=list(scopes), branch=branch, expires_at=timezone.now() + timedelta(days=1), by=admin.user
        )
        browser = APIClient()
        browser.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return browser

    return call


def numbers(response):
    assert response.status_code == 200, response.content
    return [row["client_no"] for row in response.json()["results"]]


def test_one_client_with_personal_data_masked(api, manager, rank):
    client = ClientFactory(
        manager=manager,
        client_no="KH-1",
        name="张三",
        mobile="13800135678",
        id_no="11010119800101002X",
        email="zhang@example.com",
        address="北京市朝阳区建国路100号",
    )
    rank(client, 5, "A", "B")
    row = api().get(CLIENTS + "KH-1/").json()
    assert row["name"] == "张三"
    assert (row["mobile"], row["id_no"]) == ("138****5678", "1101**********002X")
    assert "zhang" not in row["email"]
    assert "100" not in row["address"]
    assert (row["branch_no"], row["manager_no"]) == (manager.branch.branch_no, manager.staff_no)
    assert (row["tier"], row["service_tier"]) == ("A", "B")
    assert (row["do_not_contact"], row["preferred_channel"]) == (False, "any")
    assert AuditEvent.objects.get(action="client.view").object_no == "KH-1"


def test_wishes_are_in_the_answer(api):
    CareFactory(client__client_no="1", do_not_contact=True, do_not_contact_reason="asked", preferred_channel="email")
    row = api().get(CLIENTS + "1/").json()
    assert (row["do_not_contact"], row["preferred_channel"]) == (True, "email")
    assert "asked" not in str(row)


def test_scope_of_a_branch_token(api, manager, stranger):
    own, foreign = ClientFactory(manager=manager), ClientFactory(manager=stranger)
    caller = api(branch=manager.branch)
    assert numbers(caller.get(CLIENTS)) == [own.client_no]
    refused, missing = caller.get(f"{CLIENTS}{foreign.client_no}/"), caller.get(CLIENTS + "nobody/")
    assert refused.status_code == missing.status_code == 404
    assert refused.json().keys() == missing.json().keys()
    assert {k: v for k, v in refused.json().items() if k != "instance"} == {
        k: v for k, v in missing.json().items() if k != "instance"
    }
    assert numbers(caller.get(CLIENTS, {"branch_no": stranger.branch.branch_no})) == []
    assert caller.get(CLIENTS + "%00/").status_code == 404


def test_right_and_token_are_needed(api):
    assert APIClient().get(CLIENTS).status_code == 401
    assert api(scopes=("pareto.view",)).get(CLIENTS).status_code == 403


def test_the_analyst_gets_masked_names(analyst, client):
    ClientFactory(name="欧阳修远")
    client.force_login(analyst.user)
    assert client.get(CLIENTS).json()["results"][0]["name"].startswith("欧阳*")


def test_filters(api, manager, rank):
    a = ClientFactory(manager=manager)
    b = ClientFactory(status="closed", closed_on="2026-01-01", risk_level="C5")
    rank(a, 1, "A")
    caller = api()
    assert numbers(caller.get(CLIENTS, {"branch_no": manager.branch.branch_no})) == [a.client_no]
    assert numbers(caller.get(CLIENTS, {"manager_no": manager.staff_no})) == [a.client_no]
    assert numbers(caller.get(CLIENTS, {"status": "closed"})) == [b.client_no]
    assert numbers(caller.get(CLIENTS, {"risk_level": "C5"})) == [b.client_no]
    assert numbers(caller.get(CLIENTS, {"tier": "A"})) == [a.client_no]
    assert caller.get(CLIENTS, {"status": "x"}).status_code == 400
    assert caller.get(CLIENTS, {"tier": "Z"}).json()["errors"][0]["pointer"] == "#/tier"
    assert caller.get(CLIENTS, {"branch_no": "\x00"}).status_code == 400


def test_pages_meet_every_client_once(api):
    made = {ClientFactory().client_no for _ in range(7)}
    caller, url, seen = api(), CLIENTS + "?page_size=3", []
    while url:
        page = caller.get(url)
        seen += numbers(page)
        url = page.json()["next"]
    assert len(seen) == 7
    assert set(seen) == made
    assert caller.get(CLIENTS, {"cursor": "nonsense"}).status_code == 404


@pytest.mark.parametrize("rows", [1, 3])
def test_constant_queries(rows, api, django_assert_num_queries):
    for _ in range(rows):
        ClientFactory()
    caller = api()
    caller.get(CLIENTS)
    # Token, rows, the row of the audit trail.
    with django_assert_num_queries(3):
        assert len(numbers(caller.get(CLIENTS))) == rows


def test_each_page_leaves_one_row(api):
    for _ in range(3):
        ClientFactory(status="active")
    caller = api()
    page = caller.get(f"{CLIENTS}?page_size=2&status=active").json()
    caller.get(page["next"])
    rows = AuditEvent.objects.filter(action="list.view").order_by("pk")
    assert [(row.object_no, row.detail) for row in rows] == [
        ("api.client", {"rows": 2, "filters": ["status"]}),
        ("api.client", {"rows": 1, "filters": ["status"]}),
    ]
