"""Views of the record page and its parts. Out of scope is 404, like a number that does not exist."""

import json
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.functional import cached_property
from django.utils.http import urlencode
from django.utils.translation import gettext

from clients import cards, services
from clients.errors import Conflict, Refused
from clients.forms import CareForm, NoteForm
from clients.kinds import field_label
from clients.lists import managers_for, record_url
from clients.models import Client, ClientCare
from clients.record import page, seen
from clients.rules import CONFIRMABLE
from clients.services.care import EDITABLE
from clients.services.events import name_of
from clients.services.viewing import MASKS, masked_value
from crm import clock
from org import audit
from org.queries import audit_page
from org.rights import may
from org.views import ScopedPage

#: How far back the record tells who has opened it.
VIEWED_DAYS = 90
TABS = ("overview", "accounts", "details", "history")


class ClientPage(ScopedPage):
    """Base: the client of the address, in the viewer's scope."""

    right = "clients.view"

    @cached_property
    def client(self) -> Client:
        try:
            return page.visible_client(self.request.user, self.kwargs["client_no"])
        except (Client.DoesNotExist, ValueError) as missing:
            raise Http404 from missing

    @property
    def url(self) -> str:
        return record_url(self.client.client_no)

    def part(self, template: str, context: dict[str, Any] | None = None, **headers: str) -> HttpResponse:
        """A fragment of the page."""
        base = {"client": self.client, "url": self.url, "care": page.care_of(self.client)}
        response = render(self.request, f"clients/record/{template}", base | (context or {}))
        for name, value in headers.items():
            response.headers[name.replace("_", "-")] = value
        return response

    def done(self, words: str) -> HttpResponse:
        """Back to the record, with a word about what happened."""
        messages.success(self.request, words)
        return self.back()

    def back(self) -> HttpResponse:
        if self.request.headers.get("HX-Request") != "true":
            return redirect(self.url)
        return HttpResponse(status=204, headers={"HX-Redirect": self.url})


class Record(ClientPage):
    """The record page; opening it is written into the audit trail."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        client, on = self.client, clock.today()
        care = page.care_of(client)
        tab = request.GET.get("tab", TABS[0])
        tab = tab if tab in TABS else TABS[0]
        services.record_view(client, request.user)
        context = {
            "client": client,
            "url": self.url,
            "care": care,
            "name": page.shown_name(client, request.user),
            "wishes": page.wishes(care),
            "stale": page.stale_facts(client, care, on),
            "co_managers": list(client.co_managers.select_related("staff").order_by("staff__name")),
            "badges": page.rendered(cards.Place.HEADER, client, request),
            "figures": page.rendered(cards.Place.FIGURES, client, request),
            "story": page.story(client, request.user),
            "tab": tab,
            "tab_template": f"clients/record/tab_{tab}.html",
            "tabs": [(key, words, "" if key == TABS[0] else f"?tab={key}") for key, words in self._tabs()],
            "may_edit": may(request.user, "clients.edit"),
            "may_reveal": may(request.user, "clients.reveal"),
            "may_reassign": may(request.user, "clients.reassign"),
            "may_read_notes": not self.scope.masked,
            "note_form": NoteForm(),
            "personal": True,
            **getattr(self, f"tab_{tab}")(client, care, on),
        }
        return render(request, "clients/record/page.html", context)

    def _tabs(self) -> list[tuple[str, str]]:
        return [
            ("overview", gettext("Overview")),
            ("accounts", gettext("Accounts")),
            ("details", gettext("Details")),
            ("history", gettext("History")),
        ]

    def tab_overview(self, client, care, on) -> dict[str, Any]:
        return {
            "facts": page.facts(client, care, page.MAIN_FACTS, on),
            "cards": page.rendered(cards.Place.OVERVIEW, client, self.request),
        }

    def tab_accounts(self, client, care, on) -> dict[str, Any]:
        return {"accounts": list(client.accounts.order_by("status", "account_no"))}

    def tab_details(self, client, care, on) -> dict[str, Any]:
        return {"facts": page.facts(client, care, page.MAIN_FACTS + page.MORE_FACTS, on)}

    def tab_history(self, client, care, on) -> dict[str, Any]:
        found: dict[str, Any] = {"cards": page.rendered(cards.Place.HISTORY, client, self.request)}
        if may(self.request.user, "clients.viewers"):
            since = clock.now() - timedelta(days=VIEWED_DAYS)
            found["viewers"] = services.viewers(client.client_no, user=self.request.user, since=since)
            found["viewed_days"] = VIEWED_DAYS
        return found


class Seen(ClientPage):
    """Who has seen this client, act by act (U8); with `format=csv` the access report that a client may ask for (H2)."""

    right = "clients.viewers"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        number = self.client.client_no
        rows = services.seen(number, user=request.user)
        if request.GET.get("format") == "csv":
            audit.record("client.report", user=request.user, object_kind="client", object_no=number)
            return seen.as_report(rows, number)
        try:
            found = audit_page(rows, key=request.GET.get("after", ""))
        except ValueError:
            raise Http404 from None
        if "after" not in request.GET:
            audit.record("client.seen", user=request.user, object_kind="client", object_no=number)
        older = f"?{urlencode({'after': found.after})}" if found.after else ""
        context = {"client": self.client, "url": self.url, "rows": [seen.told(row, number) for row in found.rows]}
        context |= {"older": older, "newest": "after" in request.GET, "personal": True}
        return render(request, "clients/record/seen.html", context)


class Timeline(ClientPage):
    """More of the story, or its newest part again."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.part(
            "_timeline.html", {"story": page.story(self.client, request.user, request.GET.get("before", ""))}
        )


