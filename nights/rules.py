"""Decisions of the nightly chain on plain values (N2, U14)."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal

from nights.models import Step

#: The chain, in order. A step's jobs become due when all jobs of the step before are done.
CHAIN: tuple[str, ...] = tuple(Step.values)
#: What `--step` and the pages call a link: ranking is never run without its check.
LINKS: dict[str, tuple[str, ...]] = {
    "intake": (Step.INTAKE,),
    "facts": (Step.FACTS,),
    "ranking": (Step.CHECK, Step.RANKING),
    "notices": (Step.NOTICES,),
}
#: A job that has failed, or whose worker has died, so often needs a person.
MAX_FAILURES = 3
#: Seconds until a failed attempt is repeated, times the number of failures: a restarting server needs some.
RETRY_PAUSE = 5
#: Longest gap between two trading days that is looked for, in days (the longest holidays have ten).
_LONGEST_GAP = 40


def plan_for(link: str | None) -> list[str]:
    """Steps of a run: the whole chain, or one link. Raises KeyError for an unknown link."""
    return list(CHAIN if link is None else LINKS[link])


def plan_from(step: str) -> list[str]:
    """Steps from one on; ranking begins with its check."""
    first = Step.CHECK if step == Step.RANKING else step
    return list(CHAIN[CHAIN.index(first) :])


def last_due_date(local_now: datetime, hour: int) -> date:
    """Newest business date whose night is due: the night of a date begins at `hour` of the day after."""
    return (local_now - timedelta(hours=hour)).date() - timedelta(days=1)


def due_at(business_date: date, hour: int, local_now: datetime) -> datetime:
    """Moment from which the night of a business date is due, in the zone of `local_now`."""
    day_after = business_date + timedelta(days=1)
    return datetime(day_after.year, day_after.month, day_after.day, hour, tzinfo=local_now.tzinfo)


def next_trading_day(after: date, is_trading_day: Callable[[date], bool]) -> date | None:
    """First trading day after a date; None if the calendar knows none within forty days."""
    days = (after + timedelta(days=n) for n in range(1, _LONGEST_GAP + 1))
    return next((day for day in days if is_trading_day(day)), None)


def missing_dates(newest: date, upto: date, is_trading_day: Callable[[date], bool]) -> list[date]:
    """Trading days after the newest night up to a date, oldest first: what is to be caught up."""
    return [day for n in range(1, (upto - newest).days + 1) if is_trading_day(day := newest + timedelta(days=n))]


def must_hold(moved: int, known: int, max_move_percent: Decimal) -> bool:
    """Stop rule (U14): more than so many per cent of the clients ranked before and now would move."""
    return Decimal(moved) * 100 > max_move_percent * known


def chain_state(states: Iterable[str]) -> str:
    """State of a step from those of its jobs: failed, running, due or done; 'waiting' without jobs."""
    found = set(states)
    for state in ("failed", "running", "due", "dropped", "done"):
        if state in found:
            # Some done, some due: the step is on its way.
            return "running" if state == "due" and "done" in found else state
    return "waiting"
