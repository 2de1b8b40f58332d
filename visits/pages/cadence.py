"""The cadence (V1, V2): versions in force, a draft, what the draft would cost, publishing it."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.clock import today
from crm.partitions import next_month
from org.rights import may
from org.views import page
from visits import cadence
from visits.forms import CadenceForm
from visits.models import CadencePolicy
from visits.preview import preview_of


@page("policies.view", post="policies.edit")
def cadence_policy(request: HttpRequest) -> HttpResponse:
    """The cadence in force, its versions and the draft; saving it."""
    draft = cadence.open_draft()
    may_edit = may(request.user, "policies.edit")
    form = CadenceForm(request.POST or None, initial=_start(draft))
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                cadence.draft(form.cleaned_data, by=request.user, on=today())
            except ValidationError as error:
                for name, texts in getattr(error, "message_dict", {"__all__": error.messages}).items():
                    form.add_error(name if name in form.fields else None, texts)
            else:
                messages.success(request, _("The draft is kept. Below stands what it would cost."))
                return redirect("visits:cadence")
    context = {
        "form": form if may_edit else None,
        "draft": draft,
        "versions": CadencePolicy.objects.filter(state="published").select_related("branch").order_by("-version"),
        "now": cadence.cadences_on(today()).firm,
        "may_edit": may_edit,
    }
    return render(request, "visits/cadence.html", context, status=status)


def _start(draft: CadencePolicy | None) -> dict[str, Any]:
    """Values a form begins with: those of the draft, else of the newest version, from next month on."""
    base = draft or CadencePolicy.objects.filter(state="published").order_by("-valid_from", "-version").first()
    start = {name: getattr(base, name) for name in cadence.FIELDS} if base else {}
    return start if draft else start | {"valid_from": next_month(today()), "note": ""}


@page("policies.view")
@require_GET
def preview(request: HttpRequest) -> HttpResponse:
    """What the draft would cost, as a part of its page."""
    draft = cadence.open_draft()
    if draft is None:
        raise Http404
    return render(request, "visits/_cadence_preview.html", {"preview": preview_of(draft, request.user, today())})


@page("policies.edit")
@require_POST
def publish(request: HttpRequest, version: int) -> HttpResponse:
    """Publish the draft."""
    try:
        cadence.publish(version, by=request.user, on=today())
    except CadencePolicy.DoesNotExist:
        raise Http404 from None
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("The cadence is published."))
    return redirect("visits:cadence")


@page("policies.edit")
@require_POST
def discard(request: HttpRequest, version: int) -> HttpResponse:
    """Throw the draft away."""
    try:
        cadence.discard(version, by=request.user)
    except CadencePolicy.DoesNotExist:
        raise Http404 from None
    messages.success(request, _("The draft is gone."))
    return redirect("visits:cadence")
