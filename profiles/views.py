"""Pages of profiles (C2), the firm's own fields, and prospects (C12)."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from clients.errors import Conflict
from clients.lists import managers_for
from clients.models import Client
from crm.clock import now, today
from org.listing.views import ListExport, ListPage, SavedViews
from org.masking import mask_name
from org.rights import may
from org.scope import scope_of
from org.views import page
from profiles import services
from profiles.forms import FieldForm, ProfileForm, ProspectForm
from profiles.lists import ProspectListing
from profiles.models import CustomField, Profile, Prospect
from profiles.services import EDITABLE


@page("clients.edit")
def profile(request: HttpRequest, client_no: str) -> HttpResponse:
    """Edit a client's profile; two at once: the second is told and keeps what was typed."""
    client = get_object_or_404(Client.objects.visible_to(request.user), client_no=client_no)
    current = Profile.objects.filter(client=client).first() or Profile(client=client)
    form = ProfileForm(request.POST or None, instance=current, initial={"version": current.version})
    status, conflict = 200, False
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = {name: form.cleaned_data[name] for name in EDITABLE}
            try:
                services.save_profile(
                    client_no,
                    form.cleaned_data["version"],
                    values,
                    form.custom_values(),
                    user=request.user,
                    at=now(),
                )
            except Conflict:
                status, conflict = 409, True
                data = request.POST.copy()
                data["version"] = str(Profile.objects.get(client=client).version)
                form = ProfileForm(data, instance=Profile.objects.get(client=client))
            else:
                messages.success(request, _("The profile is saved."))
                return redirect("clients:record", client_no)
    name = mask_name(client.name) if scope_of(request.user).masked else client.name
    context = {"client": client, "name": name, "form": form, "conflict": conflict}
    return render(request, "profiles/profile.html", context, status=status)


# --- The firm's own fields ---------------------------------------------------------------------------------------------


@page("fields.edit")
def fields(request: HttpRequest) -> HttpResponse:
    """All own fields, and a form for a new one."""
    form = FieldForm(request.POST or None)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            services.save_field(form.cleaned_data, user=request.user)
            messages.success(request, _("The field is asked for on every profile from now on."))
            return redirect("profiles:fields")
        status = 422
    context = {"fields": CustomField.objects.all(), "form": form}
    return render(request, "profiles/fields.html", context, status=status)


@page("fields.edit")
def field(request: HttpRequest, key: str) -> HttpResponse:
    """Change the labels, choices and place of a field, or retire it."""
    found = get_object_or_404(CustomField, key=key)
    if request.method == "POST" and "retire" in request.POST:
        services.retire_field(found, user=request.user, back=found.retired_at is not None)
        return redirect("profiles:fields")
    form = FieldForm(request.POST or None, instance=found)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            services.save_field(form.cleaned_data, user=request.user, field=found)
            messages.success(request, _("The field is changed."))
            return redirect("profiles:fields")
        status = 422
    return render(request, "profiles/field.html", {"field": found, "form": form}, status=status)


# --- Prospects ---------------------------------------------------------------------------------------------------------


class ProspectList(ListPage):
    right, listing = "prospects.view", ProspectListing
    template_name = "profiles/prospects.html"

    def more(self, listing: Any) -> dict[str, Any]:
        return {"may_enter": may(self.request.user, "prospects.edit")}


class ProspectExport(ListExport):
    right, listing = "prospects.export", ProspectListing


class ProspectViews(SavedViews):
    right, listing = "prospects.view", ProspectListing


@page("prospects.edit")
def new_prospect(request: HttpRequest) -> HttpResponse:
    """Enter a prospect."""
    return _prospect_page(request, None)


@page("prospects.view", post="prospects.edit")
def prospect(request: HttpRequest, prospect_id: int) -> HttpResponse:
    """A prospect: change it, or turn it into a client."""
    return _prospect_page(request, get_object_or_404(Prospect.objects.visible_to(request.user), pk=prospect_id))


def _prospect_page(request: HttpRequest, found: Prospect | None) -> HttpResponse:
    managers = managers_for(request, today())
    start = {"version": found.version, "manager": found.manager} if found else {"version": 0}
    form = ProspectForm(request.POST or None, instance=found, initial=start, managers=managers)
    status, conflict = 200, False
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                saved = services.save_prospect(
                    form.cleaned_data,
                    user=request.user,
                    at=now(),
                    prospect_id=found.pk if found else None,
                    version=form.cleaned_data["version"] or 0,
                )
            except ValidationError as error:
                form.add_error(None, error)
            except Conflict:
                status, conflict = 409, True
                data = request.POST.copy()
                data["version"] = str(Prospect.objects.get(pk=found.pk).version) if found else "0"
                form = ProspectForm(data, instance=found, managers=managers)
            else:
                messages.success(request, _("Saved."))
                return redirect("profiles:prospect", saved.pk)
    context = {
        "prospect": found,
        "form": form,
        "conflict": conflict,
        "may_edit": may(request.user, "prospects.edit"),
        "likely": services.likely_clients(found, request.user) if found and found.client_id is None else [],
    }
    return render(request, "profiles/prospect.html", context, status=status)


@page("prospects.edit")
@require_POST
def convert(request: HttpRequest, prospect_id: int) -> HttpResponse:
    """The prospect has opened an account."""
    get_object_or_404(Prospect.objects.visible_to(request.user), pk=prospect_id)
    client_no = request.POST.get("client_no", "").strip()
    try:
        services.convert(prospect_id, client_no, user=request.user, at=now())
    except Client.DoesNotExist:
        messages.error(request, _("No client with this number among those you may see."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except IntegrityError:
        messages.error(request, _("This prospect or this client is linked already."))
    else:
        messages.success(request, _("The prospect is a client now."))
        return redirect("clients:record", client_no)
    return redirect("profiles:prospect", prospect_id)
