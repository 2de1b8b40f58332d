"""`make run`: refuses what cannot work, brings back what dies, leaves nothing behind. With real servers throughout."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from crm import embedded
from crm.embedded import place, process
from crm.supervisor import child, config
from crm.supervisor.child import Child, GivenUp

ROOT = Path(__file__).resolve().parents[2]
LINUX = sys.platform == "linux"


# --- One whole run ---------------------------------------------------------------------------------------------------


def make_data_dir() -> Path:
    parent = Path(tempfile.mkdtemp(prefix="crm-run-")).resolve()
    parent.chmod(0o711)
    return parent / "data"


def remove(data_dir: Path) -> None:
    embedded.stop(data_dir)
    shutil.rmtree(data_dir.parent)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Run:
    process: subprocess.Popen
    data_dir: Path
    port: int
    output: Path

    def said(self) -> str:
        return self.output.read_text()

    def get(self, path: str) -> int:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return answer.status

    def pid_of(self, module: str) -> int:
        """Leader of the child that runs `python -m module`."""
        for pid in children_of(self.process.pid):
            if module in command_of(pid):
                return pid
        raise AssertionError(f"no {module} among the children")


def environment(data_dir: Path, port: int, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL", "CRM_ENV")}
    return {**kept, "DATA_DIR": str(data_dir), "PORT": str(port), "DEMO": "none", "PYTHONUNBUFFERED": "1", **more}


@contextmanager
def started(data_dir: Path, command: list[str] | None = None) -> Iterator[Run]:
    """A run that is ready; killed at the end if the test has not ended it."""
    port = free_port()
    output = data_dir.parent / "output.txt"
    command = command or [sys.executable, "-m", "crm.supervisor"]
    with output.open("wb") as file:
        popen = subprocess.Popen(
            command, cwd=ROOT, env=environment(data_dir, port), stdout=file, stderr=file, start_new_session=True
        )
    run = Run(popen, data_dir, port, output)
    try:
        wait_for(lambda: "] ready\n" in run.said() or popen.poll() is not None, 120, run.said)
        assert popen.poll() is None, run.said()
        yield run
    finally:
        if popen.poll() is None:
            os.killpg(popen.pid, signal.SIGTERM)
            popen.wait(60)


def wait_for(condition: Callable[[], bool], seconds: float, told: Callable[[], str] = str) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, told()
        time.sleep(0.1)


def command_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def children_of(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = int(stat.parent.name), stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(rest[1]) == parent:
            found.append(pid)
    return found


def left_over(data_dir: Path) -> list[list[str]]:
    """Command lines of all living processes that have to do with this data folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            traces = (
                (entry / "environ").read_bytes()
                + (entry / "cmdline").read_bytes()
                + os.readlink(entry / "cwd").encode()
            )
        except OSError:
            continue
        pid = int(entry.name)
        if str(data_dir).encode() in traces and pid != os.getpid() and process.alive(pid):
            found.append(command_of(pid))
    return found


@pytest.fixture(scope="module")
def running() -> Iterator[Run]:
    data_dir = make_data_dir()
    try:
        with started(data_dir) as run:
            yield run
    finally:
        remove(data_dir)


@pytest.fixture(scope="module")
def used_data_dir() -> Iterator[Path]:
    """A folder that several runs use one after the other: only the first has to make everything."""
    data_dir = make_data_dir()
    yield data_dir
    remove(data_dir)


linux_only = pytest.mark.skipif(not LINUX, reason="reads /proc")


@linux_only
def test_run_serves_pages_with_worker_and_beat(running):
    assert running.get("/healthz") == 200
    assert running.get("/readyz") == 200
    for module in ("gunicorn", "worker", "beat"):
        assert process.alive(running.pid_of(module))
    assert "Nobody can log in yet" in running.said()
    assert "manage.py loadstaff FOLDER/staff.csv" in running.said()


