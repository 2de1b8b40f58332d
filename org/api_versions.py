"""Version of the API and what of it will go (N3): `API-Version` on every answer; `Deprecation`, `Sunset` by the table below.

An address that will go is entered with its days and stays at least `NOTICE` after `since`; then it may be taken out, and the
table with it. Within a version answers only gain fields.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.http import http_date

#: Shortest time between saying that an address goes and its going.
NOTICE = timedelta(days=180)


@dataclass(frozen=True)
class Going:
    """An address that will go: said since, there until, what to ask instead (a path)."""

    since: date
    until: date
    instead: str

    def __post_init__(self) -> None:
        if self.until - self.since < NOTICE:
            raise ValueError(f"callers get {NOTICE.days} days")


#: Name of the route ("api:tier-list") → when it goes.
GOING: dict[str, Going] = {}


def _moment(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


class VersionHeaders:
    """Middleware: every answer of the API says its version, and whether its address will go (RFC 9745, RFC 8594)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith("/api/"):
            return response
        response.headers["API-Version"] = str(settings.SPECTACULAR_SETTINGS["VERSION"])
        match = request.resolver_match
        going = GOING.get(match.view_name) if match else None
        if going is not None:
            response.headers["Deprecation"] = f"@{_moment(going.since)}"
            response.headers["Sunset"] = http_date(_moment(going.until))
            response.headers["Link"] = f'<{going.instead}>; rel="successor-version"'
        return response
