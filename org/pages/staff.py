"""The staff list and the page of one member of staff: dates, deputies, log-in."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crm.clock import today
from org import logins, masking, services
from org.forms import LeaveForm, StaffFilter, take_errors
from org.models import MANAGING, Leave, Staff
from org.pages.tabs import tabs
from org.queries import Page, staff_list, staff_page
from org.rights import may
from org.scope import in_service, scope_of
from org.views import page


@page("staff.view")
@require_safe
def staff(request: HttpRequest) -> HttpResponse:
    """Staff in scope: search, branch, role; keyset pages by staff number."""
    form = StaffFilter(request.GET, user=request.user)  # type: ignore[arg-type]
    form.is_valid()
    asked = form.cleaned_data
    rows = staff_list(
        request.user,
        on=today(),
        text=asked.get("q", ""),
        branch_id=asked["branch"].pk if asked.get("branch") else None,
        role=asked.get("role", ""),
        left=asked.get("left", False),
    )
    found = staff_page(rows, after=request.GET.get("after", ""), before=request.GET.get("before", ""))
    context = {"form": form, "rows": found.rows, "pager": pager(request, found), "on": today(), "tabs": tabs(request)}
    return render(request, "org/staff.html", context)


def pager(request: HttpRequest, found: Page) -> dict[str, str]:
    """Addresses of the pages before and after, the filters kept."""
    kept = [(name, value) for name, value in request.GET.items() if name not in ("after", "before")]
    return {
        "previous_url": f"?{urlencode([*kept, ('before', found.before)])}" if found.before else "",
        "next_url": f"?{urlencode([*kept, ('after', found.after)])}" if found.after else "",
    }


def _staff(request: HttpRequest, staff_no: str) -> Staff:
    """One member of staff in the viewer's scope, else 404."""
    rows = Staff.objects.visible_to(request.user).select_related("branch", "user")
    return get_object_or_404(rows, staff_no=staff_no)


@page("staff.view", post="leave.edit")
def record(request: HttpRequest, staff_no: str) -> HttpResponse:
    """One member of staff; POST enters a deputy."""
    person, user = _staff(request, staff_no), request.user
    form = None
    if may(user, "leave.edit") and person.role in MANAGING:
        form = LeaveForm(request.POST or None, staff=person, user=user, on=today())  # type: ignore[arg-type]
        if request.method == "POST" and form.is_valid():
            try:
                services.add_leave(staff=person, **form.cleaned_data, by=user, on=today())  # type: ignore[arg-type]
            except ValidationError as error:
                take_errors(form, error)
            else:
                messages.success(request, _("The deputy is entered."))
                return redirect("org:staff_record", staff_no=staff_no)
    return render(request, "org/staff_record.html", _context(request, person, form))


def _context(request: HttpRequest, person: Staff, form: LeaveForm | None) -> dict[str, Any]:
    on = today()
    masked = scope_of(request.user).masked
    return {
        "person": person,
        "mobile": masking.mask_mobile(person.mobile) if masked else person.mobile,
        "email": masking.mask_email(person.email) if masked else person.email,
        "serving": in_service(person, on),
        "leaves": person.leaves.filter(to_on__gte=on).select_related("deputy").order_by("from_on"),
        "deputises": person.deputises.filter(to_on__gte=on).select_related("staff").order_by("from_on"),
        "second_factor": person.user_id is not None and Authenticator.objects.filter(user=person.user_id).exists(),
        "form": form,
        "may_end_leave": may(request.user, "leave.edit"),
        "may_edit": may(request.user, "staff.edit") and person.user_id != request.user.pk,
        "on": on,
    }


@page("leave.edit")
@require_POST
def end_leave(request: HttpRequest, staff_no: str, leave_id: int) -> HttpResponse:
    """End an absence, or take back one that has not begun."""
    person = _staff(request, staff_no)
    leave = get_object_or_404(Leave.objects.select_related("staff", "deputy"), pk=leave_id, staff=person)
    services.end_leave(leave, by=request.user, on=today())  # type: ignore[arg-type]
    messages.success(request, _("The deputy is ended."))
    return redirect("org:staff_record", staff_no=staff_no)


@page("staff.edit")
@reauthentication_required
def link(request: HttpRequest, staff_no: str) -> HttpResponse:
    """Ask, then make a one-time link with which the owner sets a password; the old password and sessions end."""
    person = _staff(request, staff_no)
    context: dict[str, Any] = {"person": person}
    if request.method == "POST":
        path = logins.one_time_link(person, by=request.user)  # type: ignore[arg-type]
        context["link"] = request.build_absolute_uri(path)
    return render(request, "org/link.html", context)


@page("staff.edit")
@require_POST
def switch_login(request: HttpRequest, staff_no: str) -> HttpResponse:
    """Stop a log-in, or let it in again."""
    person = _staff(request, staff_no)
    stop = request.POST.get("active") == "no"
    (logins.stop if stop else logins.allow)(person, by=request.user)  # type: ignore[arg-type]
    messages.success(request, _("The log-in is stopped.") if stop else _("The log-in is allowed again."))
    return redirect(reverse("org:staff_record", kwargs={"staff_no": staff_no}))
