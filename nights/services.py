"""The verbs of the nightly chain (N2, U14): start, run again, release, cancel, do a job, look whether anything is due."""

import logging
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from crm.clock import now as clock_now
from nights import chain, crash, doorbell, drop, heartbeat, jobs, rules, steps
from nights.jobs import Claim, Superseded
from nights.models import Night
from nights.steps import Outcome, Work
from org.audit import record
from org.calendar import trading_days
from org.models import User
from org.rights import require

logger = logging.getLogger(__name__)

_TICK_LOCK = "hashtext('nights.tick')"


class NightRefused(Exception):
    """The night cannot be started, repeated, released or cancelled in its present state; the text says why."""


# --- Starting ------------------------------------------------------------------------------------------------------


@transaction.atomic
def start(business_date: date, *, user: User | None = None, link: str | None = None) -> Night:
    """Begin the night of a business date, whole or one link. Raises NightRefused if it exists already."""
    if user is not None:
        require(user, "nights.run")
    _alone(business_date)
    night, made = Night.objects.get_or_create(
        business_date=business_date, defaults={"plan": rules.plan_for(link), "started_by": user}
    )
    if not made:
        raise NightRefused(f"the night of {business_date} exists already")
    record("night.start", user=user, object_kind="night", object_no=str(night), detail={"link": link or "all"})
    chain.advance(night.pk)
    night.refresh_from_db()
    return night


@transaction.atomic
def start_again(business_date: date, *, user: User | None = None, link: str | None = None, rest: bool = False) -> Night:
    """Begin another run of a night that is not under way: whole, one link, or (`rest`) from where it stopped.

    Attempts of earlier runs lose their fence. Raises NightRefused while the night is running or held.
    """
    if user is not None:
        require(user, "nights.run")
    _alone(business_date)
    night = Night.objects.select_for_update().get(business_date=business_date)
    if night.state in (Night.State.RUNNING, Night.State.HELD):
        raise NightRefused(f"the night of {business_date} is {night.state}")
    jobs.drop_open(night.pk)
    night.plan = rules.plan_from(chain.first_open_step(night)) if rest else rules.plan_for(link)
    night.run_no += 1
    night.state, night.started_at, night.finished_at, night.started_by = Night.State.RUNNING, clock_now(), None, user
    night.held_reason, night.released_by, night.released_at = {}, None, None
    night.save()
    record(
        "night.start",
        user=user,
        object_kind="night",
        object_no=str(night),
        detail={"run": night.run_no, "plan": night.plan},
    )
    chain.advance(night.pk)
    night.refresh_from_db()
    return night


