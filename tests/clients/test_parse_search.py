"""What somebody types into the search (C10)."""

import pytest

from clients.rules import Part, Query, Term, parse_search, tsquery


def words(text):
    """The tokens of each way of each part, prefixes with a star."""
    return [
        [tuple(term.text + "*" * term.prefix for term in way) for way in part.ways] for part in parse_search(text).parts
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("王", [[("王",)]]),
        ("王伟", [[("王伟",)]]),
        ("张伟明", [[("张伟明",)]]),
        ("欧阳修远", [[("欧阳修", "阳修远")]]),
        ("ZW", [[("zw",), ("p:zw*",), ("i:zw*",)]]),
        ("zhang wei", [[("zha", "han", "ang", "ngw", "gwe", "wei"), ("p:zhangwei*",), ("i:zhangwei*",)]]),
        ("张wm", [[("张", "p:zhangwm*"), ("张", "i:zwm*")]]),
        ("张 wm", [[("张", "p:zhangwm*"), ("张", "i:zwm*")]]),
        ("5678", [[("t:8765*",)]]),
        ("\uff15\uff16\uff17\uff18", [[("t:8765*",)]]),
        ("138 0013 5678", [[("t:87653100831*",)]]),
        ("567", [[]]),
        ("王 5678", [[("王",)], [("t:8765*",)]]),
        ("阿不都·热", [[("阿不都", "不都热")]]),
        ("   ", []),
        ("", []),
        ("·-·", []),
    ],
)
def test_parts(text, expected):
    assert words(text) == expected


def test_polyphonic_characters_are_tried_in_every_reading():
    found = {way[-1] for way in words("单wm")[0]}
    assert {"i:swm*", "i:dwm*", "p:shanwm*"} <= found


def test_numbers_keep_their_spelling():
    assert [part.number for part in parse_search("KH-001").parts] == ["KH-001"]
    assert [part.number for part in parse_search("1000").parts] == ["1000"]
    assert parse_search("王").parts[0].number == ""


def test_letters_and_a_tail_in_one_word():
    part = parse_search("zw5678").parts[0]
    assert part.number == "zw5678"
    assert (Term("i:zw", prefix=True), Term("t:8765", prefix=True)) in part.ways


@pytest.mark.parametrize("text", ["'; DROP TABLE x; --", "a' | 'b", "\\", "王\\'", "a&b|c!d:*", "\x00王", "王" * 500])
def test_whatever_is_typed_is_quoted(text):
    written = tsquery(parse_search(text))
    outside = "".join(written.split("'")[::2])
    assert set(outside) <= set("()&|:* ")


def test_quoting_doubles_quotes_and_backslashes():
    query = Query("", (Part(ways=((Term("a'b\\c"),),)),))
    assert tsquery(query, ("m:1", "b:2")) == "(('a''b\\\\c')) & ('m:1' | 'b:2')"
