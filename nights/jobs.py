"""The job ledger (N2): taking a job, beating for it, finishing it under the fence, giving it back, sweeping, ringing.

Every change of a job's state is one statement here. Times are the database's, so that no worker's clock matters.
"""

import json
import logging
import os
import socket
import time
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.models.functions import Now

from nights.models import Job
from nights.rules import MAX_FAILURES, RETRY_PAUSE

logger = logging.getLogger(__name__)

#: How often, and for how many seconds in all, the end of a failed attempt is told to a database that does not answer.
_TELL_PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0)


class Superseded(Exception):
    """This attempt is no longer the current one: whatever it did must not be committed."""


@dataclass(frozen=True)
class Claim:
    """A job taken by this process. `attempt` is the fence."""

    job_id: int
    attempt: int
    night_id: int
    business_date: date
    run_no: int
    step: str
    part: int
    parts: int


_CLAIM = """
    UPDATE nights_job AS job
       SET state = 'running', attempt = job.attempt + 1, worker = %(worker)s, heartbeat_at = clock_timestamp(),
           started_at = clock_timestamp(), finished_at = NULL
      FROM nights_night AS night
     WHERE job.id = %(job)s AND job.state = 'due' AND job.due_at <= clock_timestamp()
       AND night.id = job.night_id AND night.run_no = job.run_no AND night.state = 'running'
    RETURNING job.id, job.attempt, night.id, night.business_date, job.run_no, job.step, job.part, job.parts
"""


def claim(job_id: int) -> Claim | None:
    """Take a job in one statement; None if there is nothing to do (taken, done, of a run that is over, not due yet)."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"job": job_id, "worker": worker_name()})
        row = cursor.fetchone()
    return Claim(*row) if row else None


def worker_name() -> str:
    """Host and process, for the page and the log."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}"


def beat(held: Claim) -> bool:
    """Say that the job is being worked on; False if this attempt is no longer the current one."""
    return _update(held, "heartbeat_at = clock_timestamp()", {})


def is_current(held: Claim) -> bool:
    """Whether this attempt is still the current one."""
    return Job.objects.filter(pk=held.job_id, attempt=held.attempt, state=Job.State.RUNNING).exists()


def guard_transaction() -> None:
    """Settings of a job's transaction: a worker that died or hangs must not keep its locks."""
    with connection.cursor() as cursor:
        # The client is looked after even in the middle of a long statement: a killed worker's locks go at once.
        cursor.execute("SET LOCAL client_connection_check_interval = '2s'")
        # A process that was stopped in between keeps them no longer than until its job is taken back.
        cursor.execute(
            f"SET LOCAL idle_in_transaction_session_timeout = '{int(settings.NIGHT_STALE_SECONDS * 1000)}ms'"
        )
        cursor.execute("SET LOCAL lock_timeout = '5min'")


def finish(held: Claim, rows: int, detail: dict[str, Any]) -> None:
    """Mark the job done, in the transaction that wrote its result. Raises Superseded: the result must be rolled back."""
    done = "state = 'done', finished_at = clock_timestamp(), rows = %(rows)s, detail = %(detail)s::jsonb"
    if not _update(held, done, {"rows": rows, "detail": json.dumps(detail, default=str)}):
        raise Superseded


_GIVE_BACK = f"""state = CASE WHEN failures + %(counts)s >= {MAX_FAILURES} THEN 'failed' ELSE 'due' END,
           failures = failures + %(counts)s, error = %(error)s, finished_at = clock_timestamp(),
           heartbeat_at = NULL, rung_at = NULL,
           due_at = clock_timestamp() + %(pause)s * (failures + 1) * interval '1 second'"""


