"""The API's description in a browser: from our own address, without a breach of the content security policy."""

from playwright.sync_api import Page, expect


def test_the_description_opens_with_a_clean_console(page: Page, live_server, sign_in, manager):
    # `_clean_pages` fails on any error of the console and any request to elsewhere.
    sign_in(manager)
    answer = page.goto(f"{live_server.url}/api/v1/docs/")
    assert "unsafe-inline" not in answer.headers["content-security-policy"].split("script-src")[1].split(";")[0]
    clients = page.locator(".opblock-summary-path", has_text="clients").first
    expect(clients).to_be_visible(timeout=30_000)
    clients.click()
    expect(page.locator(".opblock.is-open")).to_have_count(1)
