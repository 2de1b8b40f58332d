"""`manage.py profit --date YYYY-MM-DD`: share the published costs of the two months before a date out again (S7)."""

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from profit.services import refresh


class Command(BaseCommand):
    help = "Shares the published costs of the last two months out again, for late corrections."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--date", type=date.fromisoformat, required=True, help="business date, YYYY-MM-DD")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{refresh(options['date'])} client months")
