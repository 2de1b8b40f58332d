"""Papers of a case: adding one, reading one."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from complaints.models import Attachment, Complaint
from complaints.rules import Refused
from complaints.scope import complaint_scope
from complaints.services import evidence, files
from crm.clock import now
from org.views import page


@page("complaints.handle")
@require_POST
def attach(request: HttpRequest, number: str) -> HttpResponse:
    """Add a paper."""
    get_object_or_404(Complaint.objects.visible_to(request.user), number=number)
    sent = request.FILES.get("file")
    if sent is None:
        messages.error(request, _("Choose a file."))
    else:
        try:
            files.attach(number, sent, user=request.user, at=now())
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        except Refused as refused:
            messages.error(request, str(refused.message))
        else:
            messages.success(request, _("The paper is in the file."))
    return redirect("complaints:case", number)


@page("complaints.view")
@require_GET
def paper(request: HttpRequest, number: str, attachment_id: int) -> HttpResponseBase:
    """Send a paper, always as a download; not to viewers who see personal data masked."""
    if complaint_scope(request.user).masked:
        raise Http404
    try:
        row, file = files.opened(number, attachment_id, user=request.user)
    except (Attachment.DoesNotExist, FileNotFoundError) as error:
        raise Http404 from error
    response = FileResponse(file, as_attachment=True, filename=row.name, content_type=row.kind)
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


@page("complaints.export")
@require_POST
def pack(request: HttpRequest, number: str) -> HttpResponse:
    """The evidence pack (H4), as a download; its making is in the audit trail."""
    try:
        made = evidence.pack(number, user=request.user, at=now())
    except Complaint.DoesNotExist:
        raise Http404 from None
    response = HttpResponse(made.content, content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{number}-evidence.zip"'
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response
