"""Signing in and out: the right ones come in, everybody else gets one and the same answer, and all is written down."""

from datetime import timedelta
from urllib.parse import urljoin, urlsplit

import pytest
from django.test import Client, override_settings
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from org.models import AuditEvent, Role, User
from tests.factories import StaffFactory, UserFactory
from tests.org.signin import LOGIN, is_in, sign_in, trail

TODAY = timezone.localdate()
pytestmark = pytest.mark.django_db


def test_a_manager_signs_in_and_out(client, manager):
    answer = sign_in(client, manager.user.username)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert is_in(client)
    client.post("/account/logout/")
    assert not is_in(client)
    me = manager.user.pk
    assert trail("login.ok", "login.out") == [("login.ok", me), ("login.out", me)]


def test_a_session_that_was_signed_out_is_dead_on_the_server(client, manager):
    sign_in(client, manager.user.username)
    cookie = client.cookies["session"].value
    client.post("/account/logout/")
    replay = Client()
    replay.cookies["session"] = cookie
    assert not is_in(replay)


def test_the_session_gets_a_new_key_at_sign_in(client, manager):
    client.get(LOGIN)
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies["session"] = session.session_key
    sign_in(client, manager.user.username)
    assert client.cookies["session"].value != session.session_key


def test_logging_out_wants_a_post(client, manager):
    client.force_login(manager.user)
    client.get("/account/logout/")
    assert is_in(client)


def answers(username: str, password: str):
    """Status, text without the name typed and the token, and headers of a failed log-in."""
    answer = sign_in(Client(), username, password)
    text = answer.content.decode().replace(username, "NAME")
    token = answer.context["csrf_token"]
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}
    headers.pop("Content-Length", None)
    return answer.status_code, text.replace(str(token), "TOKEN"), headers


def test_no_answer_tells_who_is_known():
    known = StaffFactory()
    leaver = StaffFactory(left_on=TODAY)
    not_yet = StaffFactory(joined_on=TODAY + timedelta(days=1))
    stopped = StaffFactory(user__is_active=False)
    no_password = StaffFactory()
    no_password.user.set_unusable_password()
    no_password.user.save()
    wrong = {answers(one.user.username, "wrong-password-1")[:2] for one in (known, leaver, stopped, no_password)}
    wrong.add(answers("nobody-at-all", "wrong-password-1")[:2])
    assert len(wrong) == 1
    # With the right password just the same: to the outside, whoever may not come in is unknown.
    right = {answers(one.user.username, "correct-horse-battery")[:2] for one in (leaver, not_yet, stopped)}
    assert right == wrong


def test_service_accounts_have_no_log_in(admin):
    from org.api_auth import make_token

    row, _token = make_token(
        name="export", scopes=["clients.view"], branch=None, expires_at=timezone.now() + timedelta(1), by=admin.user
    )
    assert not row.user.has_usable_password()
    assert not is_in_after(row.user.username, "")


def is_in_after(username: str, password: str) -> bool:
    browser = Client()
    sign_in(browser, username, password)
    return is_in(browser)


def test_failures_are_written_down_without_what_was_typed(client, manager):
    sign_in(client, manager.user.username, "wrong-password-1")
    sign_in(client, "my-secret-typed-in-the-wrong-field", "x")
    rows = AuditEvent.objects.filter(action="login.failed").order_by("pk")
    assert [(row.user_id, row.detail) for row in rows] == [
        (manager.user.pk, {"known": True}),
        (None, {"known": False}),
    ]
    assert not AuditEvent.objects.filter(detail__icontains="secret").exists()
    assert {row.address for row in rows} == {"127.0.0.1"}
    assert all(len(row.request_id) == 32 for row in rows)


# --- Lock-out -------------------------------------------------------------------------------------------------------


def locked(answer) -> bool:
    return answer.status_code == 429 or b"too many" in answer.content.lower() or "尝试".encode() in answer.content


def tries(username: str, count: int, headers=lambda number: {}) -> int:
    """How many of so many wrong passwords reached the check of the password."""
    before = AuditEvent.objects.filter(action="login.failed").count()
    for number in range(count):
        sign_in(Client(), username, f"wrong-password-{number}", **headers(number))
    return AuditEvent.objects.filter(action="login.failed").count() - before


