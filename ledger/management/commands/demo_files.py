from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm.clock import today
from ledger.demo.activity import previous_trading
from ledger.demo.writer import COLUMNS, Firm, write


class Command(BaseCommand):
    help = "Write a made-up firm as nightly files of format core-v1. All persons are invented."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path)
        parser.add_argument("--clients", type=int, default=5000)
        parser.add_argument("--months", type=int, default=24)
        parser.add_argument("--branches", type=int, default=4)
        parser.add_argument(
            "--managers", type=int, default=30, help="staff in all; heads, officers and head office included"
        )
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument(
            "--end", type=date.fromisoformat, help="last business date (default: last trading day before today)"
        )
        parser.add_argument(
            "--trades-per-client", type=float, default=1.6, help="average trades of an active client a month"
        )
        parser.add_argument("--kinds", default=",".join(COLUMNS), help="comma-separated kinds to write")

    def handle(self, *args: Any, directory: Path, kinds: str, end: date | None, **options: Any) -> None:
        wanted = kinds.split(",")
        unknown = set(wanted) - set(COLUMNS)
        if unknown:
            raise CommandError(f"unknown kinds: {', '.join(sorted(unknown))}")
        for name in ("clients", "months", "branches", "managers"):
            if options[name] < 1:
                raise CommandError(f"--{name} must be at least 1")
        firm = Firm(
            clients=options["clients"],
            months=options["months"],
            branches=options["branches"],
            managers=options["managers"],
            seed=options["seed"],
            end=end or previous_trading(date.fromordinal(today().toordinal() - 1)),
            trades_per_client=options["trades_per_client"],
        )
        for kind, rows in write(directory, firm, wanted).items():
            self.stdout.write(f"{kind}.csv: {rows} rows")
