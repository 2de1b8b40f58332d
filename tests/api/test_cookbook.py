"""The cookbook's tasks and the generated client, against a live server: what is in the docs works as it stands."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from django.utils import timezone

from clients.search import refresh
from org import api_exports, exports
from org.api_auth import make_token
from org.models import Role
from org.rights import TOKEN_SCOPES
from scripts.make_client import client as client_text
from tests.factories import ClientFactory, StaffFactory
from tests.org.world import settle, totals

pytestmark = pytest.mark.django_db(transaction=True)
BOOK = Path("docs/cookbook.md")
#: Heading → what its output must say.
SAYS = {
    1: ['"client_no":"C1","branch_no":', '"tier":"A"', '"next":null'],
    2: ['"client_no":"C1"', '"tier":"A"'],
    3: ['"created":1', '"refused":1', '"key":["C-none"]'],
    4: ['"created":2', '"refused":0'],
    5: ['"outcome":"taken"'],
    6: ['"residence":"own"', '"version":1'],
    7: ['"number":', '"client_no":"C1"'],
    8: ['"client_no":"C1"', '"client_no":"C2"'],
    9: ['"results":[]', '"more":false'],
    10: ["C1", "C2"],
}


@pytest.fixture
def token(settings, tmp_path, monkeypatch):
    """A manager with two ranked clients, and a token that may do all that a token may. Exports are made at once."""
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr(api_exports, "ring", lambda: exports.make_due(timezone.now()))
    manager = StaffFactory(staff_no="M1")
    for number, contribution in (("C1", 90), ("C2", 10)):
        totals([ClientFactory(client_no=number, manager=manager, name=f"客户{number}")], contribution)
    settle()
    refresh(everything=True)
    until = timezone.now() + timedelta(days=1)
    admin = StaffFactory(role=Role.ADMIN)
    return make_token(name="x", scopes=list(TOKEN_SCOPES), branch=None, expires_at=until, by=admin.user)[1]


def recipes() -> dict[int, str]:
    found = re.findall(r"^## (\d+)\..*?^```sh\n(.*?)^```", BOOK.read_text(encoding="utf-8"), re.M | re.S)
    return {int(number): commands for number, commands in found}


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_every_recipe_works_as_it_stands(live_server, token):
    found = recipes()
    assert list(found) == list(SAYS) == list(range(1, 11))
    for number, commands in found.items():
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            env={"PATH": os.environ["PATH"], "CRM": live_server.url, "TOKEN": token},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, (number, done.stdout, done.stderr)
        assert [words for words in SAYS[number] if words not in done.stdout] == [], (number, done.stdout)
        if number == 5:
            first, second = done.stdout.strip().splitlines()
            assert first == second


@pytest.fixture
def made(tmp_path):
    """The client as `make client` writes it, as a module."""
    description = yaml.safe_load(Path("docs/openapi.yaml").read_text(encoding="utf-8"))
    path = tmp_path / "crm_client.py"
    path.write_text(client_text(description), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("crm_client", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["crm_client"] = module
    spec.loader.exec_module(module)
    yield module, description
    del sys.modules["crm_client"]


def test_the_client_that_is_made_of_the_description(live_server, token, made):
    module, description = made
    operations = [one["operationId"] for path in description["paths"].values() for one in path.values()]
    assert [name for name in operations if not hasattr(module.Crm, name)] == []
    crm = module.Crm(live_server.url, token)
    rows = list(crm.pages(crm.clients_list(page_size=1, fields="tier")))
    assert [(row["client_no"], row["tier"]) for row in rows] == [("C1", "A"), ("C2", "C")]
    assert crm.last["API-Version"] == module.VERSION
    with pytest.raises(module.Refused) as refused:
        crm.clients_retrieve("C-none")
    assert (refused.value.status, refused.value.type) == (404, "/api/v1/problems/not-found/")
    assert refused.value.request_id
    told = crm.profiles_bulk_create({"rows": [{"client_no": "C1", "decides": "family"}]}, idempotency_key="k")
    assert told["created"] == 1
    changed = crm.profiles_partial_update("C1", {"residence": "own"}, if_match='"1"')
    assert (changed["decides"], changed["version"]) == ("family", 2)
    with pytest.raises(module.Refused, match="409"):
        crm.profiles_partial_update("C1", {"residence": "rented"}, if_match='"1"')
    asked = crm.exports_create({"list": "clients"})
    export = crm.exports_retrieve(asked["uid"])
    assert crm.exports_file_retrieve(asked["uid"]) == crm.fetch(export["file"])
    batch = crm.intake_create({"business_date": "2026-11-20", "dry_run": "true"}, [("files", "clients.csv", b"x\n")])
    assert batch["files"][0]["name"] == "clients.csv"
