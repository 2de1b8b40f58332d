"""Celery entry points. What to do stands in the job ledger; a message only says 'look'."""

import logging

from celery import shared_task
from django.db import InterfaceError, OperationalError

from crm.clock import now
from nights import services

logger = logging.getLogger(__name__)


@shared_task(name="nights.tick", ignore_result=True)
def tick() -> None:
    """Ask whether anything is due; safe at any time, in any number of processes."""
    try:
        services.tick(now())
    except (OperationalError, InterfaceError) as error:
        # The next one comes in seconds: a database that restarts is no reason for a traceback each time.
        logger.warning("Tick left out, the database does not answer (%s).", type(error).__name__)


@shared_task(name="nights.run_job", ignore_result=True)
def run_job(job_id: int) -> None:
    """Look at a job and do it if it is still due."""
    services.run_job(job_id)
