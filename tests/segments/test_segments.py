"""Own segments (S11): the rule means what it says, nobody learns of others' clients, list and API count the same."""

import json
from datetime import date, timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models.expressions import RawSQL
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from clients.errors import Conflict
from clients.models import Client
from crm.clock import today
from ledger.models import ClientTotals
from org.models import Role
from profiles.models import CustomField, Profile
from profit.models import ProfitTotal
from segments import rules, services
from segments.models import Segment
from segments.rules import Broken
from tests.factories import BranchFactory, ClientFactory, StaffFactory

YUAN = 10_000


@pytest.fixture
def firm(db):
    """Two managers of different branches, six clients each."""
    managers = [StaffFactory(branch=BranchFactory()) for _ in "12"]
    for number in range(12):
        client = ClientFactory(
            manager=managers[number % 2],
            gender=("M", "F", "")[number % 3],
            opened_on=today() - timedelta(days=100 * number),
            birth_date=None if number % 4 == 0 else date(1960 + number, 5, 1),
            occupation=("教师", "医生", "")[number % 3],
        )
        if number % 5:
            ClientTotals.objects.create(
                client=client,
                branch_id=client.branch_id,
                manager_id=client.manager_id,
                no_key=client.no_key,
                contribution=0,
                assets=number * 100_000 * YUAN,
                last_trade_on=today() - timedelta(days=20 * number) if number % 2 else None,
            )
    return managers


@pytest.fixture
def analyst(firm):
    return StaffFactory(role=Role.ANALYST).user


def found(rule, user):
    return set(Client.objects.visible_to(user).filter(rules.compile_rule(rule, user=user, today=today())))


DAYS, MONEY = st.integers(0, 1300), st.integers(0, 1_200_000)
SEXES = st.lists(st.sampled_from("MF"), min_size=1, max_size=2)


def asked(field, op, values):
    return values.map(lambda value: {"field": field, "op": op, "value": value})


condition = st.one_of(
    asked("assets", "at_least", MONEY),
    asked("assets", "between", st.tuples(MONEY, MONEY).map(list)),
    asked("gender", "in", SEXES),
    asked("gender", "not_in", SEXES),
    asked("opened_on", "last_days", DAYS),
    asked("opened_on", "older_days", DAYS),
    st.sampled_from(["last_trade_on", "assets", "gender"]).map(lambda field: {"field": field, "op": "empty"}),
)
rule = st.recursive(
    condition,
    lambda inner: st.tuples(st.sampled_from(["all", "any", "none"]), st.lists(inner, min_size=1, max_size=3)).map(
        lambda pair: {pair[0]: pair[1]}
    ),
    max_leaves=8,
)


def depth(tree):
    """Groups within groups."""
    return 0 if "field" in tree else 1 + max(depth(member) for member in next(iter(tree.values())))


def holds(rule, client):
    """The plain meaning of a rule."""
    if "field" not in rule:
        how, members = next(iter(rule.items()))
        parts = [holds(member, client) for member in members]
        return {"all": all(parts), "any": any(parts), "none": not any(parts)}[how]
    totals = ClientTotals.objects.filter(client=client).first()
    values = {
        "assets": totals.assets / YUAN if totals else None,
        "gender": client.gender,
        "opened_on": client.opened_on,
        "last_trade_on": totals.last_trade_on if totals else None,
    }
    value, given_ = values[rule["field"]], rule.get("value")
    match rule["op"]:
        case "empty":
            return value in (None, "")
        case "at_least":
            return value is not None and value >= given_
        case "between":
            return value is not None and min(given_) <= value <= max(given_)
        case "in":
            return value in given_
        case "not_in":
            return value not in given_
        case "last_days":
            return today() - timedelta(days=given_) <= value <= today()
        case "older_days":
            return value < today() - timedelta(days=given_)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(rule, min_size=1, max_size=3))
