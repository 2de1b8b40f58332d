"""manage.py intake_undo BATCH: takes a batch back, its updates included (U12)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from ledger.intake import undo
from ledger.intake.errors import UndoRefused
from ledger.messages import batch_reason
from ledger.models import IntakeBatch


class Command(BaseCommand):
    help = "Takes an intake batch back, its updates included; batches are undone newest first."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("batch", type=int, help="number of the batch, as `intake` prints it")

    @translation.override("en")
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            batch = IntakeBatch.objects.get(pk=options["batch"])
            undo(batch)
        except IntakeBatch.DoesNotExist as error:
            raise CommandError(f"there is no batch {options['batch']}") from error
        except UndoRefused as refusal:
            reason = batch_reason(refusal.code)
            raise CommandError(
                f"not undone: {reason.text}. {reason.advice} {refusal.detail or ''}".rstrip()
            ) from refusal
        self.stdout.write(f"batch {batch.pk} undone")
