"""gunicorn as in production (preloaded, 2 workers × 4 threads), and the memory of its processes."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

OPTIONS = [
    "--preload",
    "--workers",
    "2",
    "--threads",
    "4",
    "--worker-class",
    "gthread",
    "--timeout",
    "120",
    "--log-level",
    "warning",
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def gunicorn(application: str, environment: Mapping[str, str]) -> Iterator["Server"]:
    """Serve a WSGI application on a free loopback port until the block ends."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{port}", *OPTIONS],
        cwd=ROOT,
        env={**os.environ, **environment},
        start_new_session=True,
    )
    try:
        server = Server(port, process.pid)
        server.wait()
        yield server
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


class Server:
    """A running server: GET with one kept-alive connection, and its memory."""

    def __init__(self, port: int, pid: int) -> None:
        self.port, self.pid = port, pid
        self.cookie = ""
        self.token = ""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def wait(self, path: str = "/healthz", limit: float = 60) -> None:
        until = time.monotonic() + limit
        while time.monotonic() < until:
            try:
                if http_status(self.port, path) in (200, 404):
                    return
            except OSError:
                time.sleep(0.1)
        raise TimeoutError(f"no answer on port {self.port}")

    def get(self, path: str, *, anonymous: bool = False) -> bytes:
        """Body of a GET; anything but 200 is an error of the benchmark."""
        headers = {"Accept-Language": "zh-hans"}
        if not anonymous and self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        elif not anonymous and self.cookie:
            headers["Cookie"] = self.cookie
        self._connection.request("GET", path, headers=headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status} {body[:300]!r}")
        return body

    def memory(self) -> int:
        """Proportional set size of master and workers, bytes."""
        return sum(_pss(pid) for pid in [self.pid, *_children(self.pid)])


def http_status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no Pss of {pid}")
