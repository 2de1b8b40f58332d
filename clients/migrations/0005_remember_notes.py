"""Notes written before the search knew of them, a few thousand at a time; writing goes on meanwhile."""

from django.db import migrations

#: The kinds that held people's words then, and the keys of their data.
KINDS = {
    "note": ("text",),
    "visit.contact": ("text", "promises", "next"),
    "prospect.won": ("source", "note"),
    "profit.remote_accepted": ("reason",),
    "profit.remote_declined": ("reason",),
}
BATCH = 2_000


def remember(apps, schema_editor):
    from clients import notes

    events = apps.get_model("clients", "TimelineEvent").objects.using(schema_editor.connection.alias)
    last = 0
    while True:
        rows = list(
            events.filter(kind__in=KINDS, pk__gt=last)
            .order_by("pk")
            .values_list("pk", "source_key", "kind", "data")[:BATCH]
        )
        if not rows:
            return
        notes.write((key, notes.words_at(KINDS[kind], data)) for _, key, kind, data in rows)
        last = rows[-1][0]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("clients", "0004_note_search")]
    operations = [migrations.RunPython(remember, migrations.RunPython.noop)]
