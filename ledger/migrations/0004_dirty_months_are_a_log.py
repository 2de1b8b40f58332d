"""Pairs of client and month are appended and taken away as a whole; keeping them unique was most of the cost of noting them."""

from django.db import migrations

_BACK = """
DELETE FROM ledger_dirtymonth d USING ledger_dirtymonth o
 WHERE o.client_id = d.client_id AND o.month = d.month AND o.ctid < d.ctid;
ALTER TABLE ledger_dirtymonth ADD CONSTRAINT ledger_dirtymonth_pkey PRIMARY KEY (client_id, month)
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_totals_indexes")]

    operations = [
        migrations.RunSQL("ALTER TABLE ledger_dirtymonth DROP CONSTRAINT IF EXISTS ledger_dirtymonth_pkey", _BACK),
    ]
