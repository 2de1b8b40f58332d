"""The seven analyses (S10) and offers (S9): figures equal a plain count, each opens its list with the same count."""

from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from python_calamine import CalamineWorkbook

from analyses import services
from analyses.dimensions import ANALYSES, DIMENSIONS, of_analysis
from analyses.models import Cell, Made, Offer
from analyses.offers import record_offer
from analyses.reading import clients_behind, parse, series, table
from clients.models import Client, TimelineEvent
from crm.clock import today
from crm.partitions import ensure_months
from ledger.models import ClientTotals, Fee, MonthlyFact, Trade
from org.models import Role
from profit.models import ProfitTotal
from tests.factories import BranchFactory, ClientFactory, StaffFactory

DAY = date(2026, 11, 20)
MONTH = date(2026, 11, 1)
YUAN = 10_000
FIGURES = ("branch", "key", "clients", "amount", "extra")
AT = datetime(2026, 11, 20, 10, tzinfo=timezone.get_default_timezone())


@pytest.fixture
def firm(db):
    """Two branches; clients that differ in everything that is counted."""
    months = [MONTH, date(2026, 10, 1)]
    for name in ("ledger_trade", "ledger_fee", "ledger_monthlyfact"):
        ensure_months(name, months)
    managers = [StaffFactory(branch=BranchFactory(city=city)) for city in ("上海市", "")]
    for number in range(12):
        client = ClientFactory(
            manager=managers[number % 2],
            status="closed" if number == 11 else "active",
            opened_on=date(2026 - number, 10, 20),
            closed_on=DAY if number == 11 else None,
            gender="MF"[number % 2] if number else "",
            birth_date=date(2015 - 7 * number, 5, 1) if number else None,
            risk_level=f"C{number % 5 + 1}" if number else "",
        )
        ClientTotals.objects.create(
            client=client,
            branch_id=client.branch_id,
            manager_id=client.manager_id,
            no_key=client.no_key,
            ranked=number != 11,
            contribution=number * 100 * YUAN,
            assets=4**number * YUAN,
            last_trade_on=DAY - timedelta(days=45 * number) if number else None,
        )
        if number % 3 == 0:
            _trades(client, number)
    return managers


def _trades(client, number):
    for count, kind in enumerate(("stock", "etf")[: 1 + number % 2]):
        for month in (10, 11):
            Trade.objects.create(
                trade_no=f"{client.pk}-{kind}-{month}",
                date=date(2026, month, 3),
                client=client,
                security_code="600000",
                security_kind=kind,
                side="buy" if count else "sell",
                amount=1000 * number * YUAN,
                commission=3 * YUAN,
                exchange_fees=YUAN,
            )
    Fee.objects.create(
        fee_no=f"{client.pk}", date=date(2026, 10, 9), client=client, kind="advisory_fee", amount=5 * YUAN
    )
    MonthlyFact.objects.create(
        month=MONTH, client=client, trades=1, turnover=YUAN, net_inflow=(number - 4) * YUAN, assets_end=YUAN
    )


@pytest.fixture
def head(firm):
    return StaffFactory(role=Role.BRANCH_HEAD, branch=firm[0].branch)


@pytest.fixture
def analyst(firm):
    return StaffFactory(role=Role.ANALYST)


@pytest.fixture
def web(client):
    client.cookies["language"] = "en"
    return client


def counts(user, key, month=MONTH):
    return {row.key: row.clients for row in table(user, DIMENSIONS[key], month, None)}


def test_each_analysis_has_something_to_count():
    assert set(ANALYSES) == {d.analysis for d in DIMENSIONS.values()}
    assert len(ANALYSES) == 7


