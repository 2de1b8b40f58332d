"""Celery entry points. What is due stands in the feed and its webhooks; a message only says 'look'."""

import logging

from celery import shared_task
from django.db import InterfaceError, OperationalError

from crm.clock import now
from feed import services, webhooks

logger = logging.getLogger(__name__)


@shared_task(name="feed.deliver", ignore_result=True)
def deliver() -> None:
    """Give changes their place, tell the webhooks, forget what is old; safe at any time, in any number of processes."""
    try:
        webhooks.deliver(now())
        services.forget(now())
    except (OperationalError, InterfaceError) as error:
        logger.warning("The change feed was left as it is, the database does not answer (%s).", type(error).__name__)
