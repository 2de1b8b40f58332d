"""Pages of the administrator: webhooks, what their receivers did not take, sending it again."""

from typing import Any
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.clock import now
from feed import services
from feed.forms import KINDS, WebhookForm
from feed.models import DeadLetter, Head, Subscription
from org.forms import take_errors
from org.pages.tabs import tabs
from org.views import page

#: Dead letters on the page of a webhook.
LETTERS = 50


@page("webhooks.edit")
@reauthentication_required(allow_get=True)
def webhooks(request: HttpRequest) -> HttpResponse:
    """All webhooks; POST makes one and shows its secret, this once."""
    user: Any = request.user
    form = WebhookForm(request.POST or None, user=user)
    secret = ""
    if request.method == "POST" and form.is_valid():
        try:
            _one, secret = services.subscribe(**form.cleaned_data, by=user, now=now())
        except ValidationError as error:
            take_errors(form, error)
        else:
            form = WebhookForm(user=user)
    rows = list(Subscription.objects.select_related("branch").order_by("ended_at", "-pk")[:200])
    head = Head.objects.values_list("sequence", flat=True).get(pk=1)
    context = {"form": form, "secret": secret, "tabs": tabs(request)}
    return render(request, "feed/webhooks.html", context | {"rows": [_row(one, head) for one in rows]})


def _row(one: Subscription, head: int) -> dict[str, Any]:
    return {
        "one": one,
        "kinds": [KINDS[kind] for kind in one.kinds if kind in KINDS],
        "behind": max(0, head - one.after),
    }


@page("webhooks.edit")
@reauthentication_required(allow_get=True)
def webhook(request: HttpRequest, uid: UUID) -> HttpResponse:
    """One webhook and its dead letters; POST renews its secret, resumes or ends it."""
    one = get_object_or_404(Subscription.objects.select_related("branch"), uid=uid)
    user: Any = request.user
    secret = ""
    if request.method == "POST":
        act = request.POST.get("act")
        if act == "rotate" and one.ended_at is None:
            secret = services.rotate(one, by=user, now=now())
        elif act in ("resume", "end"):
            getattr(services, act)(one, by=user, now=now())
            messages.success(request, _("The webhook goes on.") if act == "resume" else _("The webhook is ended."))
            return redirect("feed:webhook", uid=uid)
    head = Head.objects.values_list("sequence", flat=True).get(pk=1)
    context = _row(one, head) | {
        "secret": secret,
        "dead": one.dead.order_by("-at", "-pk")[:LETTERS],
        "tabs": tabs(request),
    }
    return render(request, "feed/webhook.html", context)


@page("webhooks.edit")
@require_POST
def replay(request: HttpRequest, uid: UUID, letter_id: int) -> HttpResponse:
    """Send a dead letter again."""
    letters = DeadLetter.objects.select_related("subscription").filter(subscription__uid=uid)
    letter = get_object_or_404(letters, pk=letter_id)
    error = services.replay(letter, by=request.user, now=now())  # type: ignore[arg-type]
    if error:
        messages.error(request, _("It was not taken again: %(error)s") % {"error": error})
    else:
        messages.success(request, _("It was taken."))
    return redirect("feed:webhook", uid=uid)
