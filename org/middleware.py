"""Who is asking, in which language, and whether the session still holds; one query for user, staff and branch."""

import time
import uuid
from collections.abc import Callable
from contextvars import Token

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import auth, messages
from django.core.exceptions import ValidationError
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from crm import cache
from org import audit, logins
from org.models import User
from org.problems import problem_response

GetResponse = Callable[[HttpRequest], HttpResponse]

API = "/api/"
#: How often the session notes that its owner is still there, in seconds: exact enough, and a page stays a read.
NOTE_ACTIVITY_EVERY = 60
GUESSED = {
    "account_login",
    "account_reauthenticate",
    "account_change_password",
    "mfa_authenticate",
    "mfa_reauthenticate",
}


class LanguageMiddleware:
    """Language of a request: the API by Accept-Language, pages by the visitor's choice, else the firm's default.

    Browsers send Accept-Language without anybody having chosen it, so pages do not go by it: LANGUAGE_CODE would
    otherwise mean nothing. `PersonMiddleware` puts the signed-in user's own choice above the cookie's.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        use_language(request, _accepted(request) if request.path.startswith(API) else _chosen(request))
        response = self.get_response(request)
        response.headers.setdefault("Content-Language", translation.get_language() or settings.LANGUAGE_CODE)
        patch_vary_headers(response, ["Accept-Language" if request.path.startswith(API) else "Cookie"])
        return response


def use_language(request: HttpRequest, language: str) -> None:
    """Answer this request in a language."""
    translation.activate(language)
    request.LANGUAGE_CODE = language  # type: ignore[attr-defined]


def _chosen(request: HttpRequest) -> str:
    language = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    return language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def _accepted(request: HttpRequest) -> str:
    for language, _quality in translation.trans_real.parse_accept_lang_header(  # type: ignore[attr-defined]
        request.headers.get("Accept-Language", "")
    ):
        try:
            return translation.get_supported_language_variant(language)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE


class PersonMiddleware:
    """Gives a request its id, ends sessions whose time or owner is over, sends to what must be done first."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.request_id = uuid.uuid4().hex  # type: ignore[attr-defined]
        token: Token[HttpRequest | None] = audit.current_request.set(request)
        try:
            # The key, not the user: an anonymous request must not cost a query.
            signed_in = auth.SESSION_KEY in request.session
            response = (self._hold_up(request) if signed_in else None) or self.get_response(request)
            audit.settle(request, response)
        finally:
            audit.current_request.reset(token)
        response.headers.setdefault("X-Request-ID", request.request_id)  # type: ignore[attr-defined]
        if signed_in:
            response.headers.setdefault("Cache-Control", "no-store")
            patch_vary_headers(response, ["Cookie", "HX-Request"])
        return response

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> HttpResponse | None:
        """Shut the doors at which a secret can be guessed while attempts cannot be counted."""
        match = request.resolver_match
        if request.method != "POST" or match is None or match.view_name not in GUESSED or cache.answers():
            return None
        messages.error(request, _("Sign-in does not work for the moment. Try again in a few minutes."))
        return redirect(request.path)

    def _hold_up(self, request: HttpRequest) -> HttpResponse | None:
        """An answer instead of the page, if the session is over or something else comes first."""
        owner_id = request.session[auth.SESSION_KEY]
        ended = self._why_over(request)
        if ended:
            # From here on a stranger asks: most pages will send to the log-in, the API answers 401.
            self._end(request, owner_id, ended)
            return None
        self._note_activity(request)
        user = request.user
        language = user.language  # type: ignore[union-attr]
        if language and not (request.path.startswith(API) and "Accept-Language" in request.headers):
            use_language(request, language)
        errand = logins.errand(request)
        if errand is None or request.path.startswith("/account/") or request.path == reverse("org:language"):
            return None
        if request.path.startswith(API):
            detail = _("Sign in on a page first: a new password or a second factor is due.")
            return problem_response(403, detail, kind="sign-in-first")
        response = redirect(errand)
        if request.headers.get("HX-Request") == "true":
            response = HttpResponse(status=204, headers={"HX-Redirect": response.url})
        return response

    @staticmethod
    def _why_over(request: HttpRequest) -> str:
        now, session = int(time.time()), request.session
        if now >= session.get("ends_at", 0):
            return "absolute"
        if now - session.get("seen_at", 0) > settings.SESSION_IDLE_SECONDS:
            return "idle"
        # The backend knows no leavers, stopped log-ins and service accounts; a new password ends other sessions.
        return "" if request.user.is_authenticated else "owner"

    @staticmethod
    def _end(request: HttpRequest, owner_id: str, why: str) -> None:
        UserSession.objects.filter(session_key=request.session.session_key).delete()
        request.session.flush()
        request.user = auth.models.AnonymousUser()
        try:
            owner = User.objects.filter(pk=User._meta.pk.to_python(owner_id)).first()
        except ValidationError:
            owner = None
        audit.record("session.ended", user=owner, detail={"why": why})

    @staticmethod
    def _note_activity(request: HttpRequest) -> None:
        now = int(time.time())
        if now - request.session["seen_at"] < NOTE_ACTIVITY_EVERY:
            return
        request.session["seen_at"] = now
        UserSession.objects.filter(session_key=request.session.session_key).update(last_seen_at=Now())
