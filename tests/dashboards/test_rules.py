"""Decisions on plain values: periods, deviations, churn economics (L8), fair comparison."""

from datetime import date
from decimal import Decimal

import pytest

from dashboards import rules
from dashboards.rules import Book, Deviation, Period, churn, read_period


@pytest.mark.parametrize("text", ["2026-10", "2026-Q4", "2026"])
def test_a_period_reads_as_it_is_written(text):
    assert str(read_period(text)) == text


@pytest.mark.parametrize("text", ["", "2026-13", "2026-Q5", "26-10", "2026-1", "2026-10-01", "x"])
def test_anything_else_is_no_period(text):
    assert read_period(text) is None


def test_a_quarter_knows_its_months_and_neighbours():
    quarter = Period("quarter", date(2026, 10, 1))
    assert [month.month for month in quarter.months] == [10, 11, 12]
    assert (str(quarter.before), str(quarter.next), str(quarter.year_before)) == ("2026-Q3", "2027-Q1", "2025-Q4")
    assert quarter.after == date(2027, 1, 1)


def test_the_worked_example_of_churn():
    """1,000 clients: at 10 % win 100, 500 n + 900 n = 1,400 n; at 50 % win 500, 2,500 n + 500 n = 3,000 n."""
    ten, half = churn(1000, Decimal("0.10")), churn(1000, Decimal("0.50"))
    assert (ten.win, ten.winning_cost, ten.keeping_cost, ten.cost) == (100, 500, 900, 1400)
    assert (half.win, half.winning_cost, half.keeping_cost, half.cost) == (500, 2500, 500, 3000)
    assert churn(0, Decimal("0.10")).cost == 0
    assert churn(7, Decimal(0)).cost == 7


def test_money_that_the_market_moved_is_no_outflow():
    """Domain: Δassets is no signal, net inflow is."""
    assert rules.outflow(0, 1_000) == []
    assert rules.outflow(-10, 1_000) == []  # at the threshold
    assert [one.figure for one in rules.outflow(-20, 1_000)] == [-0.02]
    assert rules.outflow(-20, None) == rules.outflow(-20, 0) == []


def test_revenue_is_compared_with_what_was_there():
    assert rules.drop("revenue", 90, 100) == []
    assert [one.threshold for one in rules.drop("revenue", 89, 100)] == [-0.10]
    assert rules.drop("revenue", 5, 0) == rules.drop("revenue", None, 5) == rules.drop("revenue", 5, -3) == []


def test_a_running_month_counts_by_its_trading_days():
    assert rules.projected(100, 10, 20) == 200
    assert rules.projected(100, 4, 20) is None
    assert rules.projected(100, 20, 20) == 100


def test_contacts_are_held_against_the_days_gone():
    assert rules.behind(5, 10, 0.55) == []
    assert [one.threshold for one in rules.behind(4, 10, 0.6)] == [0.5]
    assert rules.behind(0, 0, 1.0) == []


def test_the_farther_tier_of_a_composition_is_told():
    ideal = {"A": 0.2, "B": 0.4, "C": 0.4}
    assert rules.composition({"A": 0.2, "B": 0.44}, ideal) == []
    assert [one.detail for one in rules.composition({"A": 0.1, "B": 0.1}, ideal)] == ["B"]
    assert rules.composition({"A": None, "B": None}, ideal) == []


def test_what_a_client_or_the_law_waits_for_comes_first():
    found = rules.in_order([Deviation("composition", 0.9, 0.2), Deviation("overdue", 1, 0), Deviation("late", 500, 0)])
    assert [one.kind for one in found] == ["overdue", "late", "composition"]


def test_managers_are_compared_by_their_mix():
    """One has A clients, the other C clients; each brings what such clients bring: both are at 1."""
    rich = Book({"A": 10}, {"A": 1_000})
    poor = Book({"C": 50}, {"C": 100})
    standard = rules.rates([rich, poor])
    assert standard == {"A": 100, "B": 0, "C": 2}
    assert rules.index(rich, standard) == rules.index(poor, standard) == 1
    half = Book({"A": 10}, {"A": 500})
    standard = rules.rates([rich, half])
    assert rules.index(half, standard) == pytest.approx(500 / 750)
    assert rules.index(Book({}, {}), standard) is None
    assert rules.few(Book({"A": 9}, {}))
    assert not rules.few(Book({"A": 10}, {}))


def test_contacts_of_the_same_mix():
    """Two managers with equal shares by tier stand equal, whatever their mix."""
    weights = {"A": 30, "B": 20, "C": 50}
    one = {"A": (9, 10), "C": (1, 10)}
    other = {"A": (90, 100), "C": (1, 10)}
    assert rules.standard_share(one, weights) == rules.standard_share(other, weights) == pytest.approx(0.4)
    assert rules.standard_share({}, weights) is None
