"""Intake of the core system's files (N1, U12): the doors. How it works: docs/intake.md."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from django.db.models import Count, Q, Sum

from ledger.intake import batch as batches
from ledger.intake.mapping import DEFAULT
from ledger.intake.undo import undo
from ledger.models import FileState, IntakeBatch

__all__ = ["Totals", "take_in", "totals", "undo"]


@dataclass(frozen=True)
class Totals:
    """Counts of a whole batch. read = new + changed + same + rejected."""

    files: int
    refused: int
    read: int
    new: int
    changed: int
    same: int
    rejected: int


def take_in(
    paths: Iterable[str | Path],
    *,
    mapping: str = DEFAULT,
    business_date: date,
    source: str,
    user=None,
    dry_run: bool = False,
) -> IntakeBatch:
    """Take in files and folders now, in this process; returns the finished batch with its files and counts (N1).

    Repeating it changes nothing: files known by their content count as the same. A night's batch that was broken off
    is continued. Raises MappingError, PermissionDenied.
    """
    if source == "night":
        left = IntakeBatch.objects.filter(
            source="night", business_date=business_date, mapping=mapping, state__in=batches.UNFINISHED
        )
        for unfinished in left:
            batches.run(unfinished.pk)
    made = batches.create(
        paths, mapping=mapping, business_date=business_date, source=source, user=user, dry_run=dry_run
    )
    return batches.run(made.pk)


def totals(batch: IntakeBatch) -> Totals:
    """Counts over all files of a batch."""
    found = batch.files.aggregate(
        files=Count("pk"),
        refused=Count("pk", filter=Q(state=FileState.REFUSED)),
        read=Sum("rows_read", default=0),
        new=Sum("rows_new", default=0),
        changed=Sum("rows_changed", default=0),
        same=Sum("rows_same", default=0),
        rejected=Sum("rows_rejected", default=0),
    )
    return Totals(**found)