def test_second_run_on_the_same_data_is_refused(running):
    done = subprocess.run(
        [sys.executable, "-m", "crm.supervisor"],
        cwd=ROOT,
        env=environment(running.data_dir, free_port()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert (
        f"already running on {running.data_dir} (process {running.process.pid}, http://127.0.0.1:{running.port})"
        in done.stderr
    )
    assert running.get("/healthz") == 200


@linux_only
def test_a_killed_web_server_and_a_killed_worker_come_back(running):
    web, worker = running.pid_of("gunicorn"), running.pid_of("worker")
    os.kill(web, signal.SIGKILL)
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: running.said().count("started again") == 2, 30, running.said)
    assert "web ended unexpectedly (SIGKILL" in running.said()
    assert running.pid_of("gunicorn") != web
    assert running.pid_of("worker") != worker
    wait_for(lambda: answers(running), 30)


def answers(run: Run) -> bool:
    try:
        return run.get("/readyz") == 200
    except OSError:
        return False


@linux_only
def test_a_killed_postgres_comes_back(running):
    data = place.find(running.data_dir).home / "postgres"
    killed = int((data / "postmaster.pid").read_text().split()[0])
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: "the embedded servers answer" in running.said(), 60, running.said)
    wait_for(lambda: answers(running), 30)


@linux_only
def test_ctrl_c_ends_everything(used_data_dir):
    with started(used_data_dir) as run:
        os.kill(run.process.pid, signal.SIGINT)
        assert run.process.wait(30) == 0
        assert run.said().rstrip().endswith("stopped")
    wait_for(lambda: left_over(used_data_dir) == [], 5, lambda: str(left_over(used_data_dir)))


@linux_only
def test_a_child_that_hangs_is_killed_at_the_end(used_data_dir):
    with started(used_data_dir) as run:
        hung = run.pid_of("beat")
        os.kill(hung, signal.SIGSTOP)
        os.kill(run.process.pid, signal.SIGTERM)
        assert run.process.wait(40) == 0
        assert f"killed after 12 s: {hung}" in run.said()
    wait_for(lambda: left_over(used_data_dir) == [], 5, lambda: str(left_over(used_data_dir)))


@linux_only
@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_an_interrupt_sent_to_make_alone_ends_everything(used_data_dir):
    makefile = used_data_dir.parent / "Makefile"
    makefile.write_text(f"run:\n\t@exec {sys.executable} -m crm.supervisor\n")
    with started(used_data_dir, ["make", "-f", str(makefile), "run"]) as run:
        os.kill(run.process.pid, signal.SIGINT)
        run.process.wait(40)
    wait_for(lambda: left_over(used_data_dir) == [], 5, lambda: str(left_over(used_data_dir)))


@linux_only
def test_children_die_with_a_supervisor_that_was_killed_and_the_next_start_works(used_data_dir):
    with started(used_data_dir) as run:
        leaders = children_of(run.process.pid)
        os.kill(run.process.pid, signal.SIGKILL)
        run.process.wait(10)
        assert len(leaders) == 3
        assert process.wait_gone(leaders, 20) == []
    assert embedded.status(used_data_dir).postgres is True
    with started(used_data_dir) as run:
        assert run.get("/readyz") == 200


@linux_only
def test_stop_ends_a_run_and_then_has_nothing_to_do(used_data_dir):
    stop = [sys.executable, "-m", "crm.supervisor", "--stop"]
    with started(used_data_dir) as run:
        done = subprocess.run(
            stop, cwd=ROOT, env=environment(used_data_dir, run.port), capture_output=True, text=True, check=True
        )
        assert f"(process {run.process.pid})" in done.stdout
        assert run.process.wait(10) == 0
    again = subprocess.run(
        stop, cwd=ROOT, env=environment(used_data_dir, 1), capture_output=True, text=True, check=True
    )
    assert again.stdout == "nothing was running\n"


# --- Choices ---------------------------------------------------------------------------------------------------------


