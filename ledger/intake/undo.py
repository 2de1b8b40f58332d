"""Taking a batch back (U12)."""

from ledger.intake.errors import UndoRefused
from ledger.models import IntakeBatch


def undo(batch: IntakeBatch, *, user) -> IntakeBatch:
    raise UndoRefused("undo_not_done")
