"""Error pages; under /api/ the same as problem details."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from org.problems import note_refusal, problem_response

API = "/api/"


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form is too old or came from elsewhere."""
    if request.path.startswith(API):
        return problem_response(403, _("The request carries no valid CSRF token."), kind="csrf")
    return render(request, "errors/403.html", status=403)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    return _answer(request, 400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    note_refusal(request)
    return _answer(request, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    return _answer(request, 404)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """What nobody foresaw. The request's id is in the header, for whoever reads the log."""
    return _answer(request, 500)


def _answer(request: HttpRequest, status: int) -> HttpResponseBase:
    if request.path.startswith(API):
        return problem_response(status)
    return render(request, f"errors/{status}.html", status=status)
