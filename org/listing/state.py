"""The state of a list, held whole by its URL: filters, columns, order, size, density, place.

?tier=A&branch=B01&sort=-contribution&cols=name,tier&size=100&density=compact&after=…
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import QueryDict

from org.listing.columns import Column
from org.listing.paging import Sort

SIZES = (25, 50, 100)
DEFAULT_SIZE = 50
DENSITIES = ("normal", "compact")
#: Parameters that are not filters.
OWN = frozenset({"cols", "sort", "size", "density", "after", "before", "view", "part", "format"})
#: A query string longer than this is not kept.
MAX_QUERY = 2000


@dataclass(frozen=True)
class State:
    """What a URL says about a list, checked: anything unknown has become the default."""

    columns: tuple[str, ...]
    sort: Sort
    size: int
    density: str
    after: str
    before: str
    view: str
    filters: tuple[tuple[str, str], ...]
    usual: "Usual"
    builtin: "Usual"

    def url(self, *, place: tuple[str, str] | None = None, whole: bool = False, **changes) -> str:
        """'?…' of this state with some changes; without a `place` ('after' or 'before', cursor) it is the first page.

        What goes without saying is left out, unless `whole`.
        """
        state = replace(self, **changes)
        pairs = list(state.filters)
        for param, name, text in (
            ("cols", "columns", ",".join(state.columns)),
            ("sort", "sort", state.sort.param),
            ("size", "size", str(state.size)),
            ("density", "density", state.density),
        ):
            # Left out only where it goes without saying for everybody, so that a colleague sees the same list.
            if whole or not getattr(state, name) == getattr(self.usual, name) == getattr(self.builtin, name):
                pairs.append((param, text))
        if state.view:
            pairs.append(("view", state.view))
        if place:
            pairs.append(place)
        return "?" + urlencode(pairs)

    def without(self, name: str, value: str | None = None) -> str:
        """URL without a filter, or without one of its values."""
        return self.url(filters=tuple(p for p in self.filters if p[0] != name or (value is not None and p[1] != value)))


@dataclass(frozen=True)
class Usual:
    """What holds where the URL says nothing: the list's own defaults, with the user's laid over."""

    columns: tuple[str, ...]
    sort: Sort
    size: int = DEFAULT_SIZE
    density: str = DENSITIES[0]


def read(
    params: QueryDict,
    columns: Sequence[Column],
    filter_names: Iterable[str],
    builtin: Usual,
    usual: Usual | None = None,
) -> State:
    """Read a query string. Never fails: unknown columns, orders, sizes and parameters are as if not there.

    `builtin`: what the list does by itself, `usual`: what its user is used to.
    """
    usual = usual or builtin
    names = set(filter_names)
    filters = tuple(
        (name, value) for name, values in params.lists() if name in names for value in values if value.strip()
    )
    return State(
        columns=read_columns(params.get("cols", ""), columns) or usual.columns,
        sort=read_sort(params.get("sort", ""), columns) or usual.sort,
        size=read_size(params.get("size", ""), usual.size),
        density=params["density"] if params.get("density") in DENSITIES else usual.density,
        after=params.get("after", ""),
        before=params.get("before", ""),
        view=params["view"] if params.get("view", "").isdecimal() and len(params["view"]) < 10 else "",
        filters=filters[:200],
        usual=usual,
        builtin=builtin,
    )


def read_columns(text: str, columns: Sequence[Column]) -> tuple[str, ...]:
    """Known columns of 'a,b,c', each once, in that order."""
    known = {column.key for column in columns}
    return tuple(dict.fromkeys(key for key in text.split(",")[:200] if key in known))


def read_sort(text: str, columns: Sequence[Column]) -> Sort | None:
    """'-key' as an order, if there is a sortable column of that key."""
    down = text.startswith("-")
    for column in columns:
        if column.sort and column.key == text.removeprefix("-"):
            return sort_by(column, down)
    return None


def sort_by(column: Column, down: bool) -> Sort:
    """Order by a column."""
    return Sort(column.key, column.sort, down, column.nullable, column.tie)


def read_size(text: str, usual: int) -> int:
    """A page size that is offered, else the usual one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 and int(text) in SIZES else usual


def user_defaults(query: str, columns: Sequence[Column], usual: Usual) -> Usual:
    """A user's own defaults (a stored query string) laid over the list's."""
    params = QueryDict(query)
    return Usual(
        columns=read_columns(params.get("cols", ""), columns) or usual.columns,
        sort=usual.sort,
        size=read_size(params.get("size", ""), usual.size),
        density=params["density"] if params.get("density") in DENSITIES else usual.density,
    )
