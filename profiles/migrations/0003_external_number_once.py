"""Within a branch the number stands for one prospect. The index is partial and empty when it is made: no long lock."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("profiles", "0002_external_number"), ("org", "0008_idempotency_keys")]

    operations = [
        migrations.AddConstraint(
            model_name="prospect",
            constraint=models.UniqueConstraint(
                condition=~models.Q(external_no=""), fields=("branch", "external_no"), name="prospect_external_once"
            ),
        ),
    ]
