"""The change feed (N3): nothing missed, nothing doubled, nothing told to whom it does not concern."""

import os
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Event

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from clients.models import Client
from complaints.services import Told, register
from feed.models import Change, Head, Outgoing
from feed.services import collect, forget
from ledger.models import IntakeBatch
from nights.models import Night
from org.api_auth import make_token
from org.models import Branch, Role, Staff
from org.rights import TOKEN_SCOPES
from segmentation.models import TierChange
from tests.factories import BranchFactory, ClientFactory, StaffFactory
from visits.models import Visit

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(db):
    return StaffFactory(role=Role.ADMIN)


@pytest.fixture
def token(admin, client):
    """Makes a token, of the firm or of a branch, and asks with it."""

    def ask(branch: Branch | None = None, scopes: list[str] | None = None):
        firm_only = {"nights.view", "nights.run", "intake.view", "intake.run", "policies.edit"}
        given = scopes or [one for one in TOKEN_SCOPES if branch is None or one not in firm_only]
        until = timezone.now() + timedelta(days=1)
        _row, secret = make_token(name="feed", scopes=given, branch=branch, expires_at=until, by=admin.user)

        def get(**asked):
            return client.get("/api/v1/changes/", asked, HTTP_AUTHORIZATION=f"Bearer {secret}")

        return get

    return ask


def told() -> list[tuple[str, str]]:
    """Kind and object of what came since the last call of `collect`."""
    before = Head.objects.get(pk=1).sequence
    collect()
    rows = Change.objects.filter(sequence__gt=before).order_by("sequence")
    return list(rows.values_list("kind", "object_no"))


def complain(client: Client, manager: Staff):
    said = Told(channel="phone", category="fees", narrative="Too dear", received_at=timezone.now(), client=client)
    return register(said, user=manager.user, at=timezone.now())[0]


# --- What is told --------------------------------------------------------------------------------------------------------


def test_clients_by_orm_and_by_sql():
    one = ClientFactory()
    assert told() == [("client.created", one.client_no)]
    one.mobile = "13900000000"
    one.save()
    Client.objects.filter(pk=one.pk).update(manager=StaffFactory(branch=one.branch))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE clients_client SET status = 'closed', closed_on = '2026-11-01' WHERE id = %s", [one.pk])
    assert [kind for kind, _no in told()] == ["client.changed", "client.moved", "client.closed"]


def test_what_changes_nothing_is_not_told():
    one = ClientFactory()
    collect()
    one.save()
    Client.objects.filter(pk=one.pk).update(core_as_of=date(2026, 11, 3), file_id=7)
    assert told() == []


def test_both_branches_learn_of_a_move():
    one, there = ClientFactory(), BranchFactory()
    collect()
    here = one.branch
    Client.objects.filter(pk=one.pk).update(branch=there)
    assert told() == [("client.moved", one.client_no)] * 2
    assert set(Change.objects.filter(kind="client.moved").values_list("branch_id", flat=True)) == {here.pk, there.pk}


def test_a_change_that_is_rolled_back_was_none():
    with transaction.atomic():
        ClientFactory()
        transaction.set_rollback(True)
    assert told() == []


def test_tiers_visits_complaints_nights_batches():
    manager = StaffFactory()
    one = ClientFactory(manager=manager)
    collect()
    TierChange.objects.create(business_date="2026-11-20", client=one, before="B", after="A", reason="own")
    visit = Visit.objects.create(
        client=one, manager=manager, date="2026-11-25", start="10:00", minutes=30, state="proposed"
    )
    Visit.objects.filter(pk=visit.pk).update(state="planned")
    Visit.objects.filter(pk=visit.pk).update(start="11:00")
    Visit.objects.filter(pk=visit.pk).update(fixed=True)
    Visit.objects.filter(pk=visit.pk).update(state="done")
    night = Night.objects.create(business_date="2026-11-20")
    Night.objects.filter(pk=night.pk).update(state="done", finished_at=timezone.now())
    batch = IntakeBatch.objects.create(source="api", mapping="core-v1", business_date="2026-11-20")
    IntakeBatch.objects.filter(pk=batch.pk).update(state="running")
    IntakeBatch.objects.filter(pk=batch.pk).update(state="partly")
    assert told() == [
        ("client.tier_changed", one.client_no),
        ("visit.planned", str(visit.pk)),
        ("visit.moved", str(visit.pk)),
        ("visit.done", str(visit.pk)),
        ("night.done", "2026-11-20"),
        ("intake.partly", str(batch.pk)),
    ]
    assert Change.objects.get(kind="client.tier_changed").data == {
        "what": "tier", "before": "B", "after": "A", "date": "2026-11-20"
    }  # fmt: skip


def test_each_event_of_a_complaint():
    manager = StaffFactory()
    one = ClientFactory(manager=manager)
    collect()
    case = complain(one, manager)
    got = told()
    assert got
    assert {number for _kind, number in got} == {case.number}
    assert set(Change.objects.filter(kind__startswith="complaint.").values_list("client_no", flat=True)) == {
        one.client_no
    }


