"""Kinds of timeline events (C8). Apps register theirs in `AppConfig.ready`; the words are made on reading.

timeline.register("tier.changed", "trending-up", lambda data: gettext("Tier %(before)s → %(after)s") % data)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

Render = Callable[[dict[str, Any]], str]


@dataclass(frozen=True)
class Kind:
    """How events of one kind look: `render(data)` gives the line in the reader's language, `detail(data)` the rest.

    `private`: not for viewers who see personal data masked. `words`: keys of the data under which people's own words
    stand, which the search finds (`clients.notes`); such a kind is private.
    """

    name: str
    icon: str
    render: Render
    detail: Render | None = None
    tone: str = ""
    private: bool = False
    words: tuple[str, ...] = ()


_kinds: dict[str, Kind] = {}


def register(
    kind: str,
    icon: str,
    render: Render,
    *,
    detail: Render | None = None,
    tone: str = "",
    private: bool = False,
    words: tuple[str, ...] = (),
) -> None:
    """Register a kind. `icon` is a name of frontend/icons.txt; `tone` one of '', 'good', 'bad', 'warn'."""
    if words and not private:
        raise ValueError(f"{kind}: people's own words are private")
    _kinds[kind] = Kind(kind, icon, render, detail, tone, private, words)


def kind_of(name: str) -> Kind:
    """The kind of an event; one whose app is gone still shows its name."""
    return _kinds.get(name) or Kind(name, "point", lambda data: name)


def kinds() -> list[Kind]:
    """All registered kinds, by name."""
    return sorted(_kinds.values(), key=lambda kind: kind.name)


def text(name: str, data: dict[str, Any]) -> SafeString:
    """The line of one event, escaped unless its kind made safe HTML. Data of an older version shows its kind's name."""
    kind = kind_of(name)
    try:
        return conditional_escape(kind.render(data))
    except (KeyError, TypeError, ValueError):
        return conditional_escape(name)


def detail(name: str, data: dict[str, Any]) -> SafeString:
    """What folds out under the line, or nothing."""
    kind = kind_of(name)
    if kind.detail is None:
        return mark_safe("")
    try:
        return conditional_escape(kind.detail(data))
    except (KeyError, TypeError, ValueError):
        return mark_safe("")
