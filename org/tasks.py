"""Celery entry points. What is sealed stands in the trail; a message only says 'look'."""

import logging

from celery import shared_task
from django.db import InterfaceError, OperationalError

from crm.clock import now
from org.idempotency import forget
from org.seal import seal

logger = logging.getLogger(__name__)


@shared_task(name="org.seal_audit", ignore_result=True)
def seal_audit() -> None:
    """Put the new events of the audit trail into its chain, drop yesterday's idempotency keys.

    Safe at any time, in any number of processes.
    """
    try:
        seal(now())
        forget(now())
    except (OperationalError, InterfaceError) as error:
        logger.warning("The audit trail was not sealed, the database does not answer (%s).", type(error).__name__)
