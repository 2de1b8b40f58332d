"""The page of a manager (D4): his own, and for a head those of the managers below; its tables as workbooks."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from crm import replica
from crm.clock import today
from dashboards.book import Book, ask_manager, books_of
from dashboards.sections.own import build
from dashboards.views import period_choices, period_words, workbook
from org.models import MANAGING, Staff
from org.rights import may
from org.views import page


def _ask(request: HttpRequest, staff_no: str) -> Book:
    return ask_manager(request.user, staff_no, request.GET.get("period", ""))


@page("figures.view")
@require_GET
def mine(request: HttpRequest) -> HttpResponse:
    """The own page; whoever has no clients has none."""
    staff = getattr(request.user, "staff", None)
    if staff is None or staff.role not in MANAGING:
        raise Http404
    return redirect("dashboards:manager", staff.staff_no)


@page("figures.view")
@require_GET
@replica.reads
def manager(request: HttpRequest, staff_no: str) -> HttpResponse:
    """One manager: whom to act on, figures against targets, contacts, how time is spent."""
    book = _ask(request, staff_no)
    others = Staff.objects.serving(today()).filter(books_of(request.user)).order_by("branch__branch_no", "staff_no")
    context = {
        "asked": book,
        "sections": build(book),
        "period_words": period_words(book.period),
        "periods": period_choices(book),
        "others": others,
        "sees_branch": may(request.user, "dashboards.view"),
    }
    return render(request, "dashboards/manager.html", context)


@page("figures.view")
@require_GET
def export(request: HttpRequest, staff_no: str) -> HttpResponseBase:
    """One table of the page as a workbook: `table` names it."""
    book, wanted = _ask(request, staff_no), request.GET.get("table", "")
    for section in build(book):
        for table in section.tables:
            if table.key == wanted:
                return workbook(request, table, staff_no, book, kind="staff")
    raise Http404
