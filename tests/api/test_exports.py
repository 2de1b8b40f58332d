"""Exports by the API (N3): asked for, made by a worker, given to whoever asked while rights and scope are what they were."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client as Browser
from django.utils import timezone

from clients.models import Client
from org import exports
from org.api_auth import make_token, revoke_token
from org.models import AuditEvent, Export, Role, Staff
from tests.factories import ClientFactory, StaffFactory

pytestmark = pytest.mark.django_db
URL = "/api/v1/exports/"


@pytest.fixture
def own(manager, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    ClientFactory()
    return ClientFactory.create_batch(2, manager=manager)


@pytest.fixture
def web(manager, own):
    browser = Browser()
    browser.force_login(manager.user)
    return browser


def ask(browser: Browser, **body: object):
    return browser.post(URL, json.dumps({"list": "clients"} | body), content_type="application/json")


def body_of(answer) -> str:
    return b"".join(answer.streaming_content).decode("utf-8-sig")


def test_asked_for_made_and_fetched(web, own, manager):
    asked = ask(web, query="cols=name&sort=name")
    assert asked.status_code == 202, asked.content
    where = asked.headers["Location"]
    assert (asked.json()["state"], asked.json()["file"]) == ("waiting", None)
    assert web.get(f"{where}file/").status_code == 409
    assert exports.make_due(timezone.now()) == 1
    made = web.get(where).json()
    assert (made["state"], made["rows"], made["error"]) == ("done", 2, "")
    answer = web.get(made["file"])
    assert answer.headers["Content-Disposition"] == 'attachment; filename="clients.csv"'
    text = body_of(answer)
    assert all(client.name in text for client in own)
    assert len(text.splitlines()) == 3
    assert made["size"] == len(text.encode("utf-8-sig"))
    # Each giving is a row that names everybody in the file.
    event = AuditEvent.objects.get(action="list.export")
    assert sorted(event.reached) == sorted(client.client_no for client in own)
    assert event.user == manager.user
    assert [row["uid"] for row in web.get(URL).json()["results"]] == [made["uid"]]


def test_a_workbook_too(web, own):
    where = ask(web, format="xlsx").headers["Location"]
    exports.make_due(timezone.now())
    answer = web.get(
        f"{where}file/", headers={"Accept": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
    )
    assert b"".join(answer.streaming_content)[:2] == b"PK"


def made_by(browser: Browser) -> str:
    where = ask(browser).headers["Location"]
    exports.make_due(timezone.now())
    assert browser.get(where).json()["state"] == "done"
    return f"{where}file/"


def test_who_may_less_by_now_gets_no_file(web, own, manager):
    file = made_by(web)
    Client.objects.filter(pk=own[0].pk).update(manager=StaffFactory(branch=manager.branch))
    assert web.get(file).status_code == 403
    Client.objects.filter(pk=own[0].pk).update(manager=manager)
    assert own[0].name in body_of(web.get(file))
    Staff.objects.filter(pk=manager.pk).update(role=Role.BRANCH_HEAD)
    assert web.get(file).status_code == 403
    Staff.objects.filter(pk=manager.pk).update(role=Role.CALLBACK_AGENT)
    assert web.get(file).status_code == 403


def test_nobody_gets_the_export_of_another(web, manager):
    file = made_by(web)
    head = StaffFactory(role=Role.BRANCH_HEAD, branch=manager.branch)
    other = Browser()
    other.force_login(head.user)
    assert [other.get(address).status_code for address in (file, file.removesuffix("file/"))] == [404, 404]
    assert other.get(URL).json()["results"] == []


def test_a_token_that_is_revoked_meanwhile_gets_nothing_made(own, admin, manager):
    until = timezone.now() + timedelta(days=1)
    row, secret = make_token(
        name="x", scopes=["clients.view", "clients.export"], branch=manager.branch, expires_at=until, by=admin.user
    )
    browser = Browser(headers={"Authorization": f"Bearer {secret}"})
    file = made_by(browser)
    assert len(body_of(browser.get(file)).splitlines()) == 3
    assert ask(browser).status_code == 202
    revoke_token(row, by=admin.user)
    exports.make_due(timezone.now())
    assert Export.objects.latest("pk").state == "failed"
    assert browser.get(file).status_code == 401


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"list": "x"}, "#/list"),
        ({"format": "pdf"}, "#/format"),
        ({"query": "nothing=1"}, "#/query"),
        ({"list": None}, "#/list"),
    ],
)
def test_what_cannot_be_exported_is_refused_at_once(web, body, pointer):
    answer = ask(web, **body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_the_right_of_the_list_is_asked(web, settings):
    assert ask(web, list="complaints").status_code == 403
    settings.EXPORT_ROWS_MAX = 1
    where = ask(web).headers["Location"]
    exports.make_due(timezone.now())
    failed = web.get(where).json()
    assert (failed["state"], failed["file"]) == ("failed", None)
    assert "1" in failed["error"]


def test_an_error_is_tried_again_and_given_up(web, monkeypatch):
    ask(web)
    monkeypatch.setattr(exports, "_write", lambda *_args: 1 / 0)
    for tries in (1, 2, 3):
        assert exports.make_due(timezone.now()) == 0
        row = Export.objects.get()
        assert row.tries == tries
    assert (row.state, row.path) == ("failed", "")


def test_files_go_after_a_day(web, tmp_path):
    file = made_by(web)
    kept = list((tmp_path / "exports").iterdir())
    assert len(kept) == 1
    assert exports.forget(timezone.now()) == 0
    assert exports.forget(timezone.now() + timedelta(hours=25)) == 1
    assert not Path(kept[0]).exists()
    assert web.get(file).status_code == 404
