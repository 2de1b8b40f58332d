"""Each mark of each chart page opens its list with the same count, in both languages.

Addresses and figures are taken out of the pages and the charts' data as they are served.
"""

import re
from datetime import date, timedelta
from html import unescape
from itertools import accumulate
from urllib.parse import parse_qs, urlsplit

import pytest

from analyses import services as analyses
from analyses.dimensions import ANALYSES, DIMENSIONS
from analyses.models import Offer
from clients.models import Account, Client
from crm.partitions import ensure_months
from forecasts.models import ClientValue, ValueModel
from forecasts.services import make_funds
from ledger.models import AssetSnapshot, ClientTotals, Fee, FeeKind, MonthlyFact, Trade
from measures import services
from org.models import Role
from profit.models import ProfitTotal
from profit.reading import Stretch, totals
from segmentation.ranking import rank
from tests.factories import StaffFactory
from tests.measures.test_measures import DAY, WINDOW, YUAN, firm  # noqa: F401  the fixture

LATER = DAY + timedelta(days=3)
#: Pages with charts or heat tables, and the data of their charts.
PAGES = [
    *(f"/segmentation/{name}/" for name in ("cells", "rfm", "kinds", "score", "migration")),
    *(f"/segmentation/migration/?scheme={name}" for name in ("cell", "rfm_group", "kind", "band", "service_tier")),
    "/segmentation/rfm/?axes=rm",
    "/segmentation/rfm/?axes=fm&third=2",
    *(f"/analyses/{name}/" for name in ANALYSES),
    "/pareto/",
    "/value/",
]
DATA = [
    "/segmentation/score/data/",
    "/segmentation/migration/data/?scheme=cell",
    "/value/data/",
    *(f"/analyses/data/{name}/" for name in DIMENSIONS),
]
MONTH = LATER.replace(day=1)
#: A number that is a link.
_LINK = re.compile(r'<a\b[^>]*\bhref="([^"]+)"[^>]*>\s*([\d,]+)\s*</a>')


@pytest.fixture
def head(firm):  # noqa: F811
    """Two nights with movement between, then all that the pages show."""
    services.refresh(DAY)
    for number, client in enumerate(Client.objects.order_by("pk")):
        if number % 5 == 1:
            ClientTotals.objects.filter(client=client).update(assets=9_000_000 * YUAN, contribution=number * YUAN)
        ProfitTotal.objects.create(
            client=client,
            month_from=WINDOW[0],
            month_to=WINDOW[1],
            months=12,
            revenue=(number % 9) * YUAN,
            direct=4 * YUAN,
            service=0,
            overhead=0,
        )
        ClientValue.objects.create(
            client=client,
            as_of=WINDOW[1],
            days=number + 1,
            first_on=WINDOW[0],
            last_on=WINDOW[1],
            historic=number * YUAN,
            clv_12m=(number * number * 20 - 100) * YUAN,
        )
    _what_they_did_this_month()
    _what_they_had()
    rank(LATER)
    services.refresh(LATER)
    analyses.refresh(LATER)
    return StaffFactory(role=Role.BRANCH_HEAD, branch=firm[0].branch)


