"""Every page as people see it: accessible, calm, whole on a phone, small, and working by keyboard."""

import gzip
from datetime import date

import pytest
from playwright.sync_api import Page, expect

from clients import search
from clients.models import Client
from nights import services
from org.models import Role
from segmentation.models import RankingPolicy
from tests.browser.conftest import DESKTOP, PHONE, accessibility_faults, layout_shift, settled
from tests.factories import StaffFactory
from tests.nights.firm import DAY, NEXT_DAY, Firm, work

LONGEST = "深圳市前海宏图远大创业投资管理合伙企业(有限合伙)第三期专项资产管理计划"
#: Bytes of a compressed list page (docs/interface.md).
LIST_BUDGET = 60 * 1024
LOOKS = [("zh-hans", "light", DESKTOP), ("en", "dark", PHONE)]
#: The pages with the most in them are looked at in the other combinations too.
MORE_LOOKS = [("en", "dark", DESKTOP), ("zh-hans", "light", PHONE)]


@pytest.fixture
def firm(transactional_db, settings, tmp_path):
    """A firm after two nights, the second of which moved somebody."""
    settings.DROP_DIR = tmp_path / "drop"
    RankingPolicy.objects.get_or_create(version=1, defaults={"state": "published", "valid_from": date(2000, 1, 1)})
    firm = Firm()
    clients = firm.ladder()
    Client.objects.filter(pk=clients[0].pk).update(name=LONGEST)
    search.refresh(everything=True)
    work(services.start(DAY))
    firm.earn(clients[2], 500, on=date(2026, 9, 2))
    held = services.start(NEXT_DAY)
    work(held)
    services.release(held, user=firm.admin.user)
    work(held)
    firm.clients = clients
    return firm


def pages_for(role: str, firm: Firm) -> tuple[object, list[str]]:
    record = f"/clients/{firm.clients[0].client_no}/"
    return {
        "manager": (
            firm.managers[0],
            ["/", "/clients/", "/clients/?q=zzz", record, f"{record}?tab=history", "/pareto/"],
        ),
        "head": (firm.heads[0], ["/", "/clients/", record, "/pareto/", "/policies/", "/policies/1/", "/staff/"]),
        "admin": (
            firm.admin,
            ["/", "/intake/", "/nights/", f"/nights/{NEXT_DAY}/", "/tokens/", "/grants/", "/settings/"],
        ),
        "auditor": (StaffFactory(branch=firm.branches[0], role=Role.AUDITOR), ["/", "/audit/"]),
    }[role]


@pytest.mark.slow
@pytest.mark.parametrize("role", ["manager", "head", "admin", "auditor"])
def test_pages_are_clean_in_every_look(page: Page, live_server, sign_in, firm, role):
    staff, paths = pages_for(role, firm)
    for language, theme, size in LOOKS + (MORE_LOOKS if role == "manager" else []):
        page.set_viewport_size(size)
        sign_in(staff, language=language, theme=theme)
        for path in paths:
            answer = page.goto(live_server.url + path)
            settled(page)
            look = f"{path} {language} {theme} {size['width']}"
            assert answer.status == 200, look
            assert accessibility_faults(page) == [], look
            assert layout_shift(page) < 0.05, look
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{look}: wider than the screen"
            expect(page.locator("h1")).to_have_count(1)


@pytest.mark.parametrize("path", ["/clients/", "/staff/", "/nights/"])
def test_list_pages_fit_their_budget(client, firm, path):
    staff = firm.admin if path != "/clients/" else firm.heads[0]
    client.force_login(staff.user)
    assert len(gzip.compress(client.get(path).content)) < LIST_BUDGET


def test_search_finds_a_client_by_keyboard(page: Page, live_server, sign_in, firm):
    found = Client.objects.exclude(name=LONGEST).filter(branch=firm.branches[0]).first()
    sign_in(firm.managers[0])
    page.goto(f"{live_server.url}/pareto/")
    page.keyboard.press("/")
    page.keyboard.type(found.client_no)
    expect(page.locator("#search-hits .crm-hit").first).to_contain_text(found.client_no)
    assert page.get_attribute("#search", "aria-expanded") == "true"
    assert page.get_attribute("#search", "aria-activedescendant") == "hit-0"
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/clients/{found.client_no}/")


