"""Looks at other processes. A pid alone proves nothing: it may be a zombie, or belong to somebody else by now."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_PROC = Path("/proc")
_LINUX = sys.platform == "linux"


def alive(pid: int, program: str = "") -> bool:
    """True if the process runs (a zombie does not) and, if given, its program's name begins like this."""
    if pid <= 0:
        return False
    state, name = _state_linux(pid) if _LINUX else _state_ps(pid)
    return state not in ("", "Z", "X") and name.startswith(program)


def _state_linux(pid: int) -> tuple[str, str]:
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return "", ""
    # "pid (name) state …": the name itself may hold blanks and brackets.
    name, _, rest = stat.partition("(")[2].rpartition(")")
    return rest.split()[0], name


def _state_ps(pid: int) -> tuple[str, str]:
    shown = subprocess.run(["ps", "-o", "state=,comm=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, command = shown.stdout.strip().partition(" ")
    return state[:1], Path(command.strip()).name


def works_in(pid: int, folder: Path) -> bool:
    """True if the process' working folder is this one; True as well where that cannot be known."""
    if not _LINUX:
        return True
    try:
        return (_PROC / str(pid) / "cwd").readlink() == folder.resolve()
    except OSError:
        return True


def working_in(folder: Path, program: str) -> list[int]:
    """Processes of that program whose working folder is this one (Linux only; elsewhere none is found)."""
    if not _LINUX:
        return []
    pids = [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]
    wanted = folder.resolve()
    found = []
    for pid in pids:
        try:
            if (_PROC / str(pid) / "cwd").readlink() == wanted and alive(pid, program):
                found.append(pid)
        except OSError:
            continue
    return found


def send(pids: list[int], number: int) -> None:
    """Send a signal to each; those already gone do not matter."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def wait_gone(pids: list[int], seconds: float) -> list[int]:
    """Wait until none of the processes is alive, at most so long; return those that still are."""
    end = time.monotonic() + seconds
    while (left := [pid for pid in pids if alive(pid)]) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def end(pids: list[int], ladder: tuple[tuple[int, float], ...]) -> None:
    """Send one signal after the other, each with its patience in seconds, until all are gone; last of all SIGKILL."""
    left = pids
    for number, seconds in (*ladder, (signal.SIGKILL, 5.0)):
        if not left:
            return
        send(left, number)
        left = wait_gone(left, seconds)
