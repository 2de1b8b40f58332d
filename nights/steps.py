"""What each step of the chain does (N2): a table of functions that call the doors of the apps below.

A step's function gets a `Work` and returns an `Outcome`. An `atomic` step runs inside one transaction, which the runner
commits together with the job's own row; a step that is not atomic keeps its own transactions and must be repeatable.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.conf import settings

from analyses import services as analyses
from callbacks import services as callbacks
from complaints import services as complaints
from crm.clock import now
from crm.partitions import ensure_months, month_start
from dashboards import services as dashboards
from forecasts import services as forecasts
from measures import services as measures
from nights import intake, moves, notices
from nights.models import Job, Night, Step
from profiles import services as profiles
from profit import services as profit
from segmentation import ranking
from segmentation.models import RankingRun, Scope
from segmentation.policies import policy_on
from visits import duties
from visits.services import plan_all


@dataclass(frozen=True)
class Work:
    """One part of one step of one business date."""

    night_id: int
    business_date: date
    part: int = 0
    parts: int = 1


@dataclass(frozen=True)
class Outcome:
    """Rows written and what the page shows of it; counts and ids only."""

    rows: int = 0
    detail: dict[str, Any] = field(default_factory=dict)


def _nothing(night: Night) -> None:
    """No hook."""


def _one(business_date: date) -> int:
    return 1


def _no_imports() -> None:
    pass


@dataclass(frozen=True)
class StepDef:
    """A step. `before` and `after` run with the night locked: before its jobs are made, and once all of them are done.

    `load`: imports that take seconds, done before the job's transaction, which must not stand idle.
    """

    run: Callable[[Work], Outcome]
    parts: Callable[[date], int] = _one
    atomic: bool = True
    before: Callable[[Night], None] = _nothing
    after: Callable[[Night], None] = _nothing
    load: Callable[[], None] = _no_imports


def _parts(business_date: date) -> int:
    return settings.NIGHT_PARTS


def _ranking_parts(business_date: date) -> int:
    """Whole branches can be ranked side by side; managers may have clients in several, the firm is one."""
    return settings.NIGHT_PARTS if policy_on(business_date).scope == Scope.BRANCH else 1


def _intake(work: Work) -> Outcome:
    return Outcome(*intake.take_in(work.business_date))


def _tell_of_refused_files(night: Night) -> None:
    """The night goes on with what is in, but somebody must know (N1)."""
    job = Job.objects.get(night=night, run_no=night.run_no, step=Step.INTAKE)
    if refused := job.detail.get("refused"):
        notices.tell_administrators(night, "files_refused", {"files": refused})


def _facts(work: Work) -> Outcome:
    counts = ranking.refresh_facts(work.business_date, part=work.part, parts=work.parts)
    return Outcome(counts.facts + counts.totals, {"facts": counts.facts, "totals": counts.totals})


def _check(work: Work) -> Outcome:
    """Who would move; whether the night must stop is decided when all is known (`chain`)."""
    return Outcome(0, moves.preview(work.business_date))


def _open_ranking(night: Night) -> None:
    # Here and not in the parts: making a partition locks its table until the end of the transaction.
    ensure_months("segmentation_rankmark", [night.business_date])
    ranking.open_run(night.business_date)


def _ranking(work: Work) -> Outcome:
    run = _run_of(work.business_date)
    written = ranking.rank_part(run, part=work.part, parts=work.parts)
    return Outcome(written, {"run": run.pk})


def _close_ranking(night: Night) -> None:
    ranking.finish_run(_run_of(night.business_date))


def _run_of(business_date: date) -> RankingRun:
    scope = policy_on(business_date).scope
    # A night of an older date is ranked apart; its run is the one opened last.
    runs = RankingRun.objects.select_related("policy").filter(scope=scope, business_date=business_date)
    return runs.latest("started_at")


def _notices(work: Work) -> Outcome:
    managers, heads = notices.tell_of_moves(work.business_date)
    if _is_old(work.business_date):
        return Outcome(managers + heads, {"managers": managers, "heads": heads})
    after = complaints.watch(work.business_date)
    calls = callbacks.refresh(work.business_date, now())
    detail = {"managers": managers, "heads": heads, "leaving": after.leaving, "callbacks": calls.new + calls.drawn}
    return Outcome(managers + heads + calls.new + calls.drawn, detail)


def _measures(work: Work) -> Outcome:
    counts = measures.refresh(work.business_date)
    if counts is None:  # an older night: history is not rewritten
        return Outcome(0, {})
    return Outcome(counts.changed + counts.marks, {"clients": counts.clients, "changed": counts.changed})


def _values(work: Work) -> Outcome:
    """Values and profit once a month; the figures of the analyses each night."""
    made = forecasts.refresh(work.business_date)
    shared = profit.refresh(work.business_date) if made.values or made.funds else 0
    profiles.let_go(work.business_date)
    figures = analyses.refresh(work.business_date)
    detail = {"values": made.values, "funds": made.funds, "profit": shared, "figures": figures}
    return Outcome(sum(detail.values()), detail)


def _visits(work: Work) -> Outcome:
    """The duty ledger for the day that this night prepares; near the end of a month the next one too."""
    if _is_old(work.business_date):
        return Outcome(0, {})
    day = work.business_date + timedelta(days=1)
    counts = duties.refresh(day)
    rows = counts.made + counts.moved + counts.waived + counts.missed
    following = _month_to_plan(day)
    if following != month_start(day):
        rows += duties.prepare(following, day).made
    return Outcome(rows, {"made": counts.made, "waived": counts.waived, "missed": counts.missed})


def _plans(work: Work) -> Outcome:
    """Proposals for managers who have none for the month to plan; repeating it plans nobody twice."""
    if _is_old(work.business_date):
        return Outcome(0, {})
    day = work.business_date + timedelta(days=1)
    month = _month_to_plan(day)
    return Outcome(plan_all(month, begin=max(day, month), part=work.part, parts=work.parts), {})


def _boards(work: Work) -> Outcome:
    """Sums of the dashboards, part by part of the branches; an older night leaves the newer ones alone."""
    if _is_old(work.business_date):
        return Outcome(0, {})
    return Outcome(dashboards.refresh(work.business_date, part=work.part, parts=work.parts), {})


def _is_old(business_date: date) -> bool:
    return Night.objects.filter(business_date__gt=business_date, state=Night.State.DONE).exists()


#: So many days before its first a month is planned.
_PLAN_AHEAD = timedelta(days=7)


def _month_to_plan(day: date) -> date:
    return month_start(day + _PLAN_AHEAD)


TABLE: dict[str, StepDef] = {
    Step.INTAKE: StepDef(_intake, atomic=False, after=_tell_of_refused_files),
    Step.FACTS: StepDef(_facts, _parts),
    Step.CHECK: StepDef(_check),
    Step.RANKING: StepDef(_ranking, _ranking_parts, before=_open_ranking, after=_close_ranking),
    Step.NOTICES: StepDef(_notices),
    Step.VALUES: StepDef(_values, load=forecasts.load),
    Step.MEASURES: StepDef(_measures),
    Step.VISITS: StepDef(_visits),
    Step.PLANS: StepDef(_plans, _parts, atomic=False),
    Step.BOARDS: StepDef(_boards, _parts),
}
