"""Celery entry points of the hand-overs."""

import logging

from celery import shared_task

from crm.clock import now, today
from crm.looks import left_out_without_database
from handovers import services

logger = logging.getLogger(__name__)


@shared_task(name="handovers.end_overlaps", ignore_result=True)
def end_overlaps() -> None:
    """Former managers whose overlap is over; safe at any time, in any number of processes."""
    with left_out_without_database(logger, "Overlaps were left as they are"):
        services.end_overlaps(today(), now())
