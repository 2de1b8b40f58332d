"""N2, step 'facts': monthly facts and totals equal a plain re-computation from the rows, whatever the intake did before."""

import tempfile
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from clients.models import Client, ClientSearch
from crm.partitions import month_start
from ledger.facts import FactCounts, Window, contributions, refresh
from ledger.intake import undo
from ledger.models import AssetSnapshot, CashFlow, ClientTotals, DirtyMonth, Fee, MonthlyFact, Trade
from tests.ledger.deliveries import CLIENTS, DAY, FIRM, TRADES_HEADER, take

pytestmark = pytest.mark.django_db

#: Three whole months before the month of DAY (2026-09-30), the same a month on, and one with days at both edges.
WINDOW = Window(date(2026, 6, 1), date(2026, 8, 31))
NEXT = Window(date(2026, 7, 1), date(2026, 9, 30))
EDGES = Window(date(2026, 5, 20), date(2026, 8, 12))
SHORT = Window(date(2026, 8, 3), date(2026, 8, 20))


# --- The plain form ---------------------------------------------------------------------------------------------------


def plain_facts() -> dict[tuple[date, int], tuple]:
    """(month, client) → the columns of a monthly fact, for all months with rows."""
    facts: dict[tuple[date, int], dict] = defaultdict(lambda: defaultdict(int))
    for trade in Trade.objects.all():
        fact = facts[month_start(trade.date), trade.client_id]
        fact["net_commission"] += trade.commission - trade.exchange_fees
        fact["trades"] += 1
        fact["turnover"] += trade.amount
        fact["last_trade_on"] = max(fact.get("last_trade_on", trade.date), trade.date)
    for fee in Fee.objects.all():
        name = "other_fee" if fee.kind == "other" else fee.kind
        facts[month_start(fee.date), fee.client_id][name] += fee.amount
    for flow in CashFlow.objects.all():
        amount = flow.amount if flow.direction == "in" else -flow.amount
        facts[month_start(flow.date), flow.client_id]["net_inflow"] += amount
    for snapshot in AssetSnapshot.objects.order_by("date"):
        fact = facts[month_start(snapshot.date), snapshot.client_id]
        fact["assets_end"] = snapshot.cash + snapshot.securities_value - snapshot.liabilities
    sums = ("net_commission", "margin_interest", "product_fee", "advisory_fee", "other_fee", "trades", "turnover")
    return {
        key: (*(fact[name] for name in sums), fact.get("last_trade_on"), fact.get("assets_end"), fact["net_inflow"])
        for key, fact in facts.items()
    }


def plain_totals(window: Window, day: date) -> dict[int, tuple]:
    """client → contribution in the window, last trade, newest assets on or before the day, and the day of those."""
    totals = {}
    for client in Client.objects.all():
        trades, fees = Trade.objects.filter(client=client), Fee.objects.filter(client=client)
        contribution = sum(t.commission - t.exchange_fees for t in trades if window.start <= t.date <= window.end)
        contribution += sum(f.amount for f in fees if window.start <= f.date <= window.end)
        last = max((trade.date for trade in trades), default=None)
        newest = AssetSnapshot.objects.filter(client=client, date__lte=day).order_by("-date").first()
        assets = (newest.cash + newest.securities_value - newest.liabilities, newest.date) if newest else (0, None)
        totals[client.pk] = (contribution, last, *assets, window.start, window.end)
    return totals


def kept_facts() -> dict[tuple[date, int], tuple]:
    """The same from the database; months made anew that turned out empty are left out."""
    names = (
        "net_commission", "margin_interest", "product_fee", "advisory_fee", "other_fee", "trades", "turnover",
        "last_trade_on", "assets_end", "net_inflow",
    )  # fmt: skip
    rows = MonthlyFact.objects.values_list("month", "client_id", *names)
    return {
        (month, client): tuple(values) for month, client, *values in rows if any(v is not None and v for v in values)
    }


