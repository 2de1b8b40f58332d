"""Scope proved, not promised (U9): every URL × every role × an own, a foreign and a missing row.

What comes of each stands in `urls_roles.txt`. After a change that is meant:

    UPDATE_MATRIX=1 .venv/bin/python -m pytest tests/org/test_scope_matrix.py

and read the difference: it is the change of who may see what.
"""

import logging
import os
import re
from difflib import unified_diff
from pathlib import Path

import pytest
from django.db import transaction

from clients.models import Client
from org import scope
from org.rights import ANYBODY, RIGHTS
from tests.org.matrix import OPEN, Answers, addresses, ask, collect, plain, table, urls, verdict
from tests.org.world import EXAMPLES, World, add_clients, build, settle

GOLDEN = Path(__file__).with_name("urls_roles.txt")
HEADER = """\
# Every URL of ours × method × who asks → what comes of it. Made by tests/org/test_scope_matrix.py (UPDATE_MATRIX=1).
# [own / other / missing]: a row of the asker's branch, of another branch, none; one word where all three are the same.
# login: sent to the log-in page. again: asked for the password once more. Otherwise the status. POST sends an empty form.
"""
#: Askers who may see the own branch and nothing of the other.
WITHIN = (
    "manager",
    "head",
    "officer",
    "deputy",
    "leaver",
    "admin granted",
    "token branch",
    "auditor",
    "callback",
    "anonymous",
)


pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker):
    """One firm for the whole module; each question is undone, so all find it as it was built."""
    quiet = logging.getLogger("django.request")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL)  # thousands of refusals, all of them meant
    with django_db_blocker.unblock(), transaction.atomic():
        yield build()
        transaction.set_rollback(True)
    quiet.setLevel(level)


@pytest.fixture(scope="module")
def answers(world: World, django_db_blocker) -> Answers:
    with django_db_blocker.unblock():
        return collect(world)


# --- Declarations ---------------------------------------------------------------------------------------------------


def test_every_url_declares_its_right():
    undeclared = [url.name for url in urls() if not url.rights() and url.name not in OPEN]
    unknown = {url.name: right for url in urls() for right in url.rights() if right != ANYBODY and right not in RIGHTS}
    assert undeclared == [], "declare `right` on the view (org.views.page, ScopedPage, ScopedViewSet)"
    assert unknown == {}
    assert {url.name for url in urls()} >= OPEN, "OPEN names a URL that is gone"


def test_every_argument_has_an_example():
    pairs = {(url.name, argument) for url in urls() for argument in url.arguments}
    missing = {pair for pair in pairs if pair[1] not in EXAMPLES and " ".join(pair) not in EXAMPLES}
    assert missing == set(), "add examples to EXAMPLES in tests/org/world.py"


# --- The matrix -----------------------------------------------------------------------------------------------------


def test_the_matrix_is_as_it_was_agreed(answers: Answers):
    found = HEADER + table(answers)
    if os.environ.get("UPDATE_MATRIX"):
        GOLDEN.write_text(found, encoding="utf-8")
    agreed = GOLDEN.read_text(encoding="utf-8")
    assert found == agreed, "\n".join(unified_diff(agreed.splitlines(), found.splitlines(), "agreed", "found", n=1))


def test_a_foreign_row_is_a_row_that_is_not_there(answers: Answers):
    """Whatever the golden file says: the same status, text and headers, so that nobody learns that it exists."""
    told_apart = [
        (method, url.name, name, {which: answer.word for which, answer in found.items()})
        for (url, method, name), found in answers.items()
        if name in WITHIN and not (name == "admin granted" and url.name.startswith("org:"))
        if len({answer.shape for which, answer in found.items() if which != "own"}) > 1
    ]
    assert told_apart == []


def test_whoever_is_not_in_service_is_a_stranger(answers: Answers):
    different = [
        (method, url.name)
        for (url, method, name), found in answers.items()
        if name == "leaver"
        and {which: answer.word for which, answer in found.items()}
        != {which: answer.word for which, answer in answers[url, method, "anonymous"].items()}
    ]
    assert different == []


# --- Nothing between the lines --------------------------------------------------------------------------------------


