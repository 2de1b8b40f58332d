"""The tabs of the organisation's pages: only those that the viewer has a right to."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from org.rights import may

PLACES = (
    ("org:staff", "staff.view", _("Staff")),
    ("org:grants", "grants.view", _("Grants of client data")),
    ("org:tokens", "tokens.edit", _("API tokens")),
    ("feed:webhooks", "webhooks.edit", _("Webhooks")),
)


def tabs(request: HttpRequest) -> list[dict[str, Any]]:
    """label, url, active of each tab."""
    found = [(reverse(name), label) for name, right, label in PLACES if may(request.user, right)]
    return [{"url": url, "label": label, "active": request.path == url} for url, label in found]