def test_sql_means_what_the_rule_says(analyst, members):
    tree = {"all": members}
    assume(depth(tree) <= rules.DEEPEST)
    clients = found(tree, analyst)
    assert clients == {client for client in Client.objects.all() if holds(tree, client)}
    assert rules.words(tree)


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        ([], ""),
        ({"all": []}, ""),
        ({"some": [{"field": "gender", "op": "empty"}]}, ""),
        ({"all": [{"field": "shoe_size", "op": "is", "value": 42}]}, "0"),
        (
            {
                "all": [
                    {"field": "gender", "op": "empty"},
                    {"any": [{"field": "assets", "op": "at_least", "value": "x"}]},
                ]
            },
            "1.0",
        ),
        ({"all": [{"field": "gender", "op": "contains", "value": "M"}]}, "0"),
        ({"all": [{"field": "gender", "op": "in", "value": ["' OR 1=1 --"]}]}, "0"),
        ({"all": [{"field": "opened_on", "op": "last_days", "value": 10**9}]}, "0"),
        ({"all": [{"field": "opened_on", "op": "from", "value": "2026-13-01"}]}, "0"),
        ({"all": [{"field": "assets", "op": "between", "value": [1]}]}, "0"),
        ({"all": [{"field": "assets", "op": "at_least", "value": "NaN"}]}, "0"),
        ({"all": [{"field": "was_tier", "op": "was", "value": {"on": "2026-01-01", "keys": ["Z"]}}]}, "0"),
    ],
)
def test_a_broken_rule_names_its_place(broken, path, analyst):
    with pytest.raises(Broken) as error:
        rules.compile_rule(broken, user=analyst, today=today())
    assert error.value.path == path


def test_too_deep_and_too_many(analyst):
    leaf = {"field": "gender", "op": "empty"}
    deep = leaf
    for _ in range(6):
        deep = {"all": [deep]}
    for wrong in (deep, {"all": [leaf] * 61}):
        with pytest.raises(Broken):
            rules.compile_rule(wrong, user=analyst, today=today())


ANYBODY = {"all": [{"field": "status", "op": "in", "value": ["active"]}]}


def test_each_viewer_finds_own_clients_only(firm, analyst):
    segment = services.save({"name": "All", "shared": "firm"}, ANYBODY, user=analyst)
    assert services.clients_of(segment, analyst).count() == 12
    assert services.clients_of(segment, firm[0].user).count() == 6
    assert Segment.objects.visible_to(firm[0].user).get() == segment
    assert services.count_of(ANYBODY, firm[1].user) == 6


def test_asking_tells_so_it_needs_the_right(firm, analyst):
    ProfitTotal.objects.create(
        client=Client.objects.first(),
        month_from=today(),
        month_to=today(),
        months=1,
        revenue=0,
        direct=0,
        service=YUAN,
        overhead=0,
    )
    losing = {"all": [{"field": "net_contribution", "op": "at_most", "value": -1}]}
    assert len(found(losing, analyst)) == 1
    with pytest.raises(Broken):
        found(losing, firm[0].user)
    personal = {"all": [{"field": "occupation", "op": "is", "value": "教师"}]}
    assert len(found(personal, firm[0].user)) == 2
    with pytest.raises(Broken):
        found(personal, analyst)


def test_frozen_keeps_its_clients(firm):
    user = firm[0].user
    segment = services.save({"name": "Men"}, {"all": [{"field": "gender", "op": "in", "value": ["M"]}]}, user=user)
    services.freeze(segment.pk, user=user, version=1)
    Client.objects.update(gender="F")
    segment.refresh_from_db()
    assert services.clients_of(segment, user).count() == 2
    with pytest.raises(ValidationError):
        services.save({"name": "Men"}, ANYBODY, user=user, segment_id=segment.pk, version=segment.version)


def test_only_the_owner_changes_and_shares_by_right(firm, analyst):
    segment = services.save({"name": "Mine"}, ANYBODY, user=firm[0].user)
    with pytest.raises(PermissionDenied):
        services.save({"name": "Shared", "shared": "firm"}, ANYBODY, user=firm[0].user)
    with pytest.raises(Segment.DoesNotExist):
        services.save({"name": "Stolen"}, ANYBODY, user=analyst, segment_id=segment.pk, version=1)
    with pytest.raises(Conflict):
        services.save({"name": "Late"}, ANYBODY, user=firm[0].user, segment_id=segment.pk, version=9)
    with pytest.raises(ValidationError):
        services.save({"name": "Mine"}, ANYBODY, user=firm[0].user)
    with pytest.raises(Segment.DoesNotExist):
        services.delete(segment.pk, user=analyst, version=1)


@pytest.fixture
def web(client):
    client.cookies["language"] = "en"
    return client


