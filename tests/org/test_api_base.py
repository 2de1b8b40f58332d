"""The base of the API: tokens, cursor pages, problems, limits. On real routes of the product."""

from datetime import timedelta
from itertools import chain

import pytest
from django.test import Client as Browser
from django.utils import timezone
from rest_framework import exceptions

from org.api_auth import make_token, revoke_token
from org.models import ApiToken, AuditEvent, Role, User
from org.problems import pointers
from tests.factories import ClientFactory, StaffFactory

pytestmark = pytest.mark.django_db
CLIENTS = "/api/v1/clients/"


@pytest.fixture
def make(admin):
    def token(scopes=("clients.view",), branch=None, days=1) -> tuple[ApiToken, Browser]:
        until = timezone.now() + timedelta(days=days)
        row, secret = make_token(name="export", scopes=list(scopes), branch=branch, expires_at=until, by=admin.user)
        return row, Browser(headers={"Authorization": f"Bearer {secret}"})

    return token


def numbers(answer) -> list[str]:
    return [row["client_no"] for row in answer.json()["results"]]


def test_a_token_reads_what_its_scopes_and_its_branch_allow(make):
    mine, other = ClientFactory(), ClientFactory()
    _row, firm = make()
    _row, branch = make(branch=mine.branch)
    _row, bare = make(scopes=())
    assert set(numbers(firm.get(CLIENTS))) == {mine.client_no, other.client_no}
    assert numbers(branch.get(CLIENTS)) == [mine.client_no]
    assert bare.get(CLIENTS).status_code == 403


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer x", "Bearer crm_" + "x" * 43, "Bearer a b", "Token x", "Basic dTpw", "bearer \xff"],
)
def test_what_is_no_token_is_nobody(header, db):
    answer = Browser().get(CLIENTS, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 401


def test_a_token_ends_at_once(make, admin):
    row, browser = make()
    assert browser.get(CLIENTS).status_code == 200
    revoke_token(row, by=admin.user)
    assert browser.get(CLIENTS).status_code == 401
    row, browser = make()
    User.objects.filter(pk=row.user_id).update(is_active=False)
    assert browser.get(CLIENTS).status_code == 401
    row, browser = make()
    ApiToken.objects.filter(pk=row.pk).update(expires_at=timezone.now())
    assert browser.get(CLIENTS).status_code == 401


def test_last_use_is_noted_once_a_minute(make, django_assert_num_queries):
    row, browser = make()
    browser.get(CLIENTS)
    row.refresh_from_db()
    first = row.last_used_at
    assert timezone.now() - first < timedelta(minutes=1)
    browser.get(CLIENTS)
    row.refresh_from_db()
    assert row.last_used_at == first


def test_a_token_makes_no_session(make):
    _row, browser = make()
    browser.get(CLIENTS)
    assert "session" not in browser.cookies
    assert browser.get("/clients/").status_code == 302


def test_a_signed_in_person_uses_the_api_within_the_own_scope_and_with_csrf(manager):
    own = ClientFactory(manager=manager)
    ClientFactory()
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(manager.user)
    assert numbers(browser.get(CLIENTS)) == [own.client_no]
    answer = browser.post(CLIENTS)
    assert answer.status_code in (403, 405)
    assert answer.headers["Content-Type"] == "application/problem+json"


# --- Pages ----------------------------------------------------------------------------------------------------------


def test_cursor_pages_go_forth_and_back_without_gap(make):
    made = [client.client_no for client in ClientFactory.create_batch(7)]
    _row, browser = make()
    pages, address = [], f"{CLIENTS}?page_size=3"
    while address:
        page = browser.get(address).json()
        pages.append([row["client_no"] for row in page["results"]])
        previous, address = page["previous"], page["next"]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert list(chain(*pages)) == made
    assert numbers(browser.get(previous)) == pages[1]


@pytest.mark.parametrize("cursor", ["x", "cD0x", "bz0xJnA9eA%3D%3D", "%00", "cD0lRkY%3D"])
def test_a_made_up_cursor_is_a_problem_and_no_fault(make, cursor):
    ClientFactory()
    _row, browser = make()
    answer = browser.get(f"{CLIENTS}?cursor={cursor}")
    assert answer.status_code in (200, 404)
    if answer.status_code == 404:
        assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("asked", "given"), [("0", 25), ("-1", 25), ("1000000000", 200), ("x", 25), ("2", 2)])
