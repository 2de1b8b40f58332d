"""Pages of the measure policies: versions, the draft, what it would do, publishing it."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import DateInput, ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.clock import today
from measures import policies
from measures.models import MeasurePolicy
from measures.preview import preview_of
from measures.reading import newest_run
from org.rights import may
from org.views import page


class MeasurePolicyForm(ModelForm):
    """All that a draft may say."""

    class Meta:
        model = MeasurePolicy
        fields = policies.FIELDS
        widgets = {"valid_from": DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}

    def _post_clean(self) -> None:
        """The service checks the whole."""


@page("policies.view", post="policies.edit")
def policy(request: HttpRequest) -> HttpResponse:
    """The versions, and the draft of the next one with what it would do."""
    draft = policies.open_draft()
    versions = list(MeasurePolicy.objects.filter(state="published").order_by("-valid_from", "-version"))
    status = 200
    form = MeasurePolicyForm(request.POST or None, initial=_start(draft, versions))
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                policies.save_draft(form.cleaned_data, by=request.user, not_before=today())  # type: ignore[arg-type]
            except ValidationError as error:
                form.add_error(None, error)
            else:
                messages.success(request, _("The draft is kept. Below stands whom it would move."))
                return redirect("measures:policy")
    context = {
        "versions": versions,
        "in_force": policies.policy_on(today()),
        "draft": draft,
        "form": form,
        "may_edit": may(request.user, "policies.edit"),
    }
    return render(request, "measures/policy.html", context, status=status)


def _start(draft: MeasurePolicy | None, versions: list[MeasurePolicy]) -> dict[str, Any]:
    """Values a form begins with: those of the draft, else of the newest version, from tomorrow on."""
    base = draft or (versions[0] if versions else MeasurePolicy())
    start = {name: getattr(base, name) for name in policies.FIELDS}
    return start if draft else start | {"note": "", "valid_from": today() + timedelta(days=1)}


@page("policies.view")
@require_GET
def preview(request: HttpRequest) -> HttpResponse:
    """Who would stand elsewhere by the draft, as a part of its page."""
    draft, run = policies.open_draft(), newest_run()
    if draft is None:
        raise Http404
    found = preview_of(draft, run.business_date, request.user) if run else None
    return render(request, "measures/_policy_preview.html", {"preview": found, "run": run})


@page("policies.edit")
@require_POST
def publish(request: HttpRequest, version: int) -> HttpResponse:
    """Publish the draft; what stands against it is said."""
    try:
        policies.publish(version, by=request.user, not_before=today())  # type: ignore[arg-type]
    except MeasurePolicy.DoesNotExist:
        raise Http404 from None
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("The new version holds from its day on."))
    return redirect("measures:policy")


@page("policies.edit")
@require_POST
def discard(request: HttpRequest, version: int) -> HttpResponse:
    """Throw the draft away."""
    try:
        policies.discard(version, by=request.user)  # type: ignore[arg-type]
    except MeasurePolicy.DoesNotExist:
        raise Http404 from None
    messages.success(request, _("The draft is gone."))
    return redirect("measures:policy")
