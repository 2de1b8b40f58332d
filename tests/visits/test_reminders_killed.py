"""kill -9 of the worker in mid reminders (V9): each once; what was in the air comes again as the same message.

A mail or message that a gateway has taken, but whose answer never reached the worker, cannot be told from one that was
lost: it goes out again with the same Message-ID or Idempotency-Key, by which the gateway knows it. A real worker, a
mail server and a messenger that speak their protocols; nothing else is repeated.
"""

import os
import socketserver
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from celery import Celery
from django.conf import settings
from django.db.models import F

from crm.clock import now
from nights.models import Notice
from tests.factories import BranchFactory, StaffFactory
from tests.ledger.test_intake_crash import database_url
from tests.nights.station import kill_group
from visits.models import Reminder

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

STAFF = 6


class Gateway:
    """What arrived, by identity; `hold` lets the nth message arrive, but its answer wait."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.hold = 0
        self.held, self.go = threading.Event(), threading.Event()

    def take(self, identity: str) -> None:
        self.got.append(identity)
        if len(self.got) == self.hold:
            self.held.set()
            self.go.wait(60)


def messenger(gateway: Gateway) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            gateway.take(self.headers["Idempotency-Key"])
            with suppress(OSError):
                self.send_response(204)
                self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


class Threads(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


def mail_server(gateway: Gateway) -> Threads:
    class Handler(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            with suppress(OSError):
                self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            self.say("220 here")
            with suppress(OSError):
                while line := self.rfile.readline():
                    command = line.decode().strip().upper()
                    if command == "DATA":
                        self.say("354 go on")
                        self.message()
                    elif command == "QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("250 ok")

        def message(self) -> None:
            identity = ""
            while (line := self.rfile.readline().decode()) not in (".\r\n", ""):
                if line.lower().startswith("message-id:"):
                    identity = line.split(":", 1)[1].strip()
            gateway.take(identity)
            self.say("250 taken")

    return Threads(("127.0.0.1", 0), Handler)


@contextmanager
def serving(server) -> Iterator[int]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def wait_for(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, list(Reminder.objects.values_list("way", "state").order_by("pk"))
        time.sleep(0.1)


@pytest.mark.parametrize("way", ["hook", "email"])
def test_killed_in_mid_reminders(way, tmp_path):
    branch, day, at = BranchFactory(), now().date(), now() - timedelta(minutes=1)
    people = [StaffFactory(branch=branch, email=f"m{n}@example.com") for n in range(STAFF)]
    data = {"day": day.isoformat(), "n": 3, "calls": 1, "first": "09:00"}
    for one in people:
        for kind in Reminder.Way.values:
            Reminder.objects.create(
                key=f"evening:{one.pk}:{day}", way=kind, staff=one, kind="evening", day=day, data=data, due_at=at
            )
    gateways = {"hook": Gateway(), "email": Gateway()}
    gateways[way].hold = 3
    with serving(messenger(gateways["hook"])) as web, serving(mail_server(gateways["email"])) as mail:
        environment = os.environ | {
            "DATABASE_URL": database_url(),
            "REDIS_URL": settings.REDIS_URL,
            "EMAIL_URL": f"smtp://127.0.0.1:{mail}",
            "MESSENGER_URL": f"http://127.0.0.1:{web}/hook",
            "MESSENGER_SECRET": "between-us",
            "DATA_DIR": str(tmp_path),
            "TZ": "UTC",
        }

        def worker() -> subprocess.Popen:
            command = [sys.executable, "-m", "celery", "--app", "crm", "--quiet", "worker", "--concurrency", "1"]
            command += ["--loglevel", "WARNING", "--without-gossip", "--without-mingle"]
            with (tmp_path / "worker.log").open("ab") as log:
                return subprocess.Popen(
                    command, cwd=settings.BASE_DIR, env=environment, stdout=log, stderr=log, start_new_session=True
                )

        # As the worker's settings make it of the same address.
        with Celery(broker=settings.REDIS_URL.replace("unix://", "redis+socket://"), set_as_current=False) as sender:
            first = worker()
            sender.send_task("visits.remind")
            try:
                assert gateways[way].held.wait(60), (tmp_path / "worker.log").read_text()
            finally:
                kill_group(first)
                gateways[way].go.set()
            in_the_air = Reminder.objects.get(state="sending")
            assert in_the_air.way == way
            # Ten minutes later it is known to be lost with its worker.
            Reminder.objects.filter(state="sending").update(due_at=F("due_at") - timedelta(minutes=11))
            second = worker()
            sender.send_task("visits.remind")
            try:
                wait_for(lambda: not Reminder.objects.exclude(state="sent").exists())
            finally:
                kill_group(second)

    assert Counter(Notice.objects.values_list("user_id", flat=True)) == {one.user_id: 1 for one in people}
    for name, gateway in gateways.items():
        counted = Counter(gateway.got)
        assert len(counted) == STAFF, "each of them, by an identity of its own"
        repeated = {identity: n for identity, n in counted.items() if n > 1}
        if name == way:
            (identity,) = repeated
            assert repeated[identity] == 2
            assert str(in_the_air.staff_id) in identity.split("@")[0].replace(".", ":").split(":")
        else:
            assert repeated == {}
