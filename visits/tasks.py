"""Celery entry points of visits."""

import logging

from celery import shared_task

from crm.clock import now
from crm.looks import left_out_without_database
from visits import reminders

logger = logging.getLogger(__name__)


@shared_task(name="visits.remind", ignore_result=True)
def remind() -> None:
    """Make and send what is due; safe at any time, in any number of processes."""
    with left_out_without_database(logger, "Reminders left out"):
        reminders.make(now())
        reminders.send(now())
