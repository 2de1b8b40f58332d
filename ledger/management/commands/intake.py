"""manage.py intake: takes in all files of a folder (contracts; N1)."""

from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from crm.clock import today
from ledger.intake import mapping as mappings
from ledger.intake import take_in
from ledger.intake.errors import MappingError
from ledger.messages import file_reason
from ledger.models import FileState, IntakeFile


class Command(BaseCommand):
    help = "Takes in all files of a folder. Exit status 0: all good rows are in; 1: a file as a whole was refused."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dir", type=Path, help="folder (or a single file)")
        parser.add_argument("--mapping", default=mappings.DEFAULT, help=f"one of: {', '.join(mappings.names())}")
        parser.add_argument("--date", type=date.fromisoformat, help="business date, YYYY-MM-DD; default: today")
        parser.add_argument("--dry-run", action="store_true", help="show what would change, change nothing")

    @translation.override("en")
    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["dir"]
        if not folder.exists():
            raise CommandError(f"{folder} does not exist")
        try:
            batch = take_in(
                [folder],
                mapping=options["mapping"],
                business_date=options["date"] or today(),
                source="folder",
                dry_run=options["dry_run"],
            )
        except MappingError as error:
            raise CommandError(str(error)) from error
        files = list(batch.files.all())
        several = {file.name for file in files if sum(other.name == file.name for other in files) > 1}
        for file in files:
            self.stdout.write(_line(file, with_kind=file.name in several))
            self._remarks(file)
        if not files:
            self.stdout.write(f"{folder}: no files")
        self.stdout.write(f"batch {batch.pk}{', dry run: nothing was changed' if batch.dry_run else ''}")
        if any(file.state == FileState.REFUSED for file in files):
            raise SystemExit(1)

    def _remarks(self, file: IntakeFile) -> None:
        if file.unknown_columns:
            self.stdout.write(f"  ignored columns: {', '.join(file.unknown_columns)}")
        for changed in file.sample[:10]:
            shown = ", ".join(f"{name}: {old or '–'} → {new or '–'}" for name, (old, new) in changed["columns"].items())
            self.stdout.write(f"  {changed['key']}: {shown}")


def _line(file: IntakeFile, *, with_kind: bool) -> str:
    name = f"{file.name} ({file.kind})" if with_kind else file.name
    if file.state == FileState.REFUSED:
        return f"{name}: refused, {file.error}: {file_reason(file.error).text} {file.error_detail or ''}".rstrip()
    return (
        f"{name}: {file.rows_read} rows read, {file.rows_new} new, {file.rows_changed} changed,"
        f" {file.rows_same} same, {file.rows_rejected} rejected"
    )