def test_no_page_mentions_a_foreign_client(world: World, answers: Answers):
    """Lists, counts, choices, suggestions, notices: what is on a page is the asker's."""
    leaks = [
        (url.name, name, what)
        for (url, method, name), found in answers.items()
        if method == "GET" and name in WITHIN
        for what, value in world.canaries.items()
        if value in found["own"].text
    ]
    assert leaks == []
    # The canaries are where they should be: the firm's own token reads the number.
    assert any(
        world.canaries["number"] in found["own"].text for key, found in answers.items() if key[2] == "token firm"
    )


def test_asking_for_a_foreign_client_finds_nothing(world: World):
    """By name, number, phone tail, pinyin, account: in every list, under the usual names of a search argument."""
    leaks = []
    for url in urls():
        if url.arguments:
            continue
        path = addresses(url, world)["own"]
        for name in ("manager", "head", "deputy", "token branch"):
            for what, value in world.canaries.items():
                asked = dict.fromkeys(("q", "search", "client_no", "name"), value)
                text = plain(ask(world.askers[name], "GET", path, asked))[1]
                leaks += [
                    (url.name, name, what, other)
                    for other, canary in world.canaries.items()
                    if other != what and canary not in value and canary in text
                ]
    assert leaks == []


def test_the_analyst_reads_no_personal_data(world: World):
    """Masked everywhere: neither mobile nor document number nor the whole name of anybody."""
    leaks = []
    for url in urls():
        for path in addresses(url, world).values():
            text = plain(ask(world.askers["analyst"], "GET", path))[1]
            leaks += [(url.name, what) for what in ("mobile", "id", "name") if world.canaries[what] in text]
    assert leaks == []


def test_two_worlds_look_the_same(world: World):
    """More clients in another branch, and richer ones: no list, sum, share, rank or chart of this branch changes."""
    askers = ("manager", "head", "deputy", "admin granted", "token branch")

    def snapshot() -> dict[tuple[str, str], str]:
        paths = [(url.name, path) for url in urls() for which, path in addresses(url, world).items() if which == "own"]
        return {
            (url_name, name): plain(ask(world.askers[name], "GET", path))[1]
            for url_name, path in paths
            for name in askers
        }

    before = snapshot()
    add_clients(world.staff["stranger"], [900, 800, 700, 5, 4])
    settle()
    after = snapshot()
    # What head office steers the firm by counts the firm, for an administrator with a grant as for one without.
    steering = ("nights:", "api:night", "segmentation:polic")
    changed = [key for key in before if before[key] != after[key] and key[0] not in COUNTING]
    told = [key for key in changed if key[1] != "admin granted" or not key[0].startswith(steering)]
    lines = unified_diff(before[told[0]].splitlines(), after[told[0]].splitlines(), n=0) if told else ()
    assert told == [], "\n".join(lines)


# --- Who looked -----------------------------------------------------------------------------------------------------

#: The feed numbers the changes of the whole firm: who may know of none of them can still tell that there were some.
COUNTING = {"api:change-list"}

#: Shown without a row: pages that name the asker's clients in a choice of a form, nothing else.
UNTRACED: set[str] = set()


def test_whatever_names_a_client_leaves_a_row_about_that_client(world: World, answers: Answers):
    """Every page, fragment, chart, list and file, for everybody who gets it: a name or a number is a row (N4, U8)."""
    own = Client.objects.get(pk=world.rows["client"].pk)
    naming = [
        (url.name, name, found["own"].left)
        for (url, method, name), found in answers.items()
        if method == "GET" and found["own"].word == "200" and url.name not in UNTRACED
        if own.name in found["own"].text or re.search(rf"\b{own.client_no}\b", found["own"].text)
    ]
    assert [(url, name) for url, name, left in naming if own.client_no not in left] == []
    assert len({url for url, _name, _left in naming}) > 30


# --- The proof can fail ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wrong", "word"), [(scope.Scope(firm=True), "200"), (scope.NOTHING, "404")])
def test_everything_hangs_on_the_one_place(world: World, monkeypatch, wrong: scope.Scope, word: str):
    """With a wrong scope put in its place, every page of a client opens for all, or closes for its own manager."""
    pages = [
        url
        for url in urls()
        if "client_no" in url.arguments
        and verdict(ask(world.askers["manager"], "GET", addresses(url, world)["own"])) == "200"
    ]
    assert len(pages) >= 3
    monkeypatch.setattr(scope, "_scope_of", lambda user: wrong)
    which = "other" if wrong.firm else "own"
    for url in pages:
        assert verdict(ask(world.askers["manager"], "GET", addresses(url, world)[which])) == word, url.name
