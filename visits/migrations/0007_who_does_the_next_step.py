"""After a hand-over somebody else does what a note announced. Nullable, no index: no table is rewritten or scanned."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("org", "0008_idempotency_keys"), ("visits", "0006_photo_of_a_note")]
    operations = [
        migrations.AddField(
            model_name="contact",
            name="next_staff",
            field=models.ForeignKey(
                db_index=False,
                help_text="who does it instead, after a hand-over",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="org.staff",
            ),
        ),
    ]
