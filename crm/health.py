"""Health for load balancers: `healthz` says the process lives, `readyz` whether it can serve. Both without log-in."""

from functools import cache as once

import redis
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse

from crm.cache import answers

#: A dependency that has not answered by then, in seconds, is not ready.
PATIENCE = 2


def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process lives."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """JSON with each dependency ('ok', or what is wrong); 503 unless all are ready."""
    checks = {"database": _database(), "redis": _redis()}
    checks["migrations"] = _migrations() if checks["database"] == "ok" else "unknown"
    ready = all(value == "ok" for value in checks.values())
    return JsonResponse(checks, status=200 if ready else 503, headers={"Cache-Control": "no-store"})


def _database() -> str:
    try:
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception:  # whatever it is, we cannot serve
        connection.close()
        return "unreachable"
    return "ok"


def _redis() -> str:
    """The cache and the broker; one server where there is no CACHE_URL."""
    try:
        if not answers():
            return "unreachable"
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
        ) as broker:
            broker.ping()
    except Exception:
        return "unreachable"
    return "ok"


def _migrations() -> str:
    try:
        applied = MigrationRecorder(connection).applied_migrations().keys()
    except Exception:
        return "unknown"
    return "ok" if _wanted_migrations() <= applied else "pending"


@once
def _wanted_migrations() -> frozenset[tuple[str, str]]:
    """The last migration of each app on disk; it does not change while the process lives."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).graph.leaf_nodes())
