"""The firm's calendar: working and trading days of a year, edited by head office (the calendar is data)."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods

from crm.clock import today
from org import calendar
from org.rights import may
from org.views import page


class DayForm(forms.Form):
    """What kind of day a date is."""

    date = forms.DateField(label=gettext_lazy("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    is_workday = forms.BooleanField(label=gettext_lazy("Working day"), required=False)
    is_trading_day = forms.BooleanField(label=gettext_lazy("Trading day"), required=False)
    label = forms.CharField(label=pgettext_lazy("day", "Name"), max_length=60, required=False)


@page("policies.view", post="policies.edit")
@require_http_methods(["GET", "POST"])
def calendar_page(request: HttpRequest) -> HttpResponse:
    """Days of a year that are not what their weekday says; `settle` changes one, `load` takes the library's year over."""
    year, status = _year(request), 200
    form = DayForm(initial={"is_workday": True})
    if request.method == "POST" and "load" in request.POST:
        try:
            changed = calendar.take_over(year, user=request.user)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            messages.success(request, _("Days changed: %s") % changed)
        return redirect(f"{reverse('org:calendar')}?year={year}")
    if request.method == "POST":
        form, status = DayForm(request.POST), 422
        if form.is_valid() and _settled(form, request):
            return redirect(f"{reverse('org:calendar')}?year={form.cleaned_data['date'].year}")
    context = {
        "year": year,
        "days": calendar.marked(year),
        "missing": calendar.missing_years(today()),
        "form": form,
        "may_edit": may(request.user, "policies.edit"),
    }
    return render(request, "org/calendar.html", context, status=status)


def _settled(form: DayForm, request: HttpRequest) -> bool:
    said: dict[str, Any] = dict(form.cleaned_data)
    try:
        calendar.settle(said.pop("date"), **said, user=request.user)
    except ValidationError as error:
        for name, texts in error.message_dict.items():
            form.add_error(name, texts)
        return False
    messages.success(request, _("The day is settled; limits that run over it are reckoned anew."))
    return True


def _year(request: HttpRequest) -> int:
    text = (request.POST if request.method == "POST" else request.GET).get("year", "")
    found = int(text) if text.isdecimal() and len(text) == 4 else today().year
    return min(max(found, calendar.FIRST_YEAR), calendar.LAST_YEAR)
