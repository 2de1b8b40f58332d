"""Pages of the intake (N1, U12): batches, upload, one batch with its progress, rejects, undo."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import get_valid_filename
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ledger import tasks
from ledger.forms import UploadForm
from ledger.intake import batch as batches
from ledger.intake import totals
from ledger.intake.errors import UndoRefused
from ledger.intake.rejects import python_encoding, rejects_file
from ledger.intake.undo import begin_undo
from ledger.messages import KINDS, STEPS, batch_reason, file_reason, row_reason
from ledger.models import BatchState, FileState, IntakeBatch, IntakeFile
from ledger.uploads import take_in_later
from org.audit import record
from org.rights import may
from org.views import page

PAGE_SIZE = 50
#: Rejects shown on the page; the download has all.
SHOWN = 20
UNFINISHED = ("waiting", "running", "undoing")


@page("intake.view")
@require_GET
def intake(request: HttpRequest) -> HttpResponse:
    """All batches, newest first."""
    newest = (
        IntakeBatch.objects.select_related("created_by__staff")
        .annotate(
            count=Count("files"),
            read=Sum("files__rows_read", default=0),
            new=Sum("files__rows_new", default=0),
            changed=Sum("files__rows_changed", default=0),
            rejected=Sum("files__rows_rejected", default=0),
        )
        .order_by("-created_at", "-pk")
    )
    found = Paginator(newest, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"batches": found, "may_run": may(request.user, "intake.run"), "form": UploadForm()}
    return render(request, "ledger/intake.html", context)


@page("intake.run")
def upload(request: HttpRequest) -> HttpResponse:
    """Files by hand; what is wrong is said at the field."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        made = take_in_later(
            values["files"],
            mapping=values["mapping"],
            business_date=values["business_date"],
            source="upload",
            user=request.user,
            dry_run=values["dry_run"],
        )
        return redirect("ledger:batch", pk=made.pk)
    return render(request, "ledger/upload.html", {"form": form})


@page("intake.view")
@require_GET
def batch(request: HttpRequest, pk: int) -> HttpResponse:
    """One batch; as a fragment while it runs."""
    found = get_object_or_404(IntakeBatch.objects.select_related("created_by__staff", "undone_by__staff"), pk=pk)
    files = [_file_row(file) for file in found.files.all()]
    context = {
        "batch": found,
        "files": files,
        "totals": totals(found),
        "running": found.state in UNFINISHED,
        "problem": batch_reason(found.problem) if found.problem else None,
        # Rejected lines and differences hold personal data; they are for whoever runs the intake.
        "may_run": may(request.user, "intake.run"),
        "may_undo": may(request.user, "intake.run") and _undoable(found),
        "step": STEPS.get(found.progress.get("step", "")),
    }
    fragment = request.headers.get("HX-Request") == "true"
    return render(request, "ledger/_batch.html" if fragment else "ledger/batch.html", context)


def _undoable(found: IntakeBatch) -> bool:
    return found.state in (BatchState.DONE, BatchState.PARTLY) and not found.dry_run


def _file_row(file: IntakeFile) -> dict[str, Any]:
    return {
        "file": file,
        "kind": KINDS.get(file.kind, file.kind),
        "refusal": file_reason(file.error) if file.state == FileState.REFUSED else None,
        "detail": ", ".join(f"{name}: {value}" for name, value in file.error_detail.items()),
    }


@page("intake.run")
@require_GET
def rejects(request: HttpRequest, pk: int) -> HttpResponse:
    """The first rejected rows of a file, with what to do about each."""
    file = get_object_or_404(IntakeFile.objects.select_related("batch"), pk=pk)
    reasons = [
        {"code": row["reason"], "count": row["count"], "message": row_reason(row["reason"])}
        for row in file.rejects.values("reason").annotate(count=Count("pk")).order_by("-count", "reason")
    ]
    rows = [{"reject": row, "message": row_reason(row.reason)} for row in file.rejects.order_by("line")[:SHOWN]]
    record("intake.rejects", user=request.user, object_kind="intake", object_no=str(file.batch_id), request=request)
    return render(request, "ledger/rejects.html", {"file": file, "rows": rows, "reasons": reasons, "shown": SHOWN})


@page("intake.run")
@require_GET
def rejects_download(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """All rejects of a file in the source's encoding, each line as it was, with line and reason."""
    file = get_object_or_404(IntakeFile, pk=pk)
    record(
        "intake.rejects.download",
        user=request.user,
        object_kind="intake",
        object_no=str(file.batch_id),
        request=request,
    )
    response = StreamingHttpResponse(rejects_file(file), content_type=f"text/csv; charset={python_encoding(file)}")
    name = get_valid_filename(f"rejects_{file.pk}_{file.kind or 'file'}.csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@page("intake.run")
@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a batch back, its updates included; a worker does it."""
    found = get_object_or_404(IntakeBatch, pk=pk)
    try:
        begin_undo(found, user=request.user)
    except UndoRefused as refusal:
        told = batch_reason(refusal.code)
        messages.error(request, f"{told.text} {told.advice}")
    else:
        tasks.ring(tasks.undo_intake, batch_id=found.pk)
        messages.success(request, _("The batch is being undone."))
    return redirect("ledger:batch", pk=pk)


@page("intake.run")
@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Another try for a batch that an error stopped; what is done stays done."""
    found = batches.retry(get_object_or_404(IntakeBatch, pk=pk), user=request.user)
    if found.state == BatchState.WAITING:
        tasks.ring(tasks.take_in, batch_id=found.pk)
        messages.success(request, _("The batch goes on with the files that are not done."))
    return redirect("ledger:batch", pk=pk)
