"""The whole chain of a usual night against the bare SQL of the ranking.

The night's files: trades of a twentieth of the clients, and late fees that make 1–2 % change their class. An unmeasured night
goes before, which makes what is made once a month.
"""

import shutil
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from benchmarks.intake import write_trades
from benchmarks.ranking import bare
from benchmarks.stopwatch import Result, ratio, seconds
from segmentation.models import TierChange

if TYPE_CHECKING:
    from benchmarks.seed import Firm


def _late_fees(path: Path, number: int) -> None:
    with connection.cursor() as cursor, path.open("w", encoding="utf-8") as out:
        cursor.copy_expert(
            f"COPY (SELECT 'L{number}-' || t.client_id AS fee_no, date '2026-10-15' AS date, c.client_no, 'other' AS kind,"
            " round(t.contribution / 10000.0 * ((hashint8(t.client_id) & 1023) / 1000.0), 2) AS amount"
            " FROM ledger_clienttotals t JOIN clients_client c ON c.id = t.client_id"
            f" WHERE t.contribution > 0 AND (hashint8(t.client_id * {18 + number}) & 1023) < 26)"
            " TO STDOUT WITH (FORMAT csv, HEADER)",
            out,
        )


def _night(day: date, size: int, number: int) -> float:
    """Seconds of a night with files of its own."""
    folder = Path(settings.DROP_DIR) / day.isoformat()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        write_trades(folder / "trades.csv", size // 20, day, 1, f"X{number}-")
        _late_fees(folder / "fees.csv", number)
        (folder / "_READY").touch()
        return seconds(lambda: call_command("night", "--date", day.isoformat()))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(size: int, firm: "Firm") -> list[Result]:
    from benchmarks.seed import DAY

    _night(DAY + timedelta(days=5), size, 0)
    floor = median(seconds(bare) for _ in range(3))
    day = DAY + timedelta(days=6)
    value = _night(day, size, 1)
    moved = TierChange.objects.filter(business_date=day, what="tier").count() / size
    print(f"   {moved:.2%} of the clients moved", flush=True)
    return [ratio("night", size, value, floor, "s")]
