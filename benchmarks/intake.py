"""Intake of a trades file, checked and in its partitions, against a bare COPY of it into an unlogged text table."""

import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import connection

from benchmarks.stopwatch import Result, ratio, seconds
from ledger.intake import take_in

if TYPE_CHECKING:
    from benchmarks.seed import Firm

HEADER = "trade_no,date,client_no,account_no,security_code,security_kind,side,quantity,amount,commission,exchange_fees"
COLUMNS = HEADER.split(",")
ROWS = 1_000_000


def write_trades(path: Path, rows: int, first: date, days: int, prefix: str) -> None:
    """Trades of clients drawn evenly, over some days; written by the database, which is fast."""
    with connection.cursor() as cursor, path.open("w", encoding="utf-8") as out:
        cursor.execute(
            "CREATE TEMP TABLE IF NOT EXISTS bench_no AS SELECT row_number() OVER (ORDER BY id) AS place, client_no"
            " FROM clients_client"
        )
        cursor.execute("SELECT count(*) FROM bench_no")
        everybody = cursor.fetchone()[0]
        select = cursor.mogrify(
            "SELECT %s || n AS trade_no, %s::date + (n %% %s)::int AS date, c.client_no, '' AS account_no, '600000' AS"
            " security_code, 'stock' AS security_kind, CASE n %% 2 WHEN 0 THEN 'buy' ELSE 'sell' END AS side,"
            " 100 * (1 + n %% 50) AS quantity, (1000 + n %% 99991)::numeric(18, 2) AS amount,"
            " (5 + n %% 97)::numeric(18, 2) AS commission, 0.54 AS exchange_fees"
            " FROM generate_series(1::bigint, %s) n JOIN bench_no c ON c.place = 1 + (n * 7919) %% %s ORDER BY n",
            [prefix, first, days, rows, everybody],
        ).decode()
        cursor.copy_expert(f"COPY ({select}) TO STDOUT WITH (FORMAT csv, HEADER)", out)


def bare_copy(path: Path) -> None:
    """The floor."""
    with connection.cursor() as cursor, path.open(encoding="utf-8") as source:
        cursor.execute("DROP TABLE IF EXISTS bench_copy")
        cursor.execute(f"CREATE UNLOGGED TABLE bench_copy ({', '.join(f'{name} text' for name in COLUMNS)})")
        cursor.copy_expert("COPY bench_copy FROM STDIN WITH (FORMAT csv, HEADER)", source)


def measure(size: int, firm: "Firm") -> list[Result]:
    from benchmarks.seed import DAY

    rows = min(ROWS, size * 10)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trades.csv"
        write_trades(path, rows, DAY.replace(day=1) - timedelta(days=60), 45, "N")
        floor = min(seconds(lambda: bare_copy(path)) for _ in range(3))
        value = seconds(lambda: _take(path, DAY, rows))
    print(f"   {rows / value:,.0f} rows a second", flush=True)
    return [ratio("intake", size, value, floor, "s")]


def _take(path: Path, day: date, rows: int) -> None:
    batch = take_in([path], mapping="core-v1", business_date=day, source="folder")
    taken = batch.files.get()
    if taken.rows_new != rows:
        raise RuntimeError(f"{taken.rows_new} of {rows} rows are in: {taken.error}")
