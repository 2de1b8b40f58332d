"""Declared mappings (N1): TOML files that say which source columns make which of ours. There is no code in a mapping.

docs/intake.md describes the language; `ledger/mappings/core-v1.toml` is the format of the contracts.
"""

import hashlib
import re
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from ledger.intake.errors import MappingError
from ledger.intake.kinds import KINDS, Kind
from ledger.messages import ROW_REASONS

DEFAULT = "core-v1"
FOLDER = Path(__file__).resolve().parent.parent / "mappings"

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
#: What a composed value may name beside columns.
SPECIAL = ("line", "row", "file", "business_date")
_ENCODINGS = ("auto", "utf-8", "gb18030")
_DELIMITERS = ("auto", ",", ";", "\t", "|")
_ORIGINS = ("column", "value", "compose", "product", "sum")
_CHANGES = (
    "date",
    "strip_prefix",
    "strip_suffix",
    "values",
    "otherwise",
    "prefix",
    "suffix",
    "pad",
    "negate",
    "default",
)


@dataclass(frozen=True)
class Source:
    """Where one of our columns comes from: exactly one origin, then the changes in the order given here."""

    column: str = ""
    value: str | None = None
    compose: str = ""
    product: tuple[str, ...] = ()
    sum: tuple[str, ...] = ()
    date: str = ""
    strip_prefix: str = ""
    strip_suffix: str = ""
    values: dict[str, str] = field(default_factory=dict)
    otherwise: str | None = None
    prefix: str = ""
    suffix: str = ""
    pad: int = 0
    negate: bool = False
    default: str | None = None

    @property
    def needs(self) -> set[str]:
        """The source columns that it reads."""
        named = {self.column} if self.column else set()
        named |= {name for name in _PLACEHOLDER.findall(self.compose) if name not in SPECIAL}
        return named | set(self.product) | set(self.sum)


@dataclass(frozen=True)
class Condition:
    """A column that holds one of some values ('' is: nothing there). `reason` for conditions that reject."""

    column: str
    values: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True)
class Product:
    """What a source file yields for one kind.

    `named`: its columns carry our names. `fold`: lines with the same key are one row, the first or the last counts.
    `only`: lines that make a row of this kind; `reject`: lines that are kept as rejects.
    """

    kind: Kind
    named: bool = False
    fold: str = ""
    columns: dict[str, Source] = field(default_factory=dict)
    only: tuple[Condition, ...] = ()
    reject: tuple[Condition, ...] = ()

    @property
    def needs(self) -> set[str]:
        """The source columns that must be there."""
        if self.named:
            return set(self.kind.required)
        needed = {c.column for c in (*self.only, *self.reject)}
        return needed.union(*(source.needs for source in self.columns.values()))


@dataclass(frozen=True)
class FileRule:
    """Which files, how they are written, what they yield."""

    files: tuple[str, ...]
    delimiter: str
    encoding: str
    products: tuple[Product, ...]

    def matches(self, name: str) -> bool:
        """Whether a file of that name (relative, without .gz) belongs here."""
        return _matches(name, self.files)


@dataclass(frozen=True)
class Mapping:
    """A whole mapping. `digest` tells its versions apart."""

    name: str
    title: str
    digest: str
    rules: tuple[FileRule, ...]
    ignore: tuple[str, ...] = ()

    def rule_for(self, name: str) -> FileRule | None:
        """The first rule that wants a file of that name."""
        return next((rule for rule in self.rules if rule.matches(name)), None)

    def ignores(self, name: str) -> bool:
        """Whether the mapping says that such a file is none of ours."""
        return _matches(name, self.ignore)

    @property
    def folders(self) -> set[str]:
        """Folders below the delivery that file patterns name."""
        return {pattern.rpartition("/")[0] for rule in self.rules for pattern in rule.files if "/" in pattern}


def names() -> list[str]:
    """Names of all mappings at hand, our own format first."""
    found = {path.stem for folder in _folders() for path in folder.glob("*.toml") if _NAME.fullmatch(path.stem)}
    return sorted(found, key=lambda name: (name != DEFAULT, name))


def load(name: str) -> Mapping:
    """The mapping of that name; MappingError if there is none or it is wrong."""
    if not _NAME.fullmatch(name):
        raise MappingError(f"mapping {name!r}: not a name of a mapping")
    for folder in _folders():
        path = folder / f"{name}.toml"
        if path.is_file():
            return _parse(name, path.read_bytes())
    raise MappingError(f"mapping {name!r} does not exist; there are: {', '.join(names())}")


