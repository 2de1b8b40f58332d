"""Where the embedded servers keep their data and sockets, under which account they run, and the lock around a start."""

import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: A Unix socket's path ends at 104 (macOS) or 108 (Linux) bytes; the longest name below `run` takes 18 of them.
_LONGEST_RUN_DIR = 80
_LOCK = "servers.lock"
_POINTER = "servers.location"
_RUN_POINTER = "run.location"
#: Data of a root whose own folders no other account can enter (`/root` mostly).
ROOT_HOME = Path("/var/lib/core-client-crm")
#: Accounts that exist everywhere and own nothing; PostgreSQL refuses to run as root.
_UNPRIVILEGED = ("nobody", "daemon")


class EmbeddedError(RuntimeError):
    """An embedded server cannot be used; the text is one line for the user."""


@dataclass(frozen=True)
class Account:
    """The account that the servers run under."""

    uid: int
    gid: int

    def popen_options(self) -> dict[str, Any]:
        """Return the options that make `subprocess` start a program under this account."""
        if os.geteuid() == self.uid:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True)
class Place:
    """The folders of one pair of servers."""

    home: Path
    run: Path
    account: Account

    def execute(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a program to its end as the servers run."""
        return subprocess.run(command, text=True, check=False, **self._options(), **options)

    def launch(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Start a program as the servers run, its output thrown away."""
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self._options())

    def _options(self) -> dict[str, Any]:
        # Under the servers' account, in their folder, with an environment that carries no surprises.
        place = {"cwd": self.home, "env": clean_environment(), "stdin": subprocess.DEVNULL}
        return {**place, **self.account.popen_options()}

    def make_private(self, folder: Path) -> None:
        """Make a folder that only the servers' account may enter."""
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise EmbeddedError(f"{folder} is not a folder")
        if found.st_uid not in (self.account.uid, os.geteuid()):
            raise EmbeddedError(f"{folder} belongs to another user; choose another DATA_DIR")
        folder.chmod(0o700)
        if found.st_uid != self.account.uid:
            os.chown(folder, self.account.uid, self.account.gid)


def clean_environment() -> dict[str, str]:
    """Return the environment for servers and their tools: locale and time zone fixed, no PG* setting of the user."""
    unwanted = ("PG", "LC_", "LANG")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def find(data_dir: Path) -> Place | None:
    """Return the place of this data folder, or None if no server was ever started in it; changes nothing."""
    home = _home(data_dir)
    try:
        owner = home.stat()
        run = _run_dir(home)
    except (FileNotFoundError, PermissionError):
        return None
    return Place(home, run, Account(owner.st_uid, owner.st_gid))


def prepare(data_dir: Path) -> Place:
    """Make the folders of this data folder's servers, or find them; call it under the lock. Raises EmbeddedError."""
    home = _home(data_dir)
    account = _account(home)
    place = Place(home, home / "run", account)
    place.make_private(home)
    if os.geteuid() == 0 and not _enters(account, home):
        place = _move_to_root_home(data_dir, account)
    run = _run_dir(place.home)
    place = Place(place.home, run, account)
    place.make_private(run)
    _write_pointer(place.home / _RUN_POINTER, place.home, run)
    return place


def _home(data_dir: Path) -> Path:
    try:
        return _read_pointer(data_dir / _POINTER, data_dir.absolute()) or data_dir.absolute() / "servers"
    except PermissionError:
        raise EmbeddedError(f"{data_dir} cannot be read; choose another DATA_DIR") from None


def _run_dir(home: Path) -> Path:
    recorded = _read_pointer(home / _RUN_POINTER, home)
    if recorded is not None:
        return recorded
    run = home / "run"
    if len(os.fsencode(run)) > _LONGEST_RUN_DIR:
        return Path(tempfile.gettempdir()).resolve() / f"crm-{_digest(home)}"
    return run


def _read_pointer(file: Path, owner: Path) -> Path | None:
    """Return the folder that a pointer names, unless its owner was copied or moved here from somewhere else."""
    try:
        recorded, _, target = file.read_text().strip().partition("\n")
    except FileNotFoundError:
        return None
    return Path(target) if recorded == str(owner) else None


def _write_pointer(file: Path, owner: Path, target: Path) -> None:
    file.write_text(f"{owner}\n{target}\n")


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path) + str(os.geteuid()).encode()).hexdigest()[:16]


def _account(home: Path) -> Account:
    """Return our own account; as root the owner of the data, and for new data an unprivileged one."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    if home.exists() and (owner := home.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedError("PostgreSQL does not run as root and there is no account 'nobody'; run as an ordinary user")


def _enters(account: Account, folder: Path) -> bool:
    """True if that account can enter the folder: its parents may be closed to it."""
    test = ["/bin/sh", "-c", 'cd -- "$0"', str(folder)]
    try:
        done = subprocess.run(test, cwd="/", capture_output=True, check=False, **account.popen_options())
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedError(f"cannot start a program as user {account.uid}: {error}; run as an ordinary user") from None
    return done.returncode == 0


def _move_to_root_home(data_dir: Path, account: Account) -> Place:
    home = ROOT_HOME / _digest(data_dir.absolute())
    place = Place(home, home / "run", account)
    try:
        ROOT_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
        ROOT_HOME.chmod(0o755)
        place.make_private(home)
    except OSError as error:
        raise EmbeddedError(f"user {account.uid} cannot enter {data_dir}, and {home} cannot be made: {error}") from None
    (data_dir / "servers").rmdir()
    _write_pointer(data_dir / _POINTER, data_dir.absolute(), home)
    say(f"user {account.uid} cannot enter {data_dir}: the embedded servers keep their data in {home}")
    return place


def reachable(place: Place, program: Path, root: Path, parts: list[str]) -> Path:
    """Return `program`, or a copy of it that the servers' account can run where it cannot enter the original's folder.

    `parts` are the folders below `root` that the program needs, itself included.
    """
    if os.geteuid() != 0 or runs(place, program):
        return program
    version = f"{program}@{program.stat().st_mtime_ns}"
    copy = place.home / "programs" / _digest(Path(version))
    if not copy.exists():
        building = copy.with_suffix(".new")
        shutil.rmtree(building, ignore_errors=True)
        for part in parts:
            shutil.copytree(root / part, building / part, ignore=shutil.ignore_patterns("*.py", "*.a", "include"))
        _give_away(building.parent, place.account)
        building.rename(copy)
    return copy / program.relative_to(root)


def runs(place: Place, program: Path) -> bool:
    """True if the servers' account can run the program."""
    try:
        return place.execute([str(program), "--version"], capture_output=True).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def _give_away(tree: Path, account: Account) -> None:
    for folder, _, files in os.walk(tree):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            os.chown(path, account.uid, account.gid)
            path.chmod(path.stat().st_mode | stat.S_IRWXU)


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Hold the one lock of this data folder; whoever else starts or stops its servers waits."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        handle = (data_dir / _LOCK).open("w")
    except OSError as error:
        raise EmbeddedError(f"{data_dir} cannot be written: {error}; choose another DATA_DIR") from None
    with handle:
        begun = time.monotonic()
        told = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told and time.monotonic() - begun > 5:
                    say("another process is starting or stopping the embedded servers; waiting for it")
                    told = True
                time.sleep(0.05)
        yield


def say(line: str) -> None:
    """Tell the user what takes long."""
    print(f"crm: {line}", file=sys.stderr, flush=True)
