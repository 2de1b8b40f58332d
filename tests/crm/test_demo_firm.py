"""When `make run` fills a database with the demo firm, and that a broken-off filling is taken up again."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import psycopg2
import pytest
from django.conf import settings

from crm.supervisor import config
from crm.supervisor.prepare import DemoFirm, Manage

ROOT = Path(__file__).resolve().parents[2]
TABLES = """
    CREATE TABLE org_branch (id int);
    CREATE TABLE clients_client (id int);
"""


def execute(sql: str, database: str) -> None:
    server = settings.DATABASES["default"]
    keys = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    parameters = {name: server[key] for name, key in keys.items() if server.get(key)}
    with closing(psycopg2.connect(**parameters, dbname=database)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)


@pytest.fixture
def database() -> Iterator[str]:
    """Address of a database of its own: another process must see what is in it."""
    server = settings.DATABASES["default"]
    name = f"test_demo_firm_{os.getpid()}"
    execute(f"CREATE DATABASE {name}", "postgres")
    execute(TABLES, name)
    password = f":{quote(server['PASSWORD'], safe='')}" if server["PASSWORD"] else ""
    port = f":{server['PORT']}" if server["PORT"] else ""
    yield f"postgres://{server['USER']}{password}@{quote(server['HOST'], safe='')}{port}/{name}"
    execute(f"DROP DATABASE {name}", "postgres")


def add_branch(database: str) -> None:
    execute("INSERT INTO org_branch VALUES (1)", database.rpartition("/")[2])


@pytest.fixture
def chosen(tmp_path) -> config.Config:
    return config.read({"DATA_DIR": str(tmp_path), "DEMO": "small"}, ROOT)


class Broken(Exception):
    pass


def breaking_at(name: str, called: list[str]) -> Manage:
    def manage(command: object, *arguments: object) -> None:
        options = arguments if command == "night" else arguments[1:] if command == "intake" else ()
        called.append(" ".join(map(str, (command, *options))))
        if command == "demo_files":
            files = Path(str(arguments[0]))
            files.mkdir(parents=True, exist_ok=True)
            (files / "assets.csv").write_text(
                "date,client_no\n2026-09-29,1\n2026-09-30,1\n2026-09-30,2\n2026-08-31,1\n"
            )
        if command == name:
            raise Broken

    return manage


def log_ins(command: str) -> str:
    assert command == "demo_logins"
    return "manager  secret\n"


def test_an_empty_database_gets_the_firm_and_a_used_one_does_not(chosen, database):
    assert DemoFirm(chosen, database).wanted()
    add_branch(database)
    assert not DemoFirm(chosen, database).wanted()


def test_no_firm_is_made_when_none_is_asked_for(tmp_path, database):
    none = config.read({"DATA_DIR": str(tmp_path), "DEMO": "none"}, ROOT)
    assert not DemoFirm(none, database).wanted()


def test_a_filling_that_broke_off_is_taken_up_again_until_it_is_complete(chosen, database):
    called: list[str] = []
    with pytest.raises(Broken):
        DemoFirm(chosen, database).make(breaking_at("intake", called), log_ins)
    add_branch(database)  # some of it is in already
    assert DemoFirm(chosen, database).wanted()
    assert not DemoFirm(chosen, database).exists

    DemoFirm(chosen, database).make(breaking_at("nothing", called), log_ins)
    taken_in = ["load_calendar", "demo_files", "intake --date 2026-09-30"]
    # Last month's end first: so the firm has moves of tier to show.
    nights = [
        "night --date 2026-08-31",
        "demo_costs",
        "night --date 2026-09-30",
    ]  # the last night counts with the costs
    assert called == [*taken_in, *taken_in, *nights, "demo_visits", "demo_complaints"]
    assert DemoFirm(chosen, database).exists
    assert not DemoFirm(chosen, database).wanted()
    assert DemoFirm(chosen, database).log_ins == "manager  secret\n"


def test_the_mark_belongs_to_one_database(chosen, database):
    DemoFirm(chosen, database).make(breaking_at("nothing", []), log_ins)
    other = DemoFirm(chosen, database + "?application_name=other")
    assert not other.exists
    assert other.log_ins == ""
