"""What the page frame needs; see docs/interface.md, 'Frame'."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from org.navigation import address, entries


def shell(request: HttpRequest) -> dict[str, Any]:
    """`shell` for the templates; worked out only where a template uses it."""
    return {"shell": SimpleLazyObject(lambda: _shell(request))}


def _shell(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    frame: dict[str, Any] = {"language_url": address("org:language"), "theme_url": "", "nav": []}
    if user is None or not user.is_authenticated:
        return frame | _identity_server()
    staff = getattr(user, "staff", None)
    moment = timezone.localtime().strftime("%Y-%m-%d %H:%M")
    name = staff.name if staff else user.get_username()
    return frame | {
        "nav": entries(request),
        "name": name,
        "role": staff.get_role_display() if staff else "",
        "branch": staff.branch.name if staff else "",
        "viewer": f"{name} {staff.staff_no if staff else user.get_username()} {moment}",
        "theme": user.theme,
        "rise": "red" if user.rise_is_red else "green",
        "search_url": address("clients:search"),
        "settings_url": address("org:settings"),
        "theme_url": address("org:theme"),
        "session_ends": request.session.get("ends_at"),
        "session_idle": settings.SESSION_IDLE_SECONDS,
    }


def _identity_server() -> dict[str, str]:
    """The firm's own log-in, offered at ours."""
    apps = settings.SOCIALACCOUNT_PROVIDERS.get("openid_connect", {}).get("APPS", [])
    if not apps:
        return {}
    login = reverse("openid_connect_login", kwargs={"provider_id": apps[0]["provider_id"]})
    return {"oidc_url": login, "oidc_name": apps[0]["name"]}
