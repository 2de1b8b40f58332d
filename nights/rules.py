"""Decisions of the nightly chain on plain values (N2, U14)."""

from collections.abc import Iterable
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
    "values": (Step.VALUES,),
    "measures": (Step.MEASURES,),
    "visits": (Step.VISITS, Step.PLANS),
    "dashboards": (Step.BOARDS,),
}
#: A job that has failed, or whose worker has died, so often needs a person.
MAX_FAILURES = 3
#: Seconds until a failed attempt is repeated, times the number of failures: a restarting server needs some.
RETRY_PAUSE = 5


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
