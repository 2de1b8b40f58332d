import logging
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from nights import foreground, services
from nights.models import Job, Night
from nights.rules import LINKS

#: Exit status when the night waits for a decision.
HELD = 3


class Command(BaseCommand):
    help = (
        "Run the night of a business date in the foreground: intake, monthly facts, ranking, notices. Needs no worker;"
        " safe beside one. Exit status: 0 done, 1 failed or refused, 3 held for a decision."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--date", type=date.fromisoformat, required=True, help="business date, YYYY-MM-DD")
        parser.add_argument("--step", choices=list(LINKS), help="only this link of the chain")

    def handle(self, *args: Any, date: date, step: str | None, verbosity: int, **options: Any) -> None:
        log = logging.getLogger("nights")
        level = log.level
        if verbosity < 2:
            log.setLevel(logging.WARNING)  # the same is printed here
        try:
            self._run(date, step)
        finally:
            log.setLevel(level)

    def _run(self, date: date, step: str | None) -> None:
        try:
            night = self._begin(date, step)
        except services.NightRefused as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"night of {night}, run {night.run_no}: {', '.join(night.plan)}")
        night = foreground.run(night, self._tell)
        self._conclude(night)

    def _begin(self, date: date, step: str | None) -> Night:
        night = Night.objects.filter(business_date=date).first()
        if night is None:
            return services.start(date, link=step)
        if night.state == Night.State.RUNNING and step is None:
            self.stdout.write("this night is under way; helping")
            return night
        if night.state == Night.State.HELD:
            raise CommandError(_why_held(night), returncode=HELD)
        return services.start_again(date, link=step)

    def _tell(self, job: Job) -> None:
        took = (job.finished_at - job.started_at).total_seconds() if job.finished_at and job.started_at else 0.0
        facts = "  ".join(f"{name} {value}" for name, value in job.detail.items() if isinstance(value, int | str))
        end = facts if job.state == Job.State.DONE else job.error
        self.stdout.write(
            f"{job.step:<8} {job.part + 1}/{job.parts}  {job.state:<6} {job.rows:>9,} rows {took:8.2f} s"
            f"{f'  attempt {job.attempt}' if job.attempt > 1 else ''}  {end}".rstrip()
        )

    def _conclude(self, night: Night) -> None:
        took = (night.finished_at - night.started_at).total_seconds() if night.finished_at else 0.0
        match night.state:
            case Night.State.DONE:
                told = night.summary
                tiers = f", A {told['a']:,}, B {told['b']:,}, C {told['c']:,}" if "a" in told else ""
                moves = f", up {told['up']:,}, down {told['down']:,}, new {told['entered']:,}" if "up" in told else ""
                self.stdout.write(f"done in {took:.1f} s{tiers}{moves}")
            case Night.State.PARTIAL:
                self.stdout.write(f"done in {took:.1f} s; other steps of this night are still to run")
            case Night.State.HELD:
                raise CommandError(_why_held(night), returncode=HELD)
            case _:
                raise CommandError(
                    f"the night of {night} is {night.state} {night.held_reason.get('error', '')}".rstrip()
                )


def _why_held(night: Night) -> str:
    reason = night.held_reason
    return (
        f"held: {reason.get('moved')} of {reason.get('known')} clients would move, more than {reason.get('limit')} %;"
        f" release or cancel it on the page /nights/{night}/"
    )
