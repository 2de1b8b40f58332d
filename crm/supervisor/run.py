"""The course of one `make run`: prepare, start the servers, watch them, stop everything."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO

from crm import embedded
from crm.supervisor import child, prepare
from crm.supervisor.child import Child, GivenUp
from crm.supervisor.config import Config, UserError
from crm.supervisor.console import say, show

_READY_SECONDS = 60.0
#: How long the children may take to end: a request, a task; the rest is repeated after the next start anyway.
_STOP_SECONDS = 12.0
_LOOK_EVERY = 0.25
_LOOK_AT_SERVERS_EVERY = 2.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """The user wants everything to end."""


class Supervisor:
    """Everything `make run` has started."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._environment = {**os.environ, "DATA_DIR": str(config.data_dir), "PYTHONUNBUFFERED": "1"}
        self._stop_asked = False
        self._step: subprocess.Popen | None = None
        self._children = self._make_children()
        self._make = _MakeAbove()

    def run(self) -> int:
        """Start, watch, stop; return the exit status."""
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                signal.signal(number, self._on_signal)
        try:
            self._start()
            self._watch()
        except Stopped:
            say("stopping …")
            return 0
        except (UserError, GivenUp, embedded.EmbeddedError) as error:
            show(f"crm: {error}")
            return 1
        finally:
            self._stop()
        return 0

    # --- Start -------------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        endpoints = self._start_servers()
        say("bringing the tables up to date …")
        self._manage("migrate", "--noinput", "--verbosity", "0")
        prepare.static_files(self._config, self._manage)
        firm = prepare.DemoFirm(self._config, os.environ.get("DATABASE_URL") or endpoints.database_url)
        if firm.wanted():
            firm.make(self._manage, self._ask_manage)
        say("starting the web server, a worker and beat …")
        for one in self._children:
            one.start()
        self._wait_until_ready()
        self._announce(firm.log_ins or ("" if firm.has_log_ins() else self._no_log_ins()))

    def _start_servers(self) -> embedded.Endpoints:
        config = self._config
        wanted = {"with_postgres": config.embedded_postgres, "with_redis": config.embedded_redis}
        if any(wanted.values()):
            say("starting the embedded servers …")
        return embedded.ensure_running(config.data_dir, **wanted)

    def _make_children(self) -> list[Child]:
        config = self._config
        gunicorn = ["gunicorn", "crm.wsgi:application", "--bind", config.bind, "--worker-class", "gthread"]
        gunicorn += ["--workers", "2", "--threads", "4", "--graceful-timeout", "8", "--access-logfile", "-"]
        # Without the query: what somebody searched for may be a person's name.
        gunicorn += ["--access-logformat", '%(h)s "%(m)s %(U)s" %(s)s %(b)s %(M)sms']
        # Loaded once and shared: a quicker start and less memory.
        gunicorn += ["--preload", "--no-control-socket"]
        celery = ["celery", "--app", "crm", "--quiet"]
        worker = [*celery, "worker", "--concurrency", "2", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
        schedule = str(config.data_dir / "celerybeat-schedule")
        beat = [*celery, "beat", "--loglevel", "INFO", "--schedule", schedule, "--pidfile", ""]
        # A worker that is told to end hands its task back instead of finishing it.
        environment = {**self._environment, "REMAP_SIGTERM": "SIGQUIT"}
        return [
            Child(name, [sys.executable, "-m", *command], variables, config.root, config.logs / f"{name}.log")
            for name, command, variables in (
                ("web", gunicorn, self._environment),
                ("worker", worker, environment),
                ("beat", beat, self._environment),
            )
        ]

    def _manage(self, *arguments: object) -> None:
        """Run a manage command in sight. Raises UserError if it fails, Stopped if the user interrupts it."""
        self._run_step(arguments, output=None)

    def _ask_manage(self, *arguments: object) -> str:
        """Run a manage command and return what it prints."""
        answer = self._config.data_dir / "answer.txt"
        with answer.open("w+b") as output:
            self._run_step(arguments, output=output)
            output.seek(0)
            return output.read().decode()

    def _run_step(self, arguments: tuple[object, ...], output: IO[bytes] | None) -> None:
        command = [sys.executable, "manage.py", *map(str, arguments)]
        self._step = child.start(command, self._environment, self._config.root, output)
        while self._step.poll() is None:
            self._check_stop()
            time.sleep(0.05)
        status, self._step = self._step.returncode, None
        if status != 0:
            raise UserError(f"`manage.py {' '.join(map(str, arguments))}` failed with exit status {status}")

    def _wait_until_ready(self) -> None:
        limit = time.monotonic() + _READY_SECONDS
        told = time.monotonic() + 5
        while True:
            state = _readiness(self._config)
            self._check_stop()
            for one in self._children:
                if one.process is not None and one.process.poll() is not None:
                    raise UserError(f"{one.name} did not start, see {one.log}:\n{one.last_lines()}")
            if state == "ready":
                return
            if time.monotonic() > limit:
                raise UserError(f"the web server is not ready: {state}\n{self._children[0].last_lines()}")
            if time.monotonic() > told:
                say(f"waiting for the web server: {state}")
                told = time.monotonic() + 5
            time.sleep(0.1)

    def _announce(self, log_ins: str) -> None:
        config = self._config
        say("ready")
        show(f"\n  {config.address}\n\n")
        if log_ins:
            show("\n".join(f"  {line}".rstrip() for line in log_ins.splitlines()) + "\n\n")
        show(f"  Logs: {config.logs}   Data: {config.data_dir}   Stop: Ctrl-C\n")

    def _no_log_ins(self) -> str:
        manage = f"DATA_DIR={self._config.data_dir} .venv/bin/python manage.py"
        return (
            "Nobody can log in yet. Put branches.csv and staff.csv (docs/intake.md) into a folder, then, in a second window:\n"
            f"  {manage} load_calendar\n  {manage} intake FOLDER\n  {manage} loadstaff FOLDER/staff.csv"
        )

    # --- Watch -------------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        look_at_servers = 0.0
        while True:
            self._check_stop()
            now = time.monotonic()
            for one in self._children:
                if told := one.look(now):
                    say(told)
            if now > look_at_servers:
                self._look_at_servers()
                look_at_servers = time.monotonic() + _LOOK_AT_SERVERS_EVERY
            time.sleep(_LOOK_EVERY)

    def _look_at_servers(self) -> None:
        config = self._config
        if not (config.embedded_postgres or config.embedded_redis):
            return
        found = embedded.status(config.data_dir)
        if (config.embedded_postgres and not found.postgres) or (config.embedded_redis and not found.redis):
            say("an embedded server does not answer; starting it again …")
            self._start_servers()
            say("the embedded servers answer")

    def _on_signal(self, number: int, frame: object) -> None:
        self._stop_asked = True

    def _check_stop(self) -> None:
        if self._stop_asked or self._make.interrupted():
            raise Stopped

    # --- Stop --------------------------------------------------------------------------------------------------------

    def _stop(self) -> None:
        running = [one.process for one in self._children if one.process is not None]
        if self._step is not None:
            running.append(self._step)
        if killed := child.end(running, _STOP_SECONDS):
            say(f"killed after {_STOP_SECONDS:.0f} s: {', '.join(map(str, killed))}")
        if self._config.embedded_postgres or self._config.embedded_redis:
            try:
                embedded.stop(self._config.data_dir)
            except embedded.EmbeddedError as error:
                show(f"crm: {error}")
        say("stopped")


def _readiness(config: Config) -> str:
    """Ask the web server itself; 'ready' or what is wrong."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{config.address}/readyz", timeout=5) as answer:
            return "ready" if answer.status == 200 else str(answer.status)
    except urllib.error.HTTPError as error:
        told = error.read(300).decode(errors="replace").strip()
        return f"{error.code} {told}" if told.startswith("{") else str(error.code)
    except OSError as error:
        return str(getattr(error, "reason", error))


class _MakeAbove:
    """An interrupt sent to `make` alone does not reach us, and make waits for us then: notice it (Linux only)."""

    def __init__(self) -> None:
        self._status = Path(f"/proc/{os.getppid()}/status")
        self._caught_at_start = self._catches_interrupt()

    def interrupted(self) -> bool:
        """True once the `make` above us was interrupted: it drops its handler and waits for its children."""
        return self._caught_at_start and not self._catches_interrupt()

    def _catches_interrupt(self) -> bool:
        try:
            lines = self._status.read_text().splitlines()
        except OSError:
            return False
        fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        if fields.get("Name") not in ("make", "gmake"):
            return False
        return bool(int(fields.get("SigCgt", "0"), 16) & (1 << (signal.SIGINT - 1)))
