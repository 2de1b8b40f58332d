"""kill -9 in the middle of an intake: nothing half done, and the batch goes on where it was (N1, U12).

The runner is a process of its own on the tests' database. It is stopped at a chosen place by a lock that the test
holds, killed there, and its batch taken up by the next runner.
"""

import os
import random
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import psycopg2
import pytest
from django.conf import settings
from django.db import connection

from crm.clock import now
from ledger.intake import batch as batches
from ledger.intake import take_in, totals, undo
from ledger.models import BatchState, FileState, IntakeBatch
from tests.ledger.deliveries import DAY, FIRM, TRADES_HEADER, counts, state, write

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

ROWS = 100_000


@pytest.fixture(scope="module")
def delivery(tmp_path_factory) -> Path:
    """A firm and 100,000 trades, every thousandth of them bad."""
    dice = random.Random(1)
    lines = [TRADES_HEADER]
    for n in range(ROWS):
        client, account = (("1001", "A1"), ("1002", "A2"), ("1003", ""))[dice.randrange(3)]
        day = f"2026-{dice.randrange(7, 10):02d}-{dice.randrange(1, 29):02d}"
        if n % 1000 == 0:
            day = "2026-02-30"
        lines.append(f"T{n:06d},{day},{client},{account},600000,stock,buy,100,{n}.25,1.25,0.01\n")
    return write(tmp_path_factory.mktemp("crash"), FIRM | {"trades.csv": "".join(lines)})


def database_url() -> str:
    found = connection.settings_dict
    host = quote(found["HOST"] or "", safe="")
    return f"postgres://{found['USER']}:{found['PASSWORD']}@{host}:{found['PORT']}/{found['NAME']}"


@contextmanager
def runner(folder: Path):
    """`manage.py intake` in a process of its own."""
    environment = os.environ | {"DATABASE_URL": database_url(), "REDIS_URL": settings.REDIS_URL}
    command = [sys.executable, "manage.py", "intake", str(folder), "--date", DAY.isoformat()]
    with subprocess.Popen(
        command, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def kill_where_it_writes(folder: Path, table: str) -> None:
    """Start an intake and kill it where it is about to write to a table."""
    with closing(psycopg2.connect(database_url())) as holder, holder.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")
        with runner(folder) as process:
            pid = wait_for_a_waiter(process)
            process.kill()
            process.wait(timeout=10)
        holder.rollback()
        wait_until_gone(pid)


def wait_for_a_waiter(process: subprocess.Popen) -> int:
    """Server process of the runner, once it waits for the lock."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, process.stdout.read()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                " AND query NOT LIKE '%heartbeat%'"
            )
            found = cursor.fetchone()
        if found:
            return found[0]
        time.sleep(0.05)
    raise AssertionError("the intake never came to the lock")


def wait_until_gone(pid: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid])
            if cursor.fetchone() is None:
                return
        time.sleep(0.05)
    raise AssertionError("the killed runner's session lives on")


def staging_tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'intake\\_%'")
        return [name for (name,) in cursor.fetchall()]


@pytest.mark.parametrize(
    ("table", "done"),
    [
        ("clients_client", ["branches", "staff"]),
        ("ledger_dirtymonth", ["branches", "staff", "clients", "accounts"]),
        ("ledger_intakereject", ["branches", "staff", "clients", "accounts"]),
    ],
)
def test_killed_resumed_and_undone(delivery, table, done):
    empty = state()
    kill_where_it_writes(delivery, table)

    batch = IntakeBatch.objects.get()
    assert batch.state == BatchState.RUNNING
    assert [file.kind for file in batch.files.filter(state=FileState.DONE)] == done
    assert state()["ledger_trade"] == []
    assert staging_tables() == []
    assert batches.left_behind() == []  # its heart stopped a moment ago

    IntakeBatch.objects.update(heartbeat_at=now() - timedelta(minutes=5))
    assert batches.left_behind() == [batch.pk]
    batch = batches.run(batch.pk)

    assert batch.state == BatchState.DONE
    assert counts(batch.files.get(kind="trades")) == (ROWS, ROWS - 100, 0, 0, 100)
    assert len(state()["ledger_trade"]) == ROWS - 100
    assert batch.files.get(kind="trades").rejects.count() == 100

    again = take_in([delivery], business_date=DAY, source="folder")
    assert totals(again).same == totals(again).read - 100
    assert totals(again).new == totals(again).changed == 0

    undo(again)
    undo(batch)
    assert state() == empty
