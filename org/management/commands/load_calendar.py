"""`manage.py load_calendar [YEAR …]`: working and trading days from the holidays library."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.clock import today
from org import calendar

#: Without years: so many back, to the next one.
BACK = 10


class Command(BaseCommand):
    help = "Fills the calendar of working and trading days; days settled by hand stay as they are."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("years", nargs="*", metavar="YEAR", help="2026 or 2007-2026; default: ten back to the next")

    def handle(self, *args: Any, **options: Any) -> None:
        this_year = today().year
        years = _years(options["years"]) if options["years"] else range(this_year - BACK, this_year + 2)
        try:
            changed = calendar.load(years)
        except ValueError as error:
            raise CommandError(str(error)) from error
        missing = calendar.missing_years(today())
        for year, count in changed.items():
            note = "  provisional: its plan is not announced yet" if year in missing else ""
            self.stdout.write(f"{year}  {count:>3} days changed{note}")
        if missing:
            self.stderr.write(f"not settled: {', '.join(map(str, missing))}; load again when the plan is announced")


def _years(words: list[str]) -> list[int]:
    found: list[int] = []
    for word in words:
        first, dash, last = word.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise CommandError(f"{word!r} is neither a year nor a span of years")
        found.extend(range(int(first), int(last or first) + 1))
    return found
