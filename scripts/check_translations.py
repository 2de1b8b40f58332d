"""Checks that every text in Python code and templates has its Chinese translation; `--update` writes the merged file.

Texts are extracted by Babel; templates are first turned into what Python would say by Django's own tokenizer. GNU
gettext is not needed. Exit status 1 if a text is missing, empty, fuzzy, out of use, or its placeholders do not fit.
"""

import argparse
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
ROOMS = (
    "crm",
    "org",
    "clients",
    "ledger",
    "segmentation",
    "forecasts",
    "profit",
    "profiles",
    "measures",
    "segments",
    "analyses",
    "visits",
    "complaints",
    "dashboards",
    "handovers",
    "callbacks",
    "nights",
    "feed",
    "templates",
)
HEADER = "# Simplified Chinese of the interface; `make messages` keeps it in step with the code."
SHOWN = 40
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


def main() -> int:
    """Compare the texts in use with the translations, or merge them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true", help="write the merged file, translations kept")
    options = parser.parse_args()
    used = texts_in_use()
    translated = read_translations()
    if options.update:
        merge(translated, used)
        return 0
    faults = sorted(find_faults(used, translated))
    for fault in faults[:SHOWN]:
        print(f"{TARGET.relative_to(ROOT)}: {fault}", file=sys.stderr)
    if len(faults) > SHOWN:
        print(f"… and {len(faults) - SHOWN} more", file=sys.stderr)
    if faults:
        print(f"{len(faults)} faults; `make messages` merges the texts, then translate the empty ones", file=sys.stderr)
        return 1
    print(f"translations: {len(used)} texts, all translated")
    return 0


def texts_in_use() -> Catalog:
    """Extract every marked text of all rooms."""
    prepare_django()
    catalog = Catalog(domain="django")
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            if path.suffix not in (".py", ".html", ".txt") or "migrations" in path.parts:
                continue
            for _line, text, comments, context in texts_of(path):
                location = (path.relative_to(ROOT).as_posix(), 0)
                catalog.add(text, locations=[location], auto_comments=comments, context=context)
    return catalog


def texts_of(path: Path) -> Iterator[tuple]:
    """Extract the texts of one file: (line, text, comments, context)."""
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        source = as_python(source, path)
    return extract(
        "python",
        io.BytesIO(source.encode()),
        KEYWORDS,
        ["Translators:"],
        {"encoding": "utf-8"},
        strip_comment_tags=True,
    )


def as_python(template: str, path: Path) -> str:
    """Turn a template into Python that says the same texts on the same lines."""
    from django.utils.translation.template import templatize

    # Indentation means nothing in a template and everything to Python's tokenizer.
    return "\n".join(line.strip() for line in templatize(template, origin=str(path)).splitlines())


def prepare_django() -> None:
    """Set Django up just far enough for its template tokenizer."""
    from django.conf import settings

    if not settings.configured:
        settings.configure(USE_I18N=True)


def read_translations() -> Catalog:
    """Read the translations; empty if there are none yet."""
    if not TARGET.exists():
        return Catalog(locale="zh_Hans", domain="django")
    with TARGET.open("rb") as file:
        return read_po(file, locale="zh_Hans", domain="django")


def find_faults(used: Catalog, translated: Catalog) -> Iterator[str]:
    """Name every text that is not soundly translated, and every translation that nothing uses."""
    for message in used:
        if not message.id:
            continue
        found = translated.get(key(message), message.context)
        where = message.locations[0][0]
        if found is None:
            yield f"missing: {message.id!r} ({where})"
        elif found.fuzzy:
            yield f"fuzzy: {message.id!r} ({where})"
        elif not is_translated(found):
            yield f"empty: {message.id!r} ({where})"
        elif isinstance(found.id, str) != isinstance(message.id, str):
            yield f"plural differs: {message.id!r} ({where})"
        elif any(placeholders(text) != placeholders(last(message.id)) for text in forms(found)):
            yield f"placeholders differ: {message.id!r} ({where})"
    for message in translated:
        if message.id and used.get(key(message), message.context) is None:
            yield f"not in use: {message.id!r}"


def key(message: Message) -> str:
    """Return the text that a message is found by."""
    return message.id if isinstance(message.id, str) else message.id[0]


def last(texts: str | tuple[str, ...]) -> str:
    """Return the plural of a text if it has one; Chinese has only that."""
    return texts if isinstance(texts, str) else texts[-1]


def placeholders(text: str) -> set[str]:
    """Return what the code fills into a text."""
    return set(PLACEHOLDER.findall(text))


def forms(message: Message) -> list[str]:
    """Return every form of a translation."""
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def is_translated(message: Message) -> bool:
    """True if every form of the message has a text."""
    texts = forms(message)
    return bool(texts) and all(texts)


def merge(translated: Catalog, used: Catalog) -> None:
    """Write the texts in use with the translations that exist; new ones are empty, unused ones go."""
    translated.update(used, no_fuzzy_matching=True, update_header_comment=False)
    for message in translated:
        if not PLACEHOLDER.search(last(message.id)):
            message.flags.discard("python-format")  # Babel takes a bare per cent sign for a placeholder
    translated.obsolete.clear()
    translated.header_comment = HEADER
    translated.fuzzy = False
    out = io.BytesIO()
    write_po(
        out, translated, width=100, omit_header=False, sort_output=True, ignore_obsolete=True, include_lineno=False
    )
    lines = out.getvalue().decode().splitlines()
    # Dates and addresses in the header change with every run and say nothing.
    unwanted = ('"POT-Creation-Date', '"PO-Revision-Date', '"Last-Translator', '"Language-Team', '"Generated-By')
    unwanted += ('"Report-Msgid-Bugs-To', '"Project-Id-Version')
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text("\n".join(line for line in lines if not line.startswith(unwanted)) + "\n", encoding="utf-8")
    empty = sum(1 for message in translated if message.id and not is_translated(message))
    print(f"{TARGET.relative_to(ROOT)}: {len(translated)} texts, {empty} without a translation")


if __name__ == "__main__":
    sys.exit(main())
