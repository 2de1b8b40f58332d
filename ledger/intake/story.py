"""What an intake tells on the timelines of clients (C8): that the core system moved them to another branch or manager."""

from django.db import connection

from clients.queries import insert_events_sql

_MOVES = """
SELECT t.id, now(), 'record.moved',
       jsonb_build_object('what', '{what}', 'before', coalesce(old.name, ''), 'after', coalesce(new.name, '')),
       NULL::bigint, 'intake:' || c.file_id || ':{what}:' || t.id
  FROM ledger_intakechange c JOIN clients_client t ON t.client_no = c.key
  LEFT JOIN org_{table} old ON old.id = (c.before ->> '{what}_id')::bigint
  LEFT JOIN org_{table} new ON new.id = t.{what}_id
 WHERE c.file_id = %s AND c.kind = 'clients' AND (c.before ->> '{what}_id')::bigint IS DISTINCT FROM t.{what}_id
"""


def tell_of_moves(file_id: int) -> int:
    """Put the moves of a clients file on the timelines; repeating it is harmless. Returns how many were told."""
    told = 0
    with connection.cursor() as cursor:
        for what, table in (("branch", "branch"), ("manager", "staff")):
            select = _MOVES.replace("{what}", what).replace("{table}", table)
            cursor.execute(insert_events_sql(select), [file_id])
            told += cursor.rowcount
    return told


def forget_moves(file_id: int) -> None:
    """Take them back when the file is undone."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM clients_timelineevent WHERE source_key LIKE %s", [f"intake:{file_id}:%"])
