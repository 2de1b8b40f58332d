"""Dashboards and analyses read from a standby where REPLICA_URL names one; everything else stays on the main server.

What a standby shows may be some seconds old, so only pages that add up what a night has made read there. It never takes
a write: the router refuses one, and so does the connection itself (`default_transaction_read_only`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

ALIAS = "replica"
P = ParamSpec("P")
T = TypeVar("T")
_reading: ContextVar[bool] = ContextVar("reading_from_replica", default=False)


class WriteRefused(Exception):
    """Something tried to write where only reading is meant: a mistake in the code."""


def _in_use() -> bool:
    return _reading.get() and ALIAS in connections.databases


@contextmanager
def reading() -> Iterator[None]:
    """Read from the standby within, if there is one."""
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


def reads(view: Callable[P, T]) -> Callable[P, T]:
    """The same for a whole page; put it below `@page`, so that log-in and rights are asked of the main server."""

    @wraps(view)
    def reader(*args: P.args, **kwargs: P.kwargs) -> T:
        with reading():
            return view(*args, **kwargs)

    return reader


def connection() -> BaseDatabaseWrapper:
    """The connection for SQL of our own that only reads."""
    return connections[ALIAS if _in_use() else DEFAULT_DB_ALIAS]


class Router:
    """Django's door to it (settings.DATABASE_ROUTERS)."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return ALIAS if _in_use() else None

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        if _in_use():
            raise WriteRefused(f"{model._meta.label} is written by a page that reads from the standby")
        return None

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db == ALIAS else None
