"""The report of a branch as PDF, whenever its head wants it; the same that goes out weekly (D5)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from crm.clock import now
from dashboards.asked import ask, branches_of
from dashboards.report import pdf_of
from org import audit
from org.views import page


@page("dashboards.view")
@require_GET
def report(request: HttpRequest, branch_no: str) -> HttpResponse:
    """What the page of the branch shows, on A4; `period`, `manager`, `segment` as there."""
    branch = get_object_or_404(branches_of(request.user, None), branch_no=branch_no)
    asked = ask(request.user, branch, **{name: request.GET.get(name, "") for name in ("period", "manager", "segment")})
    made = pdf_of(asked, at=now())
    audit.record(
        "dashboard.report",
        user=request.user,
        object_kind="branch",
        object_no=branch_no,
        detail={"period": str(asked.period)},
    )
    response = HttpResponse(made, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{branch_no}-{asked.period}.pdf"'
    return response
