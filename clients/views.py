"""Pages over many clients: list, export, saved views, search, bulk actions."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext, ngettext

from clients import hits, services
from clients.errors import Refused
from clients.lists import ClientListing, managers_for
from crm import clock
from org import audit
from org.listing.state import MAX_QUERY
from org.listing.views import ListExport, ListPage, SavedViews
from org.views import ScopedPage


class ClientList(ListPage):
    """The client list (C1)."""

    right = "clients.view"
    listing = ClientListing
    template_name = "clients/list.html"

    def more(self, listing) -> dict[str, Any]:
        return {"personal": True}


class ClientExport(ListExport):
    """Export of the client list."""

    right = "clients.export"
    listing = ClientListing


class ClientViews(SavedViews):
    """Saved views of the client list."""

    right = "clients.view"
    listing = ClientListing


class Search(ScopedPage):
    """Search (C10): hits for the top bar as a fragment, or a page of its own for who comes without scripts."""

    right = "clients.view"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        text = request.GET.get("q", "")
        found = hits.hits(request.user, text)
        if text.strip():
            # As it is typed: each request that gave names away is a row, told by length only.
            audit.record_read("search", user=request.user, rows=len(found.hits), filters=(), characters=len(text))
        template = "clients/_hits.html" if request.headers.get("HX-Request") == "true" else "clients/search.html"
        response = render(request, template, {"text": text[:60], "found": found})
        response.headers["Vary"] = "HX-Request"
        return response


class BulkAct(ScopedPage):
    """Base of what is done to the chosen rows of the client list."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        listing = ClientListing(request, QueryDict(request.POST.get("query", "").lstrip("?")[:MAX_QUERY]))
        try:
            messages.success(request, self.act(request, listing.chosen(request.POST)))
        except Refused as refusal:
            messages.error(request, str(refusal.message))
        return redirect(listing.url + listing.state.url())

    def act(self, request: HttpRequest, chosen) -> str:
        """Do it; the words for the viewer."""
        raise NotImplementedError


class Reassign(BulkAct):
    """Hand the chosen clients to another manager; GET gives the fields of the dialog."""

    right = "clients.reassign"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return render(request, "clients/_reassign.html", {"managers": managers_for(request, clock.today())})

    def act(self, request: HttpRequest, chosen) -> str:
        moved = services.reassign(
            chosen,
            request.POST.get("to", ""),
            reason=request.POST.get("reason", ""),
            user=request.user,
            on=clock.today(),
            at=clock.now(),
        )
        if not moved:
            return gettext("Nothing to do: these clients are with that manager already.")
        return ngettext("%(n)d client handed over.", "%(n)d clients handed over.", moved) % {"n": moved}


class ConfirmMany(BulkAct):
    """The chosen records were checked today (C1)."""

    right = "clients.edit"
    http_method_names = ["post"]

    def act(self, request: HttpRequest, chosen) -> str:
        count = services.confirm_many(chosen, user=request.user, on=clock.today(), at=clock.now())
        return ngettext("%(n)d record confirmed.", "%(n)d records confirmed.", count) % {"n": count}
