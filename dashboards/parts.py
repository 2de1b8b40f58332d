"""What a dashboard is made of: tiles, tables, charts in sections. Pages, exports and API show the same objects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise

from org.listing import Column, Kind
from org.listing.columns import Exported

Text = str | Promise

#: A column of small bars, one value for each month; not exported.
BARS = "bars"


@dataclass(frozen=True)
class Cell:
    """One figure. `url`: the list behind it, which holds `count` rows (default: the value itself). `tone`: its colour.

    `page`: the address leads to a page, not to a list that counts the same.
    """

    value: Any
    url: str = ""
    count: int | None = None
    tone: str = ""
    page: bool = False

    @property
    def listed(self) -> int | None:
        """How many rows the list behind it has; None without one."""
        if not self.url or self.page:
            return None
        return self.value if self.count is None else self.count


@dataclass(frozen=True)
class Tile:
    """A figure with its name; `kind` as in columns (org.listing.Kind)."""

    key: str
    label: Text
    cell: Cell
    kind: str = Kind.NUMBER
    sub: Text = ""


@dataclass(frozen=True)
class Table:
    """`note` stands below it. `look`: a class of the table (matrix, heat)."""

    key: str
    title: Text
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    note: Text = ""
    look: str = ""
    empty: Text = ""

    @property
    def heads(self) -> list[Column]:
        """The columns that an export has."""
        return [one for one in self.columns if one.kind != BARS]

    def exported(self) -> Iterator[tuple[Exported, ...]]:
        """Plain values of the rows: 元 for money, shares as they are."""
        for row in self.rows:
            cells = zip(row, self.columns, strict=True)
            yield tuple(exported(cell.value, one.kind) for cell, one in cells if one.kind != BARS)


def exported(value: Any, kind: str) -> Exported:
    if value is None or (isinstance(value, int | float) and kind != Kind.MONEY):
        return value
    if kind == Kind.MONEY:
        return Decimal(value).scaleb(-4)
    return str(value) if isinstance(value, Promise) else value


@dataclass(frozen=True)
class Chart:
    """`kind` and `url` as <c-chart> takes them; the data carry the lists behind their marks."""

    key: str
    title: Text
    kind: str
    url: str
    height: int = 280


@dataclass(frozen=True)
class Section:
    """A part of the page with an address of its own."""

    key: str
    title: Text
    tiles: Sequence[Tile] = ()
    blocks: Sequence[Table | Chart] = ()
    note: Text = ""
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def tables(self) -> list[Table]:
        return [block for block in self.blocks if isinstance(block, Table)]


def column(key: str, label: Text, kind: str = Kind.TEXT) -> Column:
    return Column(key=key, label=label, reads=(), kind=kind)
