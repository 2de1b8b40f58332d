"""How a night moves on (N2, U14): from step to step, into a hold, to its end. Everything happens under the night's lock."""

import logging
from collections.abc import Iterable

from django.db import InterfaceError, OperationalError, transaction

from crm.clock import now
from nights import doorbell, jobs, notices, queries, rules, steps
from nights.models import Job, Night, Step
from segmentation.policies import policy_on

logger = logging.getLogger(__name__)


def advance(night_id: int) -> Night:
    """Take the night on as far as its jobs allow; otherwise change nothing.

    Called after each job and by each tick, so that a process that dies in between delays the night by seconds only.
    An error between two steps ends the night as failed; a database that does not answer is left to the next tick.
    """
    try:
        return _advance(night_id)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        logger.exception("Night %s: failed between two steps.", night_id)
        return _fail(night_id, jobs.error_text(error))


@transaction.atomic
def _fail(night_id: int, error: str) -> Night:
    night = Night.objects.select_for_update().get(pk=night_id)
    if night.state == Night.State.RUNNING:
        night.held_reason = {"rule": "error", "error": error}
        _end(night, Night.State.FAILED)
        notices.tell_administrators(night, "night_failed", {})
    return night


@transaction.atomic
def _advance(night_id: int) -> Night:
    night = Night.objects.select_for_update().get(pk=night_id)
    if night.state != Night.State.RUNNING:
        return night
    by_step: dict[str, list[Job]] = {}
    for job in Job.objects.filter(night=night, run_no=night.run_no):
        by_step.setdefault(job.step, []).append(job)
    for position, step in enumerate(night.plan):
        if step not in by_step:
            _enter(night, step, by_step.get(Step.CHECK, []))
            return night
        if any(job.state == Job.State.FAILED for job in by_step[step]):
            _end(night, Night.State.FAILED)
            notices.tell_administrators(night, "night_failed", {"step": step})
            return night
        if any(job.state != Job.State.DONE for job in by_step[step]):
            return night
        if position + 1 == len(night.plan) or night.plan[position + 1] not in by_step:
            steps.TABLE[step].after(night)
    _end(night, Night.State.DONE if _complete(night) else Night.State.PARTIAL)
    return night


def _enter(night: Night, step: str, checks: Iterable[Job]) -> None:
    if step == Step.RANKING and night.released_at is None and (reason := _reason_to_hold(night, checks)):
        night.held_reason = reason
        _end(night, Night.State.HELD)
        notices.tell_administrators(night, "night_held", reason)
        return
    definition = steps.TABLE[step]
    definition.before(night)
    ids = jobs.create(night.pk, night.run_no, step, definition.parts(night.business_date))
    doorbell.ring_on_commit(ids)
    logger.info("Night %s, run %s: %s is due in %s part(s).", night, night.run_no, step, len(ids))


def _reason_to_hold(night: Night, checks: Iterable[Job]) -> dict[str, object] | None:
    """Why the night must wait for a person, as data for page and notice; None if it may go on."""
    found = next((job.detail for job in checks), {"known": 0, "moved": 0})
    limit = policy_on(night.business_date).max_move_percent
    if not rules.must_hold(found["moved"], found["known"], limit):
        return None
    return {"rule": "moves", "limit": str(limit), **found}


def _end(night: Night, state: str) -> None:
    """Leave the state 'running'."""
    night.state = state
    night.finished_at = None if state == Night.State.HELD else now()
    if state == Night.State.DONE:
        night.summary = queries.summary(night)
    night.save(update_fields=["state", "finished_at", "held_reason", "summary"])
    logger.log(
        logging.INFO if state == Night.State.DONE else logging.WARNING,
        "Night %s, run %s: %s.",
        night,
        night.run_no,
        state,
    )


def _complete(night: Night) -> bool:
    """Whether each step of the whole chain has been done in some run."""
    done = Job.objects.filter(night=night, state=Job.State.DONE).values_list("step", flat=True)
    return set(rules.CHAIN) <= set(done)


def first_open_step(night: Night) -> str:
    """Where a night that has stopped goes on: the first step of its last run, or of the chain, that is not done."""
    jobs_of = Job.objects.filter(night=night)
    if night.state == Night.State.PARTIAL:
        done = set(jobs_of.filter(state=Job.State.DONE).values_list("step", flat=True))
        wanted = rules.CHAIN
    else:
        mine = jobs_of.filter(run_no=night.run_no)
        undone = set(mine.exclude(state=Job.State.DONE).values_list("step", flat=True))
        done = set(mine.values_list("step", flat=True)) - undone
        wanted = tuple(night.plan)
    return next((step for step in wanted if step not in done), wanted[0])
