"""Rows and head of a list as HTML, built in Python: a template per cell would cost more than the query."""

from collections.abc import Sequence
from html import escape
from operator import itemgetter
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from org.listing.columns import Column, Kind
from org.listing.state import State, sort_by
from org.templatetags.fmt import icon

_NUMBERS = frozenset({Kind.NUMBER, Kind.MONEY, Kind.SHARE})


def paths_of(columns: Sequence[Column], *more: str) -> list[str]:
    """All paths that columns read, each once."""
    return list(dict.fromkeys([*more, *(path for column in columns for path in column.reads)]))


def getters(columns: Sequence[Column], paths: Sequence[str]) -> list[Any]:
    """For each column the function that takes its values out of a row."""
    places = {path: number for number, path in enumerate(paths)}

    def getter(reads: tuple[str, ...]):
        if len(reads) == 1:
            place = places[reads[0]]
            return lambda row: (row[place],)
        return itemgetter(*(places[path] for path in reads))

    return [getter(column.reads) for column in columns]


def rows_html(
    columns: Sequence[Column], paths: Sequence[str], rows: Sequence[tuple[Any, ...]], *, masked: bool, tick: bool
) -> SafeString:
    """<tr> for each row. The first path is the row's number, which its tick sends; the first column heads the row."""
    cells = [
        (get, _Cells(column, column.hides(masked), place == 0))
        for place, (column, get) in enumerate(zip(columns, getters(columns, paths), strict=True))
    ]
    choose = escape(gettext("Choose"))
    parts: list[str] = []
    for row in rows:
        parts.append("<tr>")
        if tick:
            number = escape(str(row[0]))
            parts.append(
                '<td class="tick"><input class="form-check-input" type="checkbox" name="pick" form="bulk" '
                f'value="{number}" aria-label="{choose} {number}"></td>'
            )
        parts += [made[get(row)] for get, made in cells]
        parts.append("</tr>\n")
    return mark_safe("".join(parts))  # noqa: S308  every part is escaped


class _Cells(dict[tuple[Any, ...], str]):
    """Cells of one column by their values: branches, dates, states repeat from row to row."""

    def __init__(self, column: Column, hidden: bool, first: bool) -> None:
        super().__init__()
        self.column, self.hidden = column, hidden
        self.begin, self.end = _frame(column, first)

    def __missing__(self, values: tuple[Any, ...]) -> str:
        made = self[values] = self.begin + self.column.html(values, self.hidden) + self.end
        return made


def _frame(column: Column, first: bool) -> tuple[str, str]:
    if first:
        return '<th scope="row" class="wide">', "</th>"
    number = ' class="num"' if column.kind in _NUMBERS else ""
    return f'<td{number} data-label="{escape(str(column.label))}">', "</td>"


def head_html(columns: Sequence[Column], state: State, *, masked: bool, tick: bool) -> SafeString:
    """The head row; sortable headings are links that turn the order round."""
    parts = ["<tr>"]
    if tick:
        parts.append(
            format_html(
                '<th class="tick"><input class="form-check-input" type="checkbox" data-tick-page aria-label="{}"></th>',
                gettext("Choose all rows of this page"),
            )
        )
    for column in columns:
        number = mark_safe(' class="num"') if column.kind in _NUMBERS else ""
        if not column.sort or (column.hides(masked)):
            parts.append(format_html('<th scope="col"{}>{}</th>', number, column.label))
            continue
        current = state.sort.key == column.key
        down = not state.sort.down if current else column.down_first
        mark = icon("arrow-down" if state.sort.down else "arrow-up") if current else ""
        order = ("descending" if state.sort.down else "ascending") if current else ""
        parts.append(
            format_html(
                '<th scope="col"{}{}><a href="{}">{}{}</a></th>',
                number,
                format_html(' aria-sort="{}"', order) if order else "",
                state.url(sort=sort_by(column, down)),
                column.label,
                mark,
            )
        )
    parts.append("</tr>")
    return mark_safe("".join(parts))  # noqa: S308