def kept_totals() -> dict[int, tuple]:
    names = ("contribution", "last_trade_on", "assets", "assets_on", "window_from", "window_to")
    return {client: tuple(values) for client, *values in ClientTotals.objects.values_list("client_id", *names)}


def hold(window: Window, day: date) -> None:
    """Everything kept is what the rows say."""
    something = {key: values for key, values in plain_facts().items() if any(v is not None and v for v in values)}
    assert kept_facts() == something
    assert kept_totals() == plain_totals(window, day)


def refresh_parts(day: date, window: Window, parts: int = 1) -> FactCounts:
    counts = [refresh(day, window=window, part=part, parts=parts) for part in range(parts)]
    return FactCounts(sum(c.facts for c in counts), sum(c.totals for c in counts))


# --- Whatever the intake does -----------------------------------------------------------------------------------------

days = st.dates(date(2026, 5, 1), DAY)
clients = st.sampled_from(["1001", "1002", "1003"])
cents = st.integers(-500, 5000)
# Few keys, so that later files correct rows of earlier ones, also their date and client.
trades = st.tuples(st.integers(1, 4), days, clients, cents).map(
    lambda r: ("trades.csv", r[0], f"T{r[0]},{r[1]},{r[2]},,600000,stock,buy,1,{r[3]}.00,{r[3] / 100:.2f},0.10\n")
)
fees = st.tuples(
    st.integers(1, 4), days, clients, cents,
    st.sampled_from(["margin_interest", "product_fee", "advisory_fee", "other"]),
).map(lambda r: ("fees.csv", r[0], f"F{r[0]},{r[1]},{r[2]},{r[4]},{r[3] / 100:.2f}\n"))  # fmt: skip
flows = st.tuples(st.integers(1, 3), days, clients, st.integers(1, 999), st.sampled_from(["in", "out"])).map(
    lambda r: ("cash_flows.csv", r[0], f"W{r[0]},{r[1]},{r[2]},{r[4]},{r[3]}.00\n")
)
assets = st.tuples(st.sampled_from([date(2026, 7, 31), date(2026, 9, 1), date(2026, 9, 28), DAY]), clients, cents).map(
    lambda r: ("assets.csv", (r[0], r[1]), f"{r[0]},{r[1]},{r[2]}.00,10.00,5.00\n")
)
HEADERS = {
    "trades.csv": TRADES_HEADER,
    "fees.csv": "fee_no,date,client_no,kind,amount\n",
    "cash_flows.csv": "flow_no,date,client_no,direction,amount\n",
    "assets.csv": "date,client_no,cash,securities_value,liabilities\n",
}
delivery = st.lists(st.one_of(trades, trades, fees, flows, assets), min_size=1, max_size=6)
step = st.one_of(
    delivery.map(lambda rows: ("take", rows)),
    delivery.map(lambda rows: ("take", rows)),
    st.just(("undo", None)),
    st.tuples(
        st.just("refresh"),
        st.tuples(
            st.sampled_from([WINDOW, NEXT, EDGES, SHORT]),
            st.integers(1, 3),
            st.sampled_from([DAY, date(2026, 9, 15), date(2026, 8, 31)]),
        ),
    ),
)


def files_of(rows: list[tuple]) -> dict[str, str]:
    """One row per key: two of one file with the same key are the intake's business, not ours."""
    by_key = {(name, key): line for name, key, line in rows}
    files: dict[str, str] = {}
    for (name, _key), line in by_key.items():
        files[name] = files.get(name, HEADERS[name]) + line
    return files