def test_port_in_use_is_said_before_anything_is_started(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "crm.supervisor"],
            cwd=ROOT,
            env=environment(tmp_path / "data", port),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == f"crm: port {port} is in use; choose another: make run PORT=9000\n"
    assert not (tmp_path / "data" / "servers").exists()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"PORT": "eighty"}, "PORT='eighty'"),
        ({"PORT": "70000"}, "PORT='70000'"),
        ({"DEMO": "huge"}, "DEMO='huge': choose small, full or none"),
        ({"DEMO": "full", "CRM_ENV": "production"}, "DEMO must be none when CRM_ENV=production"),
    ],
)
def test_impossible_choices_are_refused(variables, said):
    with pytest.raises(config.UserError, match=f"^{said}"):
        config.read(variables, ROOT)


def test_defaults():
    chosen = config.read({}, ROOT)
    assert (chosen.address, chosen.bind, chosen.demo) == ("http://127.0.0.1:8000", "127.0.0.1:8000", "full")
    assert chosen.data_dir == ROOT / "var"
    assert chosen.embedded_postgres
    assert chosen.embedded_redis
    assert config.read({"CRM_ENV": "production"}, ROOT).demo == "none"


def test_only_the_server_without_an_address_is_embedded():
    chosen = config.read({"DATABASE_URL": "postgres://crm@db/crm"}, ROOT)
    assert (chosen.embedded_postgres, chosen.embedded_redis) == (False, True)


def test_addresses_that_listen_everywhere_are_printed_as_ones_that_can_be_opened():
    assert config.read({"HOST": "0.0.0.0", "PORT": "9000"}, ROOT).address == "http://127.0.0.1:9000"
    everywhere = config.read({"HOST": "::", "PORT": "9000"}, ROOT)
    assert (everywhere.address, everywhere.bind) == ("http://[::1]:9000", "[::]:9000")


# --- Children --------------------------------------------------------------------------------------------------------


def make_child(tmp_path: Path, program: str) -> Child:
    return Child("web", [sys.executable, "-c", program], os.environ, tmp_path, tmp_path / "web.log")


def test_a_child_that_dies_is_started_again_ever_later_and_then_given_up(tmp_path):
    one = make_child(tmp_path, "import sys; print('dead', flush=True); sys.exit(3)")
    one.start()
    now = 0.0
    for pause in (1, 2, 4, 8, 15):
        one.process.wait(20)
        assert f"(exit status 3, see {one.log}); starting it again in {pause} s" in one.look(now)
        assert one.look(now + pause - 0.5) == ""
        assert one.look(now + pause + 0.5) == "web started again"
        now += pause + 1
    one.process.wait(20)
    with pytest.raises(GivenUp, match=r"web died 6 times, the last with exit status 3; see .*web\.log"):
        one.look(now)
    assert one.last_lines() == "\n".join(["dead"] * 6)


def test_rare_deaths_never_add_up(tmp_path):
    one = make_child(tmp_path, "raise SystemExit(1)")
    one.start()
    for hour in range(10):
        one.process.wait(20)
        now = hour * 3600.0
        assert "in 1 s" in one.look(now)
        assert one.look(now + 2) == "web started again"
    child.end([one.process], 0)


def test_ending_takes_the_whole_group_even_if_it_will_not_go(tmp_path):
    program = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(other.pid, flush=True)
time.sleep(600)
"""
    one = make_child(tmp_path, program)
    one.start()
    wait_for(lambda: one.last_lines().strip().isdigit(), 20)
    grandchild = int(one.last_lines())
    assert child.end([one.process], 0.3) == [one.process.pid]
    assert process.wait_gone([one.process.pid, grandchild], 5) == []


def test_log_is_turned_over_when_it_is_large(tmp_path, monkeypatch):
    monkeypatch.setattr(child, "_LOG_LIMIT", 10)
    (tmp_path / "web.log").write_text("much more than ten bytes")
    one = make_child(tmp_path, "print('fresh')")
    one.start()
    one.process.wait(20)
    assert (tmp_path / "web.log").read_text() == "fresh\n"
    assert (tmp_path / "web.log.1").read_text() == "much more than ten bytes"
