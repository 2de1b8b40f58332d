"""Every page stands in the inventory with its twin in the API, or why it has none (N3)."""

import re
from pathlib import Path

from tests.org.matrix import urls

_ROW = re.compile(r"^\| ([a-z].*?) \| (.+?) \|$", re.MULTILINE)


def test_the_inventory_names_every_page_and_only_routes_there_are():
    there = {url.name for url in urls()}
    rows = _ROW.findall(Path("docs/api_pages.md").read_text(encoding="utf-8"))[1:]
    pages = [page for left, _right in rows for page in left.split(", ")]
    expected = {name for name in there if not name.startswith("api:")}
    assert sorted(pages) == sorted(set(pages)), "a page stands in the inventory twice"
    assert set(pages) - expected == set(), "pages that are gone"
    assert expected - set(pages) == set(), "pages without a row in docs/api_pages.md"
    for _left, right in rows:
        if right.startswith("api:"):
            assert set(right.split(", ")) <= there, right
        else:
            assert re.match(r"person$|missing: .", right), right
