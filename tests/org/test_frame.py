"""The kept parts of the frame never show one viewer's navigation, place or language to another."""

import re

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def _places(browser: Client, path: str, language: str) -> tuple[list[str], list[str]]:
    browser.cookies["language"] = language
    body = browser.get(path).content.decode()
    side = body[body.index('id="navigation"') : body.index("data-fold")]
    return re.findall(r'href="([^"]+)"', side), re.findall(r'href="([^"]+)" aria-current="page"', side)


def test_navigation_follows_page_and_language(manager):
    browser = Client()
    browser.force_login(manager.user)
    entries, here = _places(browser, "/clients/", "en")
    assert "/clients/" in entries
    assert here == ["/clients/"]
    _again, elsewhere = _places(browser, "/", "en")
    assert elsewhere == ["/"]
    assert "Clients" in browser.get("/clients/").content.decode()
    _places(browser, "/clients/", "zh-hans")
    assert 'aria-label="Main"' not in browser.get("/clients/").content.decode()
    browser.cookies["language"] = "en"
    assert 'aria-label="Main"' in browser.get("/clients/").content.decode()
