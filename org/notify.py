"""Notices in the app, for apps that lie below the one that keeps them: kinds with their words, and one way to tell.

notify.register("visits.tomorrow", lambda data: gettext("Tomorrow: %(n)s visits") % data, lambda data: reverse("visits:day"))
"""

from collections.abc import Callable
from typing import Any

Words = Callable[[dict[str, Any]], str]

_kinds: dict[str, tuple[Words, Words]] = {}
_writers: list[Callable[[int, str, str, dict[str, Any]], None]] = []


def register(kind: str, text: Words, url: Words) -> None:
    """How notices of a kind read, in the reader's language, and where they lead."""
    _kinds[kind] = (text, url)


def kind_of(kind: str) -> tuple[Words, Words] | None:
    """Text and address of a registered kind."""
    return _kinds.get(kind)


def set_writer(write: Callable[[int, str, str, dict[str, Any]], None]) -> None:
    """The app that keeps notices says how they are written: (user id, key, kind, data), once per user and key."""
    _writers[:] = [write]


def tell(user_id: int, key: str, kind: str, data: dict[str, Any]) -> None:
    """Tell a user once per key, within the caller's transaction."""
    for write in _writers:
        write(user_id, key, kind, data)
