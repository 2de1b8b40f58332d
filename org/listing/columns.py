"""Columns of a list, declared once: what they read, how they look, how they sort, what the export writes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from html import escape
from typing import Any

from django.utils.functional import Promise
from django.utils.safestring import SafeString

#: What an export cell may hold.
Exported = str | int | float | Decimal | date | datetime | None


class Kind:
    """What a column holds: decides alignment on the page and the cell type in the export."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"  # values in 1/10,000 元; the export writes 元
    SHARE = "share"  # 0.1234 = 12.34 %
    DATE = "date"
    FLAG = "flag"


class Mask:
    """When a column's first value is masked: never, always on lists, or for viewers whose scope is masked."""

    NEVER = ""
    ALWAYS = "always"
    BY_POLICY = "policy"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column.

    `reads`: paths of the queryset (fields, joins, annotations); `cell` and `export` get their values in this order.
    `cell(*values)` gives HTML (plain strings are escaped), default: the first value; it is called once for equal values.
    `export(*values)`: a plain value, default: the first value (元 for money).
    `sort`: the path sorted by, '' = not sortable; `nullable`: it may be NULL (NULLs come last in both directions); `tie`:
    a column equal to the row's id in the table of `sort`, so that an index over both serves; `down_first`: the first
    click sorts downwards.
    `right`: needed to see the column at all. `mask` and `masked` (see `Mask`) hide the first value on page and export.
    `shown`: in the default choice of columns.
    """

    key: str
    label: str | Promise
    reads: tuple[str, ...]
    cell: Callable[..., str] | None = None
    export: Callable[..., Exported] | None = None
    kind: str = Kind.TEXT
    sort: str = ""
    nullable: bool = False
    tie: str = "pk"
    down_first: bool = False
    right: str = ""
    mask: Callable[[str], str] | None = None
    masked: str = Mask.NEVER
    shown: bool = True

    def hides(self, viewer_is_masked: bool) -> bool:
        """Whether the first value is masked for a viewer."""
        return self.masked == Mask.ALWAYS or (self.masked == Mask.BY_POLICY and viewer_is_masked)

    def html(self, values: tuple[Any, ...], hidden: bool) -> str:
        """The cell's HTML, safe to put into a page."""
        if hidden:
            values = self._hidden(values)
        shown = self.cell(*values) if self.cell else values[0]
        if isinstance(shown, SafeString):
            return shown
        return "" if shown is None else escape(str(shown))

    def exported(self, values: tuple[Any, ...], hidden: bool) -> Exported:
        """The export's value, masked as on the page."""
        if hidden:
            values = self._hidden(values)
        if self.export:
            return self.export(*values)
        if self.kind == Kind.MONEY and values[0] is not None:
            return Decimal(values[0]).scaleb(-4)
        return values[0]

    def _hidden(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        if self.mask is None or not values[0]:
            return values
        return (self.mask(values[0]), *values[1:])
