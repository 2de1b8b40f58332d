"""How a source is laid out: its header line, delimiter and newline, and which column stands where."""

import unicodedata
from dataclasses import dataclass
from typing import Any

from ledger.intake.errors import FileRefused
from ledger.intake.lines import Grammar
from ledger.intake.mapping import FileRule, Product
from ledger.intake.sources import Text
from ledger.intake.values import BLANKS

_DELIMITERS = (",", "\t", ";", "|")
_LONGEST_HEADER = 1024 * 1024


@dataclass(frozen=True)
class Layout:
    """`names`: columns as found, folded. `header`: the line as it was, without its end. `line`: its number."""

    header: str
    line: int
    names: tuple[str, ...]
    delimiter: str
    newline: str
    bom: bool

    def position(self, name: str) -> int | None:
        """Where a column stands; None if it is not there."""
        wanted = fold_name(name)
        return self.names.index(wanted) if wanted in self.names else None

    def as_json(self, **more: Any) -> dict[str, Any]:
        """What is kept with the file, enough to write its rejects in the same form."""
        kept = {"header": self.header, "delimiter": self.delimiter, "newline": self.newline, "bom": self.bom}
        return kept | more


def fold_name(name: str) -> str:
    """One spelling for a column name: width, case and blanks around it do not matter."""
    return unicodedata.normalize("NFKC", name).strip(BLANKS).casefold()


def read_layout(text: Text, rule: FileRule, product: Product) -> Layout:
    """Read the header; afterwards the stream stands at the first data line.

    Refuses a file without header, with a column twice, or without a column that the product needs.
    """
    line, raw = 0, b""
    while not raw.strip(b" \t\r\n,;|"):
        raw = text.stream.readline(_LONGEST_HEADER)
        line += 1
        if not raw:
            raise FileRefused("empty_file")
    newline = "\r\n" if raw.endswith(b"\r\n") else "\n"
    header = raw.rstrip(b"\r\n").decode(errors="replace")
    delimiter, names = _split(header, rule, product)
    doubled = sorted({name for name in names if name and names.count(name) > 1})
    if doubled:
        raise FileRefused("doubled_column", columns=doubled)
    missing = sorted(name for name in product.needs if fold_name(name) not in names)
    if missing:
        raise FileRefused("missing_column", columns=missing)
    return Layout(header, line, tuple(names), delimiter, newline, text.bom)


def unknown_columns(layout: Layout, product: Product) -> list[str]:
    """Columns under names that are none of ours; they are reported and ignored. A foreign format has its own names."""
    known = {column.name for column in product.kind.columns}
    return [name for name in layout.names if name not in known] if product.named else []


def _split(header: str, rule: FileRule, product: Product) -> tuple[str, list[str]]:
    """The delimiter, given or the one that finds most of the columns wanted, and the names it makes."""
    wanted = {fold_name(name) for name in product.needs}
    candidates = _DELIMITERS if rule.delimiter == "auto" else (rule.delimiter,)
    splits = [(delimiter, _names(header, delimiter)) for delimiter in candidates]
    return max(splits, key=lambda split: len(wanted.intersection(split[1])))


def _names(header: str, delimiter: str) -> list[str]:
    body = header.encode() + b"\n"
    parsed = Grammar(delimiter, b"\n").record(body, 0)
    fields = parsed[0] if parsed else header.encode().split(delimiter.encode())
    return [fold_name(field.decode()) for field in fields]
