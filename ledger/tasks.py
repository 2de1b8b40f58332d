"""Celery entry points of the intake. The record is the batch in PostgreSQL; a message only says 'look'."""

import logging

from celery import shared_task
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerError

logger = logging.getLogger(__name__)

#: A whole night's files take minutes; a worker that hangs longer than this is ended and its batch taken up again.
_LONGEST = 4 * 3600


@shared_task(name="ledger.take_in", time_limit=_LONGEST, soft_time_limit=None)
def take_in(*, batch_id: int) -> None:
    """Take in a waiting batch. Doubled messages are harmless: one runner has the batch, the other leaves."""
    from ledger.intake import batch  # leaf: batch is what asks for this task

    batch.run(batch_id)


@shared_task(name="ledger.undo_intake", time_limit=_LONGEST, soft_time_limit=None)
def undo_intake(*, batch_id: int) -> None:
    """Undo a batch that was marked for it."""
    from ledger.intake.undo import finish_undo

    finish_undo(batch_id)


@shared_task(name="ledger.resume_intake", time_limit=_LONGEST, soft_time_limit=None)
def resume_intake() -> None:
    """Take up batches whose runner died or whose message was lost."""
    from ledger.intake import batch
    from ledger.intake.undo import finish_undo

    for batch_id in batch.left_behind():
        logger.info("Intake batch %s is taken up again.", batch_id)
        batch.run(batch_id)
    for batch_id in batch.undoing_left_behind():
        finish_undo(batch_id)
    if forgotten := batch.forget_orphans():
        logger.info("%s uploads that no batch knows were removed.", forgotten)


def ring(task, **arguments) -> None:
    """Send a message after the transaction; without a broker the batch waits until `resume_intake` comes by."""

    def send() -> None:
        try:
            task.delay(**arguments)
        except (BrokerError, OSError):
            logger.warning("No broker: %s waits for the next round.", task.name)

    transaction.on_commit(send)
