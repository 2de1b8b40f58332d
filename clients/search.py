"""The search (C10): keeping its narrow table up to date. Asking it: `clients.find`. Design: docs/lists.md."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, transaction

from clients.names import read

#: Tokens of a client beside those of the name: the phone backwards (so that a tail is a beginning), and scope.
_TOKENS = """
    array_to_tsvector(array_remove(r.tokens || ARRAY[
        't:' || nullif(reverse(regexp_replace(c.mobile, '[^0-9]', '', 'g')), ''),
        'b:' || c.branch_id, 'm:' || c.manager_id
    ] || ARRAY(SELECT 'm:' || co.staff_id FROM clients_comanager co WHERE co.client_id = c.id), NULL))"""
_NAME_KEYS = """
    UPDATE clients_client c SET name_key = r.sort_key FROM clients_namereading r
     WHERE r.name = c.name AND c.name_key IS DISTINCT FROM r.sort_key AND {changed}"""
_REFRESH = f"""
    INSERT INTO clients_clientsearch AS old (client_id, branch_id, manager_id, weight, tsv)
    SELECT c.id, c.branch_id, c.manager_id, 0, {_TOKENS}
      FROM clients_client c JOIN clients_namereading r ON r.name = c.name
     WHERE {{changed}}
     ORDER BY c.id
        ON CONFLICT (client_id) DO UPDATE
       SET branch_id = EXCLUDED.branch_id, manager_id = EXCLUDED.manager_id, tsv = EXCLUDED.tsv
     WHERE (old.branch_id, old.manager_id, old.tsv)
        IS DISTINCT FROM (EXCLUDED.branch_id, EXCLUDED.manager_id, EXCLUDED.tsv)"""
#: A refresh of more rows than this empties the index's list of pending entries, which would slow the next searches.
_CLEAN_FROM = 10_000


@transaction.atomic
def refresh(file_id: int | None = None, *, client_ids: Iterable[int] | None = None, everything: bool = False) -> int:
    """Bring readings, sort keys and search rows up to date for clients an intake file wrote, for some, or for all.

    Returns the search rows written; a second call returns 0. Give exactly one of the three (ValueError otherwise).
    """
    changed, params = _changed(file_id, client_ids, everything)
    ensure_readings(f"SELECT c.name FROM clients_client c WHERE {changed}", params)
    with connection.cursor() as cursor:
        cursor.execute(_NAME_KEYS.replace("{changed}", changed), params)
        cursor.execute(_REFRESH.replace("{changed}", changed), params)
        written = cursor.rowcount
        if written >= _CLEAN_FROM:
            cursor.execute("SELECT gin_clean_pending_list('clients_search_tsv')")
    return written


def _changed(file_id, client_ids, everything) -> tuple[str, dict[str, Any]]:
    if sum((file_id is not None, client_ids is not None, everything)) != 1:
        raise ValueError("give a file, some clients, or everything")
    if everything:
        return "TRUE", {}
    if file_id is not None:
        return "c.file_id = %(file_id)s", {"file_id": file_id}
    return "c.id = ANY(%(client_ids)s)", {"client_ids": list(client_ids or ())}


def ensure_readings(names: str, params: dict[str, Any] | Sequence[Any] | None = None) -> int:
    """Read the names that a SELECT of one column gives and that nobody read yet; returns how many.

    Intake calls it before it inserts clients, so that `name_key` comes from `clients_namereading.sort_key` at once.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT n.name FROM ({names}) AS n (name) LEFT JOIN clients_namereading r USING (name)"
            " WHERE r.name IS NULL AND n.name IS NOT NULL ORDER BY n.name",
            params,
        )
        new = [name for (name,) in cursor.fetchall()]
        if not new:
            return 0
        cursor.execute("CREATE TEMP TABLE IF NOT EXISTS new_readings (name text, sort_key text, tokens text[])")
        cursor.execute("TRUNCATE new_readings")
        cursor.copy_expert("COPY new_readings FROM STDIN (FORMAT csv)", _as_csv(new))
        # In order of the name, so that two sessions with the same names cannot wait for each other.
        cursor.execute(
            "INSERT INTO clients_namereading (name, sort_key, tokens) SELECT name, sort_key, tokens FROM new_readings"
            " ORDER BY name ON CONFLICT (name) DO NOTHING"
        )
        cursor.execute("TRUNCATE new_readings")
    return len(new)


def _as_csv(names: list[str]) -> io.StringIO:
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    for name in names:
        reading = read(name)
        array = ",".join('"' + token.replace("\\", "\\\\").replace('"', '\\"') + '"' for token in reading.tokens)
        writer.writerow((name, reading.sort_key, "{" + array + "}"))
    buffer.seek(0)
    return buffer


def set_weights(assets: str, params: dict[str, Any] | Sequence[Any] | None = None) -> int:
    """Order of the hits by assets. `assets` is a SELECT of client_id and assets in 1/10,000 元; returns rows written.

    A weight is a step of about 10 %, so a usual day moves few of them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE clients_clientsearch s SET weight = w.weight FROM ("
            " SELECT a.client_id,"
            " CASE WHEN a.assets > 0 THEN round(10 * ln(a.assets / 10000.0 + 1)) ELSE 0 END::smallint AS weight"
            f" FROM ({assets}) AS a (client_id, assets)) w"
            " WHERE s.client_id = w.client_id AND s.weight <> w.weight",
            params,
        )
        return cursor.rowcount