def test_from_the_builder_to_list_and_api(firm, web, django_assert_max_num_queries):
    web.force_login(firm[0].user)
    wanted = {"all": [{"field": "gender", "op": "in", "value": ["M"]}]}
    counted = web.post("/segments/count/", {"rule": json.dumps(wanted)}).json()
    assert counted["count"] == 2
    assert "Gender is one of Male" in counted["text"]
    web.post("/segments/new/", {"name": "Men", "rule": json.dumps(wanted)})
    segment = Segment.objects.get()
    with django_assert_max_num_queries(12):
        page = web.get(f"/clients/?segment={segment.pk}").content.decode()
    for client in Client.objects.filter(manager=firm[0]):
        assert (client.client_no in page) == (client.gender == "M")
    exported = b"".join(web.get(f"/clients/export/?segment={segment.pk}&format=csv").streaming_content).decode()
    assert exported.count("\n") == 1 + 2
    assert web.get(f"/api/v1/segments/{segment.pk}/count/").json() == {"count": 2}
    listed = web.get(f"/api/v1/segments/{segment.pk}/clients/").json()["results"]
    assert {row["client_no"] for row in listed} == {
        c.client_no for c in Client.objects.filter(manager=firm[0], gender="M")
    }


def test_a_removed_field_is_told_and_finds_nobody(firm, web):
    user = firm[0].user
    segment = services.save({"name": "Old"}, ANYBODY, user=user)
    Segment.objects.update(rule={"all": [{"field": "shoe_size", "op": "is", "value": "42"}]})
    web.force_login(user)
    assert "does not exist any more" in web.get(f"/segments/{segment.pk}/").content.decode()
    page = web.get(f"/clients/?segment={segment.pk}").content.decode()
    assert "does not exist any more" in page
    assert not any(client.client_no in page for client in Client.objects.all())
    assert web.get(f"/api/v1/segments/{segment.pk}/count/").status_code == 400
    assert "shoe_size" in web.get("/segments/").content.decode()


@pytest.mark.parametrize("value", ["0", "-1", "99999999", "1e30", "x"])
def test_a_segment_that_is_not_there_in_the_list_s_address(value, firm, web):
    web.force_login(firm[0].user)
    assert web.get(f"/clients/?segment={value}").status_code == 200


def test_what_was_typed_is_kept_when_it_is_wrong(firm, web):
    web.force_login(firm[0].user)
    wrong = web.post("/segments/new/", {"name": "Kept", "rule": json.dumps({"all": []})})
    assert wrong.status_code == 422
    assert 'value="Kept"' in wrong.content.decode()


@pytest.mark.parametrize("rows", [1, 3])
def test_statements_of_the_page_do_not_grow(firm, web, rows, django_assert_max_num_queries):
    for number in range(rows):
        services.save({"name": f"S{number}"}, ANYBODY, user=firm[0].user)
    web.force_login(firm[0].user)
    web.get("/segments/")
    with django_assert_max_num_queries(8):
        web.get("/segments/")


# --- API ---------------------------------------------------------------------------------------------------------------

MEN = {"all": [{"field": "gender", "op": "in", "value": ["M"]}]}
SEGMENTS = "/api/v1/segments/"