def test_the_size_of_a_page_has_limits(make, asked, given):
    ClientFactory.create_batch(30)
    _row, browser = make()
    assert len(numbers(browser.get(f"{CLIENTS}?page_size={asked}"))) == min(given, 30)


@pytest.mark.parametrize("rows", [1, 3])
def test_a_page_costs_the_same_for_one_row_and_for_three(make, rows, django_assert_max_num_queries):
    ClientFactory.create_batch(rows)
    _row, browser = make()
    browser.get(CLIENTS)
    with django_assert_max_num_queries(4):
        assert len(numbers(browser.get(CLIENTS))) == rows


# --- Problems -------------------------------------------------------------------------------------------------------


def test_foreign_and_missing_are_the_same_problem(make):
    mine, other = ClientFactory(), ClientFactory()
    _row, browser = make(branch=mine.branch)
    foreign, missing = browser.get(f"{CLIENTS}{other.client_no}/"), browser.get(f"{CLIENTS}none/")
    assert foreign.status_code == missing.status_code == 404
    assert foreign.json() == missing.json()


@pytest.mark.parametrize("path", ["/api/v1/nothing/", "/api/", "/api/v2/clients/"])
def test_an_address_that_is_none_is_a_problem_too(client, path):
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")


def test_a_refusal_leaves_a_trace(make):
    row, browser = make(scopes=())
    browser.get(CLIENTS)
    event = AuditEvent.objects.get(action="access.denied")
    assert (event.user_id, event.detail["method"]) == (row.user_id, "GET")


def test_pointers_name_the_fields():
    detail = exceptions.ValidationError(
        {"name": ["required"], "rows": [{}, {"amount": ["negative", "huge"]}], "non_field_errors": ["together"]}
    ).detail
    assert list(pointers(detail)) == [
        {"pointer": "#/name", "detail": "required"},
        {"pointer": "#/rows/1/amount", "detail": "negative"},
        {"pointer": "#/rows/1/amount", "detail": "huge"},
        {"pointer": "#", "detail": "together"},
    ]


# --- Limits ---------------------------------------------------------------------------------------------------------


def test_a_token_may_not_ask_too_often_and_others_do_not_pay_for_it(make, settings):
    settings.API_RATE = 5
    _row, busy = make()
    _row, other = make()
    words = [busy.get(CLIENTS).status_code for _number in range(12)]
    # A new minute may begin in between: then at most twice as many pass.
    assert 5 <= words.count(200) <= 10
    assert words.count(429) >= 2
    refused = next(answer for answer in iter(lambda: busy.get(CLIENTS), None) if answer.status_code == 429)
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.json()["status"] == 429
    assert other.get(CLIENTS).status_code == 200


# --- Description ----------------------------------------------------------------------------------------------------


def test_the_description_is_there_for_the_signed_in(client, make):
    assert client.get("/api/v1/schema/").status_code == 401
    assert client.get("/api/v1/docs/").status_code == 401
    _row, browser = make(scopes=())
    schema = browser.get("/api/v1/schema/?format=json").json()
    assert schema["openapi"].startswith("3.1")
    assert "/api/v1/clients/" in schema["paths"]
    client.force_login(StaffFactory(role=Role.AUDITOR).user)
    page = client.get("/api/v1/docs/")
    assert page.status_code == 200
    # The content security policy allows no script in the page.
    assert b"<script>" not in page.content
