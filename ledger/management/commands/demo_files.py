from argparse import ArgumentTypeError
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm.clock import today
from ledger.demo.dates import previous_trading
from ledger.demo.writer import COLUMNS, Firm, write


class Command(BaseCommand):
    help = "Write a made-up firm as nightly files of format core-v1. All persons in it are invented."
    requires_system_checks = ()  # neither database nor pages are touched

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path)
        parser.add_argument("--clients", type=int, default=5000)
        parser.add_argument("--months", type=int, default=24, help="whole months before the month of the end date")
        parser.add_argument("--branches", type=int, default=4)
        parser.add_argument("--managers", type=int, default=30, help="staff in all, of every role")
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--end", type=_day, help="last business date (default: last trading day before today)")
        parser.add_argument(
            "--trades-per-client", type=float, default=Firm.trades_per_client, help="average of all clients a month"
        )
        parser.add_argument("--kinds", type=_kinds, default=list(COLUMNS), help="files to write, separated by commas")

    def handle(self, *args: Any, directory: Path, kinds: list[str], end: date | None, **options: Any) -> None:
        sizes = {
            name: options[name] for name in ("clients", "months", "branches", "managers", "seed", "trades_per_client")
        }
        try:
            firm = Firm(end=end or previous_trading(today() - timedelta(days=1)), **sizes)
        except ValueError as error:
            raise CommandError(str(error)) from error
        for kind, rows in write(directory, firm, kinds).items():
            self.stdout.write(f"{kind}.csv: {rows} rows")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a date: use YYYY-MM-DD") from None


def _kinds(text: str) -> list[str]:
    kinds = list(dict.fromkeys(text.split(",")))
    unknown = [kind for kind in kinds if kind not in COLUMNS]
    if unknown:
        raise ArgumentTypeError(f"unknown: {', '.join(unknown)}; choose from {', '.join(COLUMNS)}")
    return kinds
