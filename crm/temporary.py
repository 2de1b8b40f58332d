"""Temporary tables of set-based jobs. They go with the transaction; inside a longer one they are dropped before use."""

from typing import Any


def drop(cursor: Any, *names: str) -> None:
    """Drop this session's temporary tables of these names, if there are any."""
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relname = ANY(%s)", [list(names)]
    )
    found = [name for (name,) in cursor.fetchall()]
    if found:
        cursor.execute("DROP TABLE " + ", ".join(f"pg_temp.{name}" for name in found))
