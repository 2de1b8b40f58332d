"""The search finds what it should, in the viewer's scope only (C10, U9)."""

import json

import pytest
from django.db import connection
from django.urls import reverse

from clients import search
from clients.find import MOST, build_sql, find
from clients.models import Account, Client, ClientSearch
from clients.rules import parse_search
from clients.scope import client_scope
from org.models import Role, Staff
from tests.factories import BranchFactory, ClientFactory, CoManagerFactory, LeaveFactory, StaffFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def book(manager):
    """Clients of the manager, ready to be searched."""
    people = {
        "张伟明": {"mobile": "13800135678", "client_no": "10010001"},
        "单田芳": {"mobile": "+86 139-1234-0000", "client_no": "10010002"},
        "𬱖强": {"client_no": "KH-003"},
        "John Smith": {"client_no": "20000004"},
        "王五": {"client_no": "10010005"},
    }
    clients = {name: ClientFactory(name=name, manager=manager, **more) for name, more in people.items()}
    Account.objects.create(account_no="880012345", client=clients["王五"], kind="ordinary", status="active")
    search.refresh(everything=True)
    return clients


def names(staff, text):
    found = find(staff.user, text)
    by_id = dict(Client.objects.filter(pk__in=found.ids).values_list("pk", "name"))
    return [by_id[pk] for pk in found.ids]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("张", ["张伟明"]),
        ("伟明", ["张伟明"]),
        ("zwm", ["张伟明"]),
        ("ZHANGWEI", ["张伟明"]),
        ("weiming", ["张伟明"]),
        ("zhangwm", ["张伟明"]),
        ("张wm", ["张伟明"]),
        ("张 5678", ["张伟明"]),
        ("5678", ["张伟明"]),
        ("\uff15\uff16\uff17\uff18", ["张伟明"]),
        ("13800135678", ["张伟明"]),
        ("stf", ["单田芳"]),
        ("dantian", ["单田芳"]),
        ("12340000", ["单田芳"]),
        ("𬱖", ["𬱖强"]),
        ("john smith", ["John Smith"]),
        ("SMITH", ["John Smith"]),
        ("kh-003", ["𬱖强"]),
        ("10010005", ["王五"]),
        ("880012345", ["王五"]),
        ("88001", ["王五"]),
        ("王 88001", ["王五"]),
        ("张 88001", []),
        ("王伟", []),
        ("' OR 1=1 --", []),
        ("%", []),
        ("100_0005", []),
        ("", []),
    ],
)
def test_finds(book, manager, text, expected):
    assert names(manager, text) == expected


def test_prefix_of_numbers_and_exact_number_first(manager):
    for number in ("5", "51", "510"):
        ClientFactory(client_no=number, manager=manager, name=f"客{number}")
    search.refresh(everything=True)
    search.set_weights("SELECT id, CASE client_no WHEN '510' THEN 9000000 ELSE 0 END FROM clients_client")
    assert names(manager, "5") == ["客5", "客510", "客51"]


def test_larger_clients_come_first(manager):
    small, large = ClientFactory(name="李一", manager=manager), ClientFactory(name="李二", manager=manager)
    search.refresh(everything=True)
    search.set_weights("SELECT * FROM (VALUES (%s, 100), (%s, 90000000)) AS v", [small.pk, large.pk])
    assert names(manager, "李") == ["李二", "李一"]


def test_scope_of_search(book, manager, head, stranger):
    client = book["张伟明"]
    below = StaffFactory(role=Role.ACCOUNT_MANAGER, branch=BranchFactory(parent=head.branch))
    ClientFactory(name="张下", manager=below)
    search.refresh(everything=True)

    assert names(stranger, "张") == names(stranger, "5678") == names(stranger, "10010001") == []
    assert set(names(head, "张")) == {"张伟明", "张下"}
    assert names(below, "张") == ["张下"]

    CoManagerFactory(client=client, staff=stranger)
    search.refresh(client_ids=[client.pk])
    again = Staff.objects.get(pk=stranger.pk)  # a scope lives as long as its user object
    assert names(again, "张") == ["张伟明"]


