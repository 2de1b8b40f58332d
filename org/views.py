"""Base of all pages: log-in, a declared right, the viewer's scope."""

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse
from django.views.generic import TemplateView

from org.rights import ANYBODY, require
from org.scope import Scope, scope_of

__all__ = ["ANYBODY", "ScopedPage", "month_or_404", "page", "to_login"]

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class ScopedPage(TemplateView):
    """A page that declares its right; `self.scope` says whose rows it may show.

    `right` is for reading, `post_right` for writing (the same, if left empty). Raises PermissionDenied (403) when the
    role lacks the right altogether: the page exists, but not for this role. Rows out of scope are never 403 but 404:
    fetch them from `visible_to(user)`.
    """

    right: str = ""
    post_right: str = ""
    scope: Scope

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not self.right:
            raise ImproperlyConfigured(f"{type(self).__name__} declares no right")
        refusal = _refusal(request, self.right, self.post_right)
        if refusal is not None:
            return refusal
        self.scope = scope_of(request.user)
        return super().dispatch(request, *args, **kwargs)  # type: ignore[return-value]


def page(right: str, *, post: str = "") -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """The same for a function: `@page("clients.view")`, `@page("staff.view", post="staff.edit")`."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            refusal = _refusal(request, right, post)
            return view(request, *args, **kwargs) if refusal is None else refusal

        # The scope test reads them.
        guarded.right, guarded.post_right = right, post  # type: ignore[attr-defined]
        return guarded

    return decorate


def month_or_404(text: str) -> date:
    """First day of a month given as YYYY-MM in an address or a form. Raises Http404 for anything else."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise Http404 from error


def to_login(request: HttpRequest) -> HttpResponse:
    """Send to the log-in page and back here afterwards; a fragment asks the whole page to go."""
    if request.headers.get("HX-Request") != "true":
        return redirect_to_login(request.get_full_path())
    here = urlsplit(request.headers.get("HX-Current-URL", ""))
    path = f"{here.path}?{here.query}" if here.query else here.path
    response = HttpResponse(status=204)
    response["HX-Redirect"] = redirect_to_login(path or "/").url
    return response


def _refusal(request: HttpRequest, right: str, post_right: str) -> HttpResponse | None:
    """The way to the log-in for strangers, PermissionDenied for the wrong role, None for the right one."""
    if not request.user.is_authenticated:
        return to_login(request)
    wanted = right if request.method in SAFE_METHODS or not post_right else post_right
    require(request.user, wanted)
    return None
