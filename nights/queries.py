"""Reading for the nights' pages, API and summaries; one function, few statements, none of them grows with clients."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Case, When
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from ledger.models import FileState, IntakeFile
from nights.models import Job, Night, Step
from nights.rules import chain_state
from org.models import Branch
from segmentation.policies import policy_on

_SUMMARY = """
SELECT r.id, r.clients, r.moved_up, r.moved_down, r.entered, r.data_as_of, r.window_from, r.window_to,
       coalesce(sum(t.clients_a), 0)::bigint, coalesce(sum(t.clients_b), 0)::bigint, coalesce(sum(t.clients_c), 0)::bigint,
       (SELECT count(*) FROM segmentation_tierchange c
         WHERE c.business_date = r.business_date AND c.what = 'tier' AND c.after = '')
  FROM segmentation_rankingrun r LEFT JOIN segmentation_runtotal t ON t.run_id = r.id
 WHERE r.scope = %s AND r.business_date = %s AND r.state = 'done'
 GROUP BY r.id
 ORDER BY r.started_at DESC LIMIT 1
"""


def summary(night: Night) -> dict[str, Any]:
    """What a finished night came to (U14): policy, clients per tier, moves, data date, files and rows taken in."""
    policy = policy_on(night.business_date)
    found: dict[str, Any] = {"policy": policy.version, "scope": policy.scope} | _intake_of(night)
    with connection.cursor() as cursor:
        cursor.execute(_SUMMARY, [policy.scope, night.business_date])
        row = cursor.fetchone()
    if row is None:
        return found
    run, clients, up, down, entered, data_as_of, window_from, window_to, a, b, c, gone = row
    return found | {
        "run": run,
        "clients": clients,
        "a": a,
        "b": b,
        "c": c,
        "up": up,
        "down": down,
        "entered": entered,
        "gone": gone,
        "data_as_of": data_as_of.isoformat() if data_as_of else None,
        "window_from": window_from.isoformat(),
        "window_to": window_to.isoformat(),
    }


def _intake_of(night: Night) -> dict[str, Any]:
    """Counts over the files that the night took in."""
    files = files_of(night.business_date)
    return {
        "files": len(files),
        "refused": sum(file.state == FileState.REFUSED for file in files),
        "read": sum(file.rows_read for file in files),
        "rejected": sum(file.rows_rejected for file in files),
    }


def files_of(business_date: date) -> list[IntakeFile]:
    """Files that the nights of a date took in, each once.

    A repeated or resumed night meets files that it knows already: what counts is when they were taken in.
    """
    files = IntakeFile.objects.filter(
        batch__source="night", batch__business_date=business_date, batch__dry_run=False
    ).exclude(state=FileState.UNDONE)
    known = Case(When(state=FileState.SAME, then=1), default=0)
    newest = files.annotate(known=known).order_by("name", "kind", "known", "-pk").distinct("name", "kind")
    return sorted(newest, key=lambda file: (file.position, file.pk))


def night_before(business_date: date) -> Night | None:
    """The newest finished night before a date."""
    return (
        Night.objects.filter(business_date__lt=business_date, state=Night.State.DONE).order_by("-business_date").first()
    )


# --- List ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NightPage:
    """One page of the list, newest night first; keyset by business date."""

    nights: list[Night]
    previous_url: str
    next_url: str
    label: str = ""


def night_page(user, before: str, size: int) -> NightPage:
    """Nights before a date (ISO; empty or no date at all: the newest)."""
    nights = Night.objects.visible_to(user).order_by("-business_date")
    try:
        nights = nights.filter(business_date__lt=date.fromisoformat(before)) if before else nights
    except ValueError:
        before = ""
    found = list(nights[: size + 1])
    more = len(found) > size
    found = found[:size]
    return NightPage(
        nights=found,
        previous_url=reverse("nights:list") if before else "",
        next_url=f"{reverse('nights:list')}?before={found[-1].business_date.isoformat()}" if more else "",
    )


# --- One night -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StepReport:
    """A step of the newest run that has it; `before` is how long it took the night before, in seconds."""

    step: str
    label: str
    state: str
    run_no: int
    jobs: list[Job]
    rows: int
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    before: float | None

    @property
    def done(self) -> int:
        return sum(job.state == Job.State.DONE for job in self.jobs)

    @property
    def troubled(self) -> list[Job]:
        """Jobs that failed at least once."""
        return [job for job in self.jobs if job.error]

    @property
    def state_label(self) -> Any:
        return _STATE_LABELS[self.state]


_STATE_LABELS = {
    "waiting": _("Waiting"),
    "skipped": _("Left out"),
    "due": _("Due"),
    "running": _("Running"),
    "done": _("Done"),
    "failed": _("Failed"),
    "dropped": _("Dropped"),
}


@dataclass(frozen=True)
class Difference:
    """A figure of this night beside that of the night before."""

    label: Any
    value: int
    before: int

    @property
    def change(self) -> int:
        return self.value - self.before


@dataclass(frozen=True)
class Report:
    """Everything the page of a night shows beside the night itself."""

    steps: list[StepReport]
    files: list[IntakeFile]
    night_before: Night | None
    differences: list[Difference]
    held_branches: list[tuple[Branch | None, int, int]]
    held_matrix: list[tuple[str, list[int]]]
    runs: int

    @property
    def live(self) -> bool:
        return any(step.state in ("due", "running") for step in self.steps)


_FIGURES = (
    ("clients", _("Ranked clients")),
    ("a", _("A clients")),
    ("b", _("B clients")),
    ("c", _("C clients")),
    ("up", _("Risen")),
    ("down", _("Fallen")),
    ("entered", _("New")),
    ("gone", _("Left")),
)


def report(night: Night) -> Report:
    """Steps, files and differences of a night, in at most five statements."""
    earlier = night_before(night.business_date)
    nights = [night] if earlier is None else [night, earlier]
    jobs_of: dict[int, list[Job]] = {each.pk: [] for each in nights}
    for job in Job.objects.filter(night__in=nights).order_by("run_no", "part"):
        jobs_of[job.night_id].append(job)
    seconds_before = {} if earlier is None else {s.step: s.seconds for s in _steps(jobs_of[earlier.pk], {}, earlier)}
    return Report(
        steps=_steps(jobs_of[night.pk], seconds_before, night),
        files=files_of(night.business_date),
        night_before=earlier,
        differences=_differences(night, earlier),
        held_branches=_held_branches(night),
        held_matrix=_held_matrix(night),
        runs=night.run_no,
    )


def _steps(jobs: list[Job], before: dict[str, float | None], night: Night) -> list[StepReport]:
    found = []
    for step in Step:
        runs = [job.run_no for job in jobs if job.step == step]
        newest = max(runs, default=night.run_no)
        mine = [job for job in jobs if job.step == step and job.run_no == newest]
        if not mine and night.state in (Night.State.DONE, Night.State.PARTIAL) and step not in night.plan:
            state = "skipped"
        else:
            state = chain_state(job.state for job in mine)
        started = min((job.started_at for job in mine if job.started_at), default=None)
        all_over = bool(mine) and all(job.finished_at for job in mine)
        finished = max(job.finished_at for job in mine if job.finished_at) if all_over else None
        found.append(
            StepReport(
                step=step.value,
                label=str(step.label),
                state=state,
                run_no=newest,
                jobs=mine,
                rows=sum(job.rows for job in mine),
                attempts=max((job.attempt for job in mine), default=0),
                started_at=started,
                finished_at=finished,
                seconds=(finished - started).total_seconds() if started and finished else None,
                before=before.get(step.value),
            )
        )
    return found


def _differences(night: Night, earlier: Night | None) -> list[Difference]:
    if earlier is None or "clients" not in night.summary or "clients" not in earlier.summary:
        return []
    return [Difference(label, night.summary[name], earlier.summary[name]) for name, label in _FIGURES]


def _held_branches(night: Night) -> list[tuple[Branch | None, int, int]]:
    """Branches with the most moves first: branch, rises, falls."""
    counts = sorted(night.held_reason.get("branches", []), key=lambda row: (-row[1] - row[2], row[0]))[:50]
    known = Branch.objects.in_bulk([branch_id for branch_id, _up, _down in counts]) if counts else {}
    return [(known.get(branch_id), up, down) for branch_id, up, down in counts]


def _held_matrix(night: Night) -> list[tuple[str, list[int]]]:
    counts = {(before, after): count for before, after, count in night.held_reason.get("matrix", [])}
    return [(before, [counts.get((before, after), 0) for after in "ABC"]) for before in "ABC"] if counts else []
