"""The firm's list by contribution walks an index: without it, every page sorts all standings."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built beside running work.
    atomic = False
    dependencies = [("segmentation", "0004_standing_before_the_day")]
    operations = [
        AddIndexConcurrently(
            model_name="standing",
            index=models.Index(fields=["contribution", "client"], name="standing_contribution"),
        ),
    ]
