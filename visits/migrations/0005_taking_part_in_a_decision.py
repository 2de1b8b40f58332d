from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("visits", "0004_reminders_of_a_day"),
    ]

    operations = [
        migrations.AlterField(
            model_name="contact",
            name="channel",
            field=models.CharField(
                choices=[
                    ("visit", "Visit"),
                    ("phone", "Telephone call"),
                    ("letter", "Letter"),
                    ("demo", "Demonstration"),
                    ("club", "Core-client club"),
                    ("decide", "Taking part in a decision"),
                ],
                max_length=6,
                verbose_name="Channel",
            ),
        ),
        migrations.AlterField(
            model_name="duty",
            name="channel",
            field=models.CharField(
                blank=True,
                choices=[
                    ("visit", "Visit"),
                    ("phone", "Telephone call"),
                    ("letter", "Letter"),
                    ("demo", "Demonstration"),
                    ("club", "Core-client club"),
                    ("decide", "Taking part in a decision"),
                ],
                max_length=6,
                verbose_name="Channel",
            ),
        ),
        migrations.AlterField(
            model_name="visit",
            name="kind",
            field=models.CharField(
                choices=[
                    ("visit", "Visit"),
                    ("phone", "Telephone call"),
                    ("letter", "Letter"),
                    ("demo", "Demonstration"),
                    ("club", "Core-client club"),
                    ("decide", "Taking part in a decision"),
                ],
                default="visit",
                max_length=6,
                verbose_name="Kind",
            ),
        ),
    ]
