"""What allauth asks us: closed sign-up, our way of setting passwords, encrypted secrets, log-in by the firm's OIDC."""

import base64
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_backends
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from org import logins
from org.audit import record
from org.models import Staff, User


class AccountAdapter(DefaultAccountAdapter):
    """Sign-up is closed: log-ins are made by the administrator (`manage.py loadstaff`, the page *Staff*)."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def set_password(self, user: User, password: str) -> None:
        logins.set_password(user, password)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            known = User.objects.filter(username__iexact=credentials.get("username", "")).first()
            record("login.locked", user=known)
            raise

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse | None:
        """The last door for log-ins that did not pass by the backend: those of the firm's identity server."""
        if any(backend.user_can_authenticate(user) for backend in get_backends()):
            return super().pre_login(request, user, **kwargs)
        record("login.failed", user=user, detail={"by": "oidc", "known": True})
        messages.error(request, _("You are not known here. Ask the administrator for a log-in."))
        return redirect("account_login")

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return logins.errand(request) or settings.LOGIN_REDIRECT_URL

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return settings.LOGIN_REDIRECT_URL


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """The firm's identity server may log in whom we know: an account linked before, or a staff number that has a log-in."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Link the account to the member of staff its claim names; anybody else goes back to the log-in page."""
        if sociallogin.is_existing:
            return
        data = sociallogin.account.extra_data
        claims = data.get("userinfo") or data.get("id_token") or {}
        staff_no = str(claims.get(settings.OIDC_STAFF_CLAIM, ""))
        staff = Staff.objects.select_related("user").filter(staff_no=staff_no, user__isnull=False).first()
        if staff is None:
            record("login.failed", user=None, detail={"by": "oidc", "known": False})
            messages.error(request, _("You are not known here. Ask the administrator for a log-in."))
            raise ImmediateHttpResponse(redirect("account_login"))
        sociallogin.connect(request, staff.user)


class MFAAdapter(DefaultMFAAdapter):
    """Secrets of second factors are kept encrypted: a copy of the database is not enough to make codes."""

    def encrypt(self, text: str) -> str:
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _cipher().decrypt(encrypted_text.encode()).decode()


def _cipher() -> MultiFernet:
    """Cipher with a key made of SECRET_KEY; old keys in SECRET_KEY_FALLBACKS still open what they closed."""
    return MultiFernet([Fernet(_derived(key)) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _derived(secret: str) -> bytes:
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"second factor")
    return base64.urlsafe_b64encode(kdf.derive(secret.encode()))
