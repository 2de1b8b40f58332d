"""Celery entry points of the dashboards."""

import logging

from celery import shared_task

from crm.clock import now
from crm.looks import left_out_without_database
from dashboards import digest, weekly

logger = logging.getLogger(__name__)


@shared_task(name="dashboards.weekly", ignore_result=True)
def send_weekly() -> None:
    """Make and send the weekly reports that are due; safe at any time, in any number of processes."""
    with left_out_without_database(logger, "Weekly reports left out"):
        weekly.make(now())
        weekly.send(now())


@shared_task(name="dashboards.digest", ignore_result=True)
def make_digests() -> None:
    """Make the day's digests that are due; the reminders' own task sends them. Safe in any number of processes."""
    with left_out_without_database(logger, "Digests left out"):
        digest.make(now())
