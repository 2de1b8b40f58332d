"""`manage.py verify_draw YEAR`: draws again from the kept frame and seed, and compares; exit status 1 if it differs."""

from collections import defaultdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from callbacks import queries, rules
from callbacks.models import Callback, Draw, Frame


class Command(BaseCommand):
    help = "Repeat the draw of a year from its seed and compare."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("year", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        draw = Draw.objects.filter(year=options["year"]).first()
        if draw is None:
            raise CommandError("this year is not drawn")
        strata: dict[tuple[int, str], list[tuple[str, int]]] = defaultdict(list)
        rows = Frame.objects.filter(draw=draw).values_list("branch", "tier", "client", "client__client_no")
        for branch, tier, client, client_no in rows.iterator(chunk_size=10_000):
            strata[branch, tier].append((rules.place(draw.seed, client_no), client))
        held: dict[tuple[int, str], set[int]] = defaultdict(set)
        drawn = set(Callback.objects.filter(draw=draw).values_list("client", flat=True))
        for key, members in strata.items():
            held[key] = {client for _place, client in members if client in drawn}
        sizes: dict[int, dict[str, int]] = defaultdict(dict)
        for branch, tier, size in queries.strata(draw):
            sizes[branch][tier] = size
        wrong = 0
        for branch, tiers in sizes.items():
            for tier, number in rules.allot(tiers, draw.percent).items():
                here = held[branch, tier]
                # A top-up goes on where the draw ended, so whoever is drawn is always the head of the order.
                first = {client for _place, client in sorted(strata[branch, tier])[: len(here)]}
                wrong += first != here or len(here) < number
        if wrong:
            raise CommandError(f"{wrong} strata differ from what the seed draws")
        self.stdout.write(f"{draw.year}: {len(drawn)} of {draw.eligible} clients, as the seed draws them")
