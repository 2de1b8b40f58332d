"""The service worker: a script is allowed to answer for the addresses below its own, so it is served from here."""

from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from org.views import page


@page("visits.edit")
@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """The script of `static/app/worker.js`; asked for again each time, so that a new one takes over."""
    path = finders.find("app/worker.js")
    if path is None:
        raise Http404
    with open(path, "rb") as file:
        response = HttpResponse(file.read(), content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response
