"""A real browser against a real server: sign-in per role, guards for errors and foreign requests, accessibility."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Page, sync_playwright

# Playwright's own loop runs in this thread; the fixtures' database calls are ordinary ones.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
VENDOR = ROOT / "static" / "vendor" / "tabler.css"
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: What WCAG 2.2 AA asks, and the library's own good practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}

#: Counts unexpected movement of the page's parts; asked by `layout_shift`.
_WATCH_SHIFTS = """
window.__shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.__shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


def find_chromium() -> str | None:
    """Chromium named by CHROMIUM, Debian's, or the one that Playwright has fetched."""
    for candidate in (os.environ.get("CHROMIUM"), shutil.which("chromium"), shutil.which("chromium-browser")):
        if candidate and Path(candidate).exists():
            return candidate
    with sync_playwright() as playwright:
        fetched = playwright.chromium.executable_path
    return fetched if Path(fetched).exists() else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    ours = [item for item in items if here in Path(item.fspath).parents]
    if not ours:
        return
    reason = ""
    if not VENDOR.exists() or not AXE.exists():
        reason = "front-end packages are not built: npm ci && npm run build"
    elif find_chromium() is None:
        reason = "no Chromium found; name one in CHROMIUM"
    for item in ours:
        item.add_marker(pytest.mark.browser)
        # The live server serves from another thread, so rows must be committed; each test starts from an empty base.
        item.add_marker(pytest.mark.django_db(transaction=True))
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def base_url() -> None:
    """Addresses are spelled out from `live_server`."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    return {**browser_type_launch_args, "executable_path": find_chromium(), "args": QUIET}


@pytest.fixture
def browser_context_args(browser_context_args: dict) -> dict:
    return {**browser_context_args, "viewport": DESKTOP, "locale": "zh-CN", "timezone_id": "Asia/Shanghai"}


@pytest.fixture
def sign_in(context: BrowserContext, live_server) -> Callable[..., None]:
    """`sign_in(staff, language="en", theme="dark")`: the browser, or another `device`, carries a session of that person."""

    def enter(staff, *, language: str = "zh-hans", theme: str = "light", device: BrowserContext = context) -> None:
        user = staff.user
        user.language, user.theme = language, theme
        user.save(update_fields=["language", "theme"])
        client = Client()
        client.force_login(user)
        key = client.cookies[settings.SESSION_COOKIE_NAME].value
        device.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": key, "url": live_server.url}])
        device.add_cookies([{"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": live_server.url}])

    return enter


@pytest.fixture(autouse=True)
def _clean_pages(request: pytest.FixtureRequest) -> Iterator[None]:
    """No page may log an error, throw, or ask another host. Tests that expect errors carry `page.expected` texts."""
    if "page" not in request.fixturenames:
        yield
        return
    page: Page = request.getfixturevalue("page")
    server = request.getfixturevalue("live_server")
    faults: list[str] = []
    page.on("console", lambda m: faults.append(f"{m.type}: {m.text}") if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(f"thrown: {error}"))
    page.on(
        "request",
        lambda r: None if r.url.startswith((server.url, "data:", "blob:")) else faults.append(f"foreign: {r.url}"),
    )
    page.add_init_script(_WATCH_SHIFTS)
    yield
    expected = getattr(request.node, "expected_faults", ())
    left = [fault for fault in faults if not any(text in fault for text in expected)]
    assert not left, f"{page.url}: {left}"


@pytest.fixture
def expect_fault(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """`expect_fault("404")`: console lines with this text are part of the test."""

    def expect(text: str) -> None:
        request.node.expected_faults = (*getattr(request.node, "expected_faults", ()), text)

    return expect


def accessibility_faults(page: Page) -> list[str]:
    """What axe finds on the page as it stands now."""
    # Evaluated by the debugger, not by the page: the content security policy stays on.
    page.evaluate(AXE.read_text(encoding="utf-8") + ";0")
    found = page.evaluate("(rules) => axe.run(document, { runOnly: rules }).then((r) => r.violations)", RULES)
    return [f"{fault['id']}: {node['html'][:160]}" for fault in found for node in fault["nodes"]]


def layout_shift(page: Page) -> float:
    """Sum of unexpected movements since the page was opened."""
    return page.evaluate("window.__shift")


def settled(page: Page) -> Page:
    """Wait until nothing is being fetched and charts are drawn."""
    page.wait_for_load_state("networkidle")
    for chart in page.locator("[data-chart]").all():
        chart.locator("canvas").first.wait_for()
    return page
