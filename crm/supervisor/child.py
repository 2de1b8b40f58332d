"""One program that `make run` keeps running: in a process group of its own, restarted when it dies, gone when told."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_LOG_LIMIT = 10_000_000
_PR_SET_PDEATHSIG = 1
#: More deaths than this within the time (s) and it is not restarted again.
DEATHS_ALLOWED = 5
DEATHS_WITHIN = 120.0
_LONGEST_PAUSE = 15.0

_prctl: Callable[..., int] | None = None
if sys.platform == "linux":
    _prctl = ctypes.CDLL(None, use_errno=True).prctl


def start(command: list[str], environment: Mapping[str, str], cwd: Path, output: IO[bytes] | None) -> subprocess.Popen:
    """Start a program as leader of a new session: the terminal's Ctrl-C reaches us alone, and we can end all of it."""
    parent = os.getpid()

    def die_with_parent() -> None:
        if _prctl is not None:
            _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:  # it died before we asked
                os._exit(1)

    return subprocess.Popen(
        command,
        env=dict(environment),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        start_new_session=True,
        preexec_fn=die_with_parent,
    )


def end(processes: list[subprocess.Popen], patience: float) -> list[int]:
    """Ask the programs to end, wait so many seconds, then kill what is left of their groups.

    Only the leaders are asked: they end their own children in order. Returns those that had to be killed.
    """
    for process in processes:
        process.terminate()
    limit = time.monotonic() + patience
    while any(process.poll() is None for process in processes) and time.monotonic() < limit:
        time.sleep(0.05)
    killed = [process.pid for process in processes if process.poll() is None]
    for process in processes:
        # The leader may be gone and have left somebody behind.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return killed


@dataclass
class Child:
    """A server among the children."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    cwd: Path
    log: Path
    process: subprocess.Popen | None = None
    _deaths: list[float] = field(default_factory=list)
    _start_at: float = 0.0

    def start(self) -> None:
        """Start it; its output goes to its log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as output:
            self.process = start(self.command, self.environment, self.cwd, output)

    def look(self, now: float) -> str:
        """Start it again when it has died, later each time; return what the user should know, mostly nothing.

        Raises GivenUp when it dies too often.
        """
        if self.process is None:
            if now < self._start_at:
                return ""
            self.start()
            return f"{self.name} started again"
        status = self.process.poll()
        if status is None:
            return ""
        end([self.process], 0)
        self.process = None
        self._deaths = [death for death in self._deaths if now - death < DEATHS_WITHIN] + [now]
        how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        if len(self._deaths) > DEATHS_ALLOWED:
            raise GivenUp(f"{self.name} died {len(self._deaths)} times, the last with {how}; see {self.log}")
        pause = min(_LONGEST_PAUSE, 2.0 ** (len(self._deaths) - 1))
        self._start_at = now + pause
        return f"{self.name} ended unexpectedly ({how}, see {self.log}); starting it again in {pause:.0f} s"

    def last_lines(self, count: int = 15) -> str:
        """Return the end of its log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])
        except FileNotFoundError:
            return ""


class GivenUp(RuntimeError):
    """A child dies again and again; the text is for the user."""
