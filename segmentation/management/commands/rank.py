from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Min

from ledger.facts import Window
from segmentation.models import RankingPolicy, Scope
from segmentation.ranking import rank, refresh_facts


def window(text: str) -> Window:
    """FROM:TO, both days included."""
    start, _, end = text.partition(":")
    found = Window(date.fromisoformat(start), date.fromisoformat(end))
    if found.start > found.end:
        raise ValueError(text)
    return found


class Command(BaseCommand):
    help = "Rank all clients for a business date (S1). Repeating it gives the same answer."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--date", type=date.fromisoformat, required=True, help="business date, YYYY-MM-DD")
        parser.add_argument("--scope", choices=Scope.values, help="ranked within (default: the policy's)")
        parser.add_argument("--window", type=window, help="FROM:TO, both days included; overrides the policy's window")

    def handle(self, *args: Any, date: date, scope: str | None, window: Window | None, **options: Any) -> None:
        if scope is not None and scope not in Scope.values:
            raise CommandError(f"unknown scope {scope}")
        try:
            refresh_facts(date, scope=scope, window=window)
        except RankingPolicy.DoesNotExist:
            first = RankingPolicy.objects.filter(state="published").aggregate(first=Min("valid_from"))["first"]
            raise CommandError(
                f"no ranking policy holds on {date}; "
                + (f"the first one holds from {first}" if first else "publish one")
            ) from None
        run = rank(date, scope=scope, window=window)
        self.stdout.write(
            f"{run.business_date} {run.scope}: {run.clients} clients ranked, window {run.window_from} to {run.window_to},"
            f" up {run.moved_up}, down {run.moved_down}, new {run.entered}"
        )
