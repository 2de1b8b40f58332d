"""Version 1 of the cadence holds from the year 2000 on (V1, V2)."""

from datetime import date

from django.db import migrations


def publish(apps, schema_editor):
    apps.get_model("visits", "CadencePolicy").objects.get_or_create(
        version=1, defaults={"state": "published", "valid_from": date(2000, 1, 1)}
    )


class Migration(migrations.Migration):
    dependencies = [("visits", "0001_initial")]

    operations = [migrations.RunPython(publish, migrations.RunPython.noop)]
