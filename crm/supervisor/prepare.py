"""What has to be there before the servers start: tables, collected static files and, in a new database, a demo firm."""

import csv
import hashlib
import json
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import dj_database_url
import psycopg2

from crm.supervisor.config import FIRMS, Config
from crm.supervisor.console import say

#: Runs `manage.py` with these arguments in sight and raises if it fails.
Manage = Callable[..., None]

_SEED = 7
_MONTHS = 24
_BRANCHES = 4


def static_files(config: Config, manage: Manage) -> None:
    """Collect and compress the static files unless nothing about them has changed."""
    target = Path(os.environ.get("STATIC_ROOT") or config.data_dir / "static")
    stamp = target / ".collected"
    wanted = _static_fingerprint(config.root)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say("collecting static files …")
    manage("collectstatic", "--noinput", "--clear", "--verbosity", "0")
    target.mkdir(parents=True, exist_ok=True)
    stamp.write_text(wanted)


def _static_fingerprint(root: Path) -> str:
    """Digest over name, size and time of our own static files, and over the lock that the others come from."""
    digest = hashlib.sha256()
    folders = [root / "static", *(app.with_name("static") for app in sorted(root.glob("*/apps.py")))]
    for folder in folders:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            found = file.stat()
            digest.update(f"{file.relative_to(root)} {found.st_size} {found.st_mtime_ns}\n".encode())
    for lock in sorted((root / "requirements").glob("*.txt")):
        digest.update(lock.read_bytes())
    return digest.hexdigest()


class DemoFirm:
    """The made-up firm: written as nightly files and taken in by the real intake, nothing behind its back.

    A marker says for which database it was begun and whether it is complete, so that a start that was broken off is
    taken up again; intake and night may be repeated.
    """

    def __init__(self, config: Config, database_url: str) -> None:
        self._config = config
        self._folder = config.data_dir / "demo"
        self._marker = self._folder / "state.json"
        self._log_ins = self._folder / "log-ins.txt"
        self._key = hashlib.sha256(database_url.encode()).hexdigest()[:16]
        self._database_url = database_url

    @property
    def exists(self) -> bool:
        """True if this database holds the complete demo firm."""
        return self._state() == "complete"

    def wanted(self) -> bool:
        """True if the firm has to be made: it was begun and not finished, or the database is empty."""
        if self._config.demo == "none" or self.exists:
            return False
        return self._state() == "begun" or self._is_empty()

    @property
    def log_ins(self) -> str:
        """The demo log-ins as they were printed when the firm was made; empty without one."""
        return self._log_ins.read_text() if self.exists and self._log_ins.exists() else ""

    def make(self, manage: Manage, ask: Callable[..., str]) -> None:
        """Write the files, take them in, run the nights of last month's end and of the last business date.

        Log-ins are handed out once; `ask` runs a manage command and returns what it prints.
        """
        clients, staff = FIRMS[self._config.demo]
        files = self._folder / "files"
        self._mark("begun")
        say(f"writing a demo firm of {clients:,} clients, {_BRANCHES} branches, {staff} staff, {_MONTHS} months …")
        size = ["--clients", clients, "--months", _MONTHS, "--branches", _BRANCHES, "--managers", staff]
        manage("load_calendar")
        manage("demo_files", files, *size, "--seed", _SEED)
        last = last_business_date(files)
        say("taking the files in …")
        manage("intake", files, "--date", last)
        # Two nights, so that the firm has moves of tier to show; costs before the last, which counts what each client leaves.
        *before, newest = sorted({month_end_before(files, last), last})
        for night in before:
            say(f"running the night of {night} …")
            manage("night", "--date", night)
        self._log_ins.write_text(ask("demo_logins"))
        manage("demo_costs", "--date", last)
        say(f"running the night of {newest} …")
        manage("night", "--date", newest)
        manage("demo_visits")
        manage("demo_complaints", "--date", last)
        self._mark("complete")

    def has_log_ins(self) -> bool:
        """Whether anybody could log in."""
        return bool(self._ask("SELECT EXISTS (SELECT FROM org_user WHERE is_active)"))

    def _is_empty(self) -> bool:
        return bool(self._ask("SELECT NOT EXISTS (SELECT FROM org_branch) AND NOT EXISTS (SELECT FROM clients_client)"))

    def _ask(self, sql: str) -> object:
        """Answer of one query; Django itself is never loaded in this process."""
        config = dj_database_url.parse(self._database_url)
        names = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password", "NAME": "dbname"}
        parameters = {names[name]: value for name, value in config.items() if name in names and value}
        connection = psycopg2.connect(**parameters, **config.get("OPTIONS", {}))
        with closing(connection), connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0]

    def _state(self) -> str:
        try:
            return str(json.loads(self._marker.read_text()).get(self._key, ""))
        except (FileNotFoundError, ValueError):
            return ""

    def _mark(self, state: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        building = self._marker.with_suffix(".new")
        building.write_text(json.dumps({self._key: state}))
        building.replace(self._marker)


def month_end_before(files: Path, day: str) -> str:
    """Return the newest snapshot date (YYYY-MM-DD) of a month before a day's, or the day itself if there is none."""
    return max((found for found in _snapshot_dates(files) if found[:7] < day[:7]), default=day)


def last_business_date(files: Path) -> str:
    """Return the newest date (YYYY-MM-DD) of the asset snapshots: there is one for every business date."""
    return max(_snapshot_dates(files))


def _snapshot_dates(files: Path) -> set[str]:
    with (files / "assets.csv").open(encoding="utf-8-sig", newline="") as lines:
        return {row["date"] for row in csv.DictReader(lines)}
