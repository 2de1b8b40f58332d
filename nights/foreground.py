"""A night in the foreground: the same jobs, claimed by this process; a worker beside it may take some of them."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import connection

from nights import chain, jobs, services
from nights.models import Job, Night

_LOOK_AGAIN = 0.2


def run(night: Night, tell: Callable[[Job], None]) -> Night:
    """Work until the night is no longer running; `tell` is called for each finished or failed job, in their order."""
    told: set[int] = set()
    while True:
        night.refresh_from_db()
        running = night.state == Night.State.RUNNING
        due = jobs.due_ids(night.pk, night.run_no) if running else []
        worked = _work(due)
        over = Job.objects.filter(night=night, run_no=night.run_no, state__in=[Job.State.DONE, Job.State.FAILED])
        for job in over.exclude(pk__in=told).order_by("finished_at", "pk"):
            told.add(job.pk)
            tell(job)
        if not running:
            return night
        if not worked:
            # A worker has what is left, or a job pauses after a failure.
            jobs.sweep()
            chain.advance(night.pk)
            time.sleep(_LOOK_AGAIN)


def _work(due: list[int]) -> bool:
    """Do what is due, the parts of a step side by side: each in a thread with its own connection."""
    if len(due) < 2 or connection.in_atomic_block:
        done = [services.run_job(job_id) for job_id in due]
        return any(done)
    with ThreadPoolExecutor(max_workers=min(len(due), settings.NIGHT_PARTS)) as pool:
        done = list(pool.map(_work_apart, due))
    return any(done)


def _work_apart(job_id: int) -> bool:
    try:
        return services.run_job(job_id)
    finally:
        connection.close()
