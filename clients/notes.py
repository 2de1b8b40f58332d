"""Finding clients by what was written about them (C10): words of notes, kept beside the timeline.

Which kinds of events hold words, and under which keys of their data, they say when they are registered
(`clients.timeline.register(words=…)`). Tokens find, `body` decides: two characters next to each other are no word yet.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from django.db import connection

from clients import timeline
from clients.names import is_han, plain
from clients.rules import MAX_QUERY, Query, Term, quoted

#: The least that is looked for in notes: two Chinese characters or three letters. Less stands in nearly every book.
MIN_HAN, MIN_LETTERS = 2, 3
#: Characters of a note before and behind the words found.
AROUND = 16

_WRITE = """
INSERT INTO clients_notesearch (event_id, client_id, body, tsv)
SELECT e.id, e.client_id, n.body, array_to_tsvector(string_to_array(n.tokens, chr(31)))
  FROM unnest(%s::text[], %s::text[], %s::text[]) n (source_key, body, tokens)
  JOIN clients_timelineevent e ON e.source_key = n.source_key
 ORDER BY e.id
    ON CONFLICT (event_id) DO NOTHING
"""


def words_of(kind: str, data: dict[str, Any]) -> str:
    """What people wrote in an event, one line for each text; '' for a kind that holds none."""
    return words_at(timeline.kind_of(kind).words, data)


def words_at(keys: Iterable[str], data: dict[str, Any]) -> str:
    """The texts under some keys of an event's data, one line for each."""
    return "\n".join(text for key in keys for text in _texts(data.get(key)))


def _texts(value: Any) -> Iterable[str]:
    # A list holds rows whose first column is the text (promises and their days).
    rows = value if isinstance(value, list) else [value]
    for row in rows:
        text = row[0] if isinstance(row, list) and row else row
        if isinstance(text, str) and text.strip():
            yield text


def tokens(text: str) -> list[str]:
    """What finds a text: each Chinese character and each two in a row; other words whole, in lower case."""
    found: dict[str, None] = {}
    for run in _runs(text):
        if is_han(run[0]):
            found.update(dict.fromkeys(run))
            found.update(dict.fromkeys(run[at : at + 2] for at in range(len(run) - 1)))
        else:
            found[run[:64]] = None
    return list(found)


def _runs(text: str) -> list[str]:
    """A text cut where the script changes and at everything that is neither letter nor digit."""
    runs: list[str] = []
    before = ""
    for char in unicodedata.normalize("NFKC", text).casefold():
        kind = "han" if is_han(char) else "word" if char.isalnum() else ""
        if kind and kind == before:
            runs[-1] += char
        elif kind:
            runs.append(char)
        before = kind
    return runs


def terms(query: Query) -> tuple[str, list[str]]:
    """(text of a tsquery, texts that a note must hold) for what was typed; ('', []) where it is too short for notes."""
    parts = [part for part in query.text[:MAX_QUERY].split() if _runs(part)]
    runs = [run for part in parts for run in _runs(part)]
    # Shorter ones stand in nearly every note: they only count in the text itself.
    telling = [run for run in runs if len(run) >= (MIN_HAN if is_han(run[0]) else MIN_LETTERS)]
    if not telling:
        return "", []
    wanted: dict[Term, None] = {}
    for run in telling:
        if not is_han(run[0]):
            wanted[Term(run[:64], prefix=True)] = None
        else:
            wanted.update(dict.fromkeys(Term(run[at : at + 2]) for at in range(len(run) - 1)))
    return " & ".join(quoted(term) for term in wanted), [plain(part) for part in parts]


def snippet(text: str, query: str) -> str:
    """The piece of a note around the first words of a query, on one line; its beginning where they are not found."""
    line = " ".join(text.split())
    first = next(iter(query.split()), "")
    hit = re.search(re.escape(first), line, re.IGNORECASE) if first else None
    start = max(0, hit.start() - AROUND) if hit else 0
    end = min(len(line), (hit.end() if hit else 0) + 2 * AROUND)
    return ("…" if start else "") + line[start:end] + ("…" if end < len(line) else "")


def remember(events: Iterable[tuple[str, str, dict[str, Any]]]) -> None:
    """Make the words of new events (source key, kind, data) findable, in the caller's transaction; repeating is harmless."""
    write((key, words_of(kind, data)) for key, kind, data in events)


def write(texts: Iterable[tuple[str, str]]) -> None:
    """Make texts findable for the events with these source keys."""
    rows = [(key, text) for key, text in texts if text]
    if not rows:
        return
    keys = [key for key, _ in rows]
    bodies = [plain(text) for _, text in rows]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [keys, bodies, ["\x1f".join(tokens(text)) for _, text in rows]])
