"""Columns and filters of the client list: our own, and those that other apps register in `AppConfig.ready`.

columns.register(Column(key="tier", label=_("Tier"), reads=("standing__tier",), sort="standing__tier", nullable=True))
columns.register_filter("tier", lambda: filters.MultipleChoiceFilter(field_name="standing__tier", choices=…))
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django_filters import Filter

from org.listing import Column

_columns: dict[str, Column] = {}
_filters: dict[str, Callable[[], Filter]] = {}
_order: list[str] = []
_api: dict[str, "ApiField"] = {}


@dataclass(frozen=True)
class ApiField:
    """A field that an app adds to the API's clients: its path from `Client`, and its serializer field (for the schema)."""

    path: str
    make: Callable[[], Any]


def register(*columns: Column, first: bool = False) -> None:
    """Add columns to the client list, at its end or (`first`) right behind the name."""
    for column in columns:
        _columns[column.key] = column
    keys = [column.key for column in columns]
    rest = [key for key in _order if key not in keys]
    _order[:] = [*keys, *rest] if first else [*rest, *keys]


def register_filter(name: str, make: Callable[[], Filter]) -> None:
    """Add a filter (URL parameter `name`); `make` is called once for each list."""
    _filters[name] = make


def registered() -> list[Column]:
    """Columns of other apps, in order."""
    return [_columns[key] for key in _order]


def registered_filters() -> dict[str, Filter]:
    """Filters of other apps by parameter name."""
    return {name: make() for name, make in _filters.items()}


def register_api(name: str, path: str, make: Callable[[], Any]) -> None:
    """Add a field to the API's clients; it is a filter too."""
    _api[name] = ApiField(path, make)


def api_fields() -> dict[str, ApiField]:
    """Fields of other apps in the API, by name."""
    return _api