TRADE = ("trades.csv", 1, "T1,2026-09-03,1001,,600000,stock,buy,1,10.00,5.00,0.10\n")
EARLIER = ("trades.csv", 2, "T2,2026-06-03,1001,,600000,stock,buy,1,10.00,7.00,0.10\n")
LATER_ASSETS = ("assets.csv", (DAY, "1001"), f"{DAY},1001,9.00,10.00,5.00\n")
SOME_ASSETS = ("assets.csv", (date(2026, 7, 31), "1001"), "2026-07-31,1001,3.00,10.00,5.00\n")


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=st.lists(step, min_size=2, max_size=7))
# The trade and the snapshot that counted are taken back: those before them count again.
@example(
    steps=[
        ("take", [EARLIER, SOME_ASSETS]),
        ("take", [TRADE, LATER_ASSETS]),
        ("refresh", (WINDOW, 1, DAY)),
        ("undo", None),
    ]
)
# A snapshot after the business date counts once its day has come.
@example(steps=[("take", [SOME_ASSETS, LATER_ASSETS]), ("refresh", (WINDOW, 2, date(2026, 9, 15)))])
# From months to days and back.
@example(
    steps=[("take", [EARLIER, TRADE]), ("refresh", (EDGES, 1, DAY)), ("refresh", (WINDOW, 1, DAY)), ("take", [TRADE])]
)
def test_facts_and_totals_are_what_the_rows_say(tmp_path, steps):
    with transaction.atomic(), tempfile.TemporaryDirectory() as folder:
        take(Path(folder), FIRM)
        batches, newest = [], date.min
        for what, value in steps:
            if what == "take":
                batches.append(take(Path(folder), files_of(value)))
            elif what == "undo" and batches:
                undo(batches.pop())
            elif what == "refresh":
                window, parts, day = value
                # Business dates ascend: what a later one brought stays.
                newest = max(day, newest)
                refresh_parts(newest, window, parts)
                hold(window, newest)
        refresh_parts(DAY, WINDOW, 2)
        hold(WINDOW, DAY)
        assert refresh_parts(DAY, WINDOW) == FactCounts(0, 0)
        assert not DirtyMonth.objects.exists()
        transaction.set_rollback(True)


# --- One thing at a time ----------------------------------------------------------------------------------------------


@pytest.fixture
def firm(tmp_path):
    """Three clients, T1 and T2 in September, T3 in August."""
    return take(tmp_path, FIRM | {"trades.csv": HEADERS["trades.csv"] + TRADES_OF_THE_FIRM})


TRADES_OF_THE_FIRM = (
    "T1,2026-09-01,1001,A1,600000,stock,buy,100,1000.00,5.00,0.50\n"
    "T2,2026-09-02,1002,A2,600001,etf,sell,200,2000.00,6.00,0.60\n"
    "T3,2026-08-31,1003,,600002,fund,buy,,3000.00,7.00,\n"
)


def contribution(client_no: str) -> int:
    return ClientTotals.objects.get(client__client_no=client_no).contribution


def test_a_second_refresh_writes_nothing(firm):
    assert refresh(DAY, window=WINDOW).facts == 3
    rows = list(ClientTotals.objects.order_by("pk").values())
    assert refresh(DAY, window=WINDOW) == FactCounts(0, 0)
    assert list(ClientTotals.objects.order_by("pk").values()) == rows


def test_the_window_rolls_by_the_months_that_enter_and_leave(firm):
    refresh(DAY, window=WINDOW)
    assert [contribution(no) for no in ("1001", "1002", "1003")] == [0, 0, 70_000]
    # All three rows are written, as each says what window it covers.
    assert refresh(date(2026, 10, 8), window=NEXT) == FactCounts(0, 3)
    assert [contribution(no) for no in ("1001", "1002", "1003")] == [45_000, 54_000, 70_000]
    hold(NEXT, date(2026, 10, 8))
    far = Window(date(2026, 9, 1), date(2026, 11, 30))
    refresh(date(2026, 12, 1), window=far)
    hold(far, date(2026, 12, 1))


