"""The path of a branch head: finds what deviates, opens the list behind it, exports it, sets a target, prints (D2)."""

from datetime import date

from playwright.sync_api import Page, expect
from python_calamine import CalamineWorkbook

from clients import search
from dashboards.models import Target
from ledger.models import ClientTotals
from nights import services
from nights.models import Night
from segmentation.models import RankingPolicy
from tests.nights.firm import DAY, Firm, work


def test_find_open_export_target_print(page: Page, live_server, sign_in, transactional_db, settings, tmp_path):
    settings.DROP_DIR = tmp_path / "drop"
    RankingPolicy.objects.get_or_create(version=1, defaults={"state": "published", "valid_from": date(2000, 1, 1)})
    firm = Firm()
    firm.ladder()
    search.refresh(everything=True)
    work(services.start(DAY))
    assert Night.objects.get().state == "done"
    assert ClientTotals.objects.exists()
    sign_in(firm.heads[0], language="en")
    page.goto(f"{live_server.url}/dashboards/")
    expect(page.get_by_role("heading", level=1)).to_contain_text(firm.heads[0].branch.name)
    expect(page.locator(".crm-later .crm-quiet[role=status]")).to_have_count(0)

    # What deviates leads to the clients who do.
    away = page.locator("#deviations a", has_text="far from the ideal")
    count = int(away.get_attribute("data-count"))
    away.click()
    expect(page.locator("tbody tr")).to_have_count(count)
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Excel").click()
    path = tmp_path / "list.xlsx"
    download.value.save_as(path)
    assert len(CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()) == count + 1

    page.go_back()
    targets = page.locator("#targets")
    targets.get_by_label("Target, yuan or %").fill("123456")
    targets.get_by_role("button", name="Set the target").click()
    expect(page.locator("#targets tbody tr")).to_have_count(1)
    assert Target.objects.get().value == 123_456 * 10_000

    expect(page.locator("#revenue[data-ready=yes]")).to_have_count(1)
    page.evaluate("window.print = () => { window.printed = true; }")
    page.get_by_role("button", name="Print").click()
    assert page.evaluate("window.printed")
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    expect(page.locator(".crm-side")).to_be_hidden()
    expect(page.locator(".crm-filters").first).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "light"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
