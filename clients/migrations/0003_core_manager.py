"""The manager the core system names, apart from the one in charge: a hand-over made here outlives the next file."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("clients", "0002_search_index"), ("org", "0002_audit_append_only")]
    operations = [
        migrations.AddField(
            model_name="client",
            name="core_manager",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                editable=False,
                help_text="Manager whom the core system named last; a hand-over holds until it names another",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="org.staff",
            ),
        ),
    ]
