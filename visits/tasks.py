"""Celery entry points of visits."""

import logging

from celery import shared_task
from django.db import InterfaceError, OperationalError

from crm.clock import now
from visits import reminders

logger = logging.getLogger(__name__)


@shared_task(name="visits.remind", ignore_result=True)
def remind() -> None:
    """Make and send what is due; safe at any time, in any number of processes."""
    try:
        reminders.make(now())
        reminders.send(now())
    except (OperationalError, InterfaceError) as error:
        logger.warning("Reminders left out, the database does not answer (%s).", type(error).__name__)
