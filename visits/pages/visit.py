"""The visit page (V6): briefing, check-in, note; entering a visit; promises kept; duties waived."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from clients import timeline
from clients.errors import Conflict
from clients.models import Client
from clients.services import record_view
from crm.clock import now, today
from org import audit
from org.masking import mask_name
from org.rights import may
from org.scope import scope_of
from org.views import month_or_404, page
from visits import queries, services
from visits.forms import MoveForm, NoteForm, VisitForm, WaiveForm, fresh_note
from visits.models import Contact, Duty, Photo, Promise, Visit
from visits.pages.days import asked_day, asked_staff
from visits.planning.load import place_of
from visits.services import photos
from visits.services.scope import editable


@page("visits.view")
def visit(request: HttpRequest, visit_id: int) -> HttpResponse:
    """One visit: what to know before, the note after."""
    found = get_object_or_404(
        Visit.objects.visible_to(request.user).select_related(
            "client", "client__care", "client__standing", "manager", "manager__branch"
        ),
        pk=visit_id,
    )
    record_view(found.client, request.user)
    return _page(request, found.client, found)


@page("visits.view")
def contact(request: HttpRequest, client_no: str) -> HttpResponse:
    """The same without an appointment: a call or letter to note."""
    client = get_object_or_404(Client.objects.visible_to(request.user), client_no=client_no)
    record_view(client, request.user)
    return _page(request, client, None)


def _page(
    request: HttpRequest, client: Client, found: Visit | None, form: NoteForm | None = None, status: int = 200
) -> HttpResponse:
    briefing = queries.briefing(client, today())
    kept = Contact.objects.filter(visit=found).first() if found is not None else None
    may_edit = may(request.user, "visits.edit") and (
        found is None or editable(request.user).filter(pk=found.pk).exists()
    )
    context = _context(request, client, found, briefing, kept, may_edit, form)
    return render(request, "visits/visit.html", context, status=status)


def _context(
    request: HttpRequest,
    client: Client,
    found: Visit | None,
    briefing: queries.Briefing,
    kept: Contact | None,
    may_edit: bool,
    form: NoteForm | None = None,
) -> dict[str, Any]:
    """What the page shows; asks no table, so that a whole day can be rendered at once."""
    masked = scope_of(request.user).masked
    if form is None and may_edit and kept is None:
        channel = found.kind if found is not None else "phone"
        form = NoteForm(initial=fresh_note(now(), channel=channel, visit_id=found.pk if found else None))
    return {
        "visit": found,
        "client": client,
        "name": mask_name(client.name) if masked else client.name,
        "masked": masked,
        "place": place_of(client.lat, client.lon),
        "briefing": briefing,
        "events": [
            (event.at, timeline.kind_of(event.kind).icon, timeline.text(event.kind, event.data))
            for event in briefing.events
        ],
        "kept": kept,
        "form": form,
        "move_form": MoveForm(initial={"version": found.version, "date": found.date, "start": found.start})
        if found
        else None,
        "may_edit": may_edit,
        "today": today(),
        "personal": True,
    }


@page("visits.edit")
@require_GET
def kept_day(request: HttpRequest) -> JsonResponse:
    """The visit pages of a day by address, for a phone that will have no network; one audit row for all of them."""
    staff, on = asked_staff(request), asked_day(request)
    if staff is None:
        raise Http404
    visits = list(
        Visit.objects.visible_to(request.user)
        .filter(manager=staff, date=on, state__in=queries.SHOWN)
        .select_related("client", "client__care", "client__standing", "manager", "manager__branch")
    )
    briefings = queries.briefings((visit.client for visit in visits), today())
    noted = {contact.visit_id: contact for contact in Contact.objects.filter(visit__in=visits)}
    mine = set(editable(request.user).filter(pk__in=[visit.pk for visit in visits]).values_list("pk", flat=True))
    pages = {}
    for visit in visits:
        context = _context(
            request, visit.client, visit, briefings[visit.client_id], noted.get(visit.pk), visit.pk in mine
        )
        pages[reverse("visits:visit", args=[visit.pk])] = render_to_string("visits/visit.html", context, request)
    audit.record(
        "visit.kept", user=request.user, object_kind="staff", object_no=staff.staff_no,
        detail={"day": on.isoformat(), "rows": len(visits)},
    )  # fmt: skip
    return JsonResponse({"pages": pages}, headers={"Cache-Control": "private, no-store"})


@page("visits.edit")
@require_POST
def note(request: HttpRequest, client_no: str) -> HttpResponse:
    """Keep a note. From a phone that was offline it comes as a background request and wants JSON."""
    client = get_object_or_404(Client.objects.visible_to(request.user), client_no=client_no)
    wants_json = "application/json" in request.headers.get("Accept", "")
    form = NoteForm(request.POST, request.FILES)
    found: Visit | None = None
    if form.is_valid():
        visit_id = form.cleaned_data["visit"]
        if visit_id is not None:
            found = Visit.objects.visible_to(request.user).filter(pk=visit_id, client=client).first()
        try:
            kept, new = services.record_contact(
                client.client_no, form.note(), user=request.user, visit_id=found.pk if found else None
            )
        except ValidationError as error:
            _add(form, error)
        else:
            if wants_json:
                return JsonResponse({"key": str(kept.key), "new": new}, status=201 if new else 200)
            if found is not None and kept.visit_id is None and new:
                messages.warning(
                    request, _("Kept on the client's record; the visit itself had been cancelled or noted before.")
                )
            else:
                messages.success(request, _("The note is kept."))
            return redirect("clients:record", client.client_no)
    if wants_json:
        return JsonResponse(
            {"errors": {name: [str(text) for text in texts] for name, texts in form.errors.items()}}, status=422
        )
    return _page(request, client, found, form, 422)


def _add(form: NoteForm, error: ValidationError) -> None:
    names = {"promises": "promise"}
    for name, texts in getattr(error, "message_dict", {"": error.messages}).items():
        field = names.get(name, name)
        form.add_error(field if field in form.fields else None, texts)


@page("visits.view")
@require_GET
def photo(request: HttpRequest, photo_id: int) -> HttpResponseBase:
    """Show a photo of a note; not to viewers who see personal data masked."""
    if scope_of(request.user).masked:
        raise Http404
    try:
        file = photos.opened(photo_id, user=request.user)
    except (Photo.DoesNotExist, FileNotFoundError) as error:
        raise Http404 from error
    response = FileResponse(file, content_type="image/jpeg")
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


@page("visits.edit")
def new_visit(request: HttpRequest, client_no: str) -> HttpResponse:
    """Enter a visit by hand."""
    client = get_object_or_404(Client.objects.visible_to(request.user), client_no=client_no)
    form = VisitForm(
        request.POST or None, initial={"date": request.GET.get("date") or today(), "start": "10:00", "minutes": 30}
    )
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            data = form.cleaned_data
            try:
                made = services.add_visit(
                    client.client_no,
                    user=request.user,
                    on=data["date"],
                    start=data["start"],
                    minutes=data["minutes"],
                    kind=data["kind"],
                    agenda=data["agenda"],
                    today=today(),
                )
            except ValidationError as error:
                form.add_error(None, error) if not hasattr(error, "error_dict") else form.add_error(
                    None, error.messages
                )
            else:
                for text in made.warnings:
                    messages.warning(request, text)
                messages.success(request, _("The visit is entered."))
                return redirect("visits:visit", made.visit.pk)
    context = {"client": client, "name": client.name, "form": form, "personal": True}
    return render(request, "visits/new.html", context, status=status)


@page("visits.edit")
@require_POST
def check_in(request: HttpRequest, visit_id: int) -> HttpResponse:
    """The manager is there."""
    found = get_object_or_404(editable(request.user), pk=visit_id)
    services.check_in(found.pk, user=request.user, at=now())
    return redirect("visits:visit", found.pk)


@page("visits.edit")
@require_POST
def cancel(request: HttpRequest, visit_id: int) -> HttpResponse:
    """Call a visit off."""
    found = get_object_or_404(editable(request.user), pk=visit_id)
    version = request.POST.get("version", "")
    try:
        services.cancel(
            found.pk, user=request.user, version=int(version) if version.isdecimal() and len(version) < 10 else -1
        )
    except Conflict:
        messages.error(request, _("Somebody else changed this visit in the meantime."))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("Cancelled. The contact is owed again."))
    return redirect("visits:visit", found.pk)


@page("visits.edit")
@require_POST
def keep(request: HttpRequest, promise_id: int) -> HttpResponse:
    """Tick a promise off, or open it again."""
    visible = Client.objects.visible_to(request.user)
    promise = get_object_or_404(Promise, pk=promise_id, client__in=visible)
    services.keep_promise(promise.pk, user=request.user, kept=promise.kept_at is None)
    return redirect(request.headers.get("Referer") or reverse("home"))


@page("visits.edit")
@require_POST
def waive(request: HttpRequest, client_no: str, month: str, number: int) -> HttpResponse:
    """Release an open duty, with the reason."""
    get_object_or_404(Client.objects.visible_to(request.user), client_no=client_no)
    form = WaiveForm(request.POST)
    first = month_or_404(month)
    if not form.is_valid():
        messages.error(request, _("Choose a reason."))
    else:
        try:
            services.waive(client_no, first, number, form.cleaned_data["reason"], user=request.user)
        except Duty.DoesNotExist:
            raise Http404 from None
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            messages.success(request, _("Waived, with the reason."))
    return redirect(request.headers.get("Referer") or reverse("clients:record", args=[client_no]))
