"""Health: each dependency is asked in earnest."""

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder


def test_the_process_lives_without_touching_anything(client, django_assert_num_queries, db):
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_ready(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.content
    assert answer.json() == {"database": "ok", "redis": "ok", "migrations": "ok"}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_a_migration_that_waits_is_not_ready(client):
    MigrationRecorder(connection).migration_qs.filter(app="nights").delete()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"database": "ok", "redis": "ok", "migrations": "pending"}


@pytest.mark.django_db
def test_a_broker_that_is_away_is_not_ready(client, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["redis"] == "unreachable"


@pytest.mark.django_db
def test_a_cache_that_is_away_is_not_ready(client, settings):
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    }
    assert client.get("/readyz").json()["redis"] == "unreachable"


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_is_not_ready(client):
    port = connection.settings_dict["PORT"], connection.settings_dict["HOST"]
    connection.close()
    connection.settings_dict |= {"PORT": "1", "HOST": "127.0.0.1"}
    try:
        answer = client.get("/readyz")
    finally:
        connection.close()
        connection.settings_dict |= dict(zip(("PORT", "HOST"), port, strict=True))
    assert answer.status_code == 503
    assert answer.json() == {"database": "unreachable", "redis": "ok", "migrations": "unknown"}


@pytest.mark.django_db
def test_asking_often_reads_the_migrations_once(client, django_assert_num_queries):
    client.get("/readyz")
    with django_assert_num_queries(3):  # SELECT 1, is the table there, which are applied
        client.get("/readyz")