def _what_they_did_this_month() -> None:
    """Trades, fees, money, accounts, offers, comings and goings, of some clients each."""
    clients = list(Client.objects.order_by("pk"))
    for table in ("ledger_trade", "ledger_fee", "ledger_monthlyfact"):
        ensure_months(table, [MONTH])
    Trade.objects.bulk_create(
        Trade(
            trade_no=f"T{n}", date=DAY, client=client, security_code="600000", security_kind=("stock", "fund", "etf")[n % 3],
            side=("buy", "sell")[n % 2], amount=n * YUAN, commission=n * 100,
        )
        for n, client in enumerate(clients) if n % 4
    )  # fmt: skip
    Fee.objects.bulk_create(
        Fee(fee_no=f"F{n}", date=DAY, client=client, kind=FeeKind.values[n % 4], amount=n * YUAN)
        for n, client in enumerate(clients) if n % 3
    )  # fmt: skip
    MonthlyFact.objects.bulk_create(
        MonthlyFact(
            month=MONTH, client=client, trades=n % 3, turnover=n * YUAN, net_commission=n * 100, assets_end=n * YUAN,
            net_inflow=(n - 9) * YUAN,
        )
        for n, client in enumerate(clients)
    )  # fmt: skip
    Account.objects.bulk_create(
        Account(
            account_no=f"A{n}", client=client, kind=Account.Kind.values[n % 3], status=("active", "closed")[n % 5 == 0]
        )
        for n, client in enumerate(clients)
    )
    maker = StaffFactory().user
    Offer.objects.bulk_create(
        Offer(
            client=client, product=f"Fund {n % 2}", kind="fund", made_on=DAY, outcome=Offer.Outcome.values[n % 4],
            decided_on=DAY if n % 4 > 1 else None, amount=n * YUAN, made_by=maker,
        )
        for n, client in enumerate(clients) if n % 6
    )  # fmt: skip
    Client.objects.filter(pk__in=[client.pk for client in clients[:7]]).update(opened_on=DAY)
    Client.objects.filter(pk__in=[client.pk for client in clients[25:29]]).update(closed_on=DAY)
    Client.objects.filter(pk=clients[28].pk).update(status="closed")


def _what_they_had() -> None:
    """Statements of assets of a few months; some clients came later than others."""
    months = [date(2026, number, 1) for number in range(6, 11)]
    ensure_months("ledger_assetsnapshot", months)
    AssetSnapshot.objects.bulk_create(
        AssetSnapshot(date=month.replace(day=day), client=client, cash=n * YUAN, securities_value=month.month * YUAN)
        for n, client in enumerate(Client.objects.order_by("pk"))
        for month in months
        for day in (3, 28 - n % 2 * (month.month == 8))  # in August every other client has none of the last day
        if n % 4 < month.month - 5
    )
    ValueModel.objects.create(as_of=WINDOW[1], window_from=WINDOW[0], clients=30, repeaters=0)
    make_funds(WINDOW[1])


def listed(web, url: str) -> int:
    """The count that the title of a list says."""
    parts = urlsplit(url)
    answer = web.get(url)
    assert answer.status_code == 200, url
    if parts.path == "/pareto/clients/":
        return answer.context["found"]
    return answer.context["listing"].total.count


def marks_of(text: str) -> list[tuple[str, int]]:
    """(address, count) of each number that leads to a list."""
    found = [(unescape(url), int(number.replace(",", ""))) for url, number in _LINK.findall(text)]
    return [(url, count) for url, count in found if urlsplit(url).path in ("/clients/", "/pareto/clients/")]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_each_mark_of_each_page(language, head, client):
    client.cookies["language"] = language
    client.force_login(head.user)
    for address in PAGES:
        marks = marks_of(client.get(address).content.decode())
        assert marks, address
        for url, count in marks:
            assert (address, url, listed(client, url)) == (address, url, count)


def doors_of(data: dict) -> list[tuple[str, int]]:
    """(address, clients) of each mark of a line chart: of its columns, or of each of its lines."""
    if "urls" in data:
        return list(zip(data["urls"], data["series"][0]["counts"], strict=True))
    return [door for line in data["series"] for door in zip(line["urls"], line["counts"], strict=True)]


def test_each_mark_of_the_profit_curve_opens_the_clients_it_adds(head, client):
    client.force_login(head.user)
    data = client.get("/profit/curve/").json()
    doors = doors_of(data)
    assert [int(end) for end in data["labels"]] == list(accumulate(count for _url, count in doors))
    for url, count in doors:
        assert (url, listed(client, url)) == (url, count)
    assert sum(count for _url, count in doors) == client.get("/profit/").context["picture"].clients
    assert listed(client, "/clients/?net_places=1:2:3:4") == 0


