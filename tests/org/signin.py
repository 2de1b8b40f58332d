"""What the tests of sign-in share: the form in a browser's hands, codes of a second factor, the trail."""

import time

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client

from org.models import AuditEvent
from tests.factories import PASSWORD

LOGIN = "/account/login/"


def sign_in(browser: Client, username: str, password: str = PASSWORD, **headers):
    """Send the form of the log-in page."""
    return browser.post(LOGIN, {"login": username, "password": password}, **headers)


def is_in(browser: Client) -> bool:
    """Whether the browser's session holds."""
    return browser.get("/settings/").status_code == 200


def code_of(secret: str, steps: int = 0) -> str:
    """The code an authenticator shows now, or some steps of 30 s later; one that is about to run out is waited for."""
    left = 30 - time.time() % 30
    if not steps and left < 4:
        time.sleep(left)
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def trail(*actions: str) -> list[tuple[str, int | None]]:
    """(action, user id) of these actions in the audit trail, oldest first."""
    rows = AuditEvent.objects.filter(action__in=actions).order_by("pk")
    return list(rows.values_list("action", "user_id"))