def test_a_deputy_searches_the_book_of_the_absent_colleague(book, manager, stranger, monkeypatch):
    leave = LeaveFactory(staff=manager, deputy=stranger)
    monkeypatch.setattr("org.scope.today", lambda: leave.from_on)
    assert names(stranger, "zwm") == ["张伟明"]


def test_a_stale_search_row_shows_nothing_to_the_old_manager(book, manager, stranger, client):
    Client.objects.filter(pk=book["张伟明"].pk).update(manager=stranger, branch=stranger.branch)
    client.force_login(manager.user)
    assert "张伟明" not in client.get(reverse("clients:search"), {"q": "zwm"}).content.decode()
    assert "张伟明" not in client.get(reverse("clients:list"), {"q": "zwm"}).content.decode()


def test_masked_viewers_search_by_number_only(book, analyst):
    assert find(analyst.user, "张").ids == find(analyst.user, "zwm").ids == []
    assert find(analyst.user, "5678").ids == []
    assert find(analyst.user, "张 10010001").ids == []
    assert find(analyst.user, "10010001").ids == [book["张伟明"].pk]
    assert find(analyst.user, "张").masked


def test_the_plan_collects_first_and_sorts_afterwards(manager):
    """A walk along an index in order of weight would take seconds for rare words (docs/lists.md)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO clients_namereading (name, sort_key, tokens)"
            " SELECT 'n' || g, '', ARRAY[CASE WHEN g %% 5000 = 0 THEN 'rare' ELSE 'common' END, 'i:z' || g]"
            " FROM generate_series(1, 20000) g",
            [],
        )
        cursor.execute(
            "INSERT INTO clients_client (client_no, no_key, name, name_key, branch_id, manager_id, status, opened_on,"
            " id_type, id_no, gender, mobile, email, address, risk_level, investor_type, occupation, education, core_as_of)"
            " SELECT 'x' || g, '', 'n' || g, '', %s, %s, 'active', '2020-01-01', '', '', '', '', '', '', '', '', '', '',"
            " '2026-01-01' FROM generate_series(1, 20000) g",
            [manager.branch_id, manager.pk],
        )
        search.refresh(everything=True)
        cursor.execute("ANALYZE clients_clientsearch")
        for user, text in ((manager.user, "rare"), (StaffFactory(role=Role.ANALYST).user, "rare")):
            sql, params = build_sql(parse_search(text), client_scope(user), 20)
            cursor.execute("EXPLAIN (FORMAT JSON) " + sql, params)
            plan = cursor.fetchone()[0]
            nodes = list(walk((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]))
            assert any(node["Node Type"] == "CTE Scan" for node in nodes)
            assert any(node.get("Index Name") == "clients_search_tsv" for node in nodes)
            assert not any("weight" in str(node.get("Index Cond", "")) for node in nodes)
            assert not any("Sort Key" not in node and "weight" in str(node.get("Index Name", "")) for node in nodes)
            collected = next(node for node in nodes if node.get("Subplan Name") == "CTE m")
            assert "Sort" not in {node["Node Type"] for node in walk(collected)}


def walk(node):
    yield node
    for child in node.get("Plans", ()):
        yield from walk(child)


def test_no_index_serves_an_order_by_weight():
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = %s", [ClientSearch._meta.db_table])
        assert not any("weight" in definition for (definition,) in cursor.fetchall())


def test_more_matches_than_are_looked_at_are_told(manager, client):
    for_each = (
        "SELECT 'y' || g, '', '王五', '', %s, %s, 'active', '2020-01-01', '', '', '', '', '', '', '', '', '', '',"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO clients_client (client_no, no_key, name, name_key, branch_id, manager_id, status, opened_on,"
            " id_type, id_no, gender, mobile, email, address, risk_level, investor_type, occupation, education, core_as_of)"
            + for_each
            + " '2026-01-01' FROM generate_series(1, %s) g",
            [manager.branch_id, manager.pk, MOST + 1],
        )
    search.refresh(everything=True)
    found = find(manager.user, "王")
    assert (len(found.ids), found.capped) == (MOST, True)
    client.force_login(manager.user)
    client.cookies["language"] = "en"
    assert "first 2,000 matches" in client.get(reverse("clients:list"), {"q": "王"}).content.decode()
