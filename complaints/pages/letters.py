"""Letters of a case: GET shows a draft, POST puts the letter into the file."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from complaints.forms import LetterForm
from complaints.models import Complaint
from complaints.rules import Refused
from complaints.scope import complaint_scope
from complaints.services import Stale
from complaints.services import letters as services
from crm.clock import now
from org.views import page


@page("complaints.handle")
@require_http_methods(["GET", "POST"])
def letter(request: HttpRequest, number: str) -> HttpResponse:
    """A letter in the chosen language; never for viewers who see personal data masked."""
    if complaint_scope(request.user).masked:
        raise Http404
    form = LetterForm(request.POST if request.method == "POST" else request.GET)
    try:
        if not form.is_valid():
            Complaint.objects.visible_to(request.user).get(number=number)
            raise ValidationError([str(error) for errors in form.errors.values() for error in errors])
        kind, language = form.cleaned_data["letter"], form.cleaned_data["language"]
        # Looked at by POST from the page: a token does not belong into an address.
        if request.method == "GET" or "look" in request.POST:
            made = services.draft(number, kind, language, user=request.user, at=now())
            response = HttpResponse(made, content_type="application/pdf")
            response["Content-Disposition"] = f'inline; filename="{number}-{kind}.pdf"'
            response["Cache-Control"] = "private, no-store"
            return response
        version = form.cleaned_data["version"] or 0
        services.write(number, kind, language, user=request.user, at=now(), version=version)
    except Complaint.DoesNotExist as error:
        raise Http404 from error
    except Stale:
        messages.error(request, _("Somebody changed the case in between: look at the letter again."))
    except Refused as refused:
        messages.error(request, str(refused.message))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("The letter is in the file."))
    return redirect("complaints:case", number)
