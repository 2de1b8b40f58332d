"""Pages and API against the floor views, in one server, in turns: list, search, deep, record, api_list, queries, memory."""

import os
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.cached_db import SessionStore
from django.db import connection
from django.http import QueryDict
from django.test import Client as Browser
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from benchmarks.server import Server, gunicorn
from benchmarks.stopwatch import Result, interleaved, ratio
from clients.lists import ClientListing
from org.listing.paging import in_order, write_cursor
from org.models import User

if TYPE_CHECKING:
    from benchmarks.seed import Firm

ROUNDS = 40
ROWS = 50
DEEP_PAGE = 500


def measure(size: int, firm: "Firm") -> list[Result]:
    environment = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")}
    results = []
    with gunicorn("crm.wsgi:application", environment) as server:
        results += _pages(server, size, firm)
        product = server.memory()
    with gunicorn("benchmarks.bare:application", environment) as bare:
        for _ in range(20):
            bare.get("/")
        results.append(ratio("memory", size, product / 2**20, bare.memory() / 2**20, "MB"))
    results.append(_queries(size, firm))
    return results


def cookie_of(user: User) -> str:
    """A session cookie for a user, as the log-in would set it."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session["seen_at"] = int(time.time())
    session["ends_at"] = session["seen_at"] + settings.SESSION_ABSOLUTE_SECONDS
    session["second_factor"] = True
    session.create()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def _pages(server: Server, size: int, firm: "Firm") -> list[Result]:
    server.cookie = cookie_of(firm.manager.user)

    def against(name: str, path: str, floor: str) -> Result:
        value, base = interleaved(lambda: server.get(path), lambda: server.get(floor, anonymous=True), ROUNDS)
        return ratio(name, size, value * 1000, base * 1000, "ms")

    rows = "/floor/list/"
    results = [against("list", "/clients/?size=50", rows)]
    hits = [against("search", f"/clients/search/?q={quote(term)}", rows) for term in firm.search_terms]
    # The slowest kind of term stands for the search.
    results.append(max(hits, key=lambda hit: hit.value))
    results.append(against("record", f"/clients/{firm.client_no}/", "/floor/record/"))
    server.token = firm.api_token
    results.append(against("api_list", "/api/v1/clients/", "/floor/api/"))
    server.token = ""
    results.append(_deep(server, size, firm))
    return results


def _deep(server: Server, size: int, firm: "Firm") -> Result:
    """Page 500 of the firm's list (or the last page) against its first page, read by the analyst."""
    server.cookie = cookie_of(firm.analyst.user)
    first = "/clients/?size=50"
    deep = page_url(firm.analyst.user, min(DEEP_PAGE, size // ROWS - 1))
    value, base = interleaved(lambda: server.get(deep), lambda: server.get(first), ROUNDS)
    return ratio("deep", size, value * 1000, base * 1000, "ms")


def page_url(user: User, number: int) -> str:
    """Address of a page of a user's client list as "next page" would give it after `number` - 1 clicks."""
    request = RequestFactory().get("/clients/")
    request.user = user
    listing = ClientListing(request, QueryDict(f"size={ROWS}"))
    sort = listing.state.sort
    before = in_order(listing.base(), sort).values_list(sort.path, "pk")[(number - 1) * ROWS - 1]
    return listing.url + listing.state.url(place=("after", write_cursor(sort, before)))


def _queries(size: int, firm: "Firm") -> Result:
    """SQL statements of the manager's list page, which must not depend on the number of rows."""
    browser = Browser()
    browser.force_login(firm.manager.user, backend=settings.AUTHENTICATION_BACKENDS[0])
    counts = []
    for rows in (25, 100):
        browser.get(f"/clients/?size={rows}")
        with CaptureQueriesContext(connection) as captured:
            browser.get(f"/clients/?size={rows}")
        counts.append(len(captured))
    if counts[0] != counts[1]:
        raise RuntimeError(f"the list page needs {counts[0]} statements for 25 rows and {counts[1]} for 100")
    return Result("queries", size, None, None, float(counts[0]), "SQL")
