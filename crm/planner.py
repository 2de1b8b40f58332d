"""Hints to PostgreSQL's planner, where it would think longer than the query takes, or knows less than we do."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def joins_as_written() -> Iterator[None]:
    """Within, tables are joined in the order of the statement, which is right for one row and whatever hangs on it by key.

    To try all orders of eleven tables takes 3 ms, the query itself 0.2.
    """
    goes_on = connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL join_collapse_limit = 1")
        yield
        if goes_on:
            cursor.execute("SET LOCAL join_collapse_limit = DEFAULT")


@contextmanager
def whole_tables() -> Iterator[None]:
    """Within, joins hash or merge: for statements that compare all clients with a table which they fill.

    A table analysed while it was empty is expected to stay so; walked in an inner loop it grows with each row that the statement
    writes, and a first night of a million clients would never end.
    """
    goes_on = connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        yield
        if goes_on:
            cursor.execute("SET LOCAL enable_nestloop = DEFAULT")
