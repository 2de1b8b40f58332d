"""Celery entry points. What was done stands in the ledger of hours; a message only says 'look'."""

import logging

from celery import shared_task
from django.db import InterfaceError, OperationalError

from complaints.services import hourly
from crm.clock import now

logger = logging.getLogger(__name__)


@shared_task(name="complaints.hourly", ignore_result=True)
def work_hours() -> None:
    """Work the hours that nobody has worked; safe at any time, in any number of processes."""
    try:
        hourly.run(now())
    except (OperationalError, InterfaceError) as error:
        logger.warning("Hourly step of complaints left out, the database does not answer (%s).", type(error).__name__)
