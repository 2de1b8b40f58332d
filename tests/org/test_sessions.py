"""How sessions end: time, idleness, leaving, a stopped log-in, a new password; and what must be done before anything else."""

import time
from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.cached_db import SessionStore
from django.test import Client
from django.utils import timezone

from org import logins
from org.models import AuditEvent, Role, Staff, User
from tests.factories import PASSWORD, StaffFactory
from tests.org.signin import is_in, sign_in, trail

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()


@pytest.fixture
def signed_in(client, manager) -> Client:
    sign_in(client, manager.user.username)
    assert is_in(client)
    return client


def shift(browser: Client, **changes: int) -> None:
    """Move the marks of a session into the past, by seconds."""
    session = browser.session
    for name, seconds in changes.items():
        session[name] = int(time.time()) - seconds
    session.save()


def why() -> list[str]:
    return [row.detail["why"] for row in AuditEvent.objects.filter(action="session.ended").order_by("pk")]


def test_a_session_ends_after_its_time_whatever_its_activity(signed_in, settings):
    begun = signed_in.session["ends_at"] - settings.SESSION_ABSOLUTE_SECONDS
    assert abs(begun - time.time()) < 30
    shift(signed_in, ends_at=1)
    answer = signed_in.get("/settings/?tab=1")
    assert answer.headers["Location"] == "/account/login/?next=/settings/%3Ftab%3D1"
    assert signed_in.cookies["session"].value == ""
    assert not is_in(signed_in)
    assert why() == ["absolute"]


def test_a_session_ends_when_nobody_is_there(signed_in, settings):
    shift(signed_in, seen_at=settings.SESSION_IDLE_SECONDS - 60)
    assert is_in(signed_in)
    # That was a sign of life.
    assert time.time() - signed_in.session["seen_at"] < 30
    shift(signed_in, seen_at=settings.SESSION_IDLE_SECONDS + 60)
    assert not is_in(signed_in)
    assert why() == ["idle"]


def test_activity_is_noted_once_a_minute_only(signed_in, django_assert_num_queries):
    # The log-in, and whose deputy its owner is today: the navigation shows a head's pages to the head's deputy.
    with django_assert_num_queries(2):
        signed_in.get("/settings/")
    shift(signed_in, seen_at=61)
    UserSession.objects.update(last_seen_at=timezone.now() - timedelta(days=1))
    signed_in.get("/settings/")
    assert timezone.now() - UserSession.objects.get().last_seen_at < timedelta(minutes=1)


def test_a_dead_session_is_gone_from_the_server(signed_in):
    key = signed_in.session.session_key
    shift(signed_in, ends_at=1)
    signed_in.get("/settings/")
    assert not SessionStore().exists(key)
    assert not UserSession.objects.exists()


@pytest.mark.parametrize(
    "end",
    [
        lambda staff: Staff.objects.filter(pk=staff.pk).update(left_on=TODAY),
        lambda staff: User.objects.filter(pk=staff.user_id).update(is_active=False),
        lambda staff: logins.stop(staff, by=StaffFactory(role=Role.ADMIN).user),
        lambda staff: logins.one_time_link(staff, by=StaffFactory(role=Role.ADMIN).user),
        lambda staff: logins.set_password(staff.user, "another-Passphrase-77"),
    ],
    ids=["left", "inactive", "stopped", "link", "password"],
)
def test_whoever_loses_the_log_in_is_out_at_once(signed_in, manager, end):
    end(manager)
    assert not is_in(signed_in)


def test_a_fragment_sends_the_whole_page_to_the_log_in(signed_in):
    shift(signed_in, ends_at=1)
    answer = signed_in.get(
        "/staff/", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/clients/?tier=A"}
    )
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/account/login/?next=/clients/%3Ftier%3DA"


