"""Crash points work where they should and nowhere else."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "CRM_ENV": "production",
    "SECRET_KEY": "x" * 50,
    "ALLOWED_HOSTS": "crm.example.com",
    "DATABASE_URL": "postgres://crm@localhost/crm",
    "REDIS_URL": "redis://localhost:6379/0",
}
DEVELOPMENT = {**PRODUCTION, "CRM_ENV": "development"}


def walk(environment: dict[str, str], *points: str) -> tuple[int, str]:
    """Pass these points in a process of its own; returns exit status and what it printed."""
    lines = [f"crash.point(*{point.split(':')!r}); print({point!r}, flush=True)" for point in points]
    done = subprocess.run(
        [sys.executable, "-c", "; ".join(["from nights import crash", *lines])],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "crm.settings", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_the_process_dies_at_the_point_named_and_at_no_other():
    status, printed = walk({**DEVELOPMENT, "CRASH_AT": "ranking:written"}, "facts:written", "ranking:written", "a:b")

    assert (status, printed) == (137, "facts:written\n")


def test_with_a_mark_it_happens_once(tmp_path):
    environment = {**DEVELOPMENT, "CRASH_AT": "a:b", "CRASH_MARK": str(tmp_path / "mark")}

    assert walk(environment, "a:b")[0] == 137
    assert (tmp_path / "mark").read_text().isdigit()
    assert walk(environment, "a:b") == (0, "a:b\n")


def test_in_production_the_points_are_dead():
    assert walk({**PRODUCTION, "CRASH_AT": "a:b"}, "a:b") == (0, "a:b\n")
