"""The way the product is made for: a manager finds a client by initials, opens the record, reads the tier and why."""

from datetime import date

import pytest
from playwright.sync_api import Page, expect

from clients import search
from clients.models import Client
from nights import services
from segmentation.models import RankingPolicy
from tests.browser.conftest import DESKTOP, PHONE
from tests.nights.firm import DAY, Firm, work


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
def test_initials_lead_to_the_record_that_says_the_tier_and_why(
    page: Page, live_server, sign_in, transactional_db, settings, tmp_path, size
):
    settings.DROP_DIR = tmp_path / "drop"
    RankingPolicy.objects.get_or_create(version=1, defaults={"state": "published", "valid_from": date(2000, 1, 1)})
    firm = Firm()
    wanted = firm.ladder()[0]
    Client.objects.filter(pk=wanted.pk).update(name="欧阳慕华")
    search.refresh(everything=True)
    work(services.start(DAY))

    page.set_viewport_size(size)
    sign_in(firm.managers[0])
    page.goto(f"{live_server.url}/clients/?q=oymh")
    expect(page.locator(".crm-list-count")).to_have_text("1")
    page.get_by_role("link", name="欧阳慕华").first.click()
    page.wait_for_url(f"**/clients/{wanted.client_no}/**")
    why = page.locator("#why .crm-lead")
    expect(why).to_be_visible()
    expect(why.locator(".crm-tier")).to_contain_text("A")
    # The sentence beside the badge, in the reader's language.
    assert len(why.inner_text().replace("A", "").strip()) > 10
