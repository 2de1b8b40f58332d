from django.core.management.base import BaseCommand

from crm.clock import now
from org.seal import seal


class Command(BaseCommand):
    """Puts the events of the audit trail that are not in its chain yet there (U8); beat does it all the time."""

    help = "Seal the events of the audit trail that are not in its hash chain yet."

    def handle(self, *args: object, **options: object) -> None:
        self.stdout.write(f"{seal(now())} events sealed")
