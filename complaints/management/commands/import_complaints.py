"""`manage.py import_complaints FILE --mapping cfpb --user NAME`: registers a list of complaints; repeating it is harmless."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from complaints.services import importing
from crm.clock import now
from org.models import User


class Command(BaseCommand):
    help = "Register a list of complaints from a CSV file by a declared mapping."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--mapping", required=True, help="name of a file in complaints/mappings, without .toml")
        parser.add_argument("--user", required=True, help="log-in of the officer who takes the list in")
        parser.add_argument("--told-only", action="store_true", help="only rows with a narrative of their own")
        parser.add_argument("--limit", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"], staff__isnull=False).first()
        if user is None:
            raise CommandError("there is no member of staff with this log-in")
        try:
            mapping = importing.mapping_of(options["mapping"])
            found = importing.import_list(
                options["file"], mapping, user=user, at=now(), told_only=options["told_only"], limit=options["limit"]
            )
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{found.new} new, {found.known} known already, {len(found.rejected)} rejected")
        for line, why in list(found.rejected.items())[:20]:
            self.stdout.write(f"  line {line}: {why}")
        for line, number in list(found.differs.items())[:20]:
            self.stdout.write(f"  line {line}: known as {number} with another narrative; compare, nothing was changed")
        for value, count in found.unmapped.most_common(20):
            self.stdout.write(f"  not in the mapping: {value} ({count})")
