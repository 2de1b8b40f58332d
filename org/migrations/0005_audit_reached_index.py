from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    """Built beside the writers."""

    atomic = False
    dependencies = [("org", "0004_audit_reached")]
    operations = [AddIndexConcurrently("auditevent", GinIndex(fields=["reached"], name="audit_reached"))]
