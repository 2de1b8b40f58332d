"""The first ranking policy: 55 / 85 % within the branch over twelve whole months (S1)."""

from datetime import date

from django.db import migrations


def publish(apps, schema_editor):
    policy = apps.get_model("segmentation", "RankingPolicy")
    policy.objects.get_or_create(version=1, defaults={"state": "published", "valid_from": date(2000, 1, 1)})


def withdraw(apps, schema_editor):
    apps.get_model("segmentation", "RankingPolicy").objects.filter(version=1, created_by=None).delete()


class Migration(migrations.Migration):
    dependencies = [("segmentation", "0002_standing_fillfactor")]
    operations = [migrations.RunPython(publish, withdraw)]
