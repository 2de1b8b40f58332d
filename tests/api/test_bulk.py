"""Many rows in one request (N3): each taken or refused for itself, or all or none; as many statements for many as for one."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analyses.models import Offer
from clients.models import TimelineEvent
from org.api_auth import make_token
from org.models import AuditEvent, Role
from org.rights import FIRM_ONLY, TOKEN_SCOPES
from profiles.models import CustomField, Profile, Prospect
from tests.factories import ClientFactory, StaffFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm(manager, admin):
    """A manager with four clients, and a token bound to the branch."""
    scopes = sorted(set(TOKEN_SCOPES) - FIRM_ONLY)
    until = timezone.now() + timedelta(days=1)
    _row, secret = make_token(name="x", scopes=scopes, branch=manager.branch, expires_at=until, by=admin.user)
    CustomField.objects.create(key="hobby", kind="text", label_zh="爱好", label_en="Hobby")
    return manager, ClientFactory.create_batch(4, manager=manager), secret


def post(secret: str, what: str, rows: list, **more: object):
    return Browser(headers={"Authorization": f"Bearer {secret}"}).post(
        f"/api/v1/{what}/bulk/", json.dumps({"rows": rows} | more), content_type="application/json"
    )


def told(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["status"] for row in answer.json()["results"]]


def test_profiles_row_by_row(firm):
    _manager, (one, two, *_rest), secret = firm
    stranger = ClientFactory()
    Profile.objects.create(client=two, decides="quickly", version=3)
    rows = [
        {"client_no": one.client_no, "decides": "family", "custom": {"hobby": "Go"}},
        {"client_no": two.client_no, "influence": 4, "version": 3},
        {"client_no": stranger.client_no, "decides": "family"},
        {"client_no": "none", "decides": "family"},
        {"client_no": two.client_no, "influence": 5},
        {"decides": "family"},
        {"client_no": "x", "decides": "nobody", "custom": {"hobby": "Go"}},
        "nonsense",
    ]
    answer = post(secret, "profiles", rows)
    assert told(answer) == ["created", "changed", *["refused"] * 6]
    results = answer.json()["results"]
    # A foreign client and none look the same.
    assert results[2]["errors"] == results[3]["errors"] != []
    assert results[6]["errors"][0]["pointer"] == "#/decides"
    assert {row.client_id: (row.decides, row.influence, row.version) for row in Profile.objects.all()} == {
        one.pk: ("family", None, 1),
        two.pk: ("quickly", 4, 4),
    }
    assert sorted(TimelineEvent.objects.filter(kind="profile.changed").values_list("client_id", flat=True)) == sorted(
        [one.pk, two.pk]
    )
    kept = AuditEvent.objects.filter(action="profile.change").values_list("object_no", flat=True)
    assert sorted(kept) == sorted([one.client_no, two.client_no])
    # The same once more: nothing differs, nothing is told.
    assert told(post(secret, "profiles", rows[:1])) == ["unchanged"]
    stale = post(secret, "profiles", [{"client_no": two.client_no, "influence": 1, "version": 3}]).json()["results"][0]
    assert (stale["status"], stale["errors"][0]["pointer"]) == ("refused", "#/version")
    assert told(post(secret, "profiles", [{"client_no": one.client_no, "custom": {"nothing": 1}}])) == ["refused"]


def test_all_or_nothing_leaves_nothing(firm):
    _manager, (one, *_rest), secret = firm
    rows = [{"client_no": one.client_no, "decides": "family"}, {"client_no": "none"}, {"client_no": "x", "social": 9}]
    answer = post(secret, "profiles", rows[:2], all_or_nothing=True)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#/rows/1/client_no"]
    answer = post(secret, "profiles", rows, all_or_nothing=True)
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#/rows/2/social"]
    assert not Profile.objects.exists()
    assert not TimelineEvent.objects.filter(kind="profile.changed").exists()
    assert told(post(secret, "profiles", rows[:1], all_or_nothing=True)) == ["created"]


def test_prospects_by_their_number(firm):
    manager, _clients, secret = firm
    foreign = StaffFactory()
    row = {"external_no": "L-1", "manager_no": manager.staff_no, "name": "王小明", "mobile": "138", "kind": "agent"}
    rows = [row, row | {"external_no": "L-2", "manager_no": foreign.staff_no}, {"external_no": "L-3", "name": "x"}]
    rows += [{"external_no": "L-4", "manager_no": manager.staff_no}, row | {"external_no": "L-5", "mobile": ""}]
    assert told(post(secret, "prospects", rows)) == ["created", *["refused"] * 4]
    made = Prospect.objects.get()
    assert (made.external_no, made.manager, made.version) == ("L-1", manager, 1)
    change = {"external_no": "L-1", "manager_no": manager.staff_no, "assets": "5000000.00", "state": "contacted"}
    assert told(post(secret, "prospects", [change])) == ["changed"]
    assert told(post(secret, "prospects", [change])) == ["unchanged"]
    made.refresh_from_db()
    assert (made.name, made.assets, made.state, made.version) == ("王小明", 50_000_000_000, "contacted", 2)
    assert told(post(secret, "prospects", [change | {"state": "won"}])) == ["refused"]
    # The same number in another branch is somebody else.
    Prospect.objects.create(
        external_no="L-9", name="x", mobile="1", kind="agent", manager=foreign, branch=foreign.branch,
        created_by=foreign.user,
    )  # fmt: skip
    assert told(post(secret, "prospects", [row | {"external_no": "L-9"}])) == ["created"]


def test_a_manager_does_not_learn_the_numbers_of_colleagues(firm, client):
    manager, _clients, _secret = firm
    client.force_login(manager.user)
    row = {"external_no": "L-1", "name": "x", "mobile": "1", "kind": "agent"}
    answer = client.post("/api/v1/prospects/bulk/", {"rows": [row]}, "application/json")
    assert told(answer) == ["refused"]
    head = StaffFactory(role=Role.BRANCH_HEAD, branch=manager.branch)
    client.force_login(head.user)
    assert told(client.post("/api/v1/prospects/bulk/", {"rows": [row]}, "application/json")) == ["created"]


def test_offers_by_client_product_and_day(firm):
    _manager, (one, two, *_rest), secret = firm
    row = {"client_no": one.client_no, "product": "Fund", "kind": "fund", "made_on": "2026-11-02"}
    rows = [row, row | {"client_no": two.client_no, "outcome": "opened"}, row | {"made_on": "2126-11-02"}]
    rows += [row | {"client_no": "none"}, row | {"product": "B", "outcome": "taken", "decided_on": "2026-11-01"}]
    assert told(post(secret, "offers", rows)) == ["created", "created", *["refused"] * 3]
    assert told(post(secret, "offers", [row | {"outcome": "taken", "amount": "100.00"}])) == ["changed"]
    taken = Offer.objects.get(client=one)
    assert (taken.outcome, taken.amount, taken.decided_on) == ("taken", 1_000_000, timezone.localdate())
    # Sent again on a later day: the day of the decision stays.
    Offer.objects.filter(pk=taken.pk).update(decided_on="2026-11-03")
    assert told(post(secret, "offers", [row | {"outcome": "taken", "amount": "100.00"}])) == ["unchanged"]
    assert TimelineEvent.objects.filter(kind="offer").count() == 3


@pytest.mark.parametrize(
    "body", [{}, {"rows": []}, {"rows": "x"}, {"rows": [{}] * 1001}, {"rows": [1], "all_or_nothing": "?"}]
)
def test_what_is_no_list_of_rows_is_refused_whole(firm, body):
    secret = firm[2]
    answer = post(secret, "offers", **({"rows": []} | body))
    assert answer.status_code == 400


def test_as_many_statements_for_many_rows_as_for_one(firm):
    manager, clients, secret = firm
    counts = []
    for chosen in (clients[:1], clients[1:]):
        with CaptureQueriesContext(connection) as caught:
            post(secret, "profiles", [{"client_no": one.client_no, "custom": {"hobby": "Go"}} for one in chosen])
            offer = {"product": "Fund", "kind": "fund", "made_on": "2026-11-02"}
            post(secret, "offers", [offer | {"client_no": one.client_no} for one in chosen])
            lead = {"manager_no": manager.staff_no, "name": "x", "mobile": "1", "kind": "agent"}
            post(secret, "prospects", [lead | {"external_no": one.client_no} for one in chosen])
        counts.append(len(caught))
    assert Profile.objects.count() == Offer.objects.count() == Prospect.objects.count() == 4
    # The first request of the token in its minute notes the use.
    assert counts[1] <= counts[0]


def test_a_thousand_rows(firm):
    """Set-based: a thousand rows are a matter of a second or two, not of a thousand statements."""
    manager, _clients, secret = firm
    lead = {"manager_no": manager.staff_no, "name": "x", "mobile": "1", "kind": "agent"}
    with CaptureQueriesContext(connection) as caught:
        answer = post(secret, "prospects", [lead | {"external_no": f"L{number}"} for number in range(1000)])
    assert answer.json()["created"] == 1000
    assert len(caught) < 25
