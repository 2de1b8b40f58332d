"""Pages without a log-in, by a signed link: the public form, the question about satisfaction."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from complaints import services
from complaints.choices import Category, Channel, Party, Wish
from complaints.models import Complaint, FollowUp
from complaints.services import Told, public
from crm.clock import now
from org.audit import client_address
from org.models import Branch
from org.views import page


class PublicForm(forms.Form):
    """A complaint from outside. Nobody is taken for a client on his word: the officer links him after asking."""

    narrative = forms.CharField(
        label=gettext_lazy("What happened"), min_length=10, max_length=10_000, widget=forms.Textarea(attrs={"rows": 7})
    )
    wish = forms.ChoiceField(label=gettext_lazy("What you wish for"), choices=Wish.choices)
    complainant = forms.CharField(label=gettext_lazy("Your name"), max_length=120)
    contact = forms.CharField(label=gettext_lazy("Telephone or e-mail"), max_length=120)
    #: People leave what they do not see empty; programs fill it in.
    website = forms.CharField(required=False, widget=forms.HiddenInput)


class SatisfactionForm(forms.Form):
    satisfaction = forms.TypedChoiceField(
        label=gettext_lazy("How satisfied are you with how we dealt with it?"),
        choices=[
            (5, gettext_lazy("5 · very satisfied")), (4, "4"), (3, "3"), (2, "2"), (1, gettext_lazy("1 · not at all")),
        ],
        coerce=int,
        widget=forms.RadioSelect,
    )  # fmt: skip
    note = forms.CharField(label=gettext_lazy("Anything you want to add"), max_length=500, required=False)


@require_http_methods(["GET", "POST"])
def form(request: HttpRequest, token: str) -> HttpResponse:
    """The public form of a branch; the answer names the number of the case and nothing else."""
    try:
        branch = public.branch_of(token)
    except Branch.DoesNotExist as error:
        raise Http404 from error
    sent = PublicForm(request.POST or None)
    if request.method != "POST":
        return render(request, "complaints/public_form.html", {"form": sent, "branch": branch})
    if not sent.is_valid():
        return render(request, "complaints/public_form.html", {"form": sent, "branch": branch}, status=422)
    if sent.cleaned_data["website"]:
        return render(request, "complaints/public_done.html", {"number": ""})
    if not public.within_rate(client_address(request)):
        sent.add_error(None, _("Too many at once from here. Please ring us."))
        return render(request, "complaints/public_form.html", {"form": sent, "branch": branch}, status=429)
    found, at = sent.cleaned_data, now()
    told = Told(
        channel=Channel.WEB,
        category=Category.OTHER,
        narrative=found["narrative"],
        wish=found["wish"],
        party=Party.OUTSIDER,
        complainant=found["complainant"],
        contact=found["contact"],
        branch=branch,
        received_at=at,
    )
    try:
        complaint, _fresh = services.register(told, user=None, at=at)
    except ValidationError as error:
        sent.add_error(None, error.messages)
        return render(request, "complaints/public_form.html", {"form": sent, "branch": branch}, status=422)
    return render(request, "complaints/public_done.html", {"number": complaint.number})


@require_http_methods(["GET", "POST"])
def satisfaction(request: HttpRequest, token: str) -> HttpResponse:
    """The question after closing; answered once."""
    try:
        question = public.asked(token)
    except FollowUp.DoesNotExist as error:
        raise Http404 from error
    sent = SatisfactionForm(request.POST or None)
    context: dict[str, Any] = {"form": sent, "number": question.row.complaint.number, "answered": question.answered}
    if request.method == "POST" and not question.answered:
        if not sent.is_valid():
            return render(request, "complaints/satisfaction.html", context, status=422)
        public.answer(token, sent.cleaned_data["satisfaction"], sent.cleaned_data["note"], at=now())
        return redirect("complaints:satisfaction", token)
    return render(request, "complaints/satisfaction.html", context)


@page("complaints.handle")
def links(request: HttpRequest) -> HttpResponse:
    """The address of the public form of one's own branch."""
    staff = getattr(request.user, "staff", None)
    if staff is None:
        raise Http404
    token = public.form_token(staff.branch, user=request.user)
    return render(request, "complaints/links.html", {"branch": staff.branch, "token": token})


@page("complaints.handle")
def ask(request: HttpRequest, number: str, days: int) -> HttpResponse:
    """The address of the question about satisfaction, for the letter or message to the client."""
    complaint = get_object_or_404(Complaint.objects.visible_to(request.user), number=number)
    row = get_object_or_404(complaint.follow_ups, days=days, round=complaint.round, done_at=None, dropped=False)
    return render(request, "complaints/links.html", {"complaint": complaint, "ask_token": public.ask_token(row)})
