"""Celery entry points of the hand-overs."""

import logging

from celery import shared_task
from django.db import InterfaceError, OperationalError

from crm.clock import now, today
from handovers import services

logger = logging.getLogger(__name__)


@shared_task(name="handovers.end_overlaps", ignore_result=True)
def end_overlaps() -> None:
    """Former managers whose overlap is over; safe at any time, in any number of processes."""
    try:
        services.end_overlaps(today(), now())
    except (OperationalError, InterfaceError) as error:
        logger.warning("Overlaps were left as they are, the database does not answer (%s).", type(error).__name__)
