"""The frame in a browser: sign-in, theme, navigation, menus, drafts, toasts, the end of a session, the phone."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, accessibility_faults, layout_shift, settled
from tests.factories import PASSWORD

SECOND_FACTOR = "/account/2fa/"


def test_signing_in_by_hand_leads_to_where_one_wanted_to_go(page: Page, live_server, manager):
    page.goto(live_server.url + SECOND_FACTOR)
    page.fill("#id_login", manager.user.username)
    page.fill("#id_password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{SECOND_FACTOR}")
    expect(page.locator("h1")).to_have_count(1)


def test_wrong_password_is_told_at_the_form_and_the_name_is_kept(page: Page, live_server, manager):
    page.goto(f"{live_server.url}/account/login/")
    page.fill("#id_login", manager.user.username)
    page.fill("#id_password", "wrong")
    page.keyboard.press("Enter")
    expect(page.locator(".errorlist")).to_be_visible()
    assert page.input_value("#id_login") == manager.user.username


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_theme_follows_the_device_before_anything_is_painted(page: Page, live_server, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{live_server.url}/account/login/", wait_until="commit")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)


def test_chosen_theme_outlives_a_reload(page: Page, live_server):
    page.goto(f"{live_server.url}/account/login/")
    page.click(".crm-theme > summary")
    page.click("[data-theme-choice=dark]")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_folded_navigation_stays_folded_and_keeps_its_names(page: Page, live_server, sign_in, admin):
    sign_in(admin)
    page.goto(live_server.url + SECOND_FACTOR)
    page.click("[data-fold]")
    page.reload()
    assert page.locator(".crm-side").bounding_box()["width"] == 52
    assert all(text.strip() for text in page.locator(".crm-nav a").all_inner_texts())


def test_menus_open_and_close_by_keyboard(page: Page, live_server, sign_in, manager):
    sign_in(manager)
    page.goto(live_server.url + SECOND_FACTOR)
    page.focus(".crm-me > summary")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('.crm-menu-panel') !== null")
    page.keyboard.press("Escape")
    expect(page.locator(".crm-me")).not_to_have_attribute("open", re.compile(".*"))
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_signing_out_is_one_press_away(page: Page, live_server, sign_in, manager):
    sign_in(manager)
    page.goto(live_server.url + SECOND_FACTOR)
    page.click(".crm-me > summary")
    page.click(".crm-me form button")
    page.wait_for_url("**/account/login/**")


def test_page_warns_and_covers_itself_when_nobody_is_there(page: Page, live_server, sign_in, manager):
    """The idle end (30 min) comes long before the fixed one (12 h); going on moves it."""
    sign_in(manager)
    page.clock.install()
    page.goto(live_server.url + SECOND_FACTOR)
    page.clock.fast_forward("20:00")
    expect(page.locator("#timeout")).to_be_hidden()
    page.clock.fast_forward("05:00")
    expect(page.locator("#timeout [data-left]")).to_be_visible()
    with page.expect_response("**/settings/session/") as answer:
        page.click("#timeout [data-close]")
    assert answer.value.status == 204
    page.clock.fast_forward("20:00")
    expect(page.locator("#timeout")).to_be_hidden()
    page.clock.fast_forward("10:00")
    expect(page.locator("#timeout [data-over]")).to_be_visible()
    expect(page.locator("#content")).to_have_css("visibility", "hidden")


def test_page_covers_itself_at_the_fixed_end(page: Page, live_server, sign_in, manager, settings):
    settings.SESSION_IDLE_SECONDS = 20 * 3600
    sign_in(manager)
    page.clock.install()
    page.goto(live_server.url + SECOND_FACTOR)
    page.clock.fast_forward("11:50:00")
    expect(page.locator("#timeout")).to_be_hidden()
    page.clock.fast_forward("11:00")
    expect(page.locator("#timeout [data-over]")).to_be_visible()


def test_going_on_after_the_end_covers_the_page(page: Page, live_server, sign_in, manager):
    sign_in(manager)
    page.clock.install()
    page.goto(live_server.url + SECOND_FACTOR)
    page.clock.fast_forward("26:00")
    page.context.clear_cookies()
    page.click("#timeout [data-close]")
    expect(page.locator("#timeout [data-over]")).to_be_visible()


def test_bottom_bar_replaces_the_navigation_on_the_phone(page: Page, live_server, sign_in, admin):
    page.set_viewport_size(PHONE)
    sign_in(admin)
    page.goto(live_server.url + SECOND_FACTOR)
    expect(page.locator(".crm-side")).to_be_hidden()
    bar = page.locator(".crm-bar")
    expect(bar).to_be_visible()
    for entry in bar.locator(":scope > *").all():
        assert entry.bounding_box()["height"] >= 44


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [{"width": 1440, "height": 900}, PHONE], ids=["1440", "390"])
def test_account_pages_are_clean(page: Page, live_server, sign_in, manager, language, theme, size):
    page.set_viewport_size(size)
    sign_in(manager, language=language, theme=theme)
    for path in (SECOND_FACTOR, "/account/password/change/", "/account/sessions/", "/account/reauthenticate/"):
        page.goto(live_server.url + path)
        settled(page)
        assert accessibility_faults(page) == [], path
        assert layout_shift(page) < 0.01, path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_missing_page_says_so_inside_the_frame(page: Page, live_server, sign_in, manager, expect_fault):
    expect_fault("404")
    sign_in(manager)
    answer = page.goto(f"{live_server.url}/no/such/page/")
    assert answer.status == 404
    expect(page.locator(".crm-side")).to_be_visible()
    assert accessibility_faults(page) == []


def test_fast_second_press_sends_a_form_once(page: Page, live_server, sign_in, manager):
    sign_in(manager)
    page.goto(f"{live_server.url}/account/password/change/")
    sent = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    page.fill("#id_oldpassword", "wrong")
    page.fill("#id_password1", "a-much-longer-pass-phrase")
    page.fill("#id_password2", "a-much-longer-pass-phrase")
    page.evaluate("() => { const b = document.querySelector('#content button'); b.click(); b.click(); }")
    page.wait_for_load_state("networkidle")
    time.sleep(0.2)
    assert len(sent) == 1
