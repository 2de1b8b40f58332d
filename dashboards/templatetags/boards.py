"""Tables and figures of the dashboards as HTML; in Python, since a firm's table has thousands of cells."""

from collections.abc import Sequence
from html import escape
from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from dashboards.parts import BARS, Cell, Table, Tile
from org.listing import Column, Kind
from org.templatetags.fmt import NOTHING, money, money_text, percent, thousands

register = template.Library()

#: Kinds of columns that stand to the right.
_RIGHT = (Kind.NUMBER, Kind.MONEY, Kind.SHARE)
#: Height and step of the small bars, px.
_HIGH, _WIDE = 22, 6


def plain(value: Any, kind: str) -> str:
    """A value as HTML."""
    if value is None or value == "":
        return NOTHING
    if kind == Kind.MONEY:
        return str(money(value))
    if kind == Kind.SHARE:
        return percent(value, 1)
    if kind == BARS:
        return _bars(value)
    if kind == Kind.NUMBER:
        return thousands(value, 2 if isinstance(value, float) else 0)
    return escape(str(value))


def _bars(values: list[int]) -> str:
    """Twelve months as bars in a drawing; what is below nothing hangs."""
    if not any(values):
        return NOTHING
    most, least = max(*values, 0), min(*values, 0)
    scale = _HIGH / ((most - least) or 1)
    zero = most * scale
    parts = []
    for place, value in enumerate(values):
        tall = max(abs(value) * scale, 0.5)
        top = zero - tall if value >= 0 else zero
        parts.append(f'<rect x="{place * _WIDE}" y="{top:.1f}" width="{_WIDE - 1}" height="{tall:.1f}"/>')
    label = escape(_("from %(first)s to %(last)s") % {"first": money_text(values[0]), "last": money_text(values[-1])})
    width = len(values) * _WIDE
    return (
        f'<svg class="crm-bars" width="{width}" height="{_HIGH}" viewBox="0 0 {width} {_HIGH}" role="img" aria-label="{label}">'
        f"<title>{label}</title>{''.join(parts)}</svg>"
    )


def shown(cell: Cell, kind: str) -> str:
    """A cell: its value, a door to the list behind it. `data-count` says how many rows that list has."""
    text = plain(cell.value, kind)
    if cell.tone in ("rise", "fall") and kind == Kind.SHARE and cell.value is not None and cell.value > 0:
        text = f"+{text}"
    if cell.url and cell.value is not None:
        count = cell.listed
        mark = f' data-count="{count}"' if count is not None else ""
        text = f'<a href="{escape(cell.url)}"{mark}>{text}</a>'
    if cell.tone and not cell.tone.startswith("heat-"):
        text = f'<span class="crm-tone-{cell.tone}">{text}</span>'
    return text


def _class(column: Column, cell: Cell | None = None) -> str:
    names = ["num"] if column.kind in _RIGHT else []
    if cell is not None and cell.tone.startswith("heat-"):
        names.append(f"crm-{cell.tone}")
    return f' class="{" ".join(names)}"' if names else ""


@register.simple_tag
def board_rows(table: Table) -> SafeString:
    """The rows of a table; the first cell names the row."""
    lines = []
    for row in table.rows:
        cells = [f'<th scope="row">{shown(row[0], table.columns[0].kind)}</th>']
        cells += [
            f"<td{_class(column, cell)}>{shown(cell, column.kind)}</td>"
            for column, cell in zip(table.columns[1:], row[1:], strict=True)
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return mark_safe("".join(lines))  # noqa: S308  every value was escaped above


@register.simple_tag
def board_heads(table: Table, sorting: dict[str, Any] | None = None) -> SafeString:
    """The head; `sorting`: {sort, url, keys}: columns that sort the table by a link."""
    cells = []
    for column in table.columns:
        label = escape(str(column.label))
        if sorting and column.key in sorting["keys"]:
            down = sorting["sort"] == f"-{column.key}"
            turned = column.key if down else f"-{column.key}"
            arrow = " ▾" if down else " ▴" if sorting["sort"] == column.key else ""
            label = f'<a href="{escape(sorting["url"])}&amp;sort={turned}">{label}{arrow}</a>'
        order = ""
        if sorting and sorting["sort"].removeprefix("-") == column.key:
            order = ' aria-sort="descending"' if sorting["sort"].startswith("-") else ' aria-sort="ascending"'
        cells.append(f'<th scope="col"{_class(column)}{order}>{label}</th>')
    return mark_safe("".join(cells))  # noqa: S308


@register.simple_tag
def board_tiles(tiles: Sequence[Tile]) -> SafeString:
    """Figures as <c-figures> shows them, without a component for each."""
    parts = []
    for tile in tiles:
        sub = f'<dd class="crm-figure-sub">{escape(str(tile.sub))}</dd>' if tile.sub else ""
        value = shown(tile.cell, tile.kind)
        parts.append(f'<div class="crm-figure"><dt>{escape(str(tile.label))}</dt><dd>{value}</dd>{sub}</div>')
    return mark_safe(f'<dl class="crm-figures">{"".join(parts)}</dl>' if parts else "")  # noqa: S308


@register.simple_tag
def wall_bar(panel: Any) -> SafeString:
    """A share as a bar, with a stroke where it should be by now; nothing without a share."""
    if panel.share is None:
        return mark_safe("")
    part = min(max(panel.share, 0), 1) * 100
    stroke = f'<line x1="{panel.mark * 100:.1f}" x2="{panel.mark * 100:.1f}" y1="0" y2="4"/>' if panel.mark else ""
    return mark_safe(  # noqa: S308  numbers only
        '<svg class="crm-wall-bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="100" height="4"/><rect class="part" width="{part:.1f}" height="4"/>{stroke}</svg>'
    )
