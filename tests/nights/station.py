"""A firm of its own for the fault tests: own servers, real workers, real beat, processes that may be killed.

Each test begins with a fresh copy of one database: 300 clients, the night of `D1` done, the deliveries of the next days
in the drop folder. Only processes that were started here are ever killed, by their pid.
"""

import contextlib
import csv
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import dj_database_url
import psycopg2
import redis

from crm import embedded
from crm.embedded import place, process

ROOT = Path(__file__).resolve().parents[2]
#: The last trading day of October and the first two of November: the window moves in between, so all is written anew.
D1, D2, D3, D4 = date(2024, 10, 31), date(2024, 11, 1), date(2024, 11, 4), date(2024, 11, 5)
#: Far quicker than in use, so that a test takes seconds: the ratios are those of the defaults.
PACE = {
    "NIGHT_TICK_SECONDS": "0.5",
    "NIGHT_HEARTBEAT_SECONDS": "0.5",
    "NIGHT_RING_SECONDS": "2",
    "NIGHT_STALE_SECONDS": "4",
    "NIGHT_PARTS": "2",
}
_FACTS = ("assets", "trades", "cash_flows", "fees")
#: Results of a night; not what differs between two good runs: ids, moments, the file a row came with.
_RESULTS = {
    "clients_client": "",
    "clients_account": "",
    "ledger_trade": "client_id",
    "ledger_fee": "client_id",
    "ledger_cashflow": "client_id",
    "ledger_assetsnapshot": "client_id",
    "ledger_monthlyfact": "client_id",
    "ledger_clienttotals": "client_id",
    "ledger_dirtymonth": "client_id",
    "segmentation_standing": "client_id",
    "segmentation_rankmark": "client_id",
    "segmentation_tierchange": "client_id",
    "segmentation_runtotal": "",
    "clients_timelineevent": "client_id",
    "nights_notice": "",
}
_PASSING = ["id", "file_id", "client_id", "run_id", "source_key", "created_at", "read_at"]


