"""The number of a prospect in the system that sends it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("profiles", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="prospect",
            name="external_no",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=64, verbose_name="External number"
            ),
        ),
    ]
