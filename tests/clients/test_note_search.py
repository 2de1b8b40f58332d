"""Clients found by what was written about them (C10): in the viewer's scope, never behind a mask."""

import importlib
from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.db import connection

from clients import notes
from clients.find import build_sql, find
from clients.models import NoteSearch, TimelineEvent
from clients.rules import parse_search
from clients.scope import client_scope
from clients.search import refresh
from clients.services import Event, add_events, add_note
from org.models import Role
from tests.factories import BranchFactory, ClientFactory, StaffFactory

AT = datetime(2026, 10, 12, 3, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    branch = BranchFactory()
    manager, colleague = StaffFactory(branch=branch), StaffFactory(branch=branch)
    own = ClientFactory(branch=branch, manager=manager, name="王小明")
    other = ClientFactory(branch=branch, manager=colleague, name="李大海")
    refresh(everything=True)
    add_note(own.client_no, "女儿准备移民加拿大,关注ETF与Snow Ball产品", user=manager.user, at=AT)
    add_note(other.client_no, "也想移民", user=colleague.user, at=AT)
    return branch, manager, own, other


@pytest.mark.parametrize("text", ["移民", "移民加拿大", "etf", "ＥＴＦ", "snow", "Snow Ball", "加拿大 etf", "etf与"])
def test_words_of_a_note_find_the_client(world, text):
    branch, manager, own, _ = world
    assert find(manager.user, text).ids == [own.pk]
    head = StaffFactory(branch=branch, role=Role.BRANCH_HEAD)
    assert own.pk in find(head.user, text).ids


@pytest.mark.parametrize(
    "text",
    ["移", "民移", "女加", "et", "now", "移民 日本", "的 了 备 移", "a b c e", "1 2 3", "移民' | 'q", "%", "\\移民x"],
)
def test_too_little_or_other_words_find_nothing(world, text):
    _, manager, own, _ = world
    assert own.pk not in find(manager.user, text).noted


def test_scope_and_mask_hold(world):
    branch, manager, own, other = world
    head = StaffFactory(branch=branch, role=Role.BRANCH_HEAD)
    assert set(find(head.user, "移民").ids) == {own.pk, other.pk}
    elsewhere = StaffFactory(branch=BranchFactory(), role=Role.BRANCH_HEAD)
    assert find(elsewhere.user, "移民").ids == []
    analyst = StaffFactory(branch=branch, role=Role.ANALYST)
    assert find(analyst.user, "移民").ids == []
    # Handed over, the note goes with the client.
    own.manager = StaffFactory(branch=branch)
    own.save()
    refresh(client_ids=[own.pk])
    assert find(manager.user, "移民").ids == []
    assert find(own.manager.user, "移民").ids == [own.pk]


def test_a_name_comes_before_a_note(world):
    branch, manager, own, _ = world
    named = ClientFactory(branch=branch, manager=manager, name="移民")
    refresh(everything=True)
    found = find(manager.user, "移民")
    assert found.ids == [named.pk, own.pk]
    assert set(found.noted) == {own.pk}


def test_the_page_shows_the_piece(world, client):
    _, manager, own, _ = world
    client.force_login(manager.user)
    page = client.get("/clients/search/", {"q": "加拿大"}).content.decode()
    assert own.client_no in page
    assert "女儿准备移民加拿大,关注ETF" in page
    assert "加拿大" not in client.get("/clients/search/", {"q": own.client_no}).content.decode()


def test_the_newest_note_is_shown_once(world):
    _, manager, own, _ = world
    add_note(own.client_no, "移民的手续办完了", user=manager.user, at=AT)
    found = find(manager.user, "移民")
    assert found.ids == [own.pk]
    assert TimelineEvent.objects.get(pk=found.noted[own.pk]).data["text"].startswith("移民的手续")


def test_promises_and_next_steps_count_and_a_repeat_is_harmless(world):
    _, manager, own, _ = world
    event = Event(
        client_id=own.pk,
        at=AT,
        kind="visit.contact",
        source_key="contact:1",
        data={"text": "", "promises": [["送上年度对账单", "2026-10-20"]], "next": "约见税务顾问", "by": "周"},
    )
    assert add_events([event]) == 1
    assert add_events([event]) == 0
    assert find(manager.user, "对账单").ids == find(manager.user, "税务顾问").ids == [own.pk]
    assert NoteSearch.objects.filter(client=own).count() == 2


def test_the_migration_finds_earlier_notes(world):
    _, manager, own, _ = world
    NoteSearch.objects.all().delete()
    assert find(manager.user, "移民").ids == []
    migration = importlib.import_module("clients.migrations.0005_remember_notes")
    with connection.schema_editor() as editor:
        migration.remember(apps, editor)
    assert find(manager.user, "移民").ids == [own.pk]


def test_kinds_with_words_are_private():
    from clients import timeline

    with pytest.raises(ValueError, match="private"):
        timeline.register("test.open", "point", str, words=("text",))


def test_a_long_note_is_cut_around_the_words():
    text = "一" * 100 + "移民" + "二" * 100
    assert notes.snippet(text, "移民") == "…" + "一" * 16 + "移民" + "二" * 32 + "…"
    assert notes.snippet("Plans to\nSNOW ski", "snow") == "Plans to SNOW ski"


def test_notes_are_found_by_an_index(world):
    _, _, own, _ = world
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO clients_timelineevent (client_id, at, kind, data, source_key)"
            " SELECT %s, now(), 'note', '{}', 'n:' || g FROM generate_series(1, 20000) g",
            [own.pk],
        )
        cursor.execute(
            "INSERT INTO clients_notesearch (event_id, client_id, body, tsv) SELECT id, client_id, source_key,"
            " array_to_tsvector(ARRAY['词' || id % 500]) FROM clients_timelineevent WHERE source_key LIKE 'n:%%'"
        )
        cursor.execute("ANALYZE clients_notesearch")
        head = StaffFactory(branch=own.branch, role=Role.BRANCH_HEAD)
        sql, params = build_sql(parse_search("移民"), client_scope(head.user), 10)
        cursor.execute(f"EXPLAIN {sql}", params)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "clients_note_tsv" in plan, plan
    assert "Seq Scan on clients_notesearch" not in plan