def _alone(business_date: date) -> None:
    """One night at a time: they build on each other. The lock is that of the tick, so that both cannot start one."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock({_TICK_LOCK})")
    under_way = Night.objects.filter(state__in=[Night.State.RUNNING, Night.State.HELD])
    other = under_way.exclude(business_date=business_date).first()
    if other is not None:
        raise NightRefused(f"the night of {other} is {other.state}; only one can be under way")


# --- Deciding ------------------------------------------------------------------------------------------------------


@transaction.atomic
def release(night: Night, *, user: User) -> Night:
    """Let a held night go on to its ranking. Raises NightRefused if it is not held."""
    require(user, "nights.run")
    night = Night.objects.select_for_update().get(pk=night.pk)
    if night.state != Night.State.HELD:
        raise NightRefused(f"the night of {night} is not held")
    night.state, night.released_by, night.released_at = Night.State.RUNNING, user, clock_now()
    night.save(update_fields=["state", "released_by", "released_at"])
    detail = {name: night.held_reason.get(name) for name in ("moved", "known", "limit")} | {"run": night.run_no}
    record("night.release", user=user, object_kind="night", object_no=str(night), detail=detail)
    return chain.advance(night.pk)


@transaction.atomic
def cancel(night: Night, *, user: User) -> Night:
    """Give a night up: held, failed or half done. Nothing is taken back; the next night may start.

    Raises NightRefused in any other state.
    """
    require(user, "nights.run")
    night = Night.objects.select_for_update().get(pk=night.pk)
    if night.state not in (Night.State.HELD, Night.State.FAILED, Night.State.PARTIAL):
        raise NightRefused(f"the night of {night} is {night.state}")
    jobs.drop_open(night.pk)
    before, night.state, night.finished_at = night.state, Night.State.CANCELLED, clock_now()
    night.save(update_fields=["state", "finished_at"])
    record("night.cancel", user=user, object_kind="night", object_no=str(night), detail={"was": before})
    return night


# --- Working -------------------------------------------------------------------------------------------------------


def run_job(job_id: int) -> bool:
    """Do a job if it is due; False if there was nothing to do or the attempt failed.

    Any number of processes may be told of the same job at once: one works, the others leave. Never raises for a step
    that fails; that stands in the ledger.
    """
    held = jobs.claim(job_id)
    if held is None:
        return False
    name = f"Night {held.business_date}, run {held.run_no}, {held.step} part {held.part}, attempt {held.attempt}"
    crash.point(held.step, "claimed")
    try:
        with heartbeat.beating(held):
            outcome = _perform(held)
    except Superseded:
        logger.warning("%s: superseded, rolled back.", name)
        return False
    except Exception as error:
        logger.warning("%s: failed (%s).", name, jobs.error_text(error))
        jobs.give_back(held, error)
        _advance(held.night_id)
        return False
    except BaseException as stop:  # the process is told to end: the job must not wait for the sweeper
        jobs.give_back(held, stop, counts=False)
        raise
    crash.point(held.step, "done")
    logger.info("%s: done, %s rows.", name, outcome.rows)
    _advance(held.night_id)
    return True


def _perform(held: Claim) -> Outcome:
    step = steps.TABLE[held.step]
    work = Work(held.night_id, held.business_date, held.part, held.parts)
    if not step.atomic:
        outcome = step.run(work)
        crash.point(held.step, "written")
        jobs.finish(held, outcome.rows, outcome.detail)
        return outcome
    step.load()
    with transaction.atomic():
        jobs.guard_transaction()
        outcome = step.run(work)
        crash.point(held.step, "written")
        jobs.finish(held, outcome.rows, outcome.detail)
        crash.point(held.step, "fenced")
    return outcome


def _advance(night_id: int) -> None:
    """What must not fail the job that is done already: the next tick does it otherwise."""
    try:
        chain.advance(night_id)
    except Exception:
        logger.exception("Night %s: could not be advanced; the next tick tries again.", night_id)


# --- Looking -------------------------------------------------------------------------------------------------------


@dataclass
class Ticked:
    """What a tick did."""

    looked: bool = False
    swept: list[int] = field(default_factory=list)
    started: date | None = None
    rung: list[int] = field(default_factory=list)


def tick(now: datetime) -> Ticked:
    """Look whether anything is due: silent workers, nights that can go on, a night to start, messages to repeat.

    Safe in any number of processes at once: one of them looks, the others leave.
    """
    ticked = Ticked()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_try_advisory_xact_lock({_TICK_LOCK})")
            if not cursor.fetchone()[0]:
                return ticked
        ticked.looked = True
        ticked.swept = jobs.sweep()
        for night_id in Night.objects.filter(state=Night.State.RUNNING).values_list("pk", flat=True):
            chain.advance(night_id)
        ticked.started = _start_due(now)
        ticked.rung = jobs.take_silent()
        doorbell.ring_on_commit(ticked.rung)
    return ticked


def _start_due(now: datetime) -> date | None:
    """Start the oldest night that is due, if its files are there and no other night is open."""
    due = waiting_night(now)
    if due is None or due.blocked_by is not None or not due.files_ready:
        return None
    start(due.business_date)
    return due.business_date


@dataclass(frozen=True)
class Waiting:
    """The night that comes next and why it has not started."""

    business_date: date
    due_at: datetime
    files_ready: bool
    blocked_by: Night | None
    missing: int

    def late_seconds(self, now: datetime) -> float:
        """How long it has been due."""
        return (now - self.due_at).total_seconds()


def waiting_night(now: datetime) -> Waiting | None:
    """The oldest night that is due and not started; None if there is none.

    Before the first night of all, the oldest delivery in the drop folder decides.
    """
    local = timezone.localtime(now)
    upto = rules.last_due_date(local, settings.NIGHT_HOUR)
    newest = Night.objects.order_by("-business_date").first()
    if newest is None:
        ready = [day for day in drop.ready_dates() if day <= upto]
        wanted = [day for day in trading_days(ready[0], ready[-1]) if day in ready] if ready else []
    else:
        wanted = trading_days(newest.business_date + timedelta(days=1), upto)
    if not wanted:
        return None
    return Waiting(
        business_date=wanted[0],
        due_at=rules.due_at(wanted[0], settings.NIGHT_HOUR, local),
        files_ready=drop.is_ready(wanted[0]),
        blocked_by=Night.objects.filter(state__in=Night.OPEN).order_by("business_date").first(),
        missing=len(wanted),
    )
