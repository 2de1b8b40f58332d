"""Saved views of the client list: own, shared with the branch, shared with the firm."""

import re
from html import unescape

import pytest

from clients.models import SavedView
from tests.factories import ClientFactory, StaffFactory

pytestmark = pytest.mark.django_db
VIEWS = "/clients/views/"


def tabs(html):
    return [unescape(name) for name in re.findall(r'<li><a href="\?[^"]*"[^>]*>([^<]+)</a></li>', html)]


def page(browser, query=""):
    return browser.get(f"/clients/{query}").content.decode()


def save(browser, query, name="My view", shared="own"):
    return browser.post(VIEWS, {"act": "save", "query": query, "name": name, "shared": shared})


def test_a_saved_view_is_a_tab_that_brings_everything_back(manager, as_):
    ClientFactory(manager=manager, status="dormant")
    browser = as_(manager)
    response = save(browser, "?status=dormant&sort=client_no&cols=status,client_no&size=25&density=compact")
    view = SavedView.objects.get()
    assert response.url.endswith(f"&view={view.pk}")
    html = page(browser, response.url.removeprefix("/clients/"))
    assert tabs(html) == ["All", "My view"]
    assert re.findall(r'data-label="([^"]+)"', html) == ["Status", "Client number"]
    assert "crm-list-compact" in html
    assert 'aria-sort="ascending"' in html
    assert "Delete this view" in html


def test_saving_the_same_name_again_replaces(manager, as_):
    browser = as_(manager)
    save(browser, "?status=dormant")
    save(browser, "?status=closed")
    assert "status=closed" in SavedView.objects.get().query


def test_sharing(manager, head, stranger, analyst, as_):
    colleague = StaffFactory(branch=manager.branch)
    save(as_(manager), "?status=dormant", "mine")
    save(as_(head), "?status=closed", "branch", "branch")
    save(as_(analyst), "?tier=A", "firm", "firm")
    assert tabs(page(as_(manager))) == ["All", "branch", "firm", "mine"]
    assert tabs(page(as_(colleague))) == ["All", "branch", "firm"]
    assert tabs(page(as_(stranger))) == ["All", "firm"]


def test_only_head_office_shares_with_the_firm(manager, as_):
    assert save(as_(manager), "?tier=A", "x", "firm").status_code == 403
    assert save(as_(manager), "?tier=A", "x", "world").status_code == 403
    assert not SavedView.objects.exists()


def test_a_shared_view_does_not_tell_whom_somebody_looked_for(head, as_):
    save(as_(head), "?q=王伟&status=active", "shared", "branch")
    assert "q=" not in SavedView.objects.get().query
    save(as_(head), "?q=王伟&status=active", "own", "own")
    assert "q=" in SavedView.objects.get(name="own").query


def test_own_defaults_hold_until_the_address_says_otherwise(manager, as_):
    ClientFactory(manager=manager)
    browser = as_(manager)
    chosen = {"act": "choose", "query": "?status=active", "col": ["status", "client_no"], "keep": "1"}
    response = browser.post(VIEWS, chosen)
    assert re.findall(r'data-label="([^"]+)"', page(browser)) == ["Status", "Client number"]
    assert "status=active" in response.url
    assert re.findall(r'data-label="([^"]+)"', page(browser, "?cols=risk")) == ["Risk level"]
    assert tabs(page(browser)) == []
    # A link to this list shows a colleague the same columns.
    assert "cols=status%2Cclient_no" in page(browser).replace("&amp;", "&")


def test_choosing_once_keeps_nothing(manager, as_):
    response = as_(manager).post(VIEWS, {"act": "choose", "query": "", "col": ["status", "nonsense"]})
    assert response.url == "/clients/?cols=status"
    assert not SavedView.objects.exists()


def test_nobody_deletes_the_view_of_another(manager, stranger, as_):
    save(as_(manager), "?status=dormant")
    view = SavedView.objects.get()
    as_(stranger).post(VIEWS, {"act": "delete", "query": f"?view={view.pk}"})
    assert SavedView.objects.exists()
    as_(manager).post(VIEWS, {"act": "delete", "query": f"?view={view.pk}"})
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("data", [{}, {"act": "drop"}, {"act": "save", "name": " ", "query": "?" + "x" * 9000}])
def test_nonsense_is_refused(data, manager, as_):
    response = as_(manager).post(VIEWS, data)
    assert response.status_code in (302, 404)
    assert not SavedView.objects.exists()
