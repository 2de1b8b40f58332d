"""What complaints show elsewhere: an entry on the client's timeline, a number beside the navigation."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext

from clients import timeline
from complaints.choices import OPEN_STATES, State
from complaints.models import Complaint, Watch
from complaints.words import clock_words
from org import notify
from org.rights import may


def _line(data: dict[str, Any]) -> str:
    """The number and what became of it; the file itself asks for its own rights."""
    return format_html(
        "{} <a href='{}'>{}</a>: {}",
        gettext("Complaint"),
        reverse("complaints:case", args=[data["number"]]),
        data["number"],
        State(data["state"]).label,
    )


def _due(data: dict[str, Any]) -> str:
    said = {"number": data["number"], "clock": clock_words(data["clock"]), "percent": data["percent"]}
    if data["percent"] < 100:
        return gettext("Complaint %(number)s: %(percent)s %% of the time for “%(clock)s” is over") % said
    return gettext("Complaint %(number)s: “%(clock)s” is due") % said


def _relabel(data: dict[str, Any]) -> str:
    return gettext("Complaint %(number)s: other labels wait for a second person") % {"number": data["number"]}


def _leaving(data: dict[str, Any]) -> str:
    said = {"number": data["number"], "sign": Watch.Sign(data["sign"]).label}
    return gettext("After complaint %(number)s: %(sign)s") % said


def _case_url(data: dict[str, Any]) -> str:
    return reverse("complaints:case", args=[data["number"]])


def register() -> None:
    """Everything that complaints add to the pages of others."""
    notify.register("complaints.due", _due, _case_url)
    notify.register("complaints.relabel", _relabel, _case_url)
    notify.register("complaints.leaving", _leaving, _case_url)
    timeline.register("complaint", "alert-circle", _line, tone="warn")


def waiting_count(request: HttpRequest) -> int:
    """Open cases of which the viewer is the handler."""
    staff = getattr(request.user, "staff", None)
    if staff is None or not may(request.user, "complaints.view"):
        return 0
    return Complaint.objects.visible_to(request.user).filter(handler=staff, state__in=OPEN_STATES).count()
