"""Standings are updated in place every night: room on each page keeps those updates off the index."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("segmentation", "0001_initial")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE segmentation_standing SET (fillfactor = 70)",
            "ALTER TABLE segmentation_standing RESET (fillfactor)",
        )
    ]
