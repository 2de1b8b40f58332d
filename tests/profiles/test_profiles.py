"""Profiles (C2) and prospects (C12): stages of life, saving, scope, own fields, conversion, deletion in time."""

from datetime import date, datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from clients.errors import Conflict
from clients.models import Client, TimelineEvent
from org.models import Role
from profiles import services
from profiles.models import CustomField, Profile, Prospect
from profiles.rules import STAGES, age_on, latest_birth, stage_on
from tests.factories import ClientFactory, StaffFactory

ON = date(2026, 11, 20)
AT = datetime(2026, 11, 20, 10, tzinfo=timezone.get_default_timezone())


@pytest.mark.parametrize(
    ("born", "stage"),
    [
        (date(2020, 1, 1), "growth"),
        (date(2008, 11, 21), "growth"),
        (date(2008, 11, 20), "youth"),
        (date(1996, 11, 20), "adult"),
        (date(1986, 11, 21), "adult"),
        (date(1970, 5, 5), "stable"),
        (date(1966, 11, 20), "retired"),
        (date(1926, 1, 1), "retired"),
    ],
)
def test_stage_by_age(born, stage):
    assert stage_on(born, ON).key == stage


@pytest.mark.parametrize("born", [None, date(2026, 11, 21)])
def test_no_birth_no_stage(born):
    assert stage_on(born, ON) is None


def test_born_on_leap_day_has_a_birthday_every_year():
    assert age_on(date(2008, 2, 29), date(2026, 2, 28)) == 17
    assert age_on(date(2008, 2, 29), date(2026, 3, 1)) == 18


@given(st.dates(date(1920, 1, 1), date(2027, 1, 1)), st.dates(date(2020, 1, 1), date(2030, 12, 31)))
def test_span_of_birth_dates_is_the_stage(born, on):
    """The list's filter by dates and the rule by age say the same of everybody."""
    stage = stage_on(born, on)
    for number, candidate in enumerate(STAGES):
        inside = born <= latest_birth(candidate.from_age, on)
        if number + 1 < len(STAGES):
            inside &= born > latest_birth(STAGES[number + 1].from_age, on)
        assert inside == (stage is not None and stage.key == candidate.key)


@pytest.fixture
def manager(db):
    return StaffFactory()


@pytest.fixture
def own(manager):
    return ClientFactory(manager=manager, birth_date=date(1980, 1, 1))


@pytest.fixture
def web(client):
    client.cookies["language"] = "en"
    return client


def save(client, staff, version=0, custom=None, **values):
    return services.save_profile(client.client_no, version, values, custom or {}, user=staff.user, at=AT)


def test_saving_tells_names_of_fields_never_values(manager, own):
    save(own, manager, background="self_made", influence=4, values="Secret of the family")
    event = TimelineEvent.objects.get(client=own)
    assert sorted(event.data["fields"]) == ["background", "influence", "values"]
    assert "Secret" not in str(event.data)
    assert Profile.objects.get(client=own).version == 1
    save(own, manager, version=1, background="self_made")
    assert Profile.objects.get(client=own).version == 1


def test_two_at_once(manager, own):
    save(own, manager, background="self_made")
    with pytest.raises(Conflict):
        save(own, manager, background="official")
    assert Profile.objects.get(client=own).background == "self_made"


def test_a_stranger_finds_nobody(own):
    with pytest.raises(Client.DoesNotExist):
        save(own, StaffFactory(), background="official")
    assert not Profile.objects.exists()


def test_own_fields_are_asked_kept_and_retired(manager, own, web):
    admin = StaffFactory(role=Role.ADMIN)
    values = {
        "key": "pet",
        "kind": "choice",
        "label_zh": "宠物",
        "label_en": "Pet",
        "choices": ["猫", "狗"],
        "position": 1,
    }
    field = services.save_field(values, user=admin.user)
    with pytest.raises(PermissionDenied):
        services.save_field(values | {"key": "x"}, user=manager.user)
    web.force_login(manager.user)
    url = f"/clients/{own.client_no}/profile/"
    assert "Pet" in web.get(url).content.decode()
    assert web.post(url, {"version": 0, "custom-pet": "马"}).status_code == 422
    assert web.post(url, {"version": 0, "custom-pet": "猫", "influence": "5"}).status_code == 302
    profile = Profile.objects.get(client=own)
    assert (profile.custom, profile.influence) == ({"pet": "猫"}, 5)
    assert "猫" in web.get(f"/clients/{own.client_no}/").content.decode()
    services.retire_field(field, user=admin.user)
    assert "Pet" not in web.get(url).content.decode()
    web.post(url, {"version": 1, "influence": "4"})
    assert Profile.objects.get(client=own).custom == {"pet": "猫"}
    assert CustomField.objects.get().retired_at is not None


def test_second_of_two_pages_keeps_what_was_typed(manager, own, web):
    web.force_login(manager.user)
    url = f"/clients/{own.client_no}/profile/"
    web.post(url, {"version": 0, "life_style": "Sails"})
    late = web.post(url, {"version": 0, "life_style": "Hikes"})
    assert late.status_code == 409
    assert "Hikes" in late.content.decode()
    assert web.post(url, {"version": 1, "life_style": "Hikes"}).status_code == 302
    assert Profile.objects.get().life_style == "Hikes"