def test_figures_equal_a_plain_count(analyst, head):
    services.refresh(DAY)
    clients = list(Client.objects.select_related("totals"))
    assert counts(analyst.user, "status") == {"active": 11, "closed": 1}
    assert counts(head.user, "status") == {"active": 6}
    open_ones = [c for c in clients if c.status != "closed"]
    plain = {}
    for c in open_ones:
        plain[c.gender or "-"] = plain.get(c.gender or "-", 0) + 1
    assert counts(analyst.user, "gender") == plain
    assert counts(analyst.user, "clients") == {"open": 11}
    assert counts(analyst.user, "coming") == {"closed": 1}
    assert counts(analyst.user, "coming", date(2026, 10, 1)) == {"opened": 1}
    assert counts(analyst.user, "fee", date(2026, 10, 1)) == {"advisory_fee": 4}
    assert counts(analyst.user, "region") == {"上海市": 2, "-": 2}
    security = {row.key: row for row in table(analyst.user, DIMENSIONS["security"], MONTH, None)}
    assert (security["stock"].clients, security["stock"].amount) == (4, (0 + 3 + 6 + 9) * 1000 * YUAN)
    assert security["stock"].extra == 4 * 2 * YUAN
    assert sum(row.share for row in security.values()) == pytest.approx(1)


def test_present_states_are_counted_in_one_reading_and_equal_their_lists(analyst):
    """All of them in one statement over the clients; each the same as its own rows counted alone."""
    for number, client in enumerate(Client.objects.all()):
        if number % 3:
            ProfitTotal.objects.create(
                client=client,
                month_from=MONTH,
                month_to=MONTH,
                months=1,
                revenue=number * YUAN,
                direct=5 * YUAN,
                service=0,
                overhead=0,
            )
    with CaptureQueriesContext(connection) as asked:
        services.make_states(MONTH, DAY)
    assert sum("FROM clients_client" in query["sql"] for query in asked) == 1
    states = [dimension for dimension in DIMENSIONS.values() if dimension.state]
    assert len(states) == 10
    together = {d.key: set(Cell.objects.filter(dimension=d.key).values_list(*FIGURES)) for d in states}
    assert set(dict(Made.objects.values_list("dimension", "as_of")).items()) == {(d.key, DAY) for d in states}
    Cell.objects.all().delete()
    for dimension in states:
        services.make(dimension, MONTH, DAY)
        assert set(Cell.objects.filter(dimension=dimension.key).values_list(*FIGURES)) == together[dimension.key]
    assert {key for _branch, key, *_sums in together["net"]} == {"gain", "zero", "loss"}


def test_bands_meet_their_edges(analyst):
    services.refresh(DAY)
    sizes = {}
    for c in Client.objects.exclude(status="closed").select_related("totals"):
        assets = c.totals.assets // YUAN
        edges = (0, 50_000, 500_000, 3_000_000, 10_000_000)
        band = str(0 if assets <= 0 else 1 + sum(assets >= edge for edge in edges[1:]))
        sizes[band] = sizes.get(band, 0) + 1
    assert counts(analyst.user, "size") == sizes


@pytest.mark.parametrize("key", sorted(DIMENSIONS))
def test_every_figure_opens_its_list_with_the_same_count(key, analyst, head):
    services.refresh(DAY)
    dimension = DIMENSIONS[key]
    for user in (analyst.user, head.user):
        for month in Made.objects.filter(dimension=key).values_list("month", flat=True):
            for row in table(user, dimension, month, None):
                wanted = parse(parse_qs(urlsplit(row.url).query)["cell"][0])
                assert wanted == (dimension, month, row.key)
                assert clients_behind(Client.objects.visible_to(user), *wanted).count() == row.clients


def test_again_writes_nothing_and_tomorrow_only_what_differs(firm):
    assert services.refresh(DAY) > 0
    assert services.refresh(DAY) == 0
    Client.objects.filter(gender="M").first()
    Client.objects.filter(pk=Client.objects.filter(gender="").first().pk).update(gender="F")
    assert services.refresh(DAY + timedelta(days=1)) >= 1
    assert not Cell.objects.filter(dimension="gender", key="-").exists()


def test_a_month_is_made_once_more_after_its_end(firm):
    services.refresh(DAY)
    Trade.objects.create(
        trade_no="late",
        date=date(2026, 11, 30),
        client=Client.objects.first(),
        security_code="1",
        security_kind="bond",
        side="buy",
        amount=YUAN,
        commission=0,
    )
    services.refresh(date(2026, 12, 1))
    assert Cell.objects.get(dimension="security", key="bond").month == MONTH
    assert Made.objects.get(dimension="security", month=MONTH).as_of == date(2026, 12, 1)


