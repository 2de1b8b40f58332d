"""The start refuses what must not run in production, and says why in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "CRM_ENV": "production",
    "SECRET_KEY": "s3cret-" * 8,
    "ALLOWED_HOSTS": "crm.example.com",
    "DATABASE_URL": "postgres://crm@db.example.com/crm",
    "REDIS_URL": "redis://redis.example.com:6379/0",
}


def start(**changes: str | None) -> subprocess.CompletedProcess[str]:
    """Load the settings in a fresh process with a production environment, changed as asked (None takes away)."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **GOOD}
    for name, value in changes.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    return subprocess.run(
        [sys.executable, "-c", "import crm.settings as s; print(s.CRM_ENV, s.DATABASES['default']['HOST'])"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_good_production_environment_starts():
    result = start()
    assert (result.returncode, result.stdout) == (0, "production db.example.com\n"), result.stderr


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"DEBUG": "true"}, "DEBUG"),
        ({"SECRET_KEY": None}, "SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"SECRET_KEY": "development-only-key-refused-in-production"}, "SECRET_KEY"),
        ({"ALLOWED_HOSTS": None}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
        ({"DATABASE_URL": None}, "DATABASE_URL"),
        ({"REDIS_URL": None}, "REDIS_URL"),
        ({"DATABASE_URL": "mysql://db/crm"}, "DATABASE_URL"),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL"),
        ({"CRM_ENV": "staging"}, "CRM_ENV"),
        ({"TIME_ZONE": "Mars/Olympus"}, "TIME_ZONE"),
        ({"LANGUAGE_CODE": "fr"}, "LANGUAGE_CODE"),
        ({"DEBUG": "perhaps"}, "DEBUG"),
        ({"NIGHT_PARTS": "two"}, "NIGHT_PARTS"),
        ({"EMAIL_URL": "pigeon://loft"}, "EMAIL_URL"),
    ],
)
def test_bad_value_stops_the_start_with_one_line_that_names_it(changes, named):
    result = start(**changes)
    assert result.returncode == 1
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("crm: ")
    assert named in lines[0]


def test_embedded_redis_never_stands_in_for_a_missing_address_in_production():
    result = start(REDIS_URL="")
    assert result.returncode == 1
    assert "embedded" in result.stderr
