"""What a web server holds before its first request: everything its workers share, and nothing that only a few requests need."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

#: Slow to load and large. A page or a step that needs one imports it where it uses it.
HEAVY = {
    "numpy", "scipy", "pandas", "statsmodels", "xlsxwriter", "python_calamine", "openpyxl", "holidays", "matplotlib", "pyvrp",
}  # fmt: skip
LOOK = """
import gc, json, sys
import crm.wsgi
from django.db import connections
from django.template import engines
cached = engines["django"].engine.template_loaders[0].loaders[0].get_template_cache
print(json.dumps({
    "modules": sorted({name.split(".")[0] for name in sys.modules}),
    "views": "clients.views" in sys.modules,
    "templates": len(cached),
    "frozen": gc.get_freeze_count(),
    "connected": any(connection.connection for connection in connections.all()),
}))
"""


@pytest.fixture(scope="module")
def started() -> dict:
    """A web process as gunicorn has it before it forks; no database and no Redis answer."""
    environment = os.environ | {
        "CRM_ENV": "production",
        "DEBUG": "off",
        "CRM_EMBEDDED": "off",
        "SECRET_KEY": "only for this test, and long enough for the checks of production",
        "ALLOWED_HOSTS": "crm.example.com",
        "DATABASE_URL": "postgres://crm@127.0.0.1:1/crm",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "DJANGO_SETTINGS_MODULE": "crm.settings",
    }
    command = [sys.executable, "-c", LOOK]
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_nothing_heavy_is_loaded(started):
    assert not HEAVY & set(started["modules"])


def test_views_and_templates_are_there_before_the_fork(started):
    assert started["views"]
    own = list((settings.BASE_DIR / "templates").rglob("*.html"))
    assert started["templates"] >= len(own) > 100


def test_what_is_shared_stays_shared(started):
    assert started["frozen"] > 50_000
    assert not started["connected"]  # two workers would talk over one connection