@pytest.fixture
def quick_hasher(settings):
    """Counting attempts needs many of them; how slow each is, is not the point."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]


def test_five_failures_lock_a_name_even_for_the_right_password(manager):
    assert tries(manager.user.username, 8) == 5
    assert not is_in_after(manager.user.username, "correct-horse-battery")
    assert trail("login.locked") == [("login.locked", manager.user.pk)] * 4
    # Another name from the same address goes on.
    assert is_in_after(StaffFactory().user.username, "correct-horse-battery")


def test_an_unknown_name_is_locked_just_the_same(quick_hasher):
    assert tries("nobody-at-all", 8) == 5


@pytest.mark.parametrize(
    "header",
    ["HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_CLIENT_IP", "HTTP_FORWARDED", "HTTP_X_FORWARDED__FOR"],
)
def test_no_header_resets_the_count(quick_hasher, header):
    assert tries("nobody-at-all", 12, lambda number: {header: f"203.0.113.{number}"}) == 5
    # Nor the count of the address, with a new name each time.
    reached = sum(
        tries(f"name-{number}", 1, lambda _, number=number: {header: f"203.0.113.{number}"}) for number in range(30)
    )
    assert reached < 25


def test_behind_a_proxy_its_word_counts_and_no_others(quick_hasher):
    """TRUSTED_PROXIES=1: the last address is the proxy's; what the client wrote before it is not believed."""
    with override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=1):
        forged = [
            tries(f"a{n}", 1, lambda _, n=n: {"HTTP_X_FORWARDED_FOR": f"198.51.100.{n}, 10.0.0.7"}) for n in range(30)
        ]
        assert sum(forged) == 20
        # Another address behind the same proxy has a count of its own.
        assert tries("b", 1, lambda _: {"HTTP_X_FORWARDED_FOR": "10.0.0.8"}) == 1
        row = AuditEvent.objects.order_by("-pk").first()
        assert row.address == "10.0.0.8"


def test_a_success_does_not_wipe_the_count(manager):
    assert tries(manager.user.username, 4) == 4
    assert is_in_after(manager.user.username, "correct-horse-battery")
    assert tries(manager.user.username, 3) == 1


# --- What there is not ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["signup/", "email/", "password/reset/", "3rdparty/signup/", "3rdparty/", "inactive/", ""]
)
def test_sign_up_and_reset_by_mail_do_not_exist(client, path):
    assert client.get(f"/account/{path}").status_code == 404
    assert client.post(f"/account/{path}").status_code == 404


@pytest.mark.parametrize("name", ["account_signup", "account_email", "account_reset_password", "socialaccount_signup"])
def test_nothing_links_to_them(name):
    with pytest.raises(NoReverseMatch):
        reverse(name)


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "/\\evil.example", "https:evil.example", "%2F%2Fevil.example"]
)
def test_redirects_stay_at_home(client, manager, target):
    there = client.post("/settings/language/", {"language": "en", "next": target}).headers["Location"]
    assert urlsplit(urljoin("http://testserver/settings/language/", there.replace("\\", "/"))).netloc == "testserver"
    form = {"login": manager.user.username, "password": "correct-horse-battery", "next": target}
    there = client.post(LOGIN, form).headers["Location"]
    assert urlsplit(urljoin(f"http://testserver{LOGIN}", there.replace("\\", "/"))).netloc == "testserver"


def test_cookies_are_out_of_reach(client, manager):
    sign_in(client, manager.user.username)
    for name in ("session", "csrf"):
        morsel = client.cookies[name]
        assert morsel["httponly"]
        assert morsel["samesite"] == "Lax"
    assert client.cookies["session"]["expires"] == ""


def test_idle_log_ins_are_shut(client, manager, settings):
    settings.IDLE_ACCOUNT_DAYS, settings.PASSWORD_MAX_AGE_DAYS = 90, 0
    old = timezone.now() - timedelta(days=91)
    User.objects.filter(pk=manager.user.pk).update(date_joined=old, last_login=old)
    assert not is_in_after(manager.user.username, "correct-horse-battery")
    User.objects.filter(pk=manager.user.pk).update(last_login=timezone.now() - timedelta(days=89))
    assert is_in_after(manager.user.username, "correct-horse-battery")


def test_a_log_in_without_staff_comes_in_and_sees_nothing(client):
    user = UserFactory()
    sign_in(client, user.username)
    assert is_in(client)
    assert client.get("/clients/").status_code == 403


def test_roles_do_not_change_by_asking(client, manager):
    """The settings form writes interface fields only, whatever the body brings along."""
    client.force_login(manager.user)
    client.post(
        "/settings/",
        {
            "language": "en",
            "theme": "dark",
            "rise_is_red": "False",
            "is_superuser": "on",
            "username": "root",
            "role": "admin",
        },
    )
    user = User.objects.select_related("staff").get(pk=manager.user.pk)
    assert (user.language, user.theme, user.rise_is_red) == ("en", "dark", False)
    assert (user.is_superuser, user.username, user.staff.role) == (False, manager.user.username, Role.ACCOUNT_MANAGER)
