"""Loads what every web worker needs before the server forks, so that the workers share it and no first visitor waits for it."""

import gc
from pathlib import Path

from django.conf import settings
from django.template.engine import Engine
from django.template.loader import get_template
from django.urls import get_resolver
from django.utils.translation import override


def warm() -> None:
    """Load views, addresses, words and templates. Opens no connection: a forked one would serve two workers."""
    resolver = get_resolver()
    for code, _name in settings.LANGUAGES:
        with override(code):
            # The words come with the language; the table by which addresses are made is one per language, too.
            _ = resolver.reverse_dict
    for folder in map(Path, Engine.get_default().dirs):
        for path in folder.rglob("*.html"):
            get_template(path.relative_to(folder).as_posix())
    gc.collect()
    # The collector writes into each object that it looks at, and a page written to is shared no longer.
    gc.freeze()