def test_the_analyst_reads_no_own_words(manager, own, web):
    save(own, manager, values="Believes in gold", background="inherited")
    web.force_login(StaffFactory(role=Role.ANALYST).user)
    page = web.get(f"/clients/{own.client_no}/").content.decode()
    assert "Inherited" in page
    assert "Believes" not in page


def test_list_by_stage(manager, own, web):
    young = ClientFactory(manager=manager, birth_date=date(2000, 1, 1))
    ClientFactory(manager=manager, birth_date=None)
    web.force_login(manager.user)
    page = web.get("/clients/?stage=youth").content.decode()
    assert young.client_no in page
    assert own.client_no not in page


# --- Prospects ---------------------------------------------------------------------------------------------------------


def prospect(staff, **values):
    start = {"name": "牛先生", "mobile": "13900001111", "kind": "assets_2m", "state": "new"}
    return services.save_prospect(start | values, user=staff.user, at=AT)


def test_somebody_to_reach(manager):
    with pytest.raises(ValidationError) as error:
        prospect(manager, mobile="")
    assert "mobile" in error.value.message_dict


def test_scope_of_prospects(manager):
    made = prospect(manager)
    head = StaffFactory(role=Role.BRANCH_HEAD, branch=manager.branch)
    assert list(Prospect.objects.visible_to(head.user)) == [made]
    for stranger in (StaffFactory(), StaffFactory(role=Role.BRANCH_HEAD), StaffFactory(branch=manager.branch)):
        assert not Prospect.objects.visible_to(stranger.user).exists()
        with pytest.raises(Prospect.DoesNotExist):
            services.save_prospect({"name": "x"}, user=stranger.user, at=AT, prospect_id=made.pk, version=1)


def test_account_opens(manager):
    made = prospect(manager, note="Met at the fair")
    client = ClientFactory(manager=manager, mobile="13900001111")
    ClientFactory(mobile="13900001111")  # somebody else's
    assert services.likely_clients(made, manager.user) == [client]
    services.convert(made.pk, client.client_no, user=manager.user, at=AT)
    made.refresh_from_db()
    assert (made.state, made.client) == ("won", client)
    assert TimelineEvent.objects.get(client=client).data["note"] == "Met at the fair"
    with pytest.raises(ValidationError):
        services.convert(made.pk, client.client_no, user=manager.user, at=AT)
    with pytest.raises(ValidationError):
        services.save_prospect({"state": "new"}, user=manager.user, at=AT, prospect_id=made.pk, version=2)


def test_a_foreign_client_is_no_target(manager):
    made = prospect(manager)
    with pytest.raises(Client.DoesNotExist):
        services.convert(made.pk, ClientFactory().client_no, user=manager.user, at=AT)


def test_won_only_with_a_client(manager):
    with pytest.raises(ValidationError):
        prospect(manager, state="won")


def test_let_go_in_time(manager):
    made, kept = prospect(manager), prospect(manager)
    won = prospect(manager)
    services.convert(won.pk, ClientFactory(manager=manager).client_no, user=manager.user, at=AT)
    Prospect.objects.filter(pk__in=[made.pk, won.pk]).update(changed_at=AT - timedelta(days=731))
    assert services.let_go(ON) == 1
    assert set(Prospect.objects.values_list("pk", flat=True)) == {kept.pk, won.pk}


def test_pages_of_prospects(manager, web, django_assert_max_num_queries):
    web.force_login(manager.user)
    form = {"name": "马女士", "mobile": "13800002222", "kind": "agent", "state": "new", "assets": "2500000.50"}
    made = web.post("/prospects/new/", form | {"next_on": "2026-11-30", "next_step": "Ring"})
    assert made.status_code == 302
    row = Prospect.objects.get()
    assert row.assets == 25_000_005_000
    assert row.manager == manager
    page = web.get("/prospects/?state=new").content.decode()
    assert "马女士" in page
    assert "13800002222" not in page
    late = web.post(f"/prospects/{row.pk}/", form | {"version": 0})
    assert late.status_code == 409
    wrong = web.post(f"/prospects/{row.pk}/", form | {"version": 1, "assets": "-1"})
    assert wrong.status_code == 422
    client = ClientFactory(manager=manager)
    web.post(f"/prospects/{row.pk}/convert/", {"client_no": "nobody"})
    assert Prospect.objects.get().client is None
    web.post(f"/prospects/{row.pk}/convert/", {"client_no": client.client_no})
    assert Prospect.objects.get().client == client


@pytest.mark.parametrize("rows", [1, 3])
def test_statements_of_the_list_do_not_grow(manager, web, rows, django_assert_max_num_queries):
    for _ in range(rows):
        prospect(manager)
    web.force_login(manager.user)
    with django_assert_max_num_queries(9):
        web.get("/prospects/")
