"""`manage.py measures --date YYYY-MM-DD [--out FILE]`: all measures of the ranked clients as CSV (S3–S7, S13)."""

import sys
from datetime import date
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from measures.services import refresh

#: Money in 元 with two decimals; recency in days up to the date asked for; empty where nothing is known.
_ROWS = """
SELECT c.client_no, b.branch_no, s.staff_no AS manager_no, st.tier, st.service_tier, m.cell AS nine_cell, m.score,
       %(day)s::date - m.last_trade_on AS recency_days, m.frequency, round(m.monetary / 10000.0, 2) AS monetary, m.r, m.f, m.m,
       m.kind, round(p.net / 10000.0, 2) AS net_contribution, round(v.clv_12m / 10000.0, 2) AS clv_12m
  FROM measures_clientmeasures m JOIN clients_client c ON c.id = m.client_id JOIN org_branch b ON b.id = c.branch_id
  JOIN segmentation_standing st ON st.client_id = m.client_id LEFT JOIN org_staff s ON s.id = c.manager_id
  LEFT JOIN profit_profittotal p ON p.client_id = m.client_id LEFT JOIN forecasts_clientvalue v ON v.client_id = m.client_id
 ORDER BY c.no_key, c.client_no
"""


class Command(BaseCommand):
    help = "Write the measures of all ranked clients as CSV; a date that is not measured yet is measured first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--date", type=date.fromisoformat, required=True, help="business date, YYYY-MM-DD")
        parser.add_argument("--out", type=Path, help="file to write (default: standard output)")

    def handle(self, *args: Any, date: date, out: Path | None, **options: Any) -> None:
        if refresh(date) is None:
            raise CommandError(
                f"the newest ranking is not of {date}; of earlier days the history keeps cell, group, kind and band,"
                f" and a later day is ranked first: manage.py rank --date {date}"
            )
        if out is None:
            self._write(sys.stdout, date)
        else:
            with out.open("w", encoding="utf-8", newline="") as file:
                self._write(file, date)

    def _write(self, file: TextIO, day: date) -> None:
        with connection.cursor() as cursor:
            statement = cursor.mogrify(f"COPY ({_ROWS}) TO STDOUT WITH (FORMAT csv, HEADER)", {"day": day}).decode()
            cursor.copy_expert(statement, file)
