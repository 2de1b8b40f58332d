"""Asks each URL as each role about an own, a foreign and a missing row, and says in one word what came of it."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.test import Client as Browser
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from org.models import AuditEvent
from tests.org.world import SENT, World, example

#: Pages of the sign-in library: who may see them is its affair; tests/org/test_signin.py and test_factors.py look at them.
THEIRS = re.compile(r"^(account_|mfa_|usersessions_|socialaccount_|openid_connect_)")
#: Pages of ours that are open to everybody, on purpose.
OPEN = {
    "healthz",
    "readyz",
    "org:language",
    "visits:feed",
    "complaints:public",
    "complaints:satisfaction",
    "dashboards:wall",
}


@dataclass(frozen=True)
class Url:
    """A URL of ours: its name, the names of its arguments, its view."""

    name: str
    arguments: tuple[str, ...]
    view: Any

    @property
    def is_api(self) -> bool:
        return self.name.startswith("api:") or self.name.startswith("org:api")

    @property
    def methods(self) -> tuple[str, ...]:
        return ("GET", "POST", "PUT", "PATCH", "DELETE") if self.is_api else ("GET", "POST")

    def rights(self) -> set[str]:
        """The rights its view declares."""
        view = getattr(self.view, "view_class", None) or getattr(self.view, "cls", None) or self.view
        declared = {getattr(view, "right", ""), getattr(view, "post_right", "")}
        return {right for right in declared | set(getattr(view, "rights", {}).values()) if right}


def urls() -> list[Url]:
    """All URLs of our own apps, by name."""
    found = {url.name: url for url in _walk(get_resolver(), ()) if not THEIRS.match(url.name)}
    return [found[name] for name in sorted(found)]


def _walk(resolver: URLResolver, namespaces: tuple[str, ...]) -> Iterator[Url]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            arguments = tuple(pattern.pattern.regex.groupindex) or tuple(pattern.pattern.converters)
            yield Url(":".join([*namespaces, pattern.name or str(pattern.pattern)]), arguments, pattern.callback)
        else:
            yield from _walk(pattern, namespaces + ((pattern.namespace,) if pattern.namespace else ()))


def addresses(url: Url, world: World) -> dict[str, str]:
    """'own', 'other', 'mixed' and 'missing' → path; only 'own' for a URL without arguments.

    'mixed' is an own row with a foreign row below it: /staff/<own>/leave/<foreign>/.
    """
    examples = {argument: example(url.name, argument, world) for argument in url.arguments}
    own = {argument: example.own for argument, example in examples.items()}
    found = {"own": own}
    if not own:
        return {"own": reverse(url.name)}
    if any(example.other is not None for example in examples.values()):
        found["other"] = {name: one.own if one.other is None else one.other for name, one in examples.items()}
    last = url.arguments[-1]
    if len(url.arguments) > 1 and examples[last].other is not None:
        found["mixed"] = own | {last: examples[last].other}
    found["missing"] = {argument: example.missing for argument, example in examples.items()}
    return {which: reverse(url.name, kwargs=values) for which, values in found.items()}


def ask(browser: Browser, method: str, path: str, data: dict[str, str] | None = None) -> HttpResponse:
    """Send one request and undo what it did."""
    cookies = browser.cookies.copy()
    with transaction.atomic():
        if data and method in ("GET", "POST"):
            answer = browser.get(path, data) if method == "GET" else browser.post(path, data)
        else:
            answer = browser.generic(method, path)
        if answer.streaming:
            answer.text_of_stream = b"".join(answer)
        answer.left = left_behind(answer) if method == "GET" and answer.status_code == 200 else frozenset()
        transaction.set_rollback(True)
    browser.cookies = cookies
    return answer


def left_behind(answer: HttpResponse) -> frozenset[str]:
    """Numbers of the clients whom the audit rows of the request name."""
    rows = AuditEvent.objects.filter(request_id=answer.headers["X-Request-ID"])
    found: set[str] = set()
    for kind, number, reached in rows.values_list("object_kind", "object_no", "reached"):
        found |= {*(reached or ()), *([number] if kind == "client" else [])}
    return frozenset(found)


def verdict(answer: HttpResponse) -> str:
    """'login' for the way to the log-in page, 'again' for the password once more, else the status."""
    there = answer.headers.get("Location", "")
    if answer.status_code == 302 and there.startswith("/account/login/"):
        return "login"
    if answer.status_code == 302 and there.startswith("/account/reauthenticate/"):
        return "again"
    return str(answer.status_code)


@dataclass(frozen=True)
class Answer:
    """What came of one request: in one word, as a fingerprint of the whole, and, for reading, its text."""

    word: str
    shape: str
    text: str = ""
    #: Clients whom the audit trail says it told of.
    left: frozenset[str] = frozenset()


Answers = dict[tuple[Url, str, str], dict[str, Answer]]


def collect(world: World) -> Answers:
    """(URL, method, asker) → 'own', 'other', … → what came of it."""
    found: Answers = {}
    for url in urls():
        paths = addresses(url, world)
        known = [str(v) for argument in url.arguments for v in vars(example(url.name, argument, world)).values()]
        for method in url.methods:
            for name, browser in world.askers.items():
                answers = found[url, method, name] = {}
                for which, path in paths.items():
                    answer = ask(browser, method, path, SENT.get(url.name))
                    shape = plain(answer, path, *sorted(known, key=len, reverse=True))
                    text = plain(answer)[1] if which == "own" and method == "GET" else ""
                    print_ = hashlib.sha256(repr(shape).encode()).hexdigest()
                    answers[which] = Answer(verdict(answer), print_, text, answer.left)
    return found


def plain(answer: HttpResponse, *known: str) -> tuple[int, str, dict[str, str]]:
    """Status, text and headers of an answer without what differs by nature: tokens, ids asked for, times."""
    body = getattr(answer, "text_of_stream", b"") if answer.streaming else answer.content
    if body.startswith(
        b"%PDF-"
    ):  # compressed, with times and ids of its own; what papers say, the tests of their makers read
        body = b"PDF"
    # The watermark carries the minute. What is random goes first: ids are short and may turn up within it.
    text = re.sub(r"url\(data:[^)]*\)|[A-Za-z0-9]{64}", "TOKEN", body.decode("utf-8", "replace"))
    text = re.sub(r'name="key" value="[0-9a-f-]{36}"', "KEY", text)
    text = re.sub(r"[A-Za-z0-9_-]+:[A-Za-z0-9]{6}:[A-Za-z0-9_-]{43}", "SIGNED", text)
    text = re.sub(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(\+\d{2}:\d{2})?", "TIME", text)
    text = re.sub(r'type="time" name="at" value="\d{2}:\d{2}"', "NOW", text)
    text = _plain(re.sub(r'data-session-(?:ends|left)="\d+"', "", text), known)
    ignored = ("X-Request-ID", "Content-Length")
    headers = {name: _plain(value, known) for name, value in answer.headers.items() if name not in ignored}
    return answer.status_code, text, headers


def _plain(text: str, known: tuple[str, ...]) -> str:
    for value in known:
        text = text.replace(value, "ASKED")
    return text


def table(answers: Answers) -> str:
    """The whole matrix as text: a block for each URL and method, a line for each verdict with those who get it."""
    blocks: dict[str, dict[str, list[str]]] = {}
    for (url, method, asker), found in answers.items():
        which = f"  [{' / '.join(found)}]" if url.arguments else ""
        words = [answer.word for answer in found.values()]
        word = words[0] if len(set(words)) == 1 else " ".join(words)
        blocks.setdefault(f"{method} {url.name}{which}", {}).setdefault(word, []).append(asker)
    lines = []
    for head, by_word in blocks.items():
        lines += [head, *(f"  {word:<16} {', '.join(askers)}" for word, askers in sorted(by_word.items()))]
    return "\n".join(lines) + "\n"
