"""Cells, RFM groups and kinds of a past day, as a file, and what moved the clients of a stream."""

import csv
import io
from datetime import date
from urllib.parse import urlsplit

import pytest
from python_calamine import CalamineWorkbook

from clients.models import Client
from ledger.models import ClientTotals
from measures import rules, services
from measures.models import ClientMeasures
from measures.reading import SCHEMES
from org.models import AuditEvent, Role
from segmentation.ranking import rank
from tests.factories import BranchFactory, StaffFactory
from tests.measures.test_measures import DAY, YUAN, firm, web  # noqa: F401  fixtures

NEXT = date(2026, 11, 23)
PAGES = {"cells": "cell", "rfm": "rfm_group", "kinds": "kind"}


@pytest.fixture
def two_days(firm, web):  # noqa: F811
    """Two nights; between them two clients of the first manager became rich. Logged in as an analyst."""
    services.refresh(DAY)
    before = dict(ClientMeasures.objects.values_list("client_id", "cell"))
    poor = ClientMeasures.objects.filter(size="S", client__manager=firm[0]).values_list("client_id", flat=True)[:2]
    ClientTotals.objects.filter(client__in=list(poor)).update(assets=9_000_000 * YUAN)
    rank(NEXT)
    services.refresh(NEXT)
    web.force_login(StaffFactory(role=Role.ANALYST).user)
    return before


@pytest.mark.parametrize("page", PAGES)
def test_a_past_day_counts_as_it_was_and_opens_its_clients(two_days, web, page):  # noqa: F811
    answer = web.get(f"/segmentation/{page}/?on={DAY}")
    assert "As of 2026-11-20" in answer.content.decode()
    lines = {line.key: line for line in answer.context["lines"]}
    assert list(lines) == list(SCHEMES[PAGES[page]].names)
    assert sum(line.clients for line in lines.values()) == 29
    if page == "cells":
        assert {key: line.clients for key, line in lines.items() if line.clients} == {
            key: list(two_days.values()).count(key) for key in two_days.values()
        }
    line = max(lines.values(), key=lambda line: line.clients)
    listed = web.get(line.url)
    assert sum(f"/clients/{c.client_no}/" in listed.content.decode() for c in Client.objects.all()) == line.clients
    for kind in ("csv", "xlsx"):
        file = web.get(f"/segmentation/{page}/?on={DAY}&format={kind}")
        assert f'filename="{PAGES[page]}-{DAY}.{kind}"' in file["Content-Disposition"]
        if kind == "csv":
            rows = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))
        else:
            sheet = CalamineWorkbook.from_filelike(io.BytesIO(file.content)).get_sheet_by_index(0)
            rows = sheet.to_python()
        assert {row[0]: int(row[2]) for row in rows[1:]} == {key: line.clients for key, line in lines.items()}
    assert AuditEvent.objects.filter(action="measures.export").count() == 2


def test_the_newest_night_as_a_file_has_assets_and_contribution(two_days, web):  # noqa: F811
    file = web.get("/segmentation/cells/?format=csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(file)))
    assert sum(int(row["Clients"]) for row in rows) == 29
    assets = sum(ClientTotals.objects.filter(ranked=True).values_list("assets", flat=True))
    assert sum(float(row["Assets"]) for row in rows) == assets / YUAN


@pytest.mark.parametrize("page", PAGES)
def test_a_day_of_which_nothing_is_kept_is_told(two_days, web, page):  # noqa: F811
    for day in ("2099-01-01", "2000-01-01"):
        answer = web.get(f"/segmentation/{page}/?on={day}")
        assert "kept from 2026-11-20 to 2026-11-23; the newest night is shown" in answer.content.decode()
        assert "As of 2026-11-23" in answer.content.decode()
    assert web.get(f"/segmentation/{page}/?on=yesterday").status_code == 404
    assert web.get(f"/segmentation/{page}/?format=pdf").status_code == 404


def test_a_branch_without_a_client_is_empty_not_wrong(two_days, web):  # noqa: F811
    branch = BranchFactory()
    for page in PAGES:
        for query in ("", f"&on={DAY}", "&format=csv", f"&on={DAY}&format=xlsx"):
            assert web.get(f"/segmentation/{page}/?branch={branch.branch_no}{query}").status_code == 200
        past = web.get(f"/segmentation/{page}/?branch={branch.branch_no}&on={DAY}")
        assert all((line.clients, line.share) == (0, None) for line in past.context["lines"])


def test_a_head_counts_the_own_branch_only(two_days, firm, web):  # noqa: F811
    head = StaffFactory(role=Role.BRANCH_HEAD, branch=firm[0].branch)
    web.force_login(head.user)
    lines = web.get(f"/segmentation/kinds/?on={DAY}").context["lines"]
    assert sum(line.clients for line in lines) == sum(
        client.branch_id == firm[0].branch_id for client in Client.objects.exclude(status="closed")
    )


def test_streams_say_what_moved_on_page_and_api(two_days, web):  # noqa: F811
    query = f"scheme=cell&from={DAY}&to={NEXT}"
    streams = web.get(f"/segmentation/migration/?{query}").context["streams"]
    moved = [stream for stream in streams if not stream["same"]]
    assert moved
    assert all("Assets" in stream["reasons"] for stream in moved)
    answer = web.get(f"/api/v1/migration/?scheme=cell&date_from={DAY}&date_to={NEXT}").json()
    assert {tuple(s["reasons"]) for s in answer["streams"] if s["before"] != s["after"]} == {("assets",)}
    assert all(s["reasons"] == [] for s in answer["streams"] if s["before"] == s["after"])
    assert urlsplit(moved[0]["url"]).path == "/clients/"


@pytest.mark.parametrize(
    ("scheme", "before", "after", "inputs"),
    [
        ("cell", "Ss", "Ls", ["assets"]),
        ("cell", "Si", "Mt", ["assets", "last_trade"]),
        ("cell", "Ss", "St", ["turnover"]),
        ("cell", "Si", "Ss", ["last_trade"]),
        ("cell", "Si", "Si", []),
        ("cell", "-", "Si", []),
        ("kind", "value", "growth", ["tier"]),
        ("kind", "growth", "relationship", ["inflow"]),
        ("kind", "cash_flow", "relationship", ["months"]),
        ("tier", "A", "B", ["contribution"]),
        ("band", "1", "2", []),
    ],
)
def test_what_two_keys_tell_of_the_inputs(scheme, before, after, inputs):
    assert rules.moved_inputs(scheme, before, after) == inputs
