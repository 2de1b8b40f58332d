"""The heartbeat of a running job: a thread with a database connection of its own, so that it beats during long SQL."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from nights import jobs
from nights.jobs import Claim

logger = logging.getLogger(__name__)


@contextmanager
def beating(held: Claim) -> Iterator[None]:
    """Beat for a job while the block runs. Short jobs end before the first beat and never open the connection."""
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(held, over), name=f"heartbeat-{held.job_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=10)


def _beat(held: Claim, over: threading.Event) -> None:
    try:
        while not over.wait(settings.NIGHT_HEARTBEAT_SECONDS):
            try:
                if not jobs.beat(held):
                    return  # somebody else has the job; the fence stops this attempt
            except (DatabaseError, InterfaceError) as error:
                logger.warning("Job %s: no heartbeat (%s).", held.job_id, type(error).__name__)
                connection.close()
    finally:
        connection.close()