class Note(ClientPage):
    """A person writes a note (C8)."""

    right = "clients.edit"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = NoteForm(request.POST)
        if form.is_valid():
            try:
                services.add_note(self.client.client_no, form.cleaned_data["text"], user=request.user, at=clock.now())
            except Refused as refusal:
                form.add_error("text", str(refusal.message))
        if form.is_valid():
            return self.done(gettext("Note kept."))
        return self.part("_note_form.html", {"note_form": form})


class Reveal(ClientPage):
    """POST shows one masked field for a minute, and says so in the audit trail; GET masks it again."""

    right = "clients.view"
    post_right = "clients.reveal"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        field = self._field(request.GET.get("field", ""))
        value = masked_value(field, getattr(self.client, field))
        return self.part(
            "_masked.html", {"field": field, "value": value, "may_reveal": may(request.user, "clients.reveal")}
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        field = self._field(request.POST.get("field", ""))
        shown = services.reveal(self.client.client_no, [field], user=request.user)
        return self.part("_revealed.html", {"field": field, "value": shown[field]}, Cache_Control="no-store")

    def _field(self, name: str) -> str:
        if name not in MASKS:
            raise Http404
        return name


class Confirm(ClientPage):
    """One field, or all, were checked with the client today (C1)."""

    right = "clients.edit"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        wanted = list(CONFIRMABLE) if request.POST.get("all") == "1" else request.POST.getlist("field")
        if not wanted or not set(wanted) <= set(CONFIRMABLE):
            raise Http404
        on = clock.today()
        care = services.confirm(self.client.client_no, wanted, user=request.user, on=on, at=clock.now())
        if request.headers.get("HX-Request") != "true" or request.POST.get("all") == "1":
            return self.done(gettext("Confirmed."))
        names = page.MAIN_FACTS + page.MORE_FACTS if request.POST.get("tab") == "details" else page.MAIN_FACTS
        return self.part(
            "_facts.html",
            {
                "facts": page.facts(self.client, care, names, on),
                "may_edit": True,
                "may_reveal": may(request.user, "clients.reveal"),
                "tab": request.POST.get("tab", ""),
            },
            HX_Trigger=json.dumps({"storyChanged": {}, "crm:toast": {"text": gettext("Confirmed.")}}),
        )


class Care(ClientPage):
    """Credit standing and contact wishes (C7), edited in place; a conflict shows both versions."""

    right = "clients.edit"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        care = page.care_of(self.client)
        return self._form(CareForm(instance=care, initial={"version": care.version}))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        care = page.care_of(self.client)
        form = CareForm(request.POST, instance=care)
        if not form.is_valid():
            return self._form(form)
        values = {name: form.cleaned_data[name] for name in EDITABLE}
        try:
            services.update_care(
                self.client.client_no,
                form.cleaned_data["version"],
                values,
                user=request.user,
                on=clock.today(),
                at=clock.now(),
            )
        except Conflict:
            return self._conflict(request, values)
        return self.done(gettext("Saved."))

    def _conflict(self, request: HttpRequest, typed: dict[str, Any]) -> HttpResponse:
        """Both versions side by side; what was typed stays in the form, saving again overwrites knowingly."""
        theirs = ClientCare.objects.select_related("changed_by__staff").get(pk=self.client.pk)
        data = request.POST.copy()
        data["version"] = str(theirs.version)
        form = CareForm(data, instance=ClientCare(client=self.client))
        differing = [
            (field_label(name), _words(theirs, name), _words(ClientCare(**typed), name))
            for name in EDITABLE
            if getattr(theirs, name) != typed[name]
        ]
        who = name_of(theirs.changed_by) if theirs.changed_by else ""
        return self._form(form, conflict=differing, changed_by=who, changed_at=theirs.changed_at)

    def _form(self, form: CareForm, **more: Any) -> HttpResponse:
        context = {"form": form, "name": page.shown_name(self.client, self.request.user), "personal": True, **more}
        hx = self.request.headers.get("HX-Request") == "true"
        return self.part("_care_form.html" if hx else "care.html", context)


class CoManagers(ClientPage):
    """Colleagues who look after the client too (C1); GET gives the dialog's fields."""

    right = "clients.reassign"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        staff = (
            managers_for(request, clock.today()).filter(branch=self.client.branch_id).exclude(pk=self.client.manager_id)
        )
        present = list(self.client.co_managers.select_related("staff").order_by("staff__name"))
        taken = {co_manager.staff_id for co_manager in present}
        offered = [one for one in staff if one.pk not in taken]
        return self.part("_co_managers.html", {"co_managers": present, "offered": offered})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        number = request.POST.get("staff", "")[:32].replace("\x00", "")
        client_no = self.client.client_no
        if request.POST.get("act") == "remove":
            services.remove_co_manager(client_no, number, user=request.user, at=clock.now())
            return self.done(gettext("Co-manager removed."))
        try:
            services.add_co_manager(client_no, number, user=request.user, on=clock.today(), at=clock.now())
        except Refused as refusal:
            messages.error(request, str(refusal.message))
            return self.back()
        return self.done(gettext("Co-manager added."))


def _words(care: ClientCare, name: str) -> str:
    """A value of the care row as people read it."""
    value = getattr(care, name)
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    shower = getattr(care, f"get_{name}_display", None)
    if shower:
        return str(shower())
    return f"{value:%H:%M}" if name.startswith("contact_") and value else str(value or "–")