def test_under_the_api_it_is_a_problem(signed_in):
    shift(signed_in, ends_at=1)
    answer = signed_in.get("/api/v1/schema/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "application/problem+json")


def test_changing_the_password_ends_the_other_sessions(signed_in, manager):
    other = Client()
    sign_in(other, manager.user.username)
    new = "Neun-Pferde-am-See-9"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert signed_in.post("/account/password/change/", form).status_code == 302
    assert is_in(signed_in)
    assert not is_in(other)
    assert trail("password.changed") == [("password.changed", manager.user.pk)]
    third = Client()
    sign_in(third, manager.user.username, new)
    assert is_in(third)


def test_ending_the_other_sessions_by_hand(signed_in, manager):
    other = Client()
    sign_in(other, manager.user.username)
    page = signed_in.get("/account/sessions/")
    assert len(page.context["sessions"]) == 2
    signed_in.post("/account/sessions/")
    assert is_in(signed_in)
    assert not is_in(other)


def test_pages_are_not_kept_by_browsers_and_proxies(signed_in):
    answer = signed_in.get("/settings/")
    assert answer.headers["Cache-Control"] == "no-store"
    assert {"Cookie", "HX-Request"} <= {part.strip() for part in answer.headers["Vary"].split(",")}


def test_an_anonymous_request_costs_no_query(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        client.get("/account/login/")


# --- Errands --------------------------------------------------------------------------------------------------------


def test_a_password_from_somebody_else_must_be_changed_first(client, manager):
    logins.set_password(manager.user, PASSWORD, must_change=True)
    answer = sign_in(client, manager.user.username)
    assert answer.headers["Location"] == "/account/password/change/"
    assert client.get("/staff/").headers["Location"] == "/account/password/change/"
    assert client.get("/api/v1/schema/").status_code == 403
    fragment = client.get("/staff/", headers={"HX-Request": "true"})
    assert (fragment.status_code, fragment.headers["HX-Redirect"]) == (204, "/account/password/change/")
    # Other language, other theme of mind: these ways stay open.
    assert client.post("/settings/language/", {"language": "en"}).status_code == 302
    new = "Neun-Pferde-am-See-9"
    client.post("/account/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert is_in(client)


def test_an_old_password_must_be_changed_where_the_firm_wants_it(signed_in, manager, settings):
    User.objects.filter(pk=manager.user.pk).update(password_changed_at=timezone.now() - timedelta(days=91))
    assert signed_in.get("/settings/").headers["Location"] == "/account/password/change/"
    settings.PASSWORD_MAX_AGE_DAYS = 0
    assert is_in(signed_in)


# --- One-time links -------------------------------------------------------------------------------------------------


def open_link(browser: Client, path: str, password: str):
    """Follow a link as a browser does and send the form behind it."""
    page = browser.get(path, follow=True)
    form_path = page.redirect_chain[-1][0] if page.redirect_chain else path
    return browser.post(form_path, {"password1": password, "password2": password})


def test_a_link_opens_the_log_in_once(client, manager, admin):
    path = logins.one_time_link(manager, by=admin.user)
    assert not sign_in(client, manager.user.username).headers.get("Location")
    new = "Neun-Pferde-am-See-9"
    assert open_link(client, path, new).status_code == 302
    sign_in(client, manager.user.username, new)
    assert is_in(client)
    # A second time it is dead.
    assert open_link(Client(), path, "Zehn-Pferde-am-See-10").status_code == 200
    second = Client()
    sign_in(second, manager.user.username, "Zehn-Pferde-am-See-10")
    assert not is_in(second)


def test_a_new_link_kills_the_one_before(manager, admin):
    first = logins.one_time_link(manager, by=admin.user)
    logins.one_time_link(manager, by=admin.user)
    assert b"password1" not in Client().get(first, follow=True).content


def test_the_key_of_a_link_is_not_in_the_address_of_the_form(client, manager, admin):
    path = logins.one_time_link(manager, by=admin.user)
    page = client.get(path, follow=True)
    assert page.redirect_chain[-1][0].endswith("-set-password/")


def test_a_link_lasts_three_days(client, manager, admin, settings):
    path = logins.one_time_link(manager, by=admin.user)
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert b"password1" not in client.get(path, follow=True).content


def test_a_link_lets_no_leaver_in(client, manager, admin):
    path = logins.one_time_link(manager, by=admin.user)
    Staff.objects.filter(pk=manager.pk).update(left_on=TODAY)
    new = "Neun-Pferde-am-See-9"
    open_link(client, path, new)
    sign_in(client, manager.user.username, new)
    assert not is_in(client)


# --- Language -------------------------------------------------------------------------------------------------------


def language_of(answer) -> str:
    return answer.headers["Content-Language"]


def test_pages_are_chinese_until_somebody_chooses(client, manager):
    assert language_of(client.get("/account/login/", headers={"Accept-Language": "en"})) == "zh-hans"
    client.post("/settings/language/", {"language": "en"})
    assert language_of(client.get("/account/login/")) == "en"
    # The user's own choice goes before the cookie's, on any browser.
    User.objects.filter(pk=manager.user.pk).update(language="zh-hans")
    client.force_login(manager.user)
    assert language_of(client.get("/settings/")) == "zh-hans"
    client.post("/settings/language/", {"language": "en"})
    other = Client()
    other.force_login(manager.user)
    assert language_of(other.get("/settings/")) == "en"


@pytest.mark.parametrize("wanted", ["fr", "", "../../etc", "EN; DROP"])
def test_an_unknown_language_changes_nothing(client, wanted):
    client.cookies["language"] = wanted
    assert language_of(client.get("/account/login/")) == "zh-hans"
    client.post("/settings/language/", {"language": wanted})
    assert language_of(client.get("/account/login/")) == "zh-hans"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("zh-CN", "zh-hans"),
        ("fr,en;q=0.5", "en"),
        ("fr", "zh-hans"),
        ("", "zh-hans"),
    ],
)
def test_the_api_answers_in_the_language_asked_for(client, header, language):
    answer = client.get("/api/v1/schema/", headers={"Accept-Language": header})
    assert language_of(answer) == language
    assert answer.status_code == 401
    assert answer.json()["title"] == {"en": "Not signed in", "zh-hans": "未登录"}[language]


def test_theme_and_colours_are_kept(client, manager):
    client.force_login(manager.user)
    assert client.post("/settings/theme/", {"theme": "dark"}).status_code == 204
    assert client.post("/settings/theme/", {"theme": "pink"}).status_code == 400
    page = client.get("/settings/")
    assert b'data-theme="dark"' in page.content
    assert b'data-rise="red"' in page.content
    client.post("/settings/", {"language": "", "theme": "dark", "rise_is_red": "False"})
    assert b'data-rise="green"' in client.get("/settings/").content
