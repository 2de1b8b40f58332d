import sys
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from segmentation.history import run_on, write_tiers
from segmentation.models import Scope


class Command(BaseCommand):
    help = "Write the tiers that hold on a date as CSV (S12)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--date", type=date.fromisoformat, required=True)
        parser.add_argument("--scope", choices=Scope.values, required=True)
        parser.add_argument("--out", type=Path, help="file to write (default: standard output)")

    def handle(self, *args: Any, date: date, scope: str, out: Path | None, **options: Any) -> None:
        run = run_on(date, scope)
        if run is None:
            raise CommandError(
                f"no ranking by {scope} on or before {date}; run: manage.py rank --date {date} --scope {scope}"
            )
        if out is None:
            write_tiers(sys.stdout, run)
            return
        with out.open("w", encoding="utf-8", newline="") as file:
            write_tiers(file, run)
