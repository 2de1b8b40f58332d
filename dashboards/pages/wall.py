"""Wallboard: the screen itself, and for the head the list of its links (D2)."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from crm.clock import now, today
from dashboards import wall
from dashboards.models import WallLink
from org.models import Branch
from org.views import page


class LinkForm(forms.Form):
    """Where the screen hangs."""

    name = forms.CharField(label=gettext_lazy("Where the screen hangs"), max_length=60)


@require_safe
def board(request: HttpRequest, secret: str) -> HttpResponse:
    """The screen. The secret is the right; taken back, or its maker gone, there is no such page."""
    at = now()
    link = wall.read_link(secret, at)
    if link is None:
        raise Http404
    context = {"branch": link.branch, "panels": wall.panels(link, today(), at), "at": at}
    response = render(request, "dashboards/wall.html", context)
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


@page(wall.RIGHT)
def links(request: HttpRequest, branch_no: str) -> HttpResponse:
    """Links of a branch; a new one is shown once."""
    branch = get_object_or_404(Branch.objects.visible_to(request.user), branch_no=branch_no)
    form = LinkForm(request.POST or None)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            request.session["wall_secret"] = wall.make_link(branch_no, form.cleaned_data["name"], user=request.user)
            return redirect("dashboards:walls", branch_no)
        status = 422
    secret = request.session.pop("wall_secret", "")
    context = {
        "branch": branch,
        "form": form,
        "links": WallLink.objects.filter(branch=branch).select_related("made_by__staff").order_by("pk"),
        "made": request.build_absolute_uri(reverse("dashboards:wall", args=[secret])) if secret else "",
    }
    return render(request, "dashboards/walls.html", context, status=status)


@page(wall.RIGHT)
@require_POST
def drop(request: HttpRequest, link_id: int) -> HttpResponse:
    """Take a link back."""
    link = get_object_or_404(WallLink.objects.visible_to(request.user).select_related("branch"), pk=link_id)
    wall.drop_link(link.pk, user=request.user)
    messages.success(request, _("The address holds no more."))
    return redirect("dashboards:walls", link.branch.branch_no)
