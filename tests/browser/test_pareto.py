"""The Pareto in a browser: what a head clicks opens as many clients as it said; it prints and fits a phone."""

from datetime import date

import pytest
from playwright.sync_api import Page, expect

from org.models import Role
from segmentation.models import RankingPolicy
from segmentation.ranking import rank
from tests.browser.conftest import DESKTOP, PHONE, settled
from tests.factories import BranchFactory, StaffFactory
from tests.segmentation.conftest import DAY as RANKED
from tests.segmentation.conftest import totals_of


@pytest.fixture
def policy(transactional_db):
    return RankingPolicy.objects.get_or_create(
        version=1, defaults={"state": "published", "valid_from": date(2000, 1, 1)}
    )


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
def test_a_head_clicks_a_and_sees_as_many_clients(page: Page, live_server, sign_in, policy, size):
    branch = BranchFactory()
    totals_of(branch, [(yuan * 10_000, 0) for yuan in (60, 55, 30, 10, 5)])
    rank(RANKED)
    page.set_viewport_size(size)
    sign_in(StaffFactory(branch=branch, role=Role.BRANCH_HEAD))
    page.goto(f"{live_server.url}/pareto/")
    link = settled(page).locator("a[data-tier=A]")
    count = link.inner_text()
    assert int(count) > 1
    link.click()
    page.wait_for_url("**/clients/?**")
    expect(page.locator(".crm-list-count")).to_have_text(count)
    assert page.locator("tbody .crm-tier-a").count() == int(count)


def test_a_bundle_is_clicked_on_the_chart_and_in_its_table(page: Page, live_server, sign_in, policy):
    branch = BranchFactory()
    totals_of(branch, [((900 - n) * 10_000, 0) for n in range(402)])
    rank(RANKED)
    sign_in(StaffFactory(branch=branch, role=Role.BRANCH_HEAD))
    page.goto(f"{live_server.url}/pareto/")
    canvas = settled(page).locator("#pareto canvas").first
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] * 0.5, "y": box["height"] * 0.6})
    page.wait_for_url("**/pareto/clients/?**")
    assert page.locator("tbody tr").count() == 3
    page.go_back()
    settled(page).locator("[data-chart-view]").click()
    last = page.locator(".crm-chart-table tbody tr").last.get_by_role("link")
    expect(last).to_contain_text("400–402")
    last.click()
    page.wait_for_url("**/pareto/clients/?**")
    assert page.locator("tbody tr").count() == 3


def test_a_past_day_is_chosen(page: Page, live_server, sign_in, policy):
    branch = BranchFactory()
    totals_of(branch, [(50_000, 0), (20_000, 0)])
    rank(RANKED)
    rank(date(2026, 11, 23))
    sign_in(StaffFactory(branch=branch, role=Role.BRANCH_HEAD), language="en")
    page.goto(f"{live_server.url}/pareto/")
    settled(page).locator("#date").fill(RANKED.isoformat())
    page.wait_for_url(f"**date={RANKED.isoformat()}**")
    expect(page.locator(".crm-note")).to_contain_text("As ranked on 2026-11-20")
    settled(page)


def test_a_dark_page_prints_dark_on_white_within_the_paper(page: Page, live_server, sign_in, policy):
    branch = BranchFactory()
    totals_of(branch, [((900 - n) * 10_000, 0) for n in range(60)])
    rank(RANKED)
    sign_in(StaffFactory(branch=branch, role=Role.BRANCH_HEAD), theme="dark")
    page.goto(f"{live_server.url}/pareto/")
    settled(page)
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 990})  # A4 within its margins
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "light"
    expect(page.locator(".crm-print-only")).to_have_text(branch.name)
    canvas = page.locator("#pareto canvas").first.bounding_box()
    assert canvas["x"] + canvas["width"] <= 700
    assert page.evaluate("document.documentElement.scrollWidth") <= 700
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
