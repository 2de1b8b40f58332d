"""The path of an own segment: built, saved, opened as a list, exported, and counted the same in the API (S11)."""

import csv
import io
import json
from datetime import date

from playwright.sync_api import Page, expect

from clients import search
from nights import services
from segmentation.models import RankingPolicy
from tests.nights.firm import DAY, Firm, work


def test_build_save_list_export_api(page: Page, live_server, sign_in, transactional_db, settings, tmp_path):
    settings.DROP_DIR = tmp_path / "drop"
    RankingPolicy.objects.get_or_create(version=1, defaults={"state": "published", "valid_from": date(2000, 1, 1)})
    firm = Firm()
    firm.ladder()
    search.refresh(everything=True)
    work(services.start(DAY))
    sign_in(firm.managers[0], language="en")
    page.goto(f"{live_server.url}/segments/new/")
    page.fill("#name", "Everybody of the tiers A and C")
    line = page.locator(".crm-rule-line").first
    line.get_by_label("Field").select_option("tier")
    line.locator("select[multiple]").select_option(["A", "C"])
    result = page.locator("[data-result]")
    expect(result).to_contain_text("Tier is one of A, C")
    counted = int(result.inner_text().split(" clients")[0].replace(",", ""))
    assert counted > 0

    # A group that is wrong is shown at its line, and mended by taking it away.
    page.get_by_role("button", name="Add a group").first.click()
    expect(page.locator(".crm-rule-line.is-wrong")).to_have_count(1)
    page.get_by_role("button", name="Remove the group").click()
    expect(result).to_contain_text(f"{counted} clients")

    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Everybody of the tiers A and C")
    number = page.url.rstrip("/").rsplit("/", 1)[1]
    page.locator(".crm-head, header, main").get_by_role("link", name="Clients", exact=True).last.click()
    page.wait_for_url(f"**/clients/?segment={number}")
    expect(page.locator("tbody tr")).to_have_count(counted)

    found = page.evaluate(f"fetch('/api/v1/segments/{number}/count/').then((answer) => answer.text())")
    assert json.loads(found) == {"count": counted}
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    assert len(list(csv.reader(io.StringIO(text)))) == counted + 1
