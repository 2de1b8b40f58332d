"""Rings for workers: a message carries the id of a job and says 'look'. Losing it loses nothing (nights.jobs rings again)."""

import logging
from collections.abc import Iterable

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

#: Seconds after which a message is worthless: by then another one has been sent.
_EXPIRES = 600


def ring_on_commit(job_ids: Iterable[int]) -> None:
    """Send a message for each job once the transaction is committed; without one, now."""
    ids = list(job_ids)
    if ids:
        transaction.on_commit(lambda: ring(ids))


def ring(job_ids: list[int]) -> int:
    """Send a message for each job; returns how many were sent. Never fails: the sweeper sends what could not be."""
    for sent, job_id in enumerate(job_ids):
        try:
            current_app.send_task("nights.run_job", args=[job_id], retry=False, expires=_EXPIRES, ignore_result=True)
        except (OperationalError, RedisError, OSError) as error:
            logger.warning("No message for job %s (%s); it will be sent again.", job_id, type(error).__name__)
            return sent
    return len(job_ids)
