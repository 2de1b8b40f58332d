"""What the user chose for `make run`, checked before anything is started."""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: Clients and staff of the demo firms.
FIRMS = {"small": (200, 12), "full": (5000, 30), "none": (0, 0)}
_LOCK = "run.lock"


class UserError(RuntimeError):
    """The start cannot go on; the text is one line for the user."""


@dataclass(frozen=True)
class Config:
    """The choices of one `make run`."""

    root: Path
    data_dir: Path
    host: str
    port: int
    demo: str
    embedded_postgres: bool
    embedded_redis: bool

    @property
    def address(self) -> str:
        """The address to print: what listens everywhere is reached at this machine's own name."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def bind(self) -> str:
        """The address as gunicorn wants it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def logs(self) -> Path:
        """Folder of the children's logs."""
        return self.data_dir / "logs"


def read(environment: Mapping[str, str], root: Path) -> Config:
    """Read the choices from the environment. Raises UserError."""
    port = environment.get("PORT") or "8000"
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise UserError(f"PORT={port!r}: a number from 1 to 65535 is needed")
    production = environment.get("CRM_ENV") == "production"
    demo = environment.get("DEMO") or ("none" if production else "full")
    if demo not in FIRMS:
        raise UserError(f"DEMO={demo!r}: choose small, full or none")
    if production and demo != "none":
        raise UserError("DEMO must be none when CRM_ENV=production")
    return Config(
        root=root,
        data_dir=(root / (environment.get("DATA_DIR") or "var")).resolve(),
        host=environment.get("HOST") or "127.0.0.1",
        port=int(port),
        demo=demo,
        embedded_postgres=not environment.get("DATABASE_URL"),
        embedded_redis=not environment.get("REDIS_URL"),
    )


def check_port(config: Config) -> None:
    """Raise UserError if the web server could not listen."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise UserError(f"port {config.port} is in use; choose another: make run PORT=9000") from None
            raise UserError(f"cannot listen on {config.bind}: {error.strerror or error}") from None


@contextmanager
def only_one(config: Config) -> Iterator[None]:
    """Hold this data folder; UserError if another `make run` holds it."""
    try:
        config.data_dir.mkdir(parents=True, exist_ok=True)
        handle = (config.data_dir / _LOCK).open("a+")
    except OSError as error:
        raise UserError(f"{config.data_dir} cannot be written: {error.strerror}; choose another DATA_DIR") from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            pid, address = (*handle.read().split(), "?", "?")[:2]
            told = f"`make run` is already running on {config.data_dir} (process {pid}, {address})"
            raise UserError(f"{told}; stop it with Ctrl-C there or `make stop`, or choose another DATA_DIR") from None
        handle.truncate(0)
        handle.write(f"{os.getpid()} {config.address}\n")
        handle.flush()
        yield


def running_pid(config: Config) -> int:
    """Pid of the `make run` that holds this data folder, 0 if there is none."""
    try:
        with (config.data_dir / _LOCK).open("r+") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return int((handle.read().split() or ["0"])[0])
    except OSError:
        pass
    return 0
