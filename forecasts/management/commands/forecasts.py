"""`manage.py forecasts --date YYYY-MM-DD`: lifetime values and growth of funds for the last whole month (S8, S13)."""

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from forecasts.services import refresh


class Command(BaseCommand):
    help = "Makes lifetime values and the funds of the branches anew, as of the month before a date."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--date", type=date.fromisoformat, required=True, help="business date, YYYY-MM-DD")

    def handle(self, *args: Any, **options: Any) -> None:
        made = refresh(options["date"], again=True)
        self.stdout.write(f"{made.values} clients with a lifetime value, {made.funds} branch months")
