"""Totals are updated in place every night: room on each page keeps those updates off the index."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE ledger_clienttotals SET (fillfactor = 70)",
            "ALTER TABLE ledger_clienttotals RESET (fillfactor)",
        )
    ]
