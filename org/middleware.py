"""Who is asking: one query for user, staff and branch; language, session ends, request id."""

import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

from crm.clock import today
from org.scope import in_service


class PersonMiddleware:
    """Gives a request its id, ends sessions that are too old or belong to somebody who has left, sets the language."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.request_id = uuid.uuid4().hex  # type: ignore[attr-defined]
        # The key, not the user: an anonymous request must not cost a query.
        if auth.SESSION_KEY in request.session:
            if self._session_is_over(request):
                auth.logout(request)
                return redirect_to_login(request.get_full_path())
            language = request.user.language  # type: ignore[union-attr]
            if language and language != translation.get_language():
                translation.activate(language)
                request.LANGUAGE_CODE = language  # type: ignore[attr-defined]
        response = self.get_response(request)
        response.headers.setdefault("X-Request-ID", request.request_id)  # type: ignore[attr-defined]
        if auth.SESSION_KEY in request.session:
            response.headers.setdefault("Cache-Control", "no-store")
            patch_vary_headers(response, ["Cookie", "HX-Request"])
        return response

    @staticmethod
    def _session_is_over(request: HttpRequest) -> bool:
        now = int(time.time())
        ends_at = request.session.get("ends_at")
        if ends_at is None:
            request.session["ends_at"] = now + settings.SESSION_ABSOLUTE_SECONDS
        elif now >= ends_at:
            return True
        user = request.user
        if not user.is_authenticated:
            return False
        staff = getattr(user, "staff", None)
        if staff is None:
            return False
        return not in_service(staff, today())