def test_search_is_reached_by_control_k_and_offers_pages(page: Page, live_server, sign_in, firm):
    sign_in(firm.managers[0], language="en")
    page.goto(f"{live_server.url}/clients/")
    page.keyboard.press("Control+k")
    page.keyboard.type("growth of")  # a page behind an entry of the navigation
    hit = page.locator("#search-hits .crm-hit", has_text="Growth of funds")
    expect(hit).to_be_visible()
    hit.click()
    page.wait_for_url("**/funds/")


def test_search_waits_for_the_input_method(page: Page, live_server, sign_in, firm):
    sign_in(firm.managers[0])
    page.goto(f"{live_server.url}/pareto/")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/clients/search" in request.url else None)
    page.focus("#search")
    composing = "new InputEvent('input', { isComposing: true, bubbles: true })"
    page.evaluate(
        f"() => {{ const s = document.querySelector('#search'); s.value = 'ou yang'; s.dispatchEvent({composing}); }}"
    )
    page.wait_for_timeout(400)
    assert asked == []
    page.evaluate(
        "() => { const s = document.querySelector('#search'); s.value = '宏图远大';"
        " s.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true })); }"
    )
    expect(page.locator("#search-hits .crm-hit").first).to_contain_text(LONGEST)
    assert len(asked) == 1


def test_search_of_another_branch_finds_nothing(page: Page, live_server, sign_in, firm):
    foreign = firm.clients[3]
    sign_in(firm.managers[0])
    page.goto(f"{live_server.url}/pareto/")
    page.fill("#search", foreign.client_no)
    expect(page.locator(".crm-search-foot")).not_to_be_empty()
    expect(page.locator("#search-hits .crm-hit")).to_have_count(0)


def test_pareto_shows_the_same_figures_as_a_table_and_survives_a_change_of_theme(
    page: Page, live_server, sign_in, firm
):
    sign_in(firm.heads[0], language="en")
    page.goto(f"{live_server.url}/pareto/")
    settled(page)
    page.click("[data-chart-view]")
    rows = page.locator(".crm-chart-table tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.last).to_contain_text("100.00%")
    page.click("[data-chart-view]")
    page.click(".crm-theme > summary")
    page.click("[data-theme-choice=dark]")
    expect(page.locator(".crm-chart-canvas canvas")).to_have_count(1)
    with page.expect_download() as download:
        page.click("[data-chart-image]")
    assert download.value.suggested_filename.endswith(".png")


def test_figures_of_the_pareto_open_the_list_with_the_same_count(page: Page, live_server, sign_in, firm):
    sign_in(firm.heads[0])
    page.goto(f"{live_server.url}/pareto/")
    door = page.locator("a[data-tier=A]")
    count = door.inner_text()
    door.click()
    page.wait_for_url("**/clients/**")
    expect(page.locator(".crm-list-count")).to_have_text(count)


def test_pages_with_clients_carry_the_viewers_name_as_a_watermark(page: Page, live_server, sign_in, firm):
    sign_in(firm.managers[0])
    for path in ("/", "/clients/", f"/clients/{firm.clients[0].client_no}/", "/pareto/"):
        page.goto(live_server.url + path)
        tile = page.locator(".crm-watermark").evaluate("(mark) => getComputedStyle(mark).backgroundImage")
        assert tile.startswith('url("data:image/svg+xml;base64,'), path


def test_print_leaves_the_frame_out_and_keeps_the_watermark(page: Page, live_server, sign_in, firm):
    sign_in(firm.managers[0])
    page.goto(f"{live_server.url}/clients/")
    page.emulate_media(media="print")
    expect(page.locator(".crm-side")).to_be_hidden()
    expect(page.locator(".crm-top")).to_be_hidden()
    expect(page.locator(".crm-watermark")).to_be_visible()
