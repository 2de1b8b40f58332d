"""Celery entry points of the dashboards."""

import logging

from celery import shared_task
from django.db import InterfaceError, OperationalError

from crm.clock import now
from dashboards import weekly

logger = logging.getLogger(__name__)


@shared_task(name="dashboards.weekly", ignore_result=True)
def send_weekly() -> None:
    """Make and send the weekly reports that are due; safe at any time, in any number of processes."""
    try:
        weekly.make(now())
        weekly.send(now())
    except (OperationalError, InterfaceError) as error:
        logger.warning("Weekly reports left out, the database does not answer (%s).", type(error).__name__)
