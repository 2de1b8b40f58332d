"""Files of lists that a worker makes, asked for by the API."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("org", "0008_idempotency_keys"),
    ]

    operations = [
        migrations.CreateModel(
            name="Export",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("list_name", models.CharField(max_length=40)),
                ("format", models.CharField(max_length=4)),
                ("query", models.TextField(blank=True)),
                ("language", models.CharField(max_length=10)),
                ("scope", models.JSONField(default=dict)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("done", "Made"), ("failed", "Failed")],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("error", models.TextField(blank=True)),
                ("columns", models.JSONField(default=list)),
                ("reached", models.JSONField(default=list, help_text="Numbers of the clients whom the file tells of")),
                ("rows", models.PositiveIntegerField(null=True)),
                ("size", models.PositiveBigIntegerField(null=True)),
                ("path", models.CharField(blank=True, max_length=80)),
                ("asked_at", models.DateTimeField()),
                ("made_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(db_index=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name": "Export",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")), fields=["tries", "id"], name="export_waiting"
                    )
                ],
            },
        ),
    ]
