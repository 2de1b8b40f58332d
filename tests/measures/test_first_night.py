"""A table analysed while it was empty must not make the first night walk it for each client (N2)."""

import pytest
from django.db import connection

from crm.planner import whole_tables
from measures import queries
from measures.models import ClientMeasures

pytestmark = pytest.mark.django_db


def _plan_of_add() -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {queries.ADD}", {"day": "2026-10-01"})
        return "\n".join(row[0] for row in cursor.fetchall())


def test_filling_an_analysed_empty_table_walks_it_once():
    table = ClientMeasures._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table}")  # rows of other tests, rolled back, would still take up pages
        cursor.execute(f"ANALYZE {table}")
        columns = ", ".join(f"k.{name}" for name in queries.FIELDS)
        cursor.execute(
            f"CREATE TEMP TABLE measured ON COMMIT DROP AS SELECT g AS client_id, {columns}"
            f" FROM generate_series(1, 5000) g LEFT JOIN {table} k ON FALSE"
        )
        cursor.execute("ANALYZE measured")
    assert "Nested Loop" in _plan_of_add(), "the trap is gone; so may be the guard against it"
    with whole_tables():
        assert "Nested Loop" not in _plan_of_add()
    assert "Nested Loop" in _plan_of_add(), "the guard holds only within"
