"""Growth of funds (S8): the forecast beats or gives way to the naive one; branch months equal a plain sum."""

from datetime import date

import numpy as np
import pytest
from django.db import connection

from crm.partitions import ensure_months
from forecasts.funds import HORIZON, forecast
from forecasts.models import BranchFunds
from forecasts.reading import growth_of, growth_of_client
from forecasts.services import make_funds, refresh
from ledger.models import AssetSnapshot, MonthlyFact
from org.models import Role
from segmentation.pareto import Selection
from tests.factories import BranchFactory, ClientFactory, StaffFactory

AS_OF = date(2026, 10, 31)
MONTHS = [date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1)]


def test_a_steady_trend_is_carried_on_and_beats_the_naive():
    series = [100 + 5 * month for month in range(30)]
    found = forecast(series)
    assert found.method == "smoothing"
    assert found.test.smoothing < found.test.naive
    assert series[-1] < found.middle[0] <= found.middle[-1]
    assert len(found.middle) == HORIZON


def test_chance_alone_is_left_to_the_naive():
    steps = np.random.default_rng(7).normal(0, 5, 40)
    found = forecast(list(100 + np.cumsum(steps)))
    assert found.method == found.test.better == "naive"
    assert found.middle == [pytest.approx(100 + steps.sum())] * HORIZON
    widths = np.array(found.high) - np.array(found.low)
    assert (np.diff(widths) > 0).all()


@pytest.mark.parametrize("series", [[], [5.0], [5.0, 6.0]])
def test_too_short_is_not_forecast(series):
    assert forecast(series) is None


def test_short_is_naive_and_untested():
    found = forecast([1.0, 2.0, 3.0])
    assert (found.method, found.test) == ("naive", None)


@pytest.mark.parametrize("series", [[0.0] * 24, [7.0] * 24, [-3.0, 4.0] * 12, [1e13 * n for n in range(24)]])
def test_odd_series_have_finite_answers(series):
    found = forecast(series)
    assert np.isfinite([*found.middle, *found.low, *found.high]).all()


@pytest.fixture
def firm(db):
    """Two branches with two clients each, three months of assets."""
    ensure_months("ledger_assetsnapshot", MONTHS)
    ensure_months("ledger_monthlyfact", MONTHS)
    clients = [
        ClientFactory(manager=StaffFactory(branch=branch))
        for branch in (BranchFactory(), BranchFactory())
        for _ in "12"
    ]
    for number, client in enumerate(clients, 1):
        for month in MONTHS:
            for day in (10, 28):
                AssetSnapshot.objects.create(
                    date=month.replace(day=day),
                    client=client,
                    cash=number * month.month * day,
                    securities_value=number * 1000,
                    liabilities=number,
                )
            MonthlyFact.objects.create(month=month, client=client, net_inflow=number * month.month)
    return clients


def test_branch_months_are_the_sums_of_the_last_snapshots(firm):
    assert make_funds(AS_OF) == 6
    row = BranchFunds.objects.get(branch=firm[0].branch, month=MONTHS[1])
    assert (row.clients, row.cash, row.securities, row.liabilities) == (2, 3 * 9 * 28, 3000, 3)
    assert row.net_inflow == 3 * 9
    assert make_funds(AS_OF) == 0


def test_a_moved_client_takes_the_history_along(firm):
    make_funds(AS_OF)
    first, other = firm[0].branch, firm[2].branch
    for client in firm[:2]:
        client.branch = other
        client.save()
    make_funds(AS_OF)
    assert not BranchFunds.objects.filter(branch=first).exists()
    assert BranchFunds.objects.get(branch=other, month=MONTHS[0]).clients == 4


def test_growth_tells_inflow_from_market(firm):
    refresh(date(2026, 11, 20))
    growth = growth_of_client(firm[0])
    assert [month.assets for month in growth.months] == [28 * m.month + 999 for m in MONTHS]
    assert growth.inflow == 19
    assert growth.market == 28 * 2 - 19


def test_whose_funds(firm):
    refresh(date(2026, 11, 20))
    manager = firm[0].manager
    head = StaffFactory(branch=firm[0].branch, role=Role.BRANCH_HEAD)
    analyst = StaffFactory(role=Role.ANALYST)

    def last(user, **chosen):
        return growth_of(user, Selection(**chosen)).months[-1].clients

    assert last(manager.user, manager=manager) == 1
    assert last(manager.user) == 1
    assert last(head.user) == 2
    assert last(analyst.user) == 4
    assert last(analyst.user, branch=firm[2].branch) == 2


def test_series_is_one_statement_whatever_the_book(firm, django_assert_num_queries):
    refresh(date(2026, 11, 20))
    for clients in (1, 3):
        with django_assert_num_queries(3):
            from forecasts.reading import _client_series

            assert len(_client_series([client.pk for client in firm[:clients]])) == 3
    assert connection.vendor == "postgresql"


def test_funds_by_the_api(firm, client, django_assert_max_num_queries):
    refresh(date(2026, 11, 20))
    client.force_login(StaffFactory(branch=firm[0].branch, role=Role.BRANCH_HEAD).user)
    client.get("/api/v1/funds/")
    with django_assert_max_num_queries(8):
        found = client.get("/api/v1/funds/").json()
    assert [month["clients"] for month in found["months"]] == [2, 2, 2]
    assert (found["method"], len(found["forecast"]), found["test"]) == ("naive", 6, None)
    assert {ahead["middle"] for ahead in found["forecast"]} == {found["months"][-1]["assets"]}
    own = client.get(f"/api/v1/funds/{firm[0].client_no}/").json()
    assert [month["assets"] for month in own["months"]] == [
        f"{month.assets / 10_000:.2f}" for month in growth_of_client(firm[0]).months
    ]
    assert client.get(f"/api/v1/funds/{firm[2].client_no}/").status_code == 404
    assert client.get("/api/v1/funds/", {"branch_no": firm[2].branch.branch_no}).status_code == 404
