"""API of measures (S3–S6) and migration (S12): the pages' numbers, in scope, of any day that is kept."""

from datetime import timedelta

import pytest

from clients.models import Client
from ledger.models import ClientTotals
from measures import services
from measures.models import ClientMeasures, MeasureMark
from org.models import AuditEvent, Role
from segmentation.ranking import rank
from tests.factories import StaffFactory
from tests.measures.test_measures import DAY, YUAN, firm  # noqa: F401  the fixture

MEASURES, MIGRATION = "/api/v1/measures/", "/api/v1/migration/"
LATER = DAY + timedelta(days=3)


@pytest.fixture
def nights(firm):  # noqa: F811
    """Two nights; a client grew large, another is no longer ranked. Returns (managers, grown, gone)."""
    services.refresh(DAY)
    grown, gone = Client.objects.filter(status="active", manager=firm[0]).order_by("pk")[1:3]
    ClientTotals.objects.filter(client=grown).update(assets=9_000_000 * YUAN)
    ClientTotals.objects.filter(client=gone).update(ranked=False)
    rank(LATER)
    services.refresh(LATER)
    return firm, grown, gone


@pytest.fixture
def web(client, nights):
    client.cookies["language"] = "en"
    client.force_login(StaffFactory(role=Role.BRANCH_HEAD, branch=nights[0][0].branch).user)
    return client


def pages(web, url, **query):
    """All rows of a list, by its cursor pages."""
    found, answer = [], web.get(url, {"page_size": 4, **query}).json()
    while True:
        found += answer["results"]
        if answer["next"] is None:
            return found
        answer = web.get(answer["next"]).json()


def test_the_newest_night_as_it_is_kept(web, nights):
    rows = pages(web, MEASURES)
    mine = {m.client.client_no: m for m in ClientMeasures.objects.filter(client__manager=nights[0][0])}
    assert [row["client_no"] for row in rows] == [
        c.client_no for c in Client.objects.filter(client_no__in=mine).order_by("pk")
    ]
    for row in rows:
        kept = mine[row["client_no"]]
        assert (row["nine_cell"], row["score"], row["r"], row["kind"]) == (kept.cell, kept.score, kept.r, kept.kind)
        assert row["monetary"] == f"{kept.monetary / YUAN:.2f}"
        assert row["score_band"] == min(kept.score // 20, 4)
    for field in ("nine_cell", "rfm_group", "kind", "score_band"):
        value = rows[0][field]
        assert pages(web, MEASURES, **{field: value}) == [row for row in rows if row[field] == value]
    one = web.get(f"{MEASURES}{rows[0]['client_no']}/")
    assert one.json() == rows[0]
    assert AuditEvent.objects.filter(action="client.view", object_no=rows[0]["client_no"]).count() == 1
    assert AuditEvent.objects.filter(action="list.view").exists()


def test_a_past_day_tells_what_was_kept_and_no_more(web, nights):
    _firm, grown, gone = nights
    then = {row["client_no"]: row for row in pages(web, MEASURES, date=DAY)}
    now = {row["client_no"]: row for row in pages(web, MEASURES)}
    assert gone.client_no in then
    assert gone.client_no not in now
    mark = MeasureMark.objects.get(client=grown, business_date=DAY)
    assert then[grown.client_no]["nine_cell"] == mark.cell
    assert (then[grown.client_no]["score_band"], then[grown.client_no]["score"]) == (mark.band, None)
    assert now[grown.client_no]["nine_cell"][0] == "L"
    same = {row["client_no"]: row["nine_cell"] for row in pages(web, MEASURES, date=LATER)}
    assert same == {number: row["nine_cell"] for number, row in now.items()}
    wanted = pages(web, MEASURES, date=DAY, score_band=mark.band)
    assert {row["client_no"] for row in wanted} == {n for n, row in then.items() if row["score_band"] == mark.band}
    assert web.get(f"{MEASURES}{gone.client_no}/", {"date": DAY}).status_code == 200
    assert web.get(f"{MEASURES}{gone.client_no}/").status_code == 404


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"date": "2099-01-01"}, "date"),
        ({"date": DAY - timedelta(days=1)}, "date"),
        ({"date": "yesterday"}, "date"),
        ({"nine_cell": "Zz"}, "nine_cell"),
        ({"kind": "rich"}, "kind"),
        ({"score_band": "5"}, "score_band"),
    ],
)
def test_what_cannot_be_asked_names_the_parameter(web, asked, field):
    answer = web.get(MEASURES, asked)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"].startswith(f"#/{field}")


def test_an_empty_scope_and_before_the_first_night(client, db):
    client.force_login(StaffFactory(role=Role.BRANCH_HEAD).user)
    assert client.get(MEASURES).json()["results"] == []
    assert client.get(MEASURES, {"date": DAY}).status_code == 400
    asked = {"scheme": "cell", "date_from": DAY, "date_to": LATER}
    assert client.get(MIGRATION, asked).status_code == 400


@pytest.mark.parametrize("scheme", ["tier", "service_tier", "cell", "rfm_group", "kind", "band"])
def test_streams_are_the_page_s_and_open_their_clients(scheme, web, nights):
    asked = {"scheme": scheme, "date_from": DAY, "date_to": LATER}
    streams = web.get(MIGRATION, asked).json()["streams"]
    shown = web.get("/segmentation/migration/data/", {"scheme": scheme, "from": DAY, "to": LATER}).json()["streams"]
    assert sorted(stream["clients"] for stream in streams) == sorted(stream["clients"] for stream in shown)
    assert sum(stream["clients"] for stream in streams) == 15
    for stream in streams:
        found = pages(web, f"{MIGRATION}clients/", **asked, before=stream["before"], after=stream["after"])
        assert len({row["client_no"] for row in found}) == stream["clients"]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"scheme": "shoe"}, "scheme"),
        ({"date_to": "2099-01-01"}, "date_to"),
        ({"date_from": LATER, "date_to": DAY}, "date_from"),
        ({"date_from": ""}, "date_from"),
        ({"before": "Zz"}, "before"),
    ],
)
def test_a_stream_that_cannot_be_names_the_parameter(web, asked, field):
    fine = {"scheme": "cell", "date_from": DAY, "date_to": LATER, "before": "Ls", "after": "Ls"}
    answer = web.get(f"{MIGRATION}clients/", fine | asked)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"].startswith(f"#/{field}")


def test_another_branch_is_not_there(web, nights):
    other = nights[0][1]
    assert web.get(f"{MEASURES}{_foreign(other)}/").status_code == 404
    asked = {"scheme": "cell", "date_from": DAY, "date_to": LATER, "branch_no": other.branch.branch_no}
    assert web.get(MIGRATION, asked).status_code == 404
    assert pages(web, MEASURES, branch_no=other.branch.branch_no) == []


def _foreign(manager):
    return Client.objects.filter(manager=manager).first().client_no


@pytest.mark.parametrize("size", [1, 3])
def test_statements_do_not_grow(size, web, django_assert_max_num_queries):
    web.get(MEASURES)
    for date in ({}, {"date": DAY}):
        with django_assert_max_num_queries(8):
            assert len(web.get(MEASURES, {"page_size": size} | date).json()["results"]) == size
