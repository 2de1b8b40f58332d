"""API of profiles (C2) and prospects (C12): the same services, masking and conflicts as the pages."""

import pytest

from org.models import Role
from profiles import services
from profiles.models import CustomField, Profile, Prospect
from tests.factories import ClientFactory, StaffFactory
from tests.profiles.test_profiles import manager, own, prospect, save, web  # noqa: F401  fixtures

JSON = "application/json"


@pytest.fixture
def fields(db):
    """Own fields of every kind, and one that is no longer asked for."""
    for key, kind in (("pet", "choice"), ("cars", "number"), ("since", "date"), ("golf", "yes_no"), ("tea", "text")):
        choices = ["猫", "狗"] if kind == "choice" else []
        CustomField.objects.create(key=key, kind=kind, label_zh=key, label_en=key, choices=choices)
    gone = CustomField.objects.create(key="old", kind="text", label_zh="旧", label_en="Old")
    services.retire_field(gone, user=StaffFactory(role=Role.ADMIN).user)


def test_a_profile_is_read_and_changed(manager, own, web, fields):  # noqa: F811
    web.force_login(manager.user)
    url = f"/api/v1/profiles/{own.client_no}/"
    empty = web.get(url)
    assert (empty.json()["version"], empty.json()["stage"], empty["ETag"]) == (0, "mature", '"0"')
    custom = {"pet": "猫", "cars": 1, "since": "2020-02-29", "golf": True, "tea": "龙井"}
    body = {"background": "self_made", "influence": 4, "custom": custom}
    assert web.patch(url, body, JSON).status_code == 400
    changed = web.patch(url, body, JSON, headers={"If-Match": empty["ETag"]})
    assert (changed.status_code, changed["ETag"]) == (200, '"1"')
    assert changed.json()["custom"] == custom | {"cars": "1"}
    assert (changed.json()["background"], changed.json()["influence"]) == ("self_made", 4)
    part = web.patch(url, {"custom": {"golf": False, "pet": None}}, JSON, headers={"If-Match": '"1"'}).json()
    assert part["custom"] == {"cars": "1", "since": "2020-02-29", "golf": False, "tea": "龙井"}
    assert part["background"] == "self_made"
    late = web.patch(url, {"influence": 1}, JSON, headers={"If-Match": '"1"'})
    assert late.status_code == 409
    assert (late.json()["current"]["influence"], late.json()["yours"]["influence"]) == (4, 1)
    assert Profile.objects.get().influence == 4
    assert [row["client_no"] for row in web.get("/api/v1/profiles/").json()["results"]] == [own.client_no]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"influence": 6}, "#/influence"),
        ({"background": "rich"}, "#/background"),
        ({"custom": {"pet": "虎"}}, "#/custom/pet"),
        ({"custom": {"cars": "many"}}, "#/custom/cars"),
        ({"custom": {"since": "2026-02-30"}}, "#/custom/since"),
        ({"custom": {"old": "x"}}, "#/custom/old"),
        ({"custom": {"shoe": "x"}}, "#/custom/shoe"),
        ({"custom": {"tea": ["x"]}}, "#/custom/tea"),
        ({"custom": "x"}, "#/custom"),
    ],
)
def test_what_a_profile_cannot_hold_is_told_at_its_field(body, pointer, manager, own, web, fields):  # noqa: F811
    web.force_login(manager.user)
    answer = web.patch(f"/api/v1/profiles/{own.client_no}/", body, JSON, headers={"If-Match": '"0"'})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)
    assert not Profile.objects.filter(version__gt=0).exists()


