from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


class Migration(migrations.Migration):
    """Two columns without a default: nothing is rewritten."""

    dependencies = [("org", "0003_former_passwords")]
    operations = [
        migrations.AddField(
            "auditevent", "reached", ArrayField(base_field=models.CharField(max_length=32), null=True, size=None)
        ),
        migrations.AddField("auditevent", "digest", models.BinaryField(editable=False, null=True)),
    ]
