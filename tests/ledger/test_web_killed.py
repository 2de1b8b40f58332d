"""kill -9 of the whole web server in the middle of an upload: all of it or nothing, and no file is left lying (N1).

A gunicorn as in use, on the tests' database; the intake itself runs in a worker, which has its own tests.
"""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta

import psycopg2
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client as Browser

from crm.clock import now
from ledger.intake import batch as batches
from ledger.models import BatchState, IntakeBatch
from org.models import Role
from tests.factories import StaffFactory
from tests.ledger.deliveries import DAY, FIRM, TRADES_HEADER, counts
from tests.ledger.test_intake_crash import database_url, wait_until_gone

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

ROWS = 2_000
BOUNDARY = "----a-form"


@contextmanager
def web_server(files) -> Iterator[tuple[int, subprocess.Popen]]:
    """(port, process) of a gunicorn with two workers, in a process group of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "DATABASE_URL": database_url(), "REDIS_URL": settings.REDIS_URL, "DATA_DIR": str(files), "DEBUG": "on",
    }  # fmt: skip
    command = [sys.executable, "-m", "gunicorn", "crm.wsgi:application", "--bind", f"127.0.0.1:{port}", "--preload"]
    command += ["--workers", "2", "--threads", "2", "--worker-class", "gthread", "--log-level", "error"]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, start_new_session=True)
    try:
        end = time.monotonic() + 60
        while True:
            with suppress(OSError), closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as asked:
                asked.request("GET", "/healthz")
                if asked.getresponse().status == 200:
                    break
            assert process.poll() is None, "the web server ended"
            assert time.monotonic() < end, "the web server does not answer"
            time.sleep(0.1)
        yield port, process
    finally:
        kill(process)


def kill(process: subprocess.Popen) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)


class Upload:
    """The form of the upload page as a browser sends it, with the session of a log-in."""

    def __init__(self, user) -> None:
        browser = Browser()
        browser.force_login(user)
        self.cookie = f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"

    def open(self, port: int) -> http.client.HTTPConnection:
        """A connection on which the head of the form is sent, with the token of the page."""
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        asked.request("GET", "/intake/upload/", headers={"Cookie": self.cookie})
        answer = asked.getresponse()
        page = answer.read().decode()
        assert answer.status == 200, page[:500]
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
        pair = next(
            value.split(";")[0] for name, value in answer.getheaders() if name == "Set-Cookie" and "csrf" in value
        )
        self.body = self._body(token)
        asked.putrequest("POST", "/intake/upload/")
        for name, value in (
            ("Cookie", f"{self.cookie}; {pair}"),
            ("Content-Type", f"multipart/form-data; boundary={BOUNDARY}"),
            ("Content-Length", str(len(self.body))),
        ):
            asked.putheader(name, value)
        asked.endheaders()
        return asked

    def _body(self, token: str) -> bytes:
        trades = "".join(
            f"T{n:06d},2026-08-{1 + n % 28:02d},1001,A1,600000,stock,buy,100,{n}.25,1.25,0.01\n" for n in range(ROWS)
        )
        fields = {"csrfmiddlewaretoken": token, "mapping": "core-v1", "business_date": DAY.isoformat()}
        parts = [f'name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
        for name, text in (FIRM | {"trades.csv": TRADES_HEADER + trades}).items():
            parts.append(f'name="files"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n{text}')
        form = "".join(f"--{BOUNDARY}\r\nContent-Disposition: form-data; {part}\r\n" for part in parts)
        return f"{form}--{BOUNDARY}--\r\n".encode()


def left_over() -> list[str]:
    root = batches.uploads_folder()
    return [str(path) for path in root.rglob("*") if path.is_file()] if root.exists() else []


@pytest.fixture
def upload(settings, tmp_path):
    settings.DATA_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "files"
    return Upload(StaffFactory(role=Role.ADMIN).user), tmp_path


def test_killed_in_mid_upload_then_sent_again(upload):
    form, files = upload
    # In the middle of the body.
    with web_server(files) as (port, process), closing(form.open(port)) as asked:
        asked.send(form.body[: len(form.body) // 2])
        time.sleep(0.3)
        kill(process)
        with pytest.raises((OSError, http.client.HTTPException)):
            asked.getresponse()
    assert not IntakeBatch.objects.exists()
    assert left_over() == []

    # The files are down, the batch is about to be written.
    with (
        web_server(files) as (port, process),
        closing(form.open(port)) as asked,
        closing(psycopg2.connect(database_url())) as holder,
        holder.cursor() as cursor,
    ):
        cursor.execute("LOCK TABLE ledger_intakefile IN SHARE ROW EXCLUSIVE MODE")
        asked.send(form.body)
        end = time.monotonic() + 30
        while not (waiting := _waiter()):
            assert time.monotonic() < end, "the upload never came to its batch"
            time.sleep(0.05)
        kill(process)
        holder.rollback()
        wait_until_gone(waiting)
    assert not IntakeBatch.objects.exists()
    assert left_over(), "the files were put down before"

    # Sent again to a new server, the batch is there once, and a worker takes it in though its message is lost.
    with web_server(files) as (port, process), closing(form.open(port)) as asked:
        asked.send(form.body)
        answer = asked.getresponse()
        assert answer.status == 302, answer.read()[:1000]
        kill(process)
    batch = IntakeBatch.objects.get()
    assert batch.state == BatchState.WAITING
    IntakeBatch.objects.update(created_at=now() - timedelta(minutes=5))
    assert batches.left_behind() == [batch.pk]
    batch = batches.run(batch.pk)
    assert batch.state == BatchState.DONE
    assert counts(batch.files.get(kind="trades")) == (ROWS, ROWS, 0, 0, 0)

    # What no batch knows goes, but not while it may still be on its way.
    assert batches.forget_orphans(older_than=timedelta(hours=1)) == 0
    assert batches.forget_orphans(older_than=timedelta(0)) == 1
    assert left_over() == []


def _waiter() -> int:
    """Server process of whoever waits to write a batch's files; 0 for nobody."""
    # Not in the holder's transaction, which would see the same activity for ever.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            " AND query LIKE '%ledger_intakefile%'"
        )
        found = cursor.fetchone()
    return found[0] if found else 0
