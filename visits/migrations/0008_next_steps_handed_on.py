"""My day asks for the next steps handed on to somebody."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built beside running work.
    atomic = False
    dependencies = [("visits", "0007_who_does_the_next_step")]
    operations = [
        AddIndexConcurrently(
            model_name="contact",
            index=models.Index(
                condition=models.Q(("next_done_at__isnull", True), ("next_staff__isnull", False)),
                fields=["next_staff", "next_on"],
                name="contact_next_handed",
            ),
        ),
    ]
