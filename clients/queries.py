"""Set-based SQL of the client records. Composed from constants; values are always bound."""

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
