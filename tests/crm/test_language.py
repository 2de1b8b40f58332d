"""Two languages, whole: no string of the other one leaks into a page, wherever it comes from."""

import re
from datetime import date

import pytest
from django.test import Client

from clients.models import Client as ClientRecord
from nights import services
from org.models import Branch, Role, Staff
from segmentation.models import TierChange
from tests.crm.crawl import Page, walk
from tests.factories import StaffFactory
from tests.nights.firm import DAY, NEXT_DAY, Firm, work

#: Words that Chinese pages keep in Latin letters.
KEPT = {
    "API", "CSV", "Chrome", "English", "ETF", "Excel", "GB", "GB18030", "ID", "IP", "KB", "MB", "TOTP", "UTF", "XLSX",
    "Firefox", "_READY", "YYYY", "DD", "MM", "TSV", "zip", "RFM", "BG", "NBD", "gamma", "JavaScript",
    "POST", "https", "http", "WEBHOOK_HOSTS", "PDF", "Webhook",
}  # fmt: skip
CHINESE = re.compile(r"[\u3400-\u9fff，。；：、“”]")
LATIN = re.compile(r"[A-Za-z_]{2,}")
STARTS = ("/", "/account/password/change/", "/account/2fa/", "/account/sessions/", "/account/reauthenticate/")


@pytest.fixture
def people(db, settings):
    """One person per role in a firm with two nights, in which somebody moved."""
    settings.SECURE_SSL_REDIRECT = False
    firm = Firm()
    clients = firm.ladder()
    work(services.start(DAY))
    firm.earn(clients[2], 500, on=date(2026, 9, 2))
    held = services.start(NEXT_DAY)
    work(held)
    services.release(held, user=firm.admin.user)
    work(held)
    assert TierChange.objects.exists()
    return {
        "manager": firm.managers[0],
        "head": firm.heads[0],
        "admin": firm.admin,
        "analyst": StaffFactory(role=Role.ANALYST, branch=firm.branches[0]),
        "auditor": StaffFactory(role=Role.AUDITOR, branch=firm.branches[0]),
    }


def pages_of(staff: Staff, language: str, *starts: str) -> list[Page]:
    staff.user.language = language
    staff.user.save(update_fields=["language"])
    client = Client(headers={"user-agent": "Firefox"})
    client.force_login(staff.user)
    return list(walk(client, *starts))


def english_in(page: Page) -> list[str]:
    """Texts with a Latin word that is neither kept nor part of a code such as B0001 or a user's name."""
    codes = re.compile(r"\b(?:[A-Z]{1,2}\d+|user\d+|[\w.*]+@[\w.]+|docs/\S+|[a-z]+\.[a-z_]+(?:\.[a-z]+)?)\b")
    return [
        text
        for text, language in page.texts
        if not language.startswith("en") and set(LATIN.findall(codes.sub("", text))) - KEPT
    ]


def chinese_in(page: Page) -> list[str]:
    return [text for text, language in page.texts if not language.startswith("zh") and CHINESE.search(text)]


@pytest.mark.parametrize("role", ["manager", "head", "admin", "analyst", "auditor"])
def test_no_english_in_chinese_pages(people, role):
    pages = pages_of(people[role], "zh-hans", *STARTS)
    assert len(pages) >= 6
    leaks = {page.url: found for page in pages if (found := english_in(page))}
    assert leaks == {}


@pytest.mark.parametrize("role", ["manager", "head", "admin", "analyst", "auditor"])
def test_no_chinese_in_english_pages(people, role):
    for model, word in ((Branch, "Branch"), (Staff, "Person"), (ClientRecord, "Client")):
        for row in model.objects.all():
            model.objects.filter(pk=row.pk).update(name=f"{word} {row.pk}")
    people[role].refresh_from_db()
    pages = pages_of(people[role], "en", *STARTS)
    leaks = {page.url: found for page in pages if (found := chinese_in(page))}
    assert leaks == {}


@pytest.mark.parametrize(("language", "other"), [("zh-hans", english_in), ("en", chinese_in)])
def test_pages_before_signing_in(db, language, other):
    client = Client()
    client.cookies["language"] = language
    pages = list(walk(client, "/account/login/", "/account/password/reset/"))
    assert pages
    assert {page.url: found for page in pages if (found := other(page))} == {}


@pytest.mark.parametrize(("language", "other"), [("zh-hans", english_in), ("en", chinese_in)])
@pytest.mark.parametrize("status", [403, 404])
def test_error_pages(people, language, other, status):
    from tests.crm.crawl import read

    manager = people["manager"]
    manager.user.language = language
    manager.user.save(update_fields=["language"])
    for model in (Branch, Staff):
        model.objects.update(name="7")
    client = Client()
    client.force_login(manager.user)
    answer = client.get({403: "/audit/", 404: "/clients/none/"}[status])
    assert answer.status_code == status
    assert other(read("", answer.content.decode())) == []


def test_the_walk_reaches_every_page(people):
    """A page that no link leads to would not be read above."""
    reached = set()
    for staff in people.values():
        reached |= {page.view for page in pages_of(staff, "en", *STARTS)}
    pages = {"home", "clients:list", "clients:record", "segmentation:pareto", "segmentation:policies", "segmentation:policy",
             "ledger:intake", "nights:list", "nights:night", "org:staff", "org:staff_record", "org:audit", "org:settings",
             "clients:care", "mfa_index", "usersessions_list", "account_change_password"}  # fmt: skip
    assert pages <= reached
