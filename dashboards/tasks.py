"""Celery entry points of the dashboards."""

import logging

from celery import shared_task
from django.db import InterfaceError, OperationalError

from crm.clock import now
from dashboards import digest, weekly

logger = logging.getLogger(__name__)


@shared_task(name="dashboards.weekly", ignore_result=True)
def send_weekly() -> None:
    """Make and send the weekly reports that are due; safe at any time, in any number of processes."""
    try:
        weekly.make(now())
        weekly.send(now())
    except (OperationalError, InterfaceError) as error:
        logger.warning("Weekly reports left out, the database does not answer (%s).", type(error).__name__)


@shared_task(name="dashboards.digest", ignore_result=True)
def make_digests() -> None:
    """Make the day's digests that are due; the reminders' own task sends them. Safe in any number of processes."""
    try:
        digest.make(now())
    except (OperationalError, InterfaceError) as error:
        logger.warning("Digests left out, the database does not answer (%s).", type(error).__name__)
