"""Error pages: in the frame and the language, as problems under /api/, with an id to find them by."""

import pytest
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

import crm.urls
from org.errors import server_error
from org.models import AuditEvent


def breaks(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("nobody foresaw this")


def strange(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation("strange")


urlpatterns = [
    *crm.urls.urlpatterns,
    path("breaks/", breaks),
    path("strange/", strange),
    path("api/v1/breaks/", breaks),
    path("api/v1/strange/", strange),
]
handler400, handler403 = crm.urls.handler400, crm.urls.handler403
handler404, handler500 = crm.urls.handler404, crm.urls.handler500
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@pytest.fixture
def browser(manager):
    found = Client(raise_request_exception=False)
    found.force_login(manager.user)
    return found


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("nothing-here/", 404, "There is no such page"),
        ("audit/", 403, "Not allowed"),
        ("strange/", 400, "cannot be read"),
        ("breaks/", 500, "has been recorded"),
    ],
)
def test_pages_say_what_happened(browser, address, status, words):
    browser.cookies["language"] = "en"
    answer = browser.get(f"/{address}")
    assert answer.status_code == status
    assert words in answer.content.decode()
    assert len(answer.headers["X-Request-ID"]) == 32
    assert "Traceback" not in answer.content.decode()


@pytest.mark.parametrize(("address", "status"), [("nothing/", 404), ("strange/", 400), ("breaks/", 500)])
def test_the_api_says_it_as_a_problem(browser, address, status):
    answer = browser.get(f"/api/v1/{address}", headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
    assert "foresaw" not in answer.content.decode()


def test_pages_of_errors_are_in_the_language(browser):
    assert 'lang="zh-hans"' in browser.get("/nothing-here/").content.decode()
    browser.cookies["language"] = "en"
    assert 'lang="en"' in browser.get("/nothing-here/").content.decode()


def test_the_last_page_needs_no_database(rf, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert server_error(rf.get("/breaks/")).status_code == 500


def test_a_form_from_elsewhere_is_refused(manager):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(manager.user)
    answer = browser.post("/settings/", {"theme": "dark"})
    assert answer.status_code == 403
    manager.user.refresh_from_db()
    assert manager.user.theme == "auto"


def test_a_refused_page_leaves_a_trace_and_a_missing_one_none(browser, manager):
    browser.get("/audit/")
    browser.get("/clients/none/")
    browser.get("/nothing-here/")
    event = AuditEvent.objects.get(action="access.denied")
    assert (event.user_id, event.detail) == (manager.user.pk, {"view": "org:audit", "method": "GET"})


def test_line_breaks_in_addresses_do_not_reach_headers(browser):
    answer = browser.get("/staff%0d%0aSet-Cookie:x=1/")
    assert answer.status_code == 404
    assert "x" not in answer.cookies


@override_settings(ALLOWED_HOSTS=["crm.example.com"])
def test_other_hosts_are_refused():
    assert Client(raise_request_exception=False).get("/healthz", HTTP_HOST="evil.example").status_code == 400
