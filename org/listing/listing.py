"""A list: what it declares, and what a request makes of it. Pages and exports read the same object."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from org.listing import render, state
from org.listing.columns import Column, Exported
from org.listing.filters import Chip, ListFilterSet
from org.listing.paging import COUNT_CAP, GATHER_CAP, GATHER_FROM, Page, Total, as_total, count_up_to, fetch, in_order
from org.listing.saved import SHARES, SavedViewBase
from org.rights import may
from org.scope import scope_of


@dataclass(frozen=True)
class Action:
    """Something done to the chosen rows: a button of the bulk bar that opens a dialog or posts at once.

    `url`: POST target; it gets `pick` (numbers) or `all=1`, and `query` (the filters). `dialog`: a template shown first.
    """

    key: str
    label: str | Promise
    icon: str
    url: str
    right: str = ""
    dialog: str = ""
    context: Callable[[HttpRequest], dict[str, Any]] = field(default=lambda request: {})


class Listing:
    """Declare a list by a subclass; see docs/lists.md for the recipe.

    `number`: path of the business number that ticks and links use. `default_sort`: '-key' of a column.
    `view_model`: table of saved views, None = no saved views. `export_right`: '' = nobody exports.
    """

    name: ClassVar[str]
    title: ClassVar[str | Promise]
    number: ClassVar[str]
    default_sort: ClassVar[str]
    filterset: ClassVar[type[ListFilterSet] | None] = None
    view_model: ClassVar[type[SavedViewBase] | None] = None
    export_right: ClassVar[str] = ""
    #: Path from a row to the number of the client whom it is about, for the audit trail; '' = about none.
    client_path: ClassVar[str] = ""
    #: Name of the filter that the search box beside the chips sets, '' = no box.
    search_param: ClassVar[str] = ""
    #: Names of its URLs; '' = there is none.
    url_name: ClassVar[str]
    export_url_name: ClassVar[str] = ""
    views_url_name: ClassVar[str] = ""
    #: Said when there are no rows at all.
    empty_title: ClassVar[str | Promise] = _("Nothing here yet")
    empty_text: ClassVar[str | Promise] = ""

    def __init__(self, request: HttpRequest, params: QueryDict | None = None) -> None:
        self.request = request
        self.params = request.GET if params is None else params
        self.masked = scope_of(request.user).masked

    # --- Declared by the subclass ------------------------------------------------------------------------------------

    def all_columns(self) -> Sequence[Column]:
        """Every column of the list, in its usual order."""
        raise NotImplementedError

    def base(self) -> QuerySet[Any]:
        """The rows that the viewer may see."""
        raise NotImplementedError

    def actions(self) -> Sequence[Action]:
        """Actions on chosen rows."""
        return ()

    @property
    def counts_first(self) -> bool:
        """Whether the rows may be some thousands among many more: then their number decides how a page is read.

        Matters for an order by another table's column only, see `org.listing.paging`.
        """
        return False

    # --- Made of the request -----------------------------------------------------------------------------------------

    @cached_property
    def columns(self) -> list[Column]:
        """Columns that the viewer has a right to."""
        return [c for c in self.all_columns() if not c.right or may(self.request.user, c.right)]

    @cached_property
    def sortable(self) -> list[Column]:
        """Columns as far as orders go: the order of a masked column would tell what it hides."""
        return [c for c in self.columns if not c.hides(self.masked)]

    @cached_property
    def builtin(self) -> state.Usual:
        sort = state.read_sort(self.default_sort, self.sortable) or next(
            state.sort_by(c, c.down_first) for c in self.sortable if c.sort
        )
        return state.Usual(columns=tuple(c.key for c in self.columns if c.shown), sort=sort)

    @cached_property
    def views(self) -> list[SavedViewBase]:
        """Saved views as the viewer has them; one query, together with the viewer's own defaults."""
        return [view for view in self._stored if view.name]

    @cached_property
    def _stored(self) -> list[SavedViewBase]:
        if self.view_model is None:
            return []
        return list(self.view_model.objects.of_list(self.request.user, self.name))

    @cached_property
    def state(self) -> state.State:
        usual = self.builtin
        for view in self._stored:
            if not view.name and view.user_id == self.request.user.pk:
                usual = state.user_defaults(view.query, self.columns, usual)
        checked = state.read(self.params, self.columns, self.filter_names, self.builtin, usual)
        if checked.sort.key not in {c.key for c in self.sortable}:
            return replace(checked, sort=self.builtin.sort, after="", before="")
        return checked

    @cached_property
    def shown(self) -> list[Column]:
        """The chosen columns, in the chosen order; the list's first column always leads, it carries the link."""
        by_key = {c.key: c for c in self.columns}
        lead = self.columns[0]
        return [lead, *(by_key[key] for key in self.state.columns if key != lead.key)]

    @property
    def filter_names(self) -> list[str]:
        return list(self.filterset.base_filters) if self.filterset else []

    @cached_property
    def filtered(self) -> ListFilterSet | None:
        """The filter set, or None when the URL filters nothing (making its form costs as much as the query)."""
        if self.filterset is None or not self.state.filters:
            return None
        data = QueryDict(mutable=True)
        for name, value in self.state.filters:
            data.appendlist(name, value)
        return self.filterset(data, queryset=self.base(), request=self.request)

    @cached_property
    def queryset(self) -> QuerySet[Any]:
        """Rows in scope and filter, unordered."""
        return self.base() if self.filtered is None else self.filtered.qs

    @cached_property
    def chips(self) -> list[Chip]:
        return [] if self.filtered is None else self.filtered.chips(self.state)

    @cached_property
    def page(self) -> Page:
        now = self.state
        matches = self.count if self._counts_first else None
        gather = matches is not None and GATHER_FROM < matches <= GATHER_CAP
        return fetch(self.queryset, self.paths, now.sort, now.size, now.after, now.before, gather, matches)

    @cached_property
    def _counts_first(self) -> bool:
        """An index of the own table is no danger; distinct and annotated rows cannot be gathered."""
        query = self.queryset.query
        foreign = "__" in self.state.sort.path
        return foreign and self.counts_first and not query.distinct and not query.annotations

    @cached_property
    def count(self) -> int:
        """Matches, counted as far as anybody asks."""
        return count_up_to(self.queryset, GATHER_CAP if self._counts_first else COUNT_CAP)

    @cached_property
    def paths(self) -> list[str]:
        return render.paths_of(self.shown, self.number, *filter(None, [self.client_path]))

    @cached_property
    def total(self) -> Total:
        """How many match; a first page that is not full has counted them already."""
        page = self.page
        if not page.previous and not page.next and (page.rows or not self.state.after):
            return Total(len(page.rows))
        return as_total(self.count)

    # --- Shown -------------------------------------------------------------------------------------------------------

    @cached_property
    def permitted(self) -> list[Action]:
        """Actions that the viewer has a right to."""
        return [a for a in self.actions() if not a.right or may(self.request.user, a.right)]

    @property
    def has_filters(self) -> bool:
        return self.filterset is not None

    @property
    def may_export(self) -> bool:
        return bool(self.export_right) and may(self.request.user, self.export_right)

    @property
    def ticks(self) -> bool:
        return bool(self.permitted) or self.may_export

    def head(self) -> SafeString:
        return render.head_html(self.shown, self.state, masked=self.masked, tick=self.ticks)

    def rows(self) -> SafeString:
        return render.rows_html(self.shown, self.paths, self.page.rows, masked=self.masked, tick=self.ticks)

    @property
    def next_url(self) -> str:
        return self.state.url(place=("after", self.page.next)) if self.page.next else ""

    @property
    def previous_url(self) -> str:
        return self.state.url(place=("before", self.page.previous)) if self.page.previous else ""

    @property
    def url(self) -> str:
        return reverse(self.url_name)

    @property
    def export_url(self) -> str:
        return reverse(self.export_url_name) if self.export_url_name and self.may_export else ""

    @property
    def views_url(self) -> str:
        return reverse(self.views_url_name) if self.views_url_name and self.view_model is not None else ""

    @property
    def notes(self) -> list[str]:
        """What the viewer should know about the result."""
        return [] if self.filtered is None else self.filtered.notes

    @property
    def searched(self) -> str:
        """What stands in the search box."""
        return next((value for name, value in self.state.filters if name == self.search_param), "")

    @property
    def carried(self) -> list[tuple[str, str]]:
        """Hidden fields of the search box's form: the rest of the state."""
        return [pair for pair in parse_qsl(self.state.url(view="")[1:]) if pair[0] != self.search_param]

    @property
    def carried_unfiltered(self) -> list[tuple[str, str]]:
        """Hidden fields of the filter form: the state without its filters."""
        return parse_qsl(self.state.url(view="", filters=())[1:])

    @property
    def unfiltered_url(self) -> str:
        return self.state.url(filters=(), view="")

    @property
    def size_urls(self) -> list[tuple[int, str]]:
        """Page sizes on offer; '' for the one in force."""
        return [(n, "" if n == self.state.size else self.state.url(size=n)) for n in state.SIZES]

    @property
    def density_url(self) -> str:
        """The other density."""
        dense, normal = state.DENSITIES[1], state.DENSITIES[0]
        return self.state.url(density=normal if self.state.density == dense else dense)

    @property
    def chooser(self) -> list[tuple[Column, bool]]:
        """All columns but the first, the chosen ones before the others: (column, whether it is shown)."""
        chosen = [(column, True) for column in self.shown[1:]]
        keys = {column.key for column in self.shown}
        return chosen + [(column, False) for column in self.columns if column.key not in keys]

    @property
    def tabs(self) -> list[tuple[str, str, bool]]:
        """Saved views: (name, URL, whether it is open), after the list without any."""
        opened = self.state.view
        rows = [(view.name, f"?{view.query}&view={view.pk}", opened == str(view.pk)) for view in self.views]
        return [(gettext("All"), "?", not any(here for _n, _u, here in rows)), *rows] if rows else []

    @property
    def own_view(self) -> SavedViewBase | None:
        """The open view, if it is the viewer's own."""
        mine = [v for v in self.views if str(v.pk) == self.state.view and v.user_id == self.request.user.pk]
        return mine[0] if mine else None

    @property
    def shares(self) -> list[tuple[str, str]]:
        """With whom the viewer may share a view."""
        words = {"own": gettext("Only me"), "branch": gettext("My branch"), "firm": gettext("The firm")}
        return [(key, words[key]) for key in SHARES if key == "own" or may(self.request.user, f"views.{key}")]

    # --- Exported ----------------------------------------------------------------------------------------------------

    @property
    def export_max(self) -> int:
        """Rows that one person may export without a second one."""
        return settings.EXPORT_ROWS_MAX

    def exported(self, queryset: QuerySet[Any]) -> Iterator[tuple[Exported, ...]]:
        """The rows of a queryset as the export writes them: chosen columns, same order, same masking."""
        take = render.getters(self.shown, self.paths)
        cells = [(column, get, column.hides(self.masked)) for column, get in zip(self.shown, take, strict=True)]
        ordered = in_order(queryset, self.state.sort).values_list(*self.paths)
        for row in ordered.iterator(chunk_size=2000):
            yield tuple(column.exported(get(row), hidden) for column, get, hidden in cells)

    def chosen(self, data: QueryDict) -> QuerySet[Any]:
        """The rows that a bulk action means: the ticked ones, or all that match; never beyond the viewer's scope."""
        if data.get("all") == "1":
            return self.queryset
        numbers = [number for number in data.getlist("pick")[:1000] if number and "\x00" not in number]
        return self.base().filter(**{f"{self.number}__in": numbers})
