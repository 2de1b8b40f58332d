"""The entries of the navigation: only what the viewer has a right to, in the order of a working day."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from org.rights import may


@dataclass(frozen=True)
class Place:
    """A page of the navigation. `right` empty: everybody signed in; `apart`: below the line, not on the phone's bar."""

    url_name: str
    label: Promise
    icon: str
    right: str = ""
    apart: bool = False


@dataclass(frozen=True)
class Page:
    """One of several pages behind an entry of the navigation, shown as a tab on each of them."""

    url_name: str
    label: Promise
    right: str
    order: int = 50


PLACES = (
    Place("home", _("My day"), "calendar-event"),
    Place("dashboards:home", _("Dashboard"), "layout-dashboard", "figures.view"),
    Place("clients:list", _("Clients"), "users", "clients.view"),
    Place("visits:day", _("Visits"), "map-pin", "visits.view"),
    Place("segmentation:pareto", _("Segmentation"), "chart-bar", "pareto.view"),
    Place("complaints:list", _("Complaints"), "alert-circle", "complaints.view"),
    Place("callbacks:queue", _("Call-backs"), "phone", "callbacks.view"),
    Place("ledger:intake", _("Intake"), "database-import", "intake.view"),
    Place("nights:list", _("Nights"), "moon-stars", "nights.view"),
    Place("segmentation:policies", _("Policies"), "scale", "policies.view"),
    Place("org:staff", _("Staff"), "users-group", "staff.view", apart=True),
    Place("org:audit", _("Audit trail"), "shield-check", "audit.view", apart=True),
    Place("org:settings", _("Settings"), "settings", apart=True),
)

_pages: dict[str, list[Page]] = {}


def register_page(entry: str, *pages: Page) -> None:
    """Put pages behind an entry (its URL name); called by the apps that own the pages."""
    _pages[entry] = sorted({page.url_name: page for page in [*_pages.get(entry, []), *pages]}.values(), key=_by_order)


def _by_order(page: Page) -> tuple[int, str]:
    return page.order, page.url_name


def address(url_name: str) -> str:
    """Address of a page without parameters, '' if there is none; as `reverse` finds it, once for each process."""
    return _address(url_name, get_urlconf() or settings.ROOT_URLCONF, get_script_prefix())


@lru_cache(maxsize=256)
def _address(url_name: str, urlconf: str, script_prefix: str) -> str:
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return ""


def siblings(request: HttpRequest, entry: str) -> list[dict[str, object]]:
    """The pages behind an entry that the viewer has a right to: url, label, active."""
    found = [(reverse(page.url_name), page.label) for page in _pages.get(entry, []) if may(request.user, page.right)]
    # The longest address that this page begins with: one page may lie below another.
    here = max((url for url, _label in found if request.path.startswith(url)), key=len, default="")
    return [{"url": url, "label": label, "active": url == here} for url, label in found]


def _within(request: HttpRequest, entry: str, url: str) -> bool:
    if url == "/":
        return request.path == url
    return request.path.startswith((url, *filter(None, (address(page.url_name) for page in _pages.get(entry, [])))))


#: Seconds a count beside an entry may be old; it saves a query on each page.
COUNT_AGE = 60
_counts: dict[str, Callable[[HttpRequest], int]] = {}


def register_count(url_name: str, count: Callable[[HttpRequest], int]) -> None:
    """Offer the number shown beside an entry, e.g. what is due today; called by the app that owns the page."""
    _counts[url_name] = count


def forget_count(user_id: int, url_name: str) -> None:
    """Drop a kept count after the viewer changed what it counts."""
    cache.delete(f"nav:{user_id}:{url_name}")


def entries(request: HttpRequest) -> list[dict[str, object]]:
    """Entries for the viewer: url, label, icon, apart, count (None: no badge), active (the page or one below it),
    pages (url and label of the pages behind it, which the search offers too)."""
    found = []
    for place in PLACES:
        if place.right and not may(request.user, place.right):
            continue
        url = address(place.url_name)
        if not url:
            continue
        found.append(
            {
                "url": url,
                "label": place.label,
                "icon": place.icon,
                "apart": place.apart,
                "count": _count(request, place.url_name),
                "active": _within(request, place.url_name, url),
                "pages": [
                    (address(p.url_name), p.label) for p in _pages.get(place.url_name, []) if may(request.user, p.right)
                ],
            }
        )
    return found


def _count(request: HttpRequest, url_name: str) -> int | None:
    count = _counts.get(url_name)
    if count is None:
        return None
    return cache.get_or_set(f"nav:{request.user.pk}:{url_name}", lambda: count(request), COUNT_AGE)
