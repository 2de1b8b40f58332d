"""Celery entry points. What was done stands in the ledger of hours; a message only says 'look'."""

import logging

from celery import shared_task
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerError

from complaints.services import hourly
from crm.clock import now
from crm.looks import left_out_without_database

logger = logging.getLogger(__name__)


@shared_task(name="complaints.reckon", ignore_result=True)
def reckon() -> None:
    """Reckon the clocks of open cases anew; doubled messages are harmless."""
    logger.info("%s open complaints were reckoned anew.", hourly.reckon_again())


def calendar_changed() -> None:
    """Ring once the change is in; without a broker each clock is reckoned when its alarm comes."""

    def ring() -> None:
        try:
            reckon.delay()
        except (BrokerError, OSError):
            logger.warning("No broker: clocks are reckoned anew with their next event or alarm.")

    transaction.on_commit(ring)


@shared_task(name="complaints.hourly", ignore_result=True)
def work_hours() -> None:
    """Work the hours that nobody has worked; safe at any time, in any number of processes."""
    with left_out_without_database(logger, "Hourly step of complaints left out"):
        hourly.run(now())