def test_a_load_is_one_row_for_each_branch():
    branches = [BranchFactory(), BranchFactory()]
    rows = (
        Client(
            client_no=f"L{number}", no_key=f"L{number}", name="x", name_key="x", branch=branches[number % 2], status="active",
            opened_on="2020-01-02", core_as_of="2026-11-20",
        )
        for number in range(20_001)
    )  # fmt: skip
    Client.objects.bulk_create(rows)
    assert sorted(told()) == sorted(("clients.loaded", branch.branch_no) for branch in branches)
    assert sum(Change.objects.values_list("data__clients", flat=True)) == 20_001


# --- Whom it is told -----------------------------------------------------------------------------------------------------


def test_a_branch_learns_of_its_own(token):
    mine, theirs = ClientFactory(), ClientFactory()
    Night.objects.create(business_date="2026-11-20")
    Night.objects.update(state="done")
    answer = token(mine.branch)(after=0).json()
    assert [one["object_no"] for one in answer["results"]] == [mine.client_no]
    assert (answer["next"], answer["more"]) == (3, False)
    everything = token()(after=0).json()["results"]
    assert [one["object_no"] for one in everything] == [mine.client_no, theirs.client_no, "2026-11-20"]
    assert [one["sequence"] for one in everything] == [1, 2, 3]


def test_a_kind_wants_its_right(token):
    ClientFactory()
    get = token(scopes=["changes.view", "nights.view"])
    assert get(after=0).json()["results"] == []
    assert token(scopes=["clients.view"])(after=0).status_code == 403


def test_a_complaint_nobody_may_know_of_is_not_told(token, client):
    manager = StaffFactory()
    one = ClientFactory(manager=manager)
    complain(one, manager)
    get = token(BranchFactory())
    assert get(after=0, kind="complaint.").json()["results"] == []
    assert token(manager.branch)(after=0, kind="complaint.").json()["results"] != []


def test_pages_kinds_and_the_place_to_begin_with(token):
    get = token()
    ClientFactory.create_batch(5)
    first = get(after=0, page_size=2).json()
    assert ([one["sequence"] for one in first["results"]], first["next"], first["more"]) == ([1, 2], 2, True)
    last = get(after=4, page_size=2).json()
    assert ([one["sequence"] for one in last["results"]], last["next"], last["more"]) == ([5], 5, False)
    assert get().json() == {"results": [], "next": 5, "more": False}
    assert get(after=0, kind="visit.").json() == {"results": [], "next": 5, "more": False}
    assert get(after=99).json()["next"] == 5
    for wrong in ({"after": "x"}, {"after": -1}, {"page_size": 0}, {"page_size": 1001}, {"after": 2**70}):
        assert get(**wrong).status_code == 400


def test_what_was_forgotten_is_said_to_be(token, settings):
    get = token()
    ClientFactory.create_batch(3)
    collect()
    assert forget(timezone.now()) == 0
    assert forget(timezone.now() + timedelta(days=settings.FEED_DAYS + 1)) == 3
    ClientFactory()
    late = get(after=1)
    assert (late.status_code, late.json()["head"]) == (410, 4)
    assert [one["sequence"] for one in get(after=3).json()["results"]] == [4]


# --- Many at once --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_eight_writers_and_a_reader_that_follows():
    """Set and order of what the reader saw are those of the tables; FEED_SECONDS=300 for the long run (8 if absent)."""
    seconds = float(os.environ.get("FEED_SECONDS", "8"))
    branch = BranchFactory()
    ClientFactory.create_batch(8, branch=branch)
    pks = list(Client.objects.order_by("pk").values_list("pk", flat=True))
    collect()
    over, done = Event(), Event()
    begin = Head.objects.get(pk=1).sequence

    def write(number: int) -> list[tuple[int, int]]:
        chance, written, turn = random.Random(number), [], 0
        while not over.is_set():
            kept = len(written)
            with transaction.atomic():
                for _ in range(chance.randint(1, 3)):
                    turn += 1
                    Client.objects.filter(pk=pks[number]).update(mobile=f"{number}-{turn}")
                    written.append((number, turn))
                # Some commit long after they have written, some never.
                time.sleep(chance.choice([0, 0, 0.001, 0.05]))
                if chance.random() < 0.1:
                    written = written[:kept]
                    transaction.set_rollback(True)
        connections.close_all()
        return written

    def read() -> list[int]:
        seen, after = [], begin
        while True:
            last = done.is_set()
            head = collect()
            new = Change.objects.filter(sequence__gt=after, sequence__lte=head).order_by("sequence")
            rows = list(new.values_list("sequence", flat=True))
            seen += rows
            after = head
            if last and not rows and not Outgoing.objects.exists():
                connections.close_all()
                return seen

    with ThreadPoolExecutor(9) as pool:
        reader = pool.submit(read)
        writers = [pool.submit(write, number) for number in range(8)]
        time.sleep(seconds)
        over.set()
        written = {number: len(one.result()) for number, one in enumerate(writers)}
        done.set()
        seen = reader.result()
    in_table = list(Change.objects.filter(sequence__gt=begin).order_by("sequence").values_list("sequence", flat=True))
    assert seen == in_table == list(range(begin + 1, begin + 1 + len(seen)))
    numbers = dict(Client.objects.filter(pk__in=pks).values_list("pk", "client_no"))
    told = Counter(Change.objects.filter(sequence__gt=begin).values_list("object_no", flat=True))
    assert told == {numbers[pks[number]]: count for number, count in written.items()}
    assert len(seen) > 8 * seconds