def give_back(held: Claim, error: BaseException, *, counts: bool = True) -> None:
    """Make the job due again after an attempt that failed, or failed after the third one.

    `counts` false: the process was told to end, which is nobody's fault. A database that does not answer is asked again
    for some seconds; after that the sweeper finds the job.
    """
    for pause in _TELL_PAUSES:
        time.sleep(pause)
        try:
            _update(
                held,
                _GIVE_BACK,
                {"error": error_text(error), "counts": int(counts), "pause": RETRY_PAUSE if counts else 0},
            )
        except (DatabaseError, InterfaceError):
            if connection.in_atomic_block:
                raise
            connection.close()
        else:
            return
    logger.error("Job %s, attempt %s: its failure could not be recorded.", held.job_id, held.attempt)


def error_text(error: BaseException) -> str:
    """Kind and first line of an error: the further lines of a database error quote rows."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300].rstrip(": ")


def _update(held: Claim, assignments: str, values: dict[str, Any]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE nights_job SET {assignments} WHERE id = %(job)s AND attempt = %(attempt)s AND state = 'running'",
            {"job": held.job_id, "attempt": held.attempt, **values},
        )
        return cursor.rowcount == 1


# --- The sweeper ---------------------------------------------------------------------------------------------------

# A row that is locked belongs to somebody who is just finishing it.
#: Error of a job whose worker was lost; pages translate it.
SILENT = "The worker fell silent"
_SWEEP = f"""
    UPDATE nights_job SET {_GIVE_BACK}
     WHERE id IN (SELECT id FROM nights_job
                   WHERE state = 'running' AND heartbeat_at < clock_timestamp() - %(stale)s * interval '1 second'
                   ORDER BY id FOR UPDATE SKIP LOCKED)
    RETURNING id
"""


def sweep() -> list[int]:
    """Make the jobs whose worker has fallen silent due again (failed after the third time); returns their ids."""
    # No further pause: its silence was long enough.
    values = {"stale": settings.NIGHT_STALE_SECONDS, "error": SILENT, "counts": 1, "pause": 0}
    with connection.cursor() as cursor:
        cursor.execute(_SWEEP, values)
        ids = [row[0] for row in cursor.fetchall()]
    if ids:
        logger.warning("Jobs %s: no heartbeat for %s s, taken back.", ids, settings.NIGHT_STALE_SECONDS)
    return ids


_TO_RING = """
    UPDATE nights_job SET rung_at = clock_timestamp()
     WHERE id IN (SELECT job.id FROM nights_job AS job JOIN nights_night AS night
                      ON night.id = job.night_id AND night.run_no = job.run_no
                   WHERE job.state = 'due' AND job.due_at <= clock_timestamp() AND night.state = 'running'
                     AND (job.rung_at IS NULL OR job.rung_at < clock_timestamp() - %(again)s * interval '1 second')
                   ORDER BY job.id FOR UPDATE OF job SKIP LOCKED)
    RETURNING id
"""


def take_silent() -> list[int]:
    """Due jobs without a message, or whose message may be lost; from now on they count as rung for."""
    with connection.cursor() as cursor:
        cursor.execute(_TO_RING, {"again": settings.NIGHT_RING_SECONDS})
        return sorted(row[0] for row in cursor.fetchall())


# --- Making and dropping -------------------------------------------------------------------------------------------


def create(night_id: int, run_no: int, step: str, parts: int) -> list[int]:
    """Make the jobs of a step due and return their ids; the caller sends the messages."""
    Job.objects.bulk_create(
        [
            Job(night_id=night_id, run_no=run_no, step=step, part=part, parts=parts, rung_at=Now())
            for part in range(parts)
        ],
        ignore_conflicts=True,
    )
    return due_ids(night_id, run_no)


def drop_open(night_id: int) -> int:
    """Take what is due or running off the ledger; attempts under way lose their fence. Returns how many."""
    open_jobs = Job.objects.filter(night_id=night_id, state__in=[Job.State.DUE, Job.State.RUNNING])
    return open_jobs.update(state=Job.State.DROPPED)


def due_ids(night_id: int, run_no: int) -> list[int]:
    """Due jobs of a run, in the order of the parts, also those in their pause after a failure."""
    found = Job.objects.filter(night_id=night_id, run_no=run_no, state=Job.State.DUE)
    return list(found.order_by("part").values_list("pk", flat=True))