def test_a_window_that_rolls_on_a_day_with_corrections_counts_each_once(firm, tmp_path):
    refresh(DAY, window=WINDOW)
    corrected = TRADES_OF_THE_FIRM.replace("5.00,0.50", "8.00,0.50").replace("7.00,\n", "9.00,\n")
    take(tmp_path, {"trades.csv": HEADERS["trades.csv"] + corrected})
    refresh(date(2026, 10, 8), window=NEXT)
    assert [contribution(no) for no in ("1001", "1003")] == [75_000, 90_000]
    hold(NEXT, date(2026, 10, 8))


def test_only_dirty_months_are_made_anew(firm):
    refresh(DAY, window=NEXT)
    MonthlyFact.objects.filter(month=date(2026, 8, 1)).update(turnover=1)
    DirtyMonth.objects.create(client=Client.objects.get(client_no="1001"), month=date(2026, 9, 1))
    assert refresh(DAY, window=NEXT) == FactCounts(0, 0)
    assert MonthlyFact.objects.get(month=date(2026, 8, 1)).turnover == 1


def test_forgetting_the_window_sums_everything_anew(firm):
    refresh(DAY, window=NEXT)
    ClientTotals.objects.update(contribution=1, window_from=None)
    refresh(DAY, window=NEXT)
    hold(NEXT, DAY)


def test_lost_totals_come_back(firm):
    refresh(DAY, window=NEXT)
    ClientTotals.objects.filter(client__client_no="1001").delete()
    refresh(DAY, window=NEXT)
    assert contribution("1001") == 45_000


def test_copies_follow_the_client(firm, tmp_path):
    refresh(DAY, window=WINDOW)
    moved = CLIENTS.replace("1001,张三,B2,S1,active", "1001,张三,B1,,closed")
    take(tmp_path, {"clients.csv": moved}, day=date(2026, 10, 1))
    assert refresh(date(2026, 10, 1), window=WINDOW, parts=2, part=0).totals + refresh(
        date(2026, 10, 1), window=WINDOW, parts=2, part=1
    ).totals == 1  # fmt: skip
    row = ClientTotals.objects.get(client__client_no="1001")
    client = row.client
    assert (row.branch_id, row.manager_id, row.no_key) == (client.branch_id, client.manager_id, client.no_key)
    assert not row.ranked


def test_search_hits_stand_by_the_assets_of_the_day(firm, tmp_path):
    refresh(DAY, window=WINDOW)
    take(tmp_path, {"assets.csv": HEADERS["assets.csv"] + f"{DAY},1002,1000000.00,0,0\n"})
    refresh(DAY, window=WINDOW)
    weights = dict(ClientSearch.objects.values_list("client__client_no", "weight"))
    assert weights["1002"] > weights["1001"] == 0


@pytest.mark.parametrize("window", [WINDOW, NEXT, EDGES, SHORT], ids=["whole", "next", "edges", "within a month"])
def test_sums_of_any_window_equal_the_rows(firm, window):
    refresh(DAY, window=WINDOW)
    sums, parameters = contributions(window)
    with connection.cursor() as cursor:
        cursor.execute(sums, parameters)
        found = dict(cursor.fetchall())
    expected = {client: values[0] for client, values in plain_totals(window, DAY).items()}
    assert {client: found.get(client, 0) for client in expected} == expected


def test_a_usual_day_asks_for_no_month_it_did_not_touch(firm, tmp_path, django_assert_max_num_queries):
    """The statements do not grow with the months that are kept."""
    old = "".join(f"O{n},2026-0{n}-10,1001,A1,600000,stock,buy,1,10.00,5.00,0.50\n" for n in range(1, 9))
    take(tmp_path, {"trades.csv": HEADERS["trades.csv"] + old})
    refresh(DAY, window=WINDOW)
    day = DAY - timedelta(days=1)
    take(tmp_path, {"trades.csv": HEADERS["trades.csv"] + f"N1,{day},1001,A1,600000,stock,buy,1,10.00,5.00,0.50\n"})
    with django_assert_max_num_queries(25):
        refresh(DAY, window=WINDOW)
    hold(WINDOW, DAY)
