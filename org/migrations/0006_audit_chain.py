from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("org", "0005_audit_reached_index")]
    operations = [
        migrations.CreateModel(
            name="AuditLink",
            fields=[
                ("place", models.BigIntegerField(primary_key=True, serialize=False)),
                ("event_id", models.BigIntegerField(unique=True)),
                ("hash", models.BinaryField()),
            ],
            options={"verbose_name": "Link of the audit chain"},
        ),
        migrations.CreateModel(
            name="AuditSeal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=Now())),
                ("place", models.BigIntegerField(unique=True)),
                ("hash", models.BinaryField()),
                ("newest_id", models.BigIntegerField()),
                ("thorough", models.BooleanField(default=False)),
            ],
            options={
                "verbose_name": "Seal of the audit trail",
                "indexes": [models.Index(fields=["-at"], name="audit_seal_newest")],
            },
        ),
    ]