def test_trend_has_a_value_for_each_month(analyst):
    services.refresh(DAY)
    months, lines = series(analyst.user, DIMENSIONS["clients"], None)
    assert len(months) == 24
    assert [line.key for line in lines] == ["open"]
    assert lines[0].clients[-1] == 11
    assert lines[0].clients[0] == sum(c.opened_on < date(2025, 1, 1) for c in Client.objects.all())


@pytest.mark.parametrize("analysis", ANALYSES)
def test_pages(analysis, head, web, django_assert_max_num_queries):
    services.refresh(DAY)
    web.force_login(head.user)
    web.get("/")  # warms what is kept per process
    with django_assert_max_num_queries(14 + 2 * len(of_analysis(analysis))):
        page = web.get(f"/analyses/{analysis}/")
    assert page.status_code == 200
    for dimension in of_analysis(analysis):
        answer = web.get(f"/analyses/data/{dimension.key}/").json()
        assert len(answer["labels"]) == len(answer["urls"])
        assert web.get(f"/analyses/trend/{dimension.key}/").status_code == (200 if dimension.past else 404)


def test_the_page_s_link_shows_as_many_rows(head, web):
    services.refresh(DAY)
    web.force_login(head.user)
    row = next(row for row in table(head.user, DIMENSIONS["idle"], MONTH, None) if row.clients)
    listed = web.get(row.url).content.decode()
    behind = clients_behind(Client.objects.visible_to(head.user), DIMENSIONS["idle"], MONTH, row.key)
    for client in Client.objects.visible_to(head.user):
        assert (client.client_no in listed) == (client in behind)


def test_export_has_the_same_figures(head, web):
    services.refresh(DAY)
    web.force_login(head.user)
    book = CalamineWorkbook.from_filelike(BytesIO(web.get("/analyses/overview/export/").content))
    sheet = book.get_sheet_by_index(0).to_python()
    assert sheet[1][:2] == ["Active", 6]


@pytest.mark.parametrize(
    "address",
    [
        "/analyses/nothing/",
        "/analyses/overview/?month=2026-99",
        "/analyses/overview/?month=1999-01",
        "/analyses/overview/?branch=none",
        "/analyses/data/nothing/",
        "/analyses/trend/status/",
    ],
)
def test_what_is_not_there_is_not_found(address, head, web):
    services.refresh(DAY)
    web.force_login(head.user)
    assert web.get(address).status_code == 404


@pytest.mark.parametrize(
    "broken", ["x", "status:2026-11", "nothing:2026-11:a", "status:2026-1x:a", "status:2026-11:' OR 1=1"]
)
def test_a_broken_figure_in_the_list_s_address(broken, head, web):
    services.refresh(DAY)
    web.force_login(head.user)
    assert web.get("/clients/", {"cell": broken}).status_code == 200


# --- Offers ------------------------------------------------------------------------------------------------------------


def offer(client, staff, **values):
    start = {"product": "稳健债基", "kind": "fund", "made_on": DAY, "outcome": "open", "amount": None}
    return record_offer(client.client_no, start | values, user=staff.user, at=AT)


def test_an_offer_and_what_came_of_it(firm):
    client = Client.objects.filter(manager=firm[0]).first()
    first = offer(client, firm[0])
    taken = offer(client, firm[0], outcome="taken", amount=50_000 * YUAN)
    assert first.pk == taken.pk
    assert (taken.decided_on, taken.amount) == (DAY, 50_000 * YUAN)
    assert [e.data["outcome"] for e in TimelineEvent.objects.filter(kind="offer").order_by("pk")] == ["open", "taken"]
    services.refresh(DAY)
    assert Cell.objects.get(dimension="offered").key == "稳健债基"
    assert Cell.objects.get(dimension="offer").key == "taken"


def test_an_offer_is_not_decided_before_it_is_made(firm):
    client = Client.objects.filter(manager=firm[0]).first()
    with pytest.raises(ValidationError):
        offer(client, firm[0], outcome="taken", made_on=DAY + timedelta(days=1))
    assert not Offer.objects.exists()


def test_before_eight_in_the_morning_it_is_today_already(firm):
    client = Client.objects.filter(manager=firm[0]).first()
    night = {"product": "稳健债基", "kind": "fund", "made_on": DAY, "outcome": "taken", "amount": None}
    at = datetime(2026, 11, 19, 22, tzinfo=UTC)  # six in the morning of the 20th in Shanghai
    assert record_offer(client.client_no, night, user=firm[0].user, at=at).decided_on == DAY


