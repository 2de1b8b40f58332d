"""Base of all pages: log-in, a declared right, the viewer's scope."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.generic import TemplateView

from org.rights import may
from org.scope import Scope, scope_of

#: A page for everybody who is signed in.
ANYBODY = "anybody"


class ScopedPage(LoginRequiredMixin, TemplateView):
    """A page that declares its right; `self.scope` says whose rows it may show.

    Raises PermissionDenied (403) when the role lacks the right altogether: the page exists, but not for this role.
    Rows out of scope are never 403 but 404: fetch them from `visible_to(user)`.
    """

    right: str = ""
    scope: Scope

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not self.right:
            raise ImproperlyConfigured(f"{type(self).__name__} declares no right")
        if not request.user.is_authenticated:
            return self.handle_no_permission()
        if self.right != ANYBODY and not may(request.user, self.right):
            raise PermissionDenied(self.right)
        self.scope = scope_of(request.user)
        return super().dispatch(request, *args, **kwargs)


def page(right: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """The same for a function: `@page("clients.view")`."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect(f"{reverse('account_login')}?next={request.get_full_path()}")
            if right != ANYBODY and not may(request.user, right):
                raise PermissionDenied(right)
            return view(request, *args, **kwargs)

        guarded.right = right  # type: ignore[attr-defined]  the scope test reads it
        return guarded

    return decorate
