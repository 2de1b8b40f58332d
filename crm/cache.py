"""The cache, which the site can do without: while Redis is away nothing is found in it and nothing is kept.

Who must not go on without it (log-in attempts, the public form) asks `answers()` first.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Away
from redis.exceptions import TimeoutError as Hung
from redis.retry import Retry

log = logging.getLogger("crm.cache")
#: After a failure Redis is left alone for so many seconds: a hung one would cost each request its time-out many times over.
REST = 5
#: So many deletions are remembered per process: a session that ended meanwhile must not come back from the cache.
OWED = 10_000
T = TypeVar("T")


class _Rest:
    """When this process asks Redis again, and what it owes it; shared by the threads, each of which has its own backend."""

    def __init__(self) -> None:
        self.until = 0.0
        self.owed: deque[tuple[str, int | None]] = deque(maxlen=OWED)


_rest = _Rest()


class LosableRedis(RedisCache):
    """Redis whose absence is a miss: reads give the default, writes are dropped, deletions are made up for."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        patience = {"socket_timeout": 1, "socket_connect_timeout": 0.5, "retry": Retry(NoBackoff(), 1)}
        super().__init__(server, {**params, "OPTIONS": {**patience, **params.get("OPTIONS", {})}})

    def _try(self, do: Callable[[], T], otherwise: T) -> T:
        if time.monotonic() < _rest.until:
            return otherwise
        try:
            self._pay()
            return do()
        except (Away, Hung) as error:
            log.warning("the cache is away for %s s at least: %s", REST, type(error).__name__)
            _rest.until = time.monotonic() + REST
            return otherwise

    def _pay(self) -> None:
        with suppress(IndexError):  # another thread was faster
            while _rest.owed:
                key, version = _rest.owed[0]
                super().delete(key, version)
                _rest.owed.popleft()

    def answers(self) -> bool:
        """Whether Redis is there at this moment."""
        return self._try(lambda: super(LosableRedis, self).get("answers", True), otherwise=False)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return self._try(lambda: super(LosableRedis, self).get(key, default, version), default)

    def get_many(self, keys: Any, version: int | None = None) -> dict[str, Any]:
        return self._try(lambda: super(LosableRedis, self).get_many(keys, version), {})

    def has_key(self, key: str, version: int | None = None) -> bool:
        return self._try(lambda: super(LosableRedis, self).has_key(key, version), otherwise=False)

    def set(self, key: str, value: Any, *args: Any, **kwargs: Any) -> None:
        self._try(lambda: super(LosableRedis, self).set(key, value, *args, **kwargs), None)

    def set_many(self, data: dict[str, Any], *args: Any, **kwargs: Any) -> list[str]:
        return self._try(lambda: super(LosableRedis, self).set_many(data, *args, **kwargs), [])

    def add(self, key: str, value: Any, *args: Any, **kwargs: Any) -> bool:
        return self._try(lambda: super(LosableRedis, self).add(key, value, *args, **kwargs), otherwise=True)

    def touch(self, key: str, *args: Any, **kwargs: Any) -> bool:
        return self._try(lambda: super(LosableRedis, self).touch(key, *args, **kwargs), otherwise=False)

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """Raises ValueError for a key that is not there; `delta` while Redis is away, as if it had just been made."""
        return self._try(lambda: super(LosableRedis, self).incr(key, delta, version), delta)

    def delete(self, key: str, version: int | None = None) -> bool:
        gone = self._try(lambda: (True, super(LosableRedis, self).delete(key, version)), (False, False))
        if not gone[0]:
            _rest.owed.append((key, version))
        return gone[1]

    def delete_many(self, keys: Any, version: int | None = None) -> None:
        for key in keys:
            self.delete(key, version)


def answers() -> bool:
    """Whether the cache can count and remember at this moment."""
    cache: Any = caches["default"]
    return bool(cache.answers())
