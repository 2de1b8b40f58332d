"""Queue, board, registration (X1, X3)."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from complaints import services
from complaints.choices import OPEN_STATES, Severity, Step
from complaints.forms import RegisterForm
from complaints.lists import ComplaintListing, counts
from complaints.models import Complaint
from complaints.scope import complaint_scope
from complaints.words import clock_words, due_cell
from crm.clock import now
from org import audit
from org.listing.views import ListExport, ListPage, SavedViews
from org.masking import mask_name
from org.rights import may
from org.views import page

#: Cards of one step on the board; the queue has them all.
BOARD_CARDS = 20


class ComplaintList(ListPage):
    right, listing = "complaints.view", ComplaintListing
    template_name = "complaints/list.html"

    def more(self, listing: Any) -> dict[str, Any]:
        return {
            "counts": counts(self.request.user),
            "may_register": may(self.request.user, "complaints.handle"),
            "personal": True,
        }


class ComplaintExport(ListExport):
    right, listing = "complaints.export", ComplaintListing


class ComplaintViews(SavedViews):
    right, listing = "complaints.view", ComplaintListing


@page("complaints.view")
@require_GET
def board(request: HttpRequest) -> HttpResponse:
    """Open cases by step, the most urgent first; time left in words and colour."""
    at, masked = now(), complaint_scope(request.user).masked
    cases = Complaint.objects.visible_to(request.user).filter(state__in=OPEN_STATES)
    if request.GET.get("mine") == "1":
        cases = cases.filter(handler=getattr(request.user, "staff", None))
    per_step = dict(cases.values_list("step").annotate(n=Count("pk")).order_by())
    columns = []
    for step in Step:
        rows = cases.filter(step=step).select_related("handler", "client").order_by("due_at", "pk")[:BOARD_CARDS]
        audit.note_clients(one.client.client_no for one in rows if one.client)
        cards = [
            {
                "number": one.number,
                "name": mask_name(one.complainant) if masked else one.complainant or _("Anonymous"),
                "summary": "" if masked else one.summary,
                "left": due_cell(one.due_at, at),
                "clock": clock_words(one.due_key),
                "handler": one.handler.name if one.handler else _("Without a handler"),
                "severity": "" if one.severity == Severity.NORMAL else one.get_severity_display(),
                "paused": one.get_paused_display() if one.paused else "",
            }
            for one in rows
        ]
        columns.append(
            {
                "step": step,
                "count": per_step.get(int(step), 0),
                "cards": cards,
                "url": f"{reverse('complaints:list')}?open=true&step={int(step)}",
            }
        )
    context = {
        "columns": columns,
        "mine": request.GET.get("mine") == "1",
        "may_register": may(request.user, "complaints.handle"),
        "personal": True,
    }
    return render(request, "complaints/board.html", context)


@page("complaints.handle")
def new(request: HttpRequest) -> HttpResponse:
    """Take a complaint in: whoever hears it, whoever it is about."""
    form = RegisterForm(request.POST or None, user=request.user)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                complaint, fresh = services.register(form.told(), user=request.user, at=now())
            except ValidationError as error:
                _show(form, error)
            else:
                said = _("Registered as %(number)s.") if fresh else _("This was registered already: %(number)s.")
                messages.success(request, said % {"number": complaint.number})
                if Complaint.objects.visible_to(request.user).filter(pk=complaint.pk).exists():
                    return redirect("complaints:case", complaint.number)
                return redirect("complaints:list")
    return render(request, "complaints/new.html", {"form": form, "personal": True}, status=status)


_NUMBERS = {"client": "client_no", "about": "about_no", "superior": "superior_no", "branch": "branch_no"}


def _show(form: RegisterForm, error: ValidationError) -> None:
    for name, texts in error.message_dict.items():
        field = _NUMBERS.get(name, name)
        form.add_error(field if field in form.fields else None, texts)
