"""Walks the pages that a person can reach: links and fragments, each view once."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from django.test import Client
from django.urls import Resolver404, resolve

#: Downloads, the machine's interface, and what would end the walk.
_SKIPPED = re.compile(r"^/(static|api|account/logout)/|export|format=|download|\.ics|/rejects/|reveal/")
#: Attributes that a person reads or hears; scripts show the texts of `data-*`.
_SAID = (
    "title",
    "placeholder",
    "aria-label",
    "alt",
    "data-label",
    "data-none",
    "data-failed",
    "data-pages",
    "data-undo",
)
_SILENT = ("script", "style", "svg")


@dataclass
class Page:
    """A fetched page: its texts with the language each element declares, and where it leads."""

    url: str
    html: str
    view: str = ""
    texts: list[tuple[str, str]] = field(default_factory=list)
    leads: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self.open: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        language = values.get("lang", self.open[-1][1] if self.open else "")
        self.page.texts += [(values[name], language) for name in _SAID if values.get(name)]
        if tag == "input" and values.get("type") in ("submit", "button") and values.get("value"):
            self.page.texts.append((values["value"], language))
        self.page.leads += [values[name] for name in ("href", "hx-get", "data-src") if values.get(name)]
        if tag not in ("meta", "link", "input", "br", "hr", "img", "use", "path"):
            self.open.append((tag, language))

    def handle_endtag(self, tag: str) -> None:
        while self.open:
            if self.open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if text and not any(tag in _SILENT for tag, _language in self.open):
            self.page.texts.append((text, self.open[-1][1] if self.open else ""))


def read(url: str, html: str) -> Page:
    """Take a page apart."""
    page = Page(url, html)
    _Reader(page).feed(html)
    return page


def walk(client: Client, *starts: str) -> Iterator[Page]:
    """Pages reachable from the starts, each view once per set of parameter names."""
    waiting, seen = list(starts), set()
    while waiting:
        url = waiting.pop(0)
        if not url.startswith("/") or _SKIPPED.search(url):
            continue
        path, _, query = url.partition("#")[0].partition("?")
        try:
            view = resolve(path).view_name
        except Resolver404:
            continue
        key = (view, tuple(sorted(re.findall(r"(?:^|&)(\w+)=", query))))
        if key in seen:
            continue
        seen.add(key)
        answer = client.get(url, follow=True)
        assert answer.status_code == 200, f"{url}: {answer.status_code}"
        if not answer.headers["Content-Type"].startswith("text/html"):
            continue
        page = read(url, answer.content.decode())
        page.view = view
        yield page
        waiting += page.leads
