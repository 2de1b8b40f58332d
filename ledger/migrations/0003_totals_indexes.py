"""A book or a branch is read from the totals by its index (Pareto, places)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0002_search_index"),
        ("ledger", "0002_totals_fillfactor"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="clienttotals",
            index=models.Index(fields=["branch_id"], name="totals_branch"),
        ),
        migrations.AddIndex(
            model_name="clienttotals",
            index=models.Index(fields=["manager_id"], name="totals_manager"),
        ),
    ]
