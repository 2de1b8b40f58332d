"""How names are read and cut for search and sorting (C10): pure functions of texts.

pypinyin reads surnames like common words (单 dan, 仇 chou, 曾 ceng), so they have a table of their own here.
"""

import os
import unicodedata
from dataclasses import dataclass
from functools import cache
from itertools import islice, product

#: Readings of surnames that differ from the character's common reading; the first one sorts and shows.
SURNAMES: dict[str, tuple[str, ...]] = {
    "单": ("shan",), "仇": ("qiu",), "曾": ("zeng",), "解": ("xie",), "查": ("zha",), "区": ("ou",),
    "朴": ("piao", "pu"), "覃": ("qin", "tan"), "盖": ("ge", "gai"), "乐": ("yue", "le"), "缪": ("miao",),
    "隗": ("wei", "kui"), "黑": ("he",), "秘": ("bi",), "翟": ("zhai", "di"), "召": ("shao",), "折": ("she",),
    "种": ("chong",), "重": ("chong",), "祭": ("zhai",), "繁": ("po",), "员": ("yun",), "贠": ("yun",),
    "牟": ("mu", "mou"), "能": ("nai",), "佴": ("nai",), "洗": ("xian",), "么": ("yao",), "句": ("gou",),
    "阚": ("kan",), "谌": ("chen", "shen"), "郗": ("chi", "xi"), "薄": ("bo",), "费": ("fei", "bi"),
    "卜": ("bu",), "适": ("kuo",), "沓": ("ta",), "郇": ("xun", "huan"),
}  # fmt: skip
#: Surnames of two characters and their reading.
COMPOUND: dict[str, tuple[str, ...]] = {
    "尉迟": ("yu chi",), "单于": ("chan yu",), "万俟": ("mo qi",), "长孙": ("zhang sun",), "澹台": ("tan tai",),
    "令狐": ("ling hu",), "鲜于": ("xian yu",), "宇文": ("yu wen",), "欧阳": ("ou yang",), "司马": ("si ma",),
    "上官": ("shang guan",), "诸葛": ("zhu ge",), "慕容": ("mu rong",), "司徒": ("si tu",), "皇甫": ("huang fu",),
    "夏侯": ("xia hou",), "东方": ("dong fang",), "公孙": ("gong sun",), "轩辕": ("xuan yuan",),
    "端木": ("duan mu",), "独孤": ("du gu",), "南宫": ("nan gong",), "申屠": ("shen tu",), "濮阳": ("pu yang",),
    "太史": ("tai shi",), "闻人": ("wen ren",), "赫连": ("he lian",), "呼延": ("hu yan",), "淳于": ("chun yu",),
    "仲孙": ("zhong sun",), "钟离": ("zhong li",), "宗政": ("zong zheng",), "公冶": ("gong ye",),
    "拓跋": ("tuo ba",), "百里": ("bai li",), "西门": ("xi men",), "东郭": ("dong guo",), "亓官": ("qi guan",),
}  # fmt: skip

#: Most combinations of readings kept of one name, the commonest first.
MAX_READINGS = 12
#: Longest piece of a name that is a token.
MAX_PIECE = 3
#: Characters read for the pinyin of a name: longer ones are firms, found by their pieces.
MAX_READ = 8
_SKIPPED = frozenset("·•・‧∙.。,,'’`-–—_()()[]【】《》&/\\:|!*\"<>")


@dataclass(frozen=True)
class Reading:
    """A name prepared for search: `sort_key` orders by pinyin, `tokens` find."""

    sort_key: str
    tokens: tuple[str, ...]


def plain(text: str) -> str:
    """A text as it is compared: full width made half, lower case, without spaces, dots and dashes."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in folded if not (c.isspace() or c in _SKIPPED or unicodedata.category(c) == "Cc"))


def is_han(char: str) -> bool:
    """Whether a character is a Chinese one, rare ones beyond the basic plane included."""
    code = ord(char)
    return 0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or 0x20000 <= code <= 0x3FFFF or code == 0x3007


def pieces(text: str, longest: int = MAX_PIECE) -> list[str]:
    """Every piece of one to `longest` characters, each once, in order."""
    found = dict.fromkeys(
        text[start : start + size] for size in range(1, longest + 1) for start in range(len(text) - size + 1)
    )
    return list(found)


def readings(name: str) -> list[tuple[str, ...]]:
    """The likely readings of a plain name, each a tuple of syllables; other scripts stay as they are, in runs."""
    parts: list[tuple[str, ...]] = []
    rest = name[:MAX_READ] if any(is_han(c) for c in name) else name
    if len(rest) > 2 and rest[:2] in COMPOUND:
        parts.append(COMPOUND[rest[:2]])
        rest = rest[2:]
    elif rest[:1] in SURNAMES:
        parts.append(_surname(rest[0]))
        rest = rest[1:]
    run = ""
    for char in rest:
        if is_han(char):
            if run:
                parts.append((run,))
                run = ""
            parts.append(_char(char))
        else:
            run += char
    if run:
        parts.append((run,))
    combinations = islice(product(*parts), MAX_READINGS)
    return [tuple(" ".join(combination).split()) for combination in combinations if combination]


def read(name: str) -> Reading:
    """Prepare a name: every piece of it, `p:` pinyin (whole, given name, surname with initials), `i:` initials."""
    text = plain(name)
    tokens = dict.fromkeys(pieces(text))
    found = readings(text)
    if any(is_han(c) for c in text):
        for syllables in found:
            initials = "".join(syllable[0] for syllable in syllables)
            tokens[f"i:{initials}"] = None
            tokens[f"p:{''.join(syllables)}"] = None
            if len(syllables) > 1:
                tokens[f"p:{''.join(syllables[1:])}"] = None
                tokens[f"p:{syllables[0]}{initials[1:]}"] = None
    # The apostrophe sorts behind the space, so 张伟 comes before 张伟明.
    spelled = "'".join(found[0]) if found else text
    sort_key = text if spelled == text else f"{spelled} {text}"
    return Reading(sort_key=sort_key[:240], tokens=tuple(tokens))


def _surname(char: str) -> tuple[str, ...]:
    """Readings of a surname: ours first, then the common ones, so that either way of typing finds."""
    return tuple(dict.fromkeys((*SURNAMES[char], *_char(char))))


@cache
def _char(char: str) -> tuple[str, ...]:
    """Readings of one character without tones, ü as v; unknown characters stand for themselves."""
    marked = _dictionary().get(ord(char), "")
    return tuple(dict.fromkeys(_without_tone(reading) for reading in marked.split(",") if reading)) or (char,)


def _without_tone(syllable: str) -> str:
    decomposed = unicodedata.normalize("NFD", syllable)
    kept = "".join(c for c in decomposed if c == "\u0308" or not unicodedata.combining(c))
    return unicodedata.normalize("NFC", kept).replace("ü", "v")


@cache
def _dictionary() -> dict[int, str]:
    # Without its phrases pypinyin needs 15 MB instead of 60; loaded when a first name is read, not at start.
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
    from pypinyin.constants import PINYIN_DICT

    return PINYIN_DICT
