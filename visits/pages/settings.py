"""A person's own settings for visits: reminders and the calendar feed (V9)."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from org.models import Staff
from org.views import page
from visits.feeds import drop_feed, make_feed
from visits.forms import ReminderForm
from visits.models import CalendarFeed, ReminderWish


def _own_staff(request: HttpRequest) -> Staff:
    staff = getattr(request.user, "staff", None)
    if staff is None:
        raise Http404
    return staff


@page("visits.edit")
def own(request: HttpRequest) -> HttpResponse:
    """How and when one is reminded; the address of the own calendar feed, shown once when it is made."""
    staff = _own_staff(request)
    wish = ReminderWish.objects.filter(staff=staff).first() or ReminderWish(staff=staff)
    form = ReminderForm(request.POST or None, instance=wish)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            form.save()
            messages.success(request, _("Saved."))
            return redirect("visits:settings")
        status = 422
    secret = request.session.pop("feed_secret", "")
    context = {
        "form": form,
        "feed": CalendarFeed.objects.filter(staff=staff).first(),
        "feed_url": request.build_absolute_uri(reverse("visits:feed", args=[secret])) if secret else "",
    }
    return render(request, "visits/settings.html", context, status=status)


@page("visits.edit")
@require_POST
def feed(request: HttpRequest) -> HttpResponse:
    """Make a new feed address, or take it back."""
    staff = _own_staff(request)
    if "drop" in request.POST:
        drop_feed(staff, user=request.user)
        messages.success(request, _("The address holds no more."))
    else:
        request.session["feed_secret"] = make_feed(staff, user=request.user, names="names" in request.POST)
    return redirect("visits:settings")