def test_the_curve_of_many_clients_with_equal_profit_loses_nobody(head, client, monkeypatch):
    monkeypatch.setattr("profit.reading.COLUMNS", 4)
    ProfitTotal.objects.update(revenue=5 * YUAN, direct=0)
    client.force_login(head.user)
    doors = doors_of(client.get("/profit/curve/").json())
    assert len(doors) == 4
    found: list[int] = []
    for url, count in doors:
        stretch = Stretch.parse(parse_qs(urlsplit(url).query)["net_places"][0])
        behind = Client.objects.filter(stretch.condition())
        found += totals(head.user, None).filter(client__in=behind).values_list("pk", flat=True)
        assert listed(client, url) == count
    assert sorted(found) == sorted(totals(head.user, None).values_list("pk", flat=True))


@pytest.mark.parametrize("who", ["head", "manager"])
def test_each_month_of_the_funds_opens_whose_funds_it_counts(who, head, client):
    user = head.user if who == "head" else Client.objects.filter(branch=head.branch).first().manager.user
    client.cookies["language"] = "en"
    client.force_login(user)
    data = client.get("/funds/data/").json()
    doors = doors_of(data)
    assert len(doors) == len(data["labels"]) == len(data["titles"]) > data["ahead"] > 0
    assert doors[-1] == doors[-1 - data["ahead"]]
    assert "forecast" in data["titles"][-1]
    assert len({count for _url, count in doors}) > 1
    assert "With funds at the end of: Oct 2026" in client.get(doors[-1][0]).content.decode()
    for url, count in dict(doors).items():
        assert (url, listed(client, url)) == (url, count)


def test_each_mark_of_each_trend(head, client):
    client.force_login(head.user)
    for name in (name for name, dimension in DIMENSIONS.items() if dimension.past):
        data = client.get(f"/analyses/trend/{name}/").json()
        assert {len(line["values"]) for line in data["series"]} == {len(data["labels"])}
        doors = doors_of(data)
        filled = {url: count for url, count in doors if count}
        assert filled, name
        for url, count in [*filled.items(), *[door for door in doors if not door[1]][:1]]:
            assert (url, listed(client, url)) == (url, count)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_each_mark_of_each_chart(language, head, client):
    client.cookies["language"] = language
    client.force_login(head.user)
    for address in DATA:
        data = client.get(address).json()
        if "streams" in data:
            marks = [(stream["url"], stream["clients"]) for stream in data["streams"]]
        else:
            marks = list(zip(data["urls"], data["series"][0]["values"], strict=True))
        assert marks, address
        for url, count in marks:
            assert (address, url, listed(client, url)) == (address, url, count)


def test_each_column_of_the_pareto_chart_opens_who_is_behind_it(head, client):
    client.force_login(head.user)
    data = client.get("/pareto/data/").json()
    assert data["labels"]
    for label, url in zip(data["labels"], data["urls"], strict=True):
        if "–" in label:
            first, last = (int(end) for end in label.split("–"))
            assert listed(client, url) == last - first + 1
        else:
            assert client.get(url).status_code == 200


def test_who_costs_money_opens_the_same_number(head, client):
    client.force_login(head.user)
    context = client.get("/profit/").context
    assert context["picture"].losers
    assert listed(client, context["losers_url"]) == context["picture"].losers
    assert listed(client, context["all_url"]) == context["picture"].clients


@pytest.mark.parametrize("address", ["segmentation/score", "segmentation/migration", "value"])
def test_a_chart_has_its_table_on_the_page(address, head, client):
    """The same marks as the chart's data, number for number."""
    client.force_login(head.user)
    data = client.get(f"/{address}/data/").json()
    shown = dict(marks_of(client.get(f"/{address}/").content.decode()))
    if "streams" in data:
        wanted = {stream["url"]: stream["clients"] for stream in data["streams"]}
    else:
        wanted = dict(zip(data["urls"], data["series"][0]["values"], strict=True))
    assert {url: shown.get(url) for url in wanted} == wanted
