"""Parts of the page frame that look the same on many pages: made once for each process, not once for each page."""

from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()

#: Parts kept; counts beside entries change, so that there is no natural end.
_MOST = 500
_kept: dict[tuple[Any, ...], SafeString] = {}


@register.simple_tag
def steady(name: str, address: str = "") -> SafeString:
    """A template of which nothing depends on request or person: on the language and one address at most."""
    return _once((name, get_language(), address), name, {"address": address})


@register.simple_tag
def navigation(places: list[dict[str, Any]]) -> SafeString:
    """Side and bar of the navigation: the same for everybody with the same entries, on the same page, with the same counts."""
    entries = tuple(
        (place["url"], place["active"], place["count"], tuple(url for url, _label in place["pages"]))
        for place in places
    )
    return _once(("nav", get_language(), entries), "shell/nav.html", {"places": places})


def _once(key: tuple[Any, ...], name: str, context: dict[str, Any]) -> SafeString:
    found = _kept.get(key)
    if found is None:
        if len(_kept) >= _MOST:
            _kept.clear()
        found = _kept[key] = render_to_string(name, context)
    return found
