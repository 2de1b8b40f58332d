"""Set-based SQL of the client records. Composed from constants; values are always bound."""

from clients.rules import CONFIRM_MONTHS, FIRST_REVIEW_SPREAD_DAYS

#: Sort key of a client number: digits by value, anything else by code point. `{no}` is the column, e.g. 's.client_no'.
#: More than 20 digits go behind those of 20 (':' follows '9' in collation C), so the order stays that of the values.
NO_KEY_SQL = (
    "CASE WHEN {no} !~ '^[0-9]+$' THEN {no}"
    " WHEN length(ltrim({no}, '0')) <= 20 THEN lpad(ltrim({no}, '0'), 20, '0')"
    " ELSE ':' || lpad(ltrim({no}, '0'), 32, '0') END"
)

#: Timeline events by a query (C8). `{select}` gives client_id, at, kind, data (jsonb), actor_id, source_key; repeating
#: it is harmless.
INSERT_EVENTS = (
    "INSERT INTO clients_timelineevent (client_id, at, kind, data, actor_id, source_key) {select}"
    " ON CONFLICT (source_key) DO NOTHING"
)


def no_key_sql(column: str = "client_no") -> str:
    """`NO_KEY_SQL` for a column."""
    return NO_KEY_SQL.replace("{no}", column)


def insert_events_sql(select: str) -> str:
    """`INSERT_EVENTS` for a SELECT."""
    return INSERT_EVENTS.replace("{select}", select)


#: The day before which a field nobody confirmed does not come up.
_FIRST_REVIEW = (
    "coalesce(k.since, c.opened_on)"
    f" + mod(('x' || substr(md5(c.client_no), 1, 6))::bit(24)::integer, {FIRST_REVIEW_SPREAD_DAYS})"
)


def _field_due(field: str, months: int) -> str:
    return (
        f"CASE WHEN k.confirmed ? '{field}'"
        f" THEN ((k.confirmed -> '{field}' ->> 'on')::date + interval '{months} months')::date"
        f" ELSE greatest((c.opened_on + interval '{months} months')::date, {_FIRST_REVIEW}) END"
    )


#: `clients.rules.review_due_on` for client `c` and care row `k`.
REVIEW_DUE_SQL = (
    "least("
    + ", ".join(_field_due(field, months) for field, months in CONFIRM_MONTHS.items())
    + ", CASE WHEN k.confirmed ? 'risk_level' THEN c.risk_valid_until + 1"
    f" ELSE greatest(c.risk_valid_until + 1, CASE WHEN c.risk_valid_until IS NOT NULL THEN {_FIRST_REVIEW} END) END)"
)

#: A care row for each client without one; `%(on)s` is the day from which its first review is spread.
INIT_CARE = f"""
    INSERT INTO clients_clientcare (client_id, confirmed, since, review_due_on, credit, credit_note, do_not_contact,
           do_not_contact_reason, preferred_channel, note, version)
    SELECT c.id, k.confirmed, k.since, {REVIEW_DUE_SQL}, 'unknown', '', false, '', 'any', '', 1
      FROM clients_client c CROSS JOIN (SELECT '{{}}'::jsonb AS confirmed, %(on)s::date AS since) AS k
     WHERE NOT EXISTS (SELECT 1 FROM clients_clientcare old WHERE old.client_id = c.id)
     ORDER BY c.id
        ON CONFLICT (client_id) DO NOTHING"""

#: Reviews of the care rows whose clients `{changed}` names (a condition on `c`), where they differ.
REVIEW_DUE = f"""
    UPDATE clients_clientcare AS care SET review_due_on = fresh.due
      FROM (SELECT c.id, {REVIEW_DUE_SQL} AS due FROM clients_client c JOIN clients_clientcare k ON k.client_id = c.id
             WHERE {{changed}}) AS fresh
     WHERE care.client_id = fresh.id AND care.review_due_on IS DISTINCT FROM fresh.due"""

#: `%(entry)s` (jsonb: field → who and when) laid over the confirmations of clients `%(ids)s`.
CONFIRM_MANY = "UPDATE clients_clientcare SET confirmed = confirmed || %(entry)s::jsonb WHERE client_id = ANY(%(ids)s)"

#: One event of a kind for each of clients `%(ids)s`, by one person.
EVENT_FOR_EACH = insert_events_sql(
    "SELECT u.id, %(at)s, %(kind)s, %(data)s::jsonb, %(actor)s, %(key)s || ':' || u.id FROM unnest(%(ids)s) AS u (id)"
)

#: Clients `%(ids)s` get manager `%(to)s`; the story tells from whom, `%(data)s` the rest.
REASSIGN = """
    WITH moved AS (
        SELECT c.id, s.name AS before FROM clients_client c LEFT JOIN org_staff s ON s.id = c.manager_id
         WHERE c.id = ANY(%(ids)s) AND c.manager_id IS DISTINCT FROM %(to)s ORDER BY c.id FOR UPDATE OF c
    ), done AS (
        UPDATE clients_client c SET manager_id = %(to)s FROM moved WHERE c.id = moved.id RETURNING c.id, c.client_no
    ), told AS (
        INSERT INTO clients_timelineevent (client_id, at, kind, data, actor_id, source_key)
        SELECT moved.id, %(at)s, 'reassigned', %(data)s::jsonb || jsonb_build_object('before', coalesce(moved.before, '')),
               %(actor)s, %(key)s || ':' || moved.id FROM moved
    )
    SELECT id, client_no FROM done ORDER BY id"""