def test_a_foreign_client_gets_no_offer(firm):
    with pytest.raises(Client.DoesNotExist):
        offer(Client.objects.filter(manager=firm[1]).first(), firm[0])


def test_an_offer_by_the_record(firm, web):
    web.force_login(firm[0].user)
    client = Client.objects.filter(manager=firm[0]).first()
    form = {"product": "两融", "kind": "margin", "made_on": f"{today()}", "outcome": "declined"}
    web.post(f"/clients/{client.client_no}/offers/", form)
    assert Offer.objects.get().outcome == "declined"
    assert "两融" in web.get(f"/clients/{client.client_no}/?tab=history").content.decode()


# --- API ---------------------------------------------------------------------------------------------------------------


def test_figures_by_the_api_are_the_page_s(head, web, django_assert_max_num_queries):
    services.refresh(DAY)
    web.force_login(head.user)
    known = web.get("/api/v1/analyses/").json()
    assert [row["key"] for row in known] == list(DIMENSIONS)
    for row in known:
        with django_assert_max_num_queries(8):
            answer = web.get(f"/api/v1/analyses/{row['key']}/", headers={"Accept-Language": "en"}).json()
        shown = web.get(f"/analyses/data/{row['key']}/").json()
        assert [r["clients"] for r in answer["rows"]] == (shown["series"][0]["values"] if shown["labels"] else [])
        assert [r["name"] for r in answer["rows"]] == shown["labels"]
        assert (answer["month"], answer["as_of"]) == (f"{MONTH}", f"{DAY}")
        if not row["amount"]:
            assert {r["amount"] for r in answer["rows"]} <= {None}
        trend = web.get(f"/api/v1/analyses/{row['key']}/trend/")
        assert trend.status_code == (200 if row["past"] else 404)
        if row["past"]:
            of_month = {p["key"]: p["clients"] for p in trend.json()["points"] if p["month"] == f"{MONTH}"}
            assert {key: n for key, n in of_month.items() if n} == {r["key"]: r["clients"] for r in answer["rows"]}


def test_what_the_api_of_analyses_does_not_have(head, firm, web):
    web.force_login(head.user)
    assert web.get("/api/v1/analyses/status/").json()["rows"] == []
    services.refresh(DAY)
    for month in ("2099-01-01", "x"):
        assert (
            web.get("/api/v1/analyses/status/", {"month": month}).json()["errors"][0]["pointer"].startswith("#/month")
        )
    assert web.get("/api/v1/analyses/nothing/").status_code == 404
    assert web.get("/api/v1/analyses/status/", {"branch_no": firm[1].branch.branch_no}).status_code == 404
    web.force_login(firm[0].user)
    assert web.get("/api/v1/analyses/status/").status_code == 403


def test_offers_by_the_api(firm, web):
    web.force_login(firm[0].user)
    client = Client.objects.filter(manager=firm[0]).first()
    start = {"client_no": client.client_no, "product": "稳健债基", "kind": "fund", "made_on": f"{today()}"}
    made = web.post("/api/v1/offers/", start, "application/json")
    assert (made.status_code, made.json()["outcome"]) == (201, "open")
    taken = web.post("/api/v1/offers/", start | {"outcome": "taken", "amount": "50000.00"}, "application/json").json()
    assert (taken["id"], taken["decided_on"], taken["amount"]) == (made.json()["id"], f"{today()}", "50000.00")
    assert web.get("/api/v1/offers/", {"outcome": "taken"}).json()["results"] == [taken]
    assert web.get("/api/v1/offers/", {"outcome": "declined"}).json()["results"] == []
    foreign = Client.objects.filter(manager=firm[1]).first().client_no
    for wrong in (
        {"client_no": foreign},
        {"made_on": f"{today() + timedelta(days=1)}"},
        {"kind": "house"},
        {"amount": "-1"},
        {"decided_on": "2020-01-01", "outcome": "taken"},
    ):
        answer = web.post("/api/v1/offers/", start | wrong, "application/json")
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, f"#/{next(iter(wrong))}")
    web.force_login(firm[1].user)
    assert web.get("/api/v1/offers/").json()["results"] == []
    assert web.get(f"/api/v1/offers/{taken['id']}/").status_code == 404