def _folders() -> list[Path]:
    own = getattr(settings, "INTAKE_MAPPINGS", None)
    return [Path(own), FOLDER] if own else [FOLDER]


@cache
def _parse(name: str, content: bytes) -> Mapping:
    try:
        data = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MappingError(f"{name}.toml: {error}") from error
    _only(name, data, {"title", "ignore", "source"})
    rules = [_rule(f"{name}.toml, source {n}", each) for n, each in enumerate(data.get("source", []), 1)]
    if not rules:
        raise MappingError(f"{name}.toml: no [[source]]")
    digest = hashlib.sha256(content).hexdigest()[:16]
    return Mapping(name, data.get("title", name), digest, tuple(rules), tuple(data.get("ignore", ())))


def _rule(place: str, data: dict[str, Any]) -> FileRule:
    _only(place, data, {"files", "delimiter", "encoding", "yields"})
    delimiter, encoding = data.get("delimiter", "auto"), data.get("encoding", "auto")
    if delimiter not in _DELIMITERS or encoding not in _ENCODINGS:
        raise MappingError(f"{place}: delimiter is one of {_DELIMITERS}, encoding one of {_ENCODINGS}")
    products = tuple(_product(f"{place}, yields {n}", each) for n, each in enumerate(data.get("yields", []), 1))
    if not products or not data.get("files"):
        raise MappingError(f"{place}: needs `files` and at least one [[source.yields]]")
    return FileRule(tuple(data["files"]), delimiter, encoding, products)


def _product(place: str, data: dict[str, Any]) -> Product:
    _only(place, data, {"kind", "named", "fold", "columns", "only", "reject"})
    kind = KINDS.get(data.get("kind", ""))
    if kind is None:
        raise MappingError(f"{place}: kind is one of {', '.join(KINDS)}")
    named, columns = bool(data.get("named")), data.get("columns", {})
    if named == bool(columns):
        raise MappingError(f"{place}: needs either `named = true` or columns")
    if data.get("fold", "") not in ("", "first", "last"):
        raise MappingError(f"{place}: fold is 'first' or 'last'")
    _only(place, columns, {column.name for column in kind.columns})
    missing = set() if named else set(kind.required) - set(columns)
    if missing:
        raise MappingError(f"{place}: required columns not mapped: {', '.join(sorted(missing))}")
    sources = {name: _source(f"{place}, column {name}", source) for name, source in columns.items()}
    only = tuple(Condition(column, _texts(values)) for column, values in data.get("only", {}).items())
    reject = tuple(_rejection(place, each) for each in data.get("reject", []))
    return Product(kind, named, data.get("fold", ""), sources, only, reject)


def _source(place: str, data: Any) -> Source:
    if isinstance(data, str):
        return Source(column=data)
    if not isinstance(data, dict):
        raise MappingError(f"{place}: a column name or a table")
    _only(place, data, {*_ORIGINS, *_CHANGES})
    if sum(origin in data for origin in _ORIGINS) != 1:
        raise MappingError(f"{place}: needs exactly one of {', '.join(_ORIGINS)}")
    given = dict(data)
    for name in ("product", "sum"):
        if name in given:
            given[name] = tuple(given[name])
    if "values" in given:
        given["values"] = {str(key): str(value) for key, value in given["values"].items()}
    if "date" in given and set(re.findall("%(.)", given["date"])) - set("HMS") not in (
        {"Y", "m", "d"},
        {"y", "m", "d"},
    ):
        raise MappingError(f"{place}: a date form names year (%Y or %y), %m and %d once, and %H, %M, %S if need be")
    return Source(**given)


def _rejection(place: str, data: dict[str, Any]) -> Condition:
    _only(place, data, {"column", "is", "reason"})
    if data.get("reason") not in ROW_REASONS:
        raise MappingError(f"{place}: reason {data.get('reason')!r} is not in ledger/messages.py")
    return Condition(data["column"], _texts(data["is"]), data["reason"])


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(str(value) for value in (values if isinstance(values, list) else [values]))


def _only(place: str, data: dict[str, Any], known: set[str]) -> None:
    unknown = set(data) - known
    if unknown:
        raise MappingError(f"{place}: unknown {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Match a relative name; a pattern without a folder also matches the bare name."""
    lowered = name.lower()
    bare = lowered.rpartition("/")[2]
    return any(fnmatch(lowered if "/" in pattern else bare, pattern.lower()) for pattern in patterns)
