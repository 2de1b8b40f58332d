"""Celery entry points. What is sealed stands in the trail; a message only says 'look'."""

import logging

from celery import shared_task
from django.db import transaction

from crm.clock import now
from crm.looks import left_out_without_database
from org import exports
from org.idempotency import forget
from org.seal import seal

logger = logging.getLogger(__name__)


@shared_task(name="org.seal_audit", ignore_result=True)
def seal_audit() -> None:
    """Put the new events of the audit trail into its chain, drop yesterday's idempotency keys.

    Safe at any time, in any number of processes.
    """
    with left_out_without_database(logger, "The audit trail was not sealed"):
        seal(now())
        forget(now())


@shared_task(name="org.make_exports", ignore_result=True)
def make_exports() -> None:
    """Make the exports that wait, drop yesterday's files. Safe at any time, in any number of processes."""
    with left_out_without_database(logger, "No exports were made"):
        exports.make_due(now())
        exports.forget(now())


def ring() -> None:
    """Tell the workers, once the export is kept; without an answer of the broker the next look finds it."""

    def tell() -> None:
        try:
            make_exports.apply_async(retry=False, expires=60)
        except Exception:
            logger.warning("The broker took no message; the export is made at the next look.", exc_info=True)

    transaction.on_commit(tell)
