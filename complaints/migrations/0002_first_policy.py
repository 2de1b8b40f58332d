"""Version 1 of the policy holds from the year 2000 on."""

from django.db import migrations

from complaints.first_policy import FIRST


def publish(apps, schema_editor):
    apps.get_model("complaints", "ComplaintPolicy").objects.get_or_create(version=1, defaults=FIRST)


class Migration(migrations.Migration):
    dependencies = [("complaints", "0001_initial")]

    operations = [migrations.RunPython(publish, migrations.RunPython.noop)]
