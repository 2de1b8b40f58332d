"""Keyset pages: every page costs the same, however deep. NULLs come last, in both directions.

A page of a nullable key is read in two segments, rows with a value and rows without, so that an index can serve each.

An index that serves the order serves it over all rows there are: for few among many, the planner may walk most of it to
find them. `gather` takes the order away from it: the matches are read by their own condition, sorted by key, and only
the rows of the page get their details.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldError, ValidationError
from django.db.models import F, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.db.models.functions import Coalesce

#: Counts are exact up to here; beyond it a page says "10,000+".
COUNT_CAP = 10_000
#: Between so many matches, reading all of them is cheaper than to look for them along an index of a million. Fewer, the
#: planner reads all by itself, and one statement less deep is faster.
GATHER_FROM, GATHER_CAP = 2_000, 25_000


@dataclass(frozen=True)
class Sort:
    """How rows are ordered: by `path`, then by `tie` (the row's id, or a column equal to it in the table of `path`)."""

    key: str
    path: str
    down: bool = False
    nullable: bool = False
    tie: str = "pk"

    @property
    def param(self) -> str:
        """As it stands in the URL: '-contribution'."""
        return f"-{self.key}" if self.down else self.key


@dataclass(frozen=True)
class Cursor:
    """A place in the order: a row's value and id."""

    value: Any
    pk: int


@dataclass(frozen=True)
class Page:
    """Rows of one page, each with the values of the asked paths; the cursors of its neighbours ('' = none)."""

    rows: list[tuple[Any, ...]]
    next: str = ""
    previous: str = ""


@dataclass(frozen=True)
class Total:
    """How many rows match; `capped`: at least so many."""

    count: int
    capped: bool = False


def count_up_to(queryset: QuerySet[Any], cap: int) -> int:
    """How many rows match; `cap` + 1 when they are more than `cap`."""
    return queryset.order_by()[: cap + 1].count()


def as_total(count: int) -> Total:
    """A count as the page says it."""
    return Total(COUNT_CAP, capped=True) if count > COUNT_CAP else Total(count)


def fetch(
    queryset: QuerySet[Any],
    paths: Sequence[str],
    sort: Sort,
    size: int,
    after: str = "",
    before: str = "",
    gather: bool = False,
    matches: int | None = None,
) -> Page:
    """One page. A cursor that is broken, or of another order, is ignored: the first page comes.

    `gather`: see the module; `queryset` then must not be distinct or annotated. `matches`: their number, if known.
    """
    back = bool(before)
    cursor = read_cursor(before or after, queryset, sort)
    if cursor is None:
        back = False
    wanted = size + 1
    if cursor is None and matches is not None:
        wanted = min(wanted, matches)
    rows = _rows(queryset, paths, sort, wanted, cursor, back, gather)
    more = len(rows) > size
    if back and not more and len(rows) < size:
        # Fewer rows than a page stand before: the first page is meant.
        return fetch(queryset, paths, sort, size, gather=gather, matches=matches)
    rows = rows[:size]
    if back:
        rows.reverse()
    onward, backward = (True, more) if back else (more, cursor is not None)
    return Page(
        [row[:-2] for row in rows],
        next=write_cursor(sort, rows[-1]) if onward and rows else "",
        previous=write_cursor(sort, rows[0]) if backward and rows else "",
    )


def in_order(queryset: QuerySet[Any], sort: Sort) -> QuerySet[Any]:
    """The whole list in its order, for an export."""
    key = F(sort.path)
    ordered = key.desc(nulls_last=sort.nullable or None) if sort.down else key.asc(nulls_last=sort.nullable or None)
    return queryset.order_by(ordered, "-pk" if sort.down else "pk")


def _rows(
    queryset, paths, sort: Sort, wanted: int, cursor: Cursor | None, back: bool, gather: bool
) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for empty in _segments(sort, cursor, back):
        if len(rows) >= wanted:
            break
        here = cursor if cursor is not None and (cursor.value is None) == empty else None
        part = _segment(queryset, sort, empty, here, back)
        left = wanted - len(rows)
        part = _gathered(part, sort, empty, back, left) if gather else part[:left]
        rows += part.values_list(*paths, sort.path, "pk")
    return rows


def _segments(sort: Sort, cursor: Cursor | None, back: bool) -> list[bool]:
    """Segments still to read, in order of reading; True is the one without values."""
    if not sort.nullable:
        return [False]
    order = [True, False] if back else [False, True]
    return order if cursor is None else order[order.index(cursor.value is None) :]


def _segment(queryset, sort: Sort, empty: bool, cursor: Cursor | None, back: bool) -> QuerySet[Any]:
    down = sort.down != back
    sign = "-" if down else ""
    if sort.nullable:
        queryset = queryset.filter(**{f"{sort.path}__isnull": empty})
    if empty:
        if cursor is not None:
            queryset = queryset.filter(**{"pk__lt" if down else "pk__gt": cursor.pk})
        return queryset.order_by(f"{sign}pk")
    if cursor is not None:
        beyond = TupleLessThan if down else TupleGreaterThan
        queryset = queryset.filter(beyond(Tuple(F(sort.path), F(sort.tie)), (cursor.value, cursor.pk)))
    return queryset.order_by(f"{sign}{sort.path}", f"{sign}{sort.tie}")


def _gathered(part: QuerySet[Any], sort: Sort, empty: bool, back: bool, wanted: int) -> QuerySet[Any]:
    """The first rows of a segment, chosen by key alone; the details are joined to the chosen ones."""
    usual = part.query.order_by
    key = F("pk") if empty else F(sort.path)
    # Equal to the key, but no index has it.
    veiled = Coalesce(key, key)
    first = veiled.desc() if sort.down != back else veiled.asc()
    chosen = part.order_by(first, *usual[1:]).values("pk")[:wanted]
    return part.model._default_manager.filter(pk__in=chosen).order_by(*usual)


def write_cursor(sort: Sort, row: tuple[Any, ...]) -> str:
    """A row's place as URL text; it holds only what the list shows or sorts by."""
    value, pk = row[-2:]
    text = json.dumps([sort.param, value, pk], default=str, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(text: str, queryset: QuerySet[Any], sort: Sort) -> Cursor | None:
    """The place that a text names, or None when it names none in this order."""
    if not text or len(text) > 1000:
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        param, value, pk = json.loads(raw)
        field = sort_field(queryset, sort.path)
        if param != sort.param or type(pk) is not int or not 0 <= pk < 2**63:
            return None
        if value is None:
            return Cursor(None, pk) if sort.nullable else None
        if isinstance(value, str) and "\x00" in value:
            return None
        value = field.to_python(value)
        field.run_validators(value)
        return Cursor(value, pk)
    except (binascii.Error, ValueError, TypeError, RecursionError, ValidationError, FieldError):
        return None


def sort_field(queryset: QuerySet[Any], path: str):
    """The field behind a path or an annotation; it knows which values are possible."""
    if path in queryset.query.annotations:
        return queryset.query.annotations[path].output_field
    model, field = queryset.model, None
    for name in path.split("__"):
        field = model._meta.get_field(name)
        model = field.related_model or model
    return field