class Station:
    """Servers, database and drop folder of one module of fault tests."""

    def __init__(self) -> None:
        parent = Path(tempfile.mkdtemp(prefix="crm-faults-")).resolve()
        parent.chmod(0o711)  # the servers may run as somebody else
        self.parent, self.data_dir, self.drop = parent, parent / "data", parent / "drop"
        self.endpoints = embedded.ensure_running(self.data_dir)
        self._processes: list[subprocess.Popen] = []
        self._logs = 0

    # --- Making ------------------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Migrate, take the firm in, run the first night, keep all that as the copy that tests begin with."""
        self.manage("migrate", "--verbosity", "0")
        source = self.parent / "source"
        size = ["--clients", "300", "--months", "13", "--branches", "4", "--managers", "14", "--seed", "3"]
        self.manage("demo_files", source, *size, "--end", D4)
        self._deliver(source)
        self.sql(
            "INSERT INTO segmentation_rankingpolicy SELECT (jsonb_populate_record(p,"
            """ '{"id": 1002, "version": 2, "max_move_percent": 100}')).* FROM segmentation_rankingpolicy p"""
        )
        self.manage("night", "--date", D1)
        self.give_log_ins()
        self._copy("crm", "base")

    def _copy(self, source: str, target: str) -> None:
        # Not by WAL: after a crash the sequences of a database copied so hand out numbers for a second time.
        self.sql(f"CREATE DATABASE {target} TEMPLATE {source} STRATEGY FILE_COPY", database="postgres")

    def _deliver(self, source: Path) -> None:
        """Everything up to D1 in one delivery, then one per day, as a core system would."""
        for day, first in ((D1, date.min), (D2, D2), (D3, D3), (D4, D4)):
            folder = self.drop / day.isoformat()
            folder.mkdir(parents=True)
            for path in source.glob("*.csv"):
                if path.stem in _FACTS:
                    _copy_days(path, folder / path.name, first, day)
                else:
                    shutil.copy(path, folder / path.name)
            (folder / "_READY").touch()

    def give_log_ins(self) -> None:
        """Everybody on the staff can be told something."""
        self.sql(
            "INSERT INTO org_user (username, password, is_superuser, first_name, last_name, email, is_staff, is_active,"
            " date_joined, language, theme, rise_is_red, must_change_password)"
            " SELECT staff_no, '', FALSE, '', '', '', FALSE, TRUE, now(), '', 'auto', TRUE, FALSE FROM org_staff;"
            "UPDATE org_staff s SET user_id = u.id FROM org_user u WHERE u.username = s.staff_no"
        )

    def reset(self, deliveries: list[date]) -> None:
        """The database as it was before the night of D2, an empty broker, markers only for these dates."""
        embedded.ensure_running(self.data_dir)
        for attempt in range(40):  # a vacuum worker is the server's own: it cannot be sent away, but it ends soon
            try:
                self.sql("DROP DATABASE crm WITH (FORCE)", database="postgres")
                break
            except (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.ObjectInUse):
                assert attempt < 39
                time.sleep(0.5)
        self._copy("base", "crm")
        self.flush_redis()
        for day in (D2, D3, D4):
            marker = self.drop / day.isoformat() / "_READY"
            marker.touch() if day in deliveries else marker.unlink(missing_ok=True)

    def close(self) -> None:
        """End every process started here, the servers too, and remove what they left."""
        self.end_all()
        embedded.stop(self.data_dir)
        if found := place.find(self.data_dir):
            shutil.rmtree(found.run, ignore_errors=True)
        shutil.rmtree(self.parent, ignore_errors=True)

    # --- Programs ----------------------------------------------------------------------------------------------------

    def environment(self, **more: str) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL", "CRM_ENV")
        }
        return {**kept, "DATA_DIR": str(self.data_dir), "DROP_DIR": str(self.drop), **PACE, **more}

    def manage(self, *arguments: object, check: bool = True, **more: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "manage.py", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment(**more), capture_output=True, text=True, check=False, timeout=120
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def worker(self, **more: str) -> subprocess.Popen:
        options = ["--concurrency", "2", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
        self._logs += 1
        name = f"worker{self._logs}@faults"
        return self._start("worker", [*options, "--hostname", name], more)

    def beat(self) -> subprocess.Popen:
        self._logs += 1
        schedule = self.parent / f"beat{self._logs}"
        return self._start("beat", ["--loglevel", "WARNING", "--schedule", str(schedule), "--pidfile", ""], {})

    def _start(self, kind: str, options: list[str], more: dict[str, str]) -> subprocess.Popen:
        self._logs += 1
        command = [sys.executable, "-m", "celery", "--app", "crm", "--quiet", kind, *options]
        with (self.parent / f"{self._logs}-{kind}.log").open("wb") as log:
            started = subprocess.Popen(
                command, cwd=ROOT, env=self.environment(**more), stdout=log, stderr=log, start_new_session=True
            )
        self._processes.append(started)
        return started

    def end_all(self) -> None:
        """Kill what is left of the programs, each with its group."""
        for started in self._processes:
            kill_group(started)
        self._processes.clear()

    def logs(self) -> str:
        """Ends of the logs of programs and servers, for the message of a failed test."""
        paths = sorted([*self.parent.glob("*.log"), *(self.data_dir / "servers").glob("*.log")])
        return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')[-4000:]}" for path in paths)

    # --- Servers -----------------------------------------------------------------------------------------------------

    def sql(self, statement: str, *, database: str = "crm") -> list[tuple[Any, ...]]:
        with self.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def connect(self, database: str = "crm") -> closing[psycopg2.extensions.connection]:
        config = dj_database_url.parse(self.endpoints.database_url)
        connection = psycopg2.connect(
            host=config["HOST"], user=config["USER"], dbname=database, application_name="faults"
        )
        connection.autocommit = True
        return closing(connection)

    def flush_redis(self) -> None:
        with closing(redis.Redis.from_url(self.endpoints.redis_url)) as client:
            client.flushall()

    def kill_postgres(self) -> None:
        """kill -9 of the postmaster; its sessions end when they notice."""
        pid = int((place.find(self.data_dir).home / "postgres" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        assert process.wait_gone([pid], 5) == []

    def kill_redis(self) -> None:
        pid = int((place.find(self.data_dir).home / "valkey.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        assert process.wait_gone([pid], 5) == []

    def restart_servers(self) -> None:
        """What the supervisor of `make run`, or the system's service manager, does."""
        embedded.ensure_running(self.data_dir)

    # --- Looking -----------------------------------------------------------------------------------------------------

    @contextmanager
    def stopped_in(self, table: str) -> Iterator[Callable[[], int]]:
        """Whoever writes to this table waits until the block ends. Yields a wait for that, which returns the worker's pid."""
        with self.connect() as connection, connection.cursor() as cursor:
            connection.autocommit = False
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")

            def wait() -> int:
                blocked = (
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND wait_event = 'relation'"
                    " AND datname = 'crm' AND application_name <> 'faults'"
                )
                self.wait_for(lambda: self.sql(blocked)[0][0] > 0, 60)
                worker = self.sql("SELECT worker FROM nights_job WHERE state = 'running' ORDER BY part LIMIT 1")[0][0]
                return int(worker.rpartition(":")[2])

            yield wait
            with contextlib.suppress(psycopg2.Error):
                connection.rollback()

    def wait_for(self, condition: Callable[[], object], seconds: float = 60) -> float:
        """Wait until something is so; returns the seconds it took."""
        begun = time.monotonic()
        while True:
            with contextlib.suppress(psycopg2.OperationalError):
                if condition():
                    return time.monotonic() - begun
            assert time.monotonic() - begun < seconds, f"{self.nights()}\n{self.jobs()}\n{self.logs()}"
            time.sleep(0.1)

    def wait_until_done(self, day: date, seconds: float = 90) -> float:
        return self.wait_for(lambda: (day, "done") in self.nights(), seconds)

    def nights(self) -> list[tuple[date, str]]:
        return self.sql("SELECT business_date, state FROM nights_night ORDER BY business_date")

    def jobs(self, day: date = D2) -> list[tuple[str, int, str, int, int]]:
        return self.sql(
            "SELECT step, part, j.state, attempt, failures FROM nights_job j JOIN nights_night n ON n.id = j.night_id"
            f" WHERE business_date = '{day}' ORDER BY j.id"
        )

    def results(self) -> dict[str, tuple[int, str]]:
        """Rows and checksum of each table of results."""
        found = {}
        for table, client in _RESULTS.items():
            join = f"LEFT JOIN clients_client c ON c.id = t.{client}" if client else ""
            whose = "|| jsonb_build_object('client', c.client_no)" if client else ""
            sql = (
                f"SELECT count(*), coalesce(md5(string_agg(row, '|' ORDER BY row)), '') FROM"
                f" (SELECT ((to_jsonb(t) - %s::text[]) {whose})::text AS row FROM {table} t {join}) rows"
            )
            with self.connect() as connection, connection.cursor() as cursor:
                cursor.execute(sql, [_PASSING])
                found[table] = cursor.fetchone()
        return found


def _copy_days(source: Path, target: Path, first: date, last: date) -> None:
    with source.open(newline="") as read, target.open("w", newline="") as write:
        rows = csv.DictReader(read)
        out = csv.DictWriter(write, rows.fieldnames or [])
        out.writeheader()
        out.writerows(row for row in rows if first.isoformat() <= row["date"] <= last.isoformat())


def kill(pid: int) -> None:
    """kill -9 of one process."""
    os.kill(pid, signal.SIGKILL)


def kill_group(started: subprocess.Popen) -> None:
    """kill -9 of a program and its children."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)
    started.wait()
