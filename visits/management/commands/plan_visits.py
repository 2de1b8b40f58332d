import csv
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm.clock import today
from crm.partitions import next_month
from org.models import Staff
from visits import duties
from visits.models import MonthPlan, Unmet, Visit
from visits.services import make_plan, plan_all

HEADER = ("manager_no", "client_no", "tier", "date", "start", "minutes", "kind", "order", "reason")


def month(text: str) -> date:
    """YYYY-MM as the first day of the month."""
    return date.fromisoformat(f"{text}-01")


class Command(BaseCommand):
    help = "Plan the visits of a month (V7): stores the proposals and writes them as CSV."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--month", type=month, required=True, help="YYYY-MM")
        parser.add_argument("--manager", help="staff number; without it all managers")
        parser.add_argument("--out", type=Path, help="file for the visits (default: standard output)")
        parser.add_argument("--unmet", type=Path, help="file for what could not be met")

    def handle(
        self, *args: Any, month: date, manager: str | None, out: Path | None, unmet: Path | None, **o: Any
    ) -> None:
        begin = max(today(), month)
        if next_month(month) <= begin:
            raise CommandError(f"the month {month:%Y-%m} is over")
        duties.prepare(month, begin)
        if manager is None:
            plan_all(month, begin=begin, again=True)
            plans = MonthPlan.objects.filter(month=month)
        else:
            staff = Staff.objects.select_related("branch").filter(staff_no=manager).first()
            if staff is None:
                raise CommandError(f"no member of staff has the number {manager}")
            make_plan(staff, month, user=None, begin=begin)
            plans = MonthPlan.objects.filter(month=month, manager=staff)
        newest = plans.order_by("manager", "-run_no").distinct("manager").values("pk")
        self._write(
            out,
            ("manager_no", "client_no", "tier", "date", "start", "minutes", "kind", "order", "reason"),
            _rows(newest),
        )
        if unmet is not None:
            missing = Unmet.objects.filter(plan__in=newest).order_by(
                "plan__manager__staff_no", "client__client_no", "reason"
            )
            self._write(
                unmet,
                ("manager_no", "client_no", "tier", "missing", "reason"),
                missing.values_list(
                    "plan__manager__staff_no", "client__client_no", "tier", "missing", "reason"
                ).iterator(),
            )

    def _write(self, path: Path | None, header: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
        if path is None:
            writer = csv.writer(self.stdout if self.stdout else sys.stdout, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)
            return
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)


def _rows(plans: Any) -> Iterable[tuple[Any, ...]]:
    """The proposals, and what was planned before and stays in the month."""
    visits = Visit.objects.filter(plan__in=plans, state="proposed")
    fields = ("manager__staff_no", "client__client_no", "tier", "date", "start", "minutes", "kind", "order", "reason")
    for row in visits.order_by("manager__staff_no", "date", "order").values_list(*fields).iterator():
        yield (*row[:4], row[4].isoformat("minutes"), *row[5:])