def test_a_segment_is_made_changed_frozen_and_deleted_by_the_api(firm, web):
    web.force_login(firm[0].user)
    assert web.post(f"{SEGMENTS}preview/", {"rule": MEN}, "application/json").json() == {"count": 2}
    assert not Segment.objects.exists()
    made = web.post(SEGMENTS, {"name": "Men", "rule": MEN}, "application/json")
    assert (made.status_code, made["ETag"]) == (201, '"1"')
    url = f"{SEGMENTS}{made.json()['id']}/"
    body = {"name": "Men and more", "rule": ANYBODY, "note": "For autumn"}
    assert web.put(url, body, "application/json").status_code == 400, "a change names the version that was seen"
    changed = web.put(url, body, "application/json", headers={"If-Match": web.get(url)["ETag"]})
    assert (changed.status_code, changed["ETag"], changed.json()["note"]) == (200, '"2"', "For autumn")
    late = web.put(url, body | {"name": "Late"}, "application/json", headers={"If-Match": '"1"'})
    assert late.status_code == 409
    assert (late.json()["current"]["name"], late.json()["yours"]["name"]) == ("Men and more", "Late")
    frozen = web.post(f"{url}freeze/", headers={"If-Match": changed["ETag"]})
    assert (frozen.status_code, frozen.json()["kind"]) == (200, "static")
    kept = web.put(url, body | {"rule": MEN}, "application/json", headers={"If-Match": frozen["ETag"]})
    assert kept.status_code == 400, "a frozen one keeps its rule"
    assert web.delete(url, headers={"If-Match": frozen["ETag"]}).status_code == 204
    assert web.get(url).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "Twice"}, "name"),
        ({"rule": {}}, "rule"),
        ({"rule": {"all": [{"field": "shoe_size", "op": "is", "value": "42"}]}}, "rule"),
        ({"rule": {"all": [{"field": "gender", "op": "older", "value": ["M"]}]}}, "rule"),
        ({"rule": "all"}, "rule"),
        ({"rule": {"all": [{"field": "gender", "op": [], "value": ["M"]}]}}, "rule"),
        ({"rule": {"all": [{"field": "gender", "op": "empty", "value": "\x00"}]}}, "rule"),
        ({"rule": {"all": [{"field": "gender", "op": "empty", "value": "x" * 30_000}]}}, "rule"),
        ({"shared": "world"}, "shared"),
        ({"name": "x" * 61}, "name"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(wrong, field, firm, web):
    web.force_login(firm[0].user)
    services.save({"name": "Twice"}, ANYBODY, user=firm[0].user)
    answer = web.post(SEGMENTS, {"name": "Men", "rule": MEN} | wrong, "application/json")
    assert answer.status_code == 400
    assert field in answer.content.decode()
    assert Segment.objects.count() == 1


def test_a_shared_segment_is_read_by_others_and_changed_by_nobody_else(firm, web):
    from tests.factories import StaffFactory

    head = StaffFactory(role="branch_head", branch=firm[0].branch)
    shared = services.save({"name": "Ours", "shared": "branch"}, ANYBODY, user=head.user)
    own = services.save({"name": "Mine"}, ANYBODY, user=head.user)
    web.force_login(firm[0].user)
    body = {"name": "Taken", "rule": ANYBODY}
    for segment, code in ((shared, 403), (own, 404)):
        url = f"{SEGMENTS}{segment.pk}/"
        assert web.put(url, body, "application/json", headers={"If-Match": '"1"'}).status_code == code
        assert web.delete(url).status_code == code
        assert web.post(f"{url}freeze/").status_code == code
    assert web.post(SEGMENTS, body | {"shared": "firm"}, "application/json").status_code == 403
    assert Segment.objects.count() == 2


# --- The firm's own fields -----------------------------------------------------------------------------------------------


@pytest.fixture
def own(firm):
    """An own field of each kind, whose keys are such as a path would misread; two clients of the first manager have values."""
    kinds = {"last__in": "text", "2": "number", "since": "date", "club-card": "choice", "exact": "yes_no"}
    for key, kind in kinds.items():
        choices = ["gold", "silver"] if kind == "choice" else []
        CustomField.objects.create(key=key, kind=kind, label_zh=f"字段{key}", label_en=f"Own {key}", choices=choices)
    one, other = Client.objects.filter(manager=firm[0]).order_by("pk")[:2]
    values = {"last__in": "Likes tea", "2": "12.50", "since": "2020-05-01", "club-card": "gold", "exact": True}
    Profile.objects.create(client=one, custom=values)
    Profile.objects.create(client=other, custom={"2": "many", "club-card": "silver", "exact": False})
    return one, other


@pytest.mark.parametrize(
    ("key", "op", "value", "numbers"),
    [
        ("last__in", "contains", "TEA", {0}),
        ("last__in", "empty", None, {1, 2, 3, 4, 5}),
        ("2", "at_least", "12.5", {0}),
        ("2", "between", [1, 5], set()),
        ("2", "empty", None, {1, 2, 3, 4, 5}),
        ("since", "until", "2020-05-01", {0}),
        ("since", "last_days", 1, set()),
        ("club-card", "in", ["silver"], {1}),
        ("club-card", "not_in", ["silver"], {0, 2, 3, 4, 5}),
        ("exact", "yes", None, {0}),
        ("exact", "no", None, {1}),
    ],
)
def test_own_fields_are_asked_about(key, op, value, numbers, own, firm):
    clients = list(Client.objects.filter(manager=firm[0]).order_by("pk"))
    tree = {"all": [{"field": f"own.{key}", "op": op, "value": value}]}
    assert found(tree, firm[0].user) == {clients[number] for number in numbers}
    assert f"字段{key}" in rules.words(tree)


def test_asking_about_own_fields_would_tell_those_who_see_masked(own, analyst):
    with pytest.raises(Broken):
        found({"all": [{"field": "own.exact", "op": "yes"}]}, analyst)
    assert not any(field.key.startswith("own.") for field in rules.offered(analyst))


def test_a_retired_own_field_is_told_at_its_place_and_finds_nobody(own, firm, web):
    user = firm[0].user
    asked_for = {"field": "own.club-card", "op": "in", "value": ["gold"]}
    segment = services.save({"name": "Card"}, {"any": [MEN["all"][0], asked_for]}, user=user)
    frozen = services.save({"name": "Kept"}, {"all": [asked_for]}, user=user)
    services.freeze(frozen.pk, user=user, version=1)
    CustomField.objects.filter(key="club-card").update(retired_at="2026-11-20T08:00Z")
    web.force_login(user)
    told = web.post("/segments/count/", {"rule": json.dumps(segment.rule)}).json()
    assert told == {"text": "'Own club-card' is no longer asked for.", "path": "1", "count": None}
    page = web.get(f"/segments/{segment.pk}/").content.decode()
    assert "is no longer asked for" in page
    assert '"gone": {"own.club-card": "Own club-card"}' in page
    assert "(no longer asked for)" in web.get("/segments/").content.decode()
    listed = web.get(f"/clients/?segment={segment.pk}").content.decode()
    assert "is no longer asked for" in listed
    assert own[0].client_no not in listed
    for path in ("count", "clients"):
        answer = web.get(f"{SEGMENTS}{segment.pk}/{path}/")
        assert answer.status_code == 400
        assert any("path" in str(error) for error in answer.json()["errors"])
    assert web.get(f"{SEGMENTS}{frozen.pk}/count/").json() == {"count": 1}, "a frozen one keeps its clients"
    changed = web.put(
        f"{SEGMENTS}{segment.pk}/",
        {"name": "Card", "rule": segment.rule},
        "application/json",
        headers={"If-Match": '"1"'},
    )
    assert changed.status_code == 400


@pytest.mark.parametrize("rows", [1, 3])
def test_own_fields_are_read_once_for_a_page(own, firm, web, rows, django_assert_max_num_queries):
    asked_for = {"all": [{"field": "own.2", "op": "empty"}, {"field": "own.exact", "op": "yes"}]}
    for number in range(rows):
        services.save({"name": f"S{number}"}, asked_for, user=firm[0].user)
    web.force_login(firm[0].user)
    web.get("/segments/")
    with django_assert_max_num_queries(9):
        web.get("/segments/")


# --- Late, slow, nobody --------------------------------------------------------------------------------------------------


def test_who_saw_an_older_version_neither_freezes_nor_deletes(firm, web):
    user = firm[0].user
    web.force_login(user)
    segment = services.save({"name": "Men"}, MEN, user=user)
    services.save({"name": "All"}, ANYBODY, user=user, segment_id=segment.pk, version=1)
    url, page = f"{SEGMENTS}{segment.pk}/", f"/segments/{segment.pk}/"
    for call in (lambda **more: web.post(f"{url}freeze/", **more), lambda **more: web.delete(url, **more)):
        assert call().status_code == 400
        late = call(headers={"If-Match": '"1"'})
        assert (late.status_code, late.json()["current"]["version"], late.json()["yours"]["version"]) == (409, 2, 1)
    for act in ("freeze", "delete"):
        for sent in ({}, {"version": "1"}, {"version": "²"}):
            assert "in the meantime" in web.post(f"{page}{act}/", sent, follow=True).content.decode()
    segment.refresh_from_db()
    assert (segment.kind, segment.version) == ("live", 2)
    assert web.delete(url, headers={"If-Match": '"2"'}).status_code == 204


def test_a_database_that_is_slow_is_not_waited_for(firm, web, monkeypatch):
    user = firm[0].user
    web.force_login(user)
    segment = services.save({"name": "Slow"}, MEN, user=user)
    slow = Client.objects.filter(pk__in=RawSQL("SELECT id FROM pg_sleep(5), clients_client", []))
    monkeypatch.setattr(services, "clients_of", lambda segment, user: slow)
    monkeypatch.setattr(services, "COUNT_PATIENCE", 50)
    monkeypatch.setattr(services, "FREEZE_PATIENCE", 50)
    url = f"{SEGMENTS}{segment.pk}/"
    assert web.get(f"{url}count/").json() == {"count": None}
    answer = web.post(f"{url}freeze/", headers={"If-Match": '"1"'})
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert "too long" in web.post(f"/segments/{segment.pk}/freeze/", {"version": 1}, follow=True).content.decode()
    segment.refresh_from_db()
    assert (segment.kind, segment.members.count()) == ("live", 0)


def test_freezing_without_anybody_in_scope_keeps_nobody(db, web):
    head = StaffFactory(role=Role.BRANCH_HEAD)
    segment = services.save({"name": "Nobody"}, MEN, user=head.user)
    assert services.freeze(segment.pk, user=head.user, version=1).kind == "static"
    assert services.size_of(segment, head.user) == 0
