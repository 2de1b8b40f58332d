"""The second factor and the firm's own identity server."""

import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.test import Client, TestCase

from org.models import AuditEvent, Role, Staff
from tests.factories import PASSWORD, StaffFactory
from tests.org.idp import CLIENT, SECRET, IdentityServer
from tests.org.signin import code_of, is_in, sign_in, trail

pytestmark = pytest.mark.django_db
TOTP = "/account/2fa/totp/activate/"


def set_up(browser: Client) -> str:
    """Set up the second factor as a person does; the secret."""
    browser.post("/account/reauthenticate/", {"password": PASSWORD})
    secret = browser.get(TOTP).context["form"].secret
    with TestCase.captureOnCommitCallbacks(execute=True):
        assert browser.post(TOTP, {"code": code_of(secret)}).status_code == 302
    return secret


@pytest.fixture
def secret(client, manager) -> str:
    sign_in(client, manager.user.username)
    found = set_up(client)
    client.post("/account/logout/")
    return found


def recovery_codes(user) -> list[str]:
    return Authenticator.objects.get(user=user, type="recovery_codes").wrap().get_unused_codes()


def test_after_the_password_the_code_is_asked_for(client, manager, secret):
    answer = sign_in(client, manager.user.username)
    assert answer.headers["Location"] == "/account/2fa/authenticate/"
    assert not is_in(client)
    assert client.post("/account/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert not is_in(client)
    # Setting up does not use the code up, so this one is good still.
    client.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    assert is_in(client)
    assert trail("factor.added", "factor.failed") == [
        ("factor.added", manager.user.pk),
        ("factor.added", manager.user.pk),
        ("factor.failed", manager.user.pk),
    ]


def test_half_signed_in_nothing_opens(client, manager, secret):
    sign_in(client, manager.user.username)
    for path in ("/", "/staff/", "/settings/", "/clients/", "/account/2fa/", "/account/password/change/", TOTP):
        assert client.get(path).status_code == 302, path
        assert client.get(path).headers["Location"].startswith("/account/login/"), path
    assert client.get("/api/v1/schema/").status_code == 401


def test_a_code_works_once(client, manager, secret):
    code = code_of(secret)
    sign_in(client, manager.user.username)
    client.post("/account/2fa/authenticate/", {"code": code})
    assert is_in(client)
    other = Client()
    sign_in(other, manager.user.username)
    other.post("/account/2fa/authenticate/", {"code": code})
    assert not is_in(other)


def test_a_recovery_code_works_once(client, manager, secret):
    code = recovery_codes(manager.user)[0]
    for browser, comes_in in ((Client(), True), (Client(), False)):
        sign_in(browser, manager.user.username)
        browser.post("/account/2fa/authenticate/", {"code": code})
        assert is_in(browser) is comes_in


def test_codes_cannot_be_guessed(client, manager, secret):
    sign_in(client, manager.user.username)
    for number in range(5):
        client.post("/account/2fa/authenticate/", {"code": f"{number:06d}"})
    client.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    assert not is_in(client)


def test_the_secret_is_kept_encrypted(manager, secret):
    row = Authenticator.objects.get(user=manager.user, type="totp")
    assert secret not in str(row.data)
    assert row.wrap().validate_code(code_of(secret))


def test_secrets_outlive_a_new_key(manager, secret, settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "quite-another-key-of-the-firm-0123456789-0123456789"
    assert Authenticator.objects.get(user=manager.user, type="totp").wrap().validate_code(code_of(secret))


def test_taking_the_factor_off_wants_the_password_again(client, manager, secret):
    sign_in(client, manager.user.username)
    client.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    answer = client.post("/account/2fa/totp/deactivate/")
    assert "reauthenticate" in answer.headers["Location"]
    assert Authenticator.objects.filter(user=manager.user, type="totp").exists()


@pytest.mark.django_db(transaction=True)  # the session learns of the factor when the transaction commits
def test_roles_that_need_one_set_it_up_before_anything_else(client, admin, settings):
    settings.SECOND_FACTOR_ROLES = ["admin"]
    answer = sign_in(client, admin.user.username)
    assert answer.headers["Location"] == TOTP
    assert client.get("/staff/").headers["Location"] == TOTP
    set_up(client)
    assert client.get("/staff/").status_code == 200
    other = StaffFactory()
    sign_in(client := Client(), other.user.username)
    assert is_in(client)


# --- The firm's identity server -------------------------------------------------------------------------------------


@pytest.fixture
def server(settings):
    found = IdentityServer()
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {
            "OAUTH_PKCE_ENABLED": True,
            "APPS": [
                {
                    "provider_id": "oidc",
                    "name": "Firm",
                    "client_id": CLIENT,
                    "secret": SECRET,
                    "settings": {"server_url": found.url},
                }
            ],
        }
    }
    with found.running():
        yield found


def arrive(browser: Client, server: IdentityServer, **claims):
    """Sign in at the identity server and come back."""
    server.claims = {"sub": "u-1", **claims}
    leaving = browser.post("/account/oidc/oidc/login/")
    assert leaving.headers["Location"].startswith(server.url)
    back = server.authorize(leaving.headers["Location"])
    return browser.get("/account/oidc/oidc/login/callback/", back)


def test_whom_we_know_comes_in_by_staff_number(client, server, manager):
    arrive(client, server, preferred_username=manager.staff_no)
    assert is_in(client)
    assert trail("login.ok") == [("login.ok", manager.user.pk)]
    # From now on the account is linked: the claim may change, the subject stays.
    other = Client()
    arrive(other, server, preferred_username="renamed")
    assert is_in(other)
    assert SocialAccount.objects.get().user_id == manager.user.pk


@pytest.mark.parametrize("claims", [{"preferred_username": "E9999"}, {}, {"preferred_username": ""}])
def test_nobody_is_signed_up(client, server, claims, db):
    answer = arrive(client, server, **claims)
    assert answer.headers["Location"] == "/account/login/"
    assert not is_in(client)
    assert not SocialAccount.objects.exists()
    assert AuditEvent.objects.get(action="login.failed").detail == {"by": "oidc", "known": False}


def test_a_leaver_stays_out(client, server, manager):
    Staff.objects.filter(pk=manager.pk).update(left_on="2020-01-01")
    answer = arrive(client, server, preferred_username=manager.staff_no)
    assert answer.headers["Location"] == "/account/login/"
    assert not is_in(client)
    assert trail("login.ok") == []


def test_an_e_mail_alone_opens_nothing(client, server, manager):
    manager.user.email = "a@example.com"
    manager.user.save()
    arrive(client, server, email="a@example.com", email_verified=True)
    assert not is_in(client)


def test_it_is_offered_at_the_log_in_page_and_keeps_the_way_back(client, server, manager):
    page = client.get("/account/login/?next=/staff/").content.decode()
    assert 'action="/account/oidc/oidc/login/"' in page
    assert page.count('name="next" value="/staff/"') == 2
    server.claims = {"sub": "u-1", "preferred_username": manager.staff_no}
    leaving = client.post("/account/oidc/oidc/login/", {"next": "/staff/"})
    back = server.authorize(leaving.headers["Location"])
    assert client.get("/account/oidc/oidc/login/callback/", back).headers["Location"] == "/staff/"


def test_without_a_server_there_is_no_such_page(client, db):
    assert b"oidc" not in client.get("/account/login/").content
    assert client.get("/account/oidc/oidc/login/").status_code == 404


def test_who_has_no_password_here_is_told_where_to_change_it(client, server):
    staff = StaffFactory(role=Role.ADMIN)
    staff.user.set_unusable_password()
    staff.user.save()
    arrive(client, server, preferred_username=staff.staff_no)
    answer = client.get("/account/password/change/", follow=True)
    assert answer.redirect_chain[-1][0] == "/settings/"
    assert not re.search(r"name=.password1", answer.content.decode())
