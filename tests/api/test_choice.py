"""`?fields=` and `?ordering=` (N3): what was asked for and the keys, in an order that an index carries."""

import json

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from org.models import AuditEvent
from profiles.models import Prospect
from tests.factories import ClientFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def web(manager):
    ClientFactory.create_batch(3, manager=manager)
    browser = Browser()
    browser.force_login(manager.user)
    return browser


def test_chosen_fields_and_nothing_else_is_read(web):
    with CaptureQueriesContext(connection) as caught:
        answer = web.get("/api/v1/clients/?fields=status, tier")
    assert {tuple(sorted(row)) for row in answer.json()["results"]} == {("branch_no", "client_no", "status", "tier")}
    read = next(query["sql"] for query in caught if 'FROM "clients_client"' in query["sql"])
    assert "mobile" not in read
    number = answer.json()["results"][0]["client_no"]
    assert web.get(f"/api/v1/clients/{number}/?fields=mobile").json().keys() == {"client_no", "branch_no", "mobile"}
    # Who was told of stands in the trail, though the caller asked for no number.
    assert len(AuditEvent.objects.get(action="list.view").reached) == 3


def test_fields_of_a_view_that_knows_nothing_of_them(web, manager):
    Prospect.objects.create(
        name="x", mobile="13800000000", kind="agent", manager=manager, branch=manager.branch, created_by=manager.user
    )
    row = web.get("/api/v1/prospects/?fields=mobile,state").json()["results"][0]
    assert row.keys() == {"id", "branch_no", "client_no", "mobile", "state"}
    assert row["mobile"] == "138****0000"


@pytest.mark.parametrize(
    "asked", ["fields=nothing", "fields=,", "ordering=name", "ordering=--client_no", "ordering=pk"]
)
def test_what_is_not_on_offer_is_refused_by_name(web, asked):
    answer = web.get(f"/api/v1/clients/?{asked}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == f"#/{asked.partition('=')[0]}"


def test_pages_in_the_other_order(web):
    def walk(address: str) -> list[str]:
        found: list[str] = []
        while address:
            page = json.loads(web.get(address).content)
            found += [row["client_no"] for row in page["results"]]
            address = page["next"]
        return found

    there = walk("/api/v1/clients/?page_size=2&ordering=client_no&fields=status")
    assert there == sorted(there)
    assert len(there) == 3
    assert walk("/api/v1/clients/?page_size=2&ordering=-client_no") == there[::-1]