def test_own_words_are_not_for_the_analyst_and_a_stranger_finds_nobody(manager, own, web, fields):  # noqa: F811
    save(own, manager, custom={"tea": "龙井"}, values="Family first", background="official")
    url = f"/api/v1/profiles/{own.client_no}/"
    web.force_login(StaffFactory(role=Role.ANALYST).user)
    row = web.get(url).json()
    assert (row["values"], row["custom"], row["background"]) == ("", {}, "official")
    assert web.get("/api/v1/profiles/").json()["results"] == [row]
    assert web.patch(url, {"influence": 1}, JSON, headers={"If-Match": '"1"'}).status_code == 403
    web.force_login(StaffFactory().user)
    assert web.get(url).status_code == 404
    assert web.patch(url, {"influence": 1}, JSON, headers={"If-Match": '"1"'}).status_code == 404
    asked = [row["key"] for row in web.get("/api/v1/profile-fields/").json()["results"]]
    assert asked == ["pet", "cars", "since", "golf", "tea"]


def test_a_prospect_from_the_first_call_to_the_account(manager, web):  # noqa: F811
    web.force_login(manager.user)
    start = {"name": "马女士", "mobile": "13800002222", "kind": "agent", "assets": "2500000.50", "note": "Fair"}
    made = web.post("/api/v1/prospects/", start, JSON)
    assert (made.status_code, made["ETag"]) == (201, '"1"')
    row = made.json()
    assert (row["mobile"], row["assets"], row["manager_no"]) == ("138****2222", "2500000.50", manager.staff_no)
    url = f"/api/v1/prospects/{row['id']}/"
    assert web.patch(url, {"state": "contacted"}, JSON).status_code == 400
    changed = web.patch(url, {"next_on": "2026-12-01"}, JSON, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["next_on"], changed["ETag"]) == (200, "2026-12-01", '"2"')
    assert Prospect.objects.get().mobile == "13800002222", "what is not sent stays"
    assert web.patch(url, {"state": "contacted"}, JSON, headers={"If-Match": '"1"'}).status_code == 409
    assert len(web.get("/api/v1/prospects/", {"state": "new", "due_until": "2026-12-01"}).json()["results"]) == 1
    assert web.get("/api/v1/prospects/", {"due_until": "2026-11-30"}).json()["results"] == []
    client = ClientFactory(manager=manager)
    for stranger in ("nobody", ClientFactory().client_no):
        assert web.post(f"{url}convert/", {"client_no": stranger}, JSON).status_code == 400
    won = web.post(f"{url}convert/", {"client_no": client.client_no}, JSON).json()
    assert (won["state"], won["client_no"]) == ("won", client.client_no)
    assert web.post(f"{url}convert/", {"client_no": client.client_no}, JSON).status_code == 400


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"mobile": ""}, "mobile"),
        ({"kind": "poor"}, "kind"),
        ({"name": ""}, "name"),
        ({"assets": "-1"}, "assets"),
        ({"assets": "1e30"}, "assets"),
        ({"state": "won"}, "state"),
        ({"email": "nobody"}, "email"),
        ({"next_on": "2026-13-01"}, "next_on"),
    ],
)
def test_a_prospect_that_cannot_be_is_told_at_its_field(body, field, manager, web):  # noqa: F811
    web.force_login(manager.user)
    fine = {"name": "马女士", "mobile": "13800002222", "kind": "agent"}
    answer = web.post("/api/v1/prospects/", fine | body, JSON)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, f"#/{field}")
    assert not Prospect.objects.exists()


@pytest.mark.parametrize("rows", [1, 3])
def test_lists_within_few_statements_and_scope(rows, manager, web, django_assert_max_num_queries):  # noqa: F811
    for _ in range(rows):
        prospect(manager)
        save(ClientFactory(manager=manager), manager, influence=3)
    web.force_login(manager.user)
    for address in ("profiles", "prospects"):
        web.get(f"/api/v1/{address}/")
        with django_assert_max_num_queries(8):
            assert len(web.get(f"/api/v1/{address}/").json()["results"]) == rows
    web.force_login(StaffFactory().user)
    for address in ("profiles", "prospects"):
        assert web.get(f"/api/v1/{address}/").json()["results"] == []
    assert web.get(f"/api/v1/prospects/{Prospect.objects.first().pk}/").status_code == 404
