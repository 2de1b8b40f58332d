"""Ranking of all branches (`rank_first`, `rank`) against the bare SQL that computes the classes into an unlogged table.

A usual night: 2.5 % of the clients bring much more or less than the night before, and 1–2 % change their class.
Parts run in as many sessions as cores.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from statistics import median
from typing import TYPE_CHECKING

from django.db import connection

from benchmarks.stopwatch import Result, ratio, seconds
from segmentation.models import TierChange
from segmentation.ranking import finish_run, open_run, rank_part

if TYPE_CHECKING:
    from benchmarks.seed import Firm

_BARE = """
CREATE UNLOGGED TABLE bench_bare AS
SELECT client_id, CASE WHEN contribution <= 0 THEN 'C' WHEN before < total * 0.55 THEN 'A' WHEN before < total * 0.85 THEN 'B'
       ELSE 'C' END AS tier
  FROM (SELECT client_id, contribution,
               sum(greatest(contribution, 0)) OVER (PARTITION BY branch_id ORDER BY contribution DESC, client_id)
               - greatest(contribution, 0) AS before,
               sum(greatest(contribution, 0)) OVER (PARTITION BY branch_id) AS total
          FROM bench_totals) s
"""


def bare() -> None:
    """The floor: window functions over (client, branch, sum), into an unlogged table."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_bare")
        cursor.execute(_BARE)


def _bare_input() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_totals")
        cursor.execute(
            "CREATE TABLE bench_totals AS SELECT client_id, branch_id, contribution FROM ledger_clienttotals WHERE ranked"
        )
        cursor.execute("ANALYZE bench_totals")


def rank_all(day: date) -> None:
    """The product's ranking: standings, history, changes, timeline, totals."""
    run = open_run(day)
    parts = os.cpu_count() or 1

    def one(part: int) -> None:
        try:
            rank_part(run, part=part, parts=parts)
        finally:
            connection.close()

    with ThreadPoolExecutor(parts) as pool:
        list(pool.map(one, range(parts)))
    finish_run(run)


def _stir(number: int) -> None:
    """A contribution up to three times as high or low for 2 % of the clients, so that 1–2 % change their class."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_clienttotals"
            "   SET contribution = contribution * power(3, (hashint8(client_id + %s) & 1023) / 511.5 - 1)"
            " WHERE contribution > 0 AND (hashint8(client_id * 17 + %s) & 1023) < 26",
            [number, number],
        )
        cursor.execute("ANALYZE ledger_clienttotals")


def measure(size: int, firm: "Firm") -> list[Result]:
    from benchmarks.seed import DAY

    _bare_input()
    bare()
    floor = median(seconds(bare) for _ in range(3))
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT" if _is_superuser(cursor) else "SELECT 1")
    first = seconds(lambda: rank_all(DAY))
    nights = []
    for number in range(1, 4):
        _stir(number)
        floor_now = seconds(bare)
        nights.append((seconds(lambda number=number: rank_all(DAY + timedelta(days=number))), floor_now))
    moved = TierChange.objects.filter(what="tier").count() / 3 / size
    print(f"   {moved:.2%} of the clients moved a night", flush=True)
    usual = median(value for value, _ in nights)
    base = median(floor_now for _, floor_now in nights)
    return [ratio("rank_first", size, first, floor, "s"), ratio("rank", size, usual, base, "s")]


def _is_superuser(cursor) -> bool:
    cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    return bool(cursor.fetchone()[0])
