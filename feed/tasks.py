"""Celery entry points. What is due stands in the feed and its webhooks; a message only says 'look'."""

import logging

from celery import shared_task

from crm.clock import now
from crm.looks import left_out_without_database
from feed import services, webhooks

logger = logging.getLogger(__name__)


@shared_task(name="feed.deliver", ignore_result=True)
def deliver() -> None:
    """Give changes their place, tell the webhooks, forget what is old; safe at any time, in any number of processes."""
    with left_out_without_database(logger, "The change feed was left as it is"):
        webhooks.deliver(now())
        services.forget(now())
