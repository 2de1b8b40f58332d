"""Celery entry points. What to do stands in the job ledger; a message only says 'look'."""

import logging

from celery import shared_task

from crm.clock import now
from crm.looks import left_out_without_database
from nights import services

logger = logging.getLogger(__name__)


@shared_task(name="nights.tick", ignore_result=True)
def tick() -> None:
    """Ask whether anything is due; safe at any time, in any number of processes."""
    with left_out_without_database(logger, "Tick left out"):
        services.tick(now())


@shared_task(name="nights.run_job", ignore_result=True)
def run_job(job_id: int) -> None:
    """Look at a job and do it if it is still due."""
    services.run_job(job_id)
