"""Loads what every web worker needs before the server forks, so that the workers share it and no first visitor waits for it."""

import gc
from pathlib import Path

from django.conf import settings
from django.template.loader import get_template
from django.urls import get_resolver
from django.utils.translation import gettext, override


def warm() -> None:
    """Load views, addresses, words and templates. Opens no connection: a forked one would serve two workers."""
    resolver = get_resolver()
    for code, _name in settings.LANGUAGES:
        with override(code):
            gettext("")
            # The table by which addresses are made, one per language.
            _ = resolver.reverse_dict
    for folder in map(Path, settings.TEMPLATES[0]["DIRS"]):
        for path in folder.rglob("*.html"):
            get_template(path.relative_to(folder).as_posix())
    gc.collect()
    # The collector writes into each object that it looks at, and a page written to is shared no longer.
    gc.freeze()
