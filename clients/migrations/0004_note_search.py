"""Words of notes for the search: a table beside the timeline, with a plain GIN over our own tokens."""

import django.contrib.postgres.search
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("clients", "0003_core_manager")]
    operations = [
        migrations.CreateModel(
            name="NoteSearch",
            fields=[
                (
                    "event",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="clients.timelineevent",
                    ),
                ),
                ("body", models.TextField()),
                ("tsv", django.contrib.postgres.search.SearchVectorField()),
                (
                    "client",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="clients.client"
                    ),
                ),
            ],
        ),
        migrations.RunSQL(
            "CREATE INDEX clients_note_tsv ON clients_notesearch USING gin (tsv)", "DROP INDEX clients_note_tsv"
        ),
    ]
