"""What is typed outlives a reload and a lost line, is dropped once it has arrived, and holds no personal data."""

from playwright.sync_api import Page, expect

FORM = """
<form data-draft id="note" method="post" action="/sent/">
  <input name="text" id="text"><input type="checkbox" name="tick" id="tick">
  <div data-personal><input name="mobile" id="mobile"></div>
  <input type="password" name="secret" id="secret"><button>Save</button>
</form>
"""


def open_form(page: Page, live_server) -> None:
    """The sign-in page with a draft form put into its content before scripts run."""
    page.goto(f"{live_server.url}/account/login/")


def serve_form(page: Page, live_server) -> None:
    def answer(route):
        response = route.fetch()
        route.fulfill(response=response, body=response.text().replace("</main>", FORM + "</main>"))

    page.route("**/account/login/", answer)
    page.route("**/sent/", lambda route: route.fulfill(body="<title>sent</title>", content_type="text/html"))
    open_form(page, live_server)


def type_all(page: Page) -> None:
    page.fill("#text", "asked about the fee")
    page.check("#tick")
    page.fill("#mobile", "13812345678")
    page.fill("#secret", "hush")
    page.wait_for_timeout(400)  # drafts are written a moment after the last key


def test_draft_comes_back_after_a_reload_and_can_be_discarded(page: Page, live_server):
    serve_form(page, live_server)
    type_all(page)
    page.reload()
    assert page.input_value("#text") == "asked about the fee"
    assert page.is_checked("#tick")
    page.click("#note .crm-note button")
    assert page.input_value("#text") == ""
    assert not page.is_checked("#tick")
    page.reload()
    assert page.input_value("#text") == ""


def test_personal_fields_and_secrets_are_never_kept(page: Page, live_server):
    serve_form(page, live_server)
    type_all(page)
    kept = page.evaluate("JSON.stringify(sessionStorage) + JSON.stringify(localStorage)")
    assert "asked about the fee" in kept
    assert "13812345678" not in kept
    assert "hush" not in kept


def test_draft_is_dropped_after_the_form_arrived(page: Page, live_server):
    serve_form(page, live_server)
    type_all(page)
    page.click("#note > button")
    page.wait_for_url("**/sent/")
    open_form(page, live_server)
    assert page.input_value("#text") == ""
    expect(page.locator("#note .crm-note")).to_have_count(0)


def test_draft_is_back_when_the_line_broke(page: Page, live_server, expect_fault):
    expect_fault("ERR_FAILED")
    serve_form(page, live_server)
    type_all(page)
    page.unroute("**/sent/")
    page.route("**/sent/", lambda route: route.abort())
    page.click("#note > button", no_wait_after=True)
    page.wait_for_timeout(500)
    page.go_back()
    assert page.input_value("#text") == "asked about the fee"
