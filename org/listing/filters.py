"""Filters of a list: a django-filter FilterSet that keeps what is right of a wrong query, and its chips."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext
from django_filters import FilterSet

from org.listing.state import State
from org.rights import may


@dataclass(frozen=True)
class Chip:
    """One filter in force, or one that could not be understood (`error`)."""

    label: str
    text: str
    remove: str
    error: str = ""


class ListFilterSet(FilterSet):
    """A FilterSet whose wrong values are set aside with a message instead of emptying the list.

    The same as an attribute of a filter, for filters that other apps register.
    A filter with an attribute `right` is there only for viewers who have it.
    `words`: for filters without choices, how a value is shown: name → function of the value and the viewer.
    """

    words: dict[str, Callable[[Any, Any], str]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        user = getattr(self.request, "user", None)
        for name in [name for name, filter_ in self.filters.items() if getattr(filter_, "right", "")]:
            # A filter tells what it filters by, as a column does.
            if user is None or not may(user, self.filters[name].right):
                del self.filters[name]
        #: What the viewer should know about the result, said above the rows.
        self.notes: list[str] = []

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Apply every filter whose value is understood."""
        cleaned = self.form.cleaned_data
        for name, filter_ in self.filters.items():
            if name in cleaned and cleaned[name] not in (None, "", []):
                queryset = filter_.filter(queryset, cleaned[name])
        return queryset

    @property
    def qs(self) -> QuerySet[Any]:
        if not hasattr(self, "_qs"):
            self.form.is_valid()
            self._qs = self.filter_queryset(self.queryset.all())
        return self._qs

    def chips(self, state: State) -> list[Chip]:
        """A chip for each value in force and each one set aside; unknown parameters have none."""
        self.form.is_valid()
        chips: list[Chip] = []
        for name in dict.fromkeys(name for name, _ in state.filters if name in self.filters):
            label = str(self.filters[name].label or name)
            if name in self.form.errors:
                for value in [v for n, v in state.filters if n == name]:
                    error = gettext("not understood, left out")
                    chips.append(Chip(label, value[:40], state.without(name, value), error))
                continue
            values = self.form.cleaned_data.get(name)
            if isinstance(values, str | date | bool) or not hasattr(values, "__iter__"):
                chips.append(Chip(label, self._text(name, values), state.without(name)))
            else:
                chips += [Chip(label, self._text(name, v), state.without(name, str(v))) for v in values]
        return chips

    def _text(self, name: str, value: Any) -> str:
        words = self.words.get(name) or getattr(self.filters[name], "words", None)
        if words is not None:
            return words(value, getattr(self.request, "user", None))
        choices = getattr(self.form.fields[name], "choices", None)
        if choices:
            for key, label in choices:
                if str(key) == str(value):
                    return str(label)
        if value is True:
            return ""
        return str(value)
