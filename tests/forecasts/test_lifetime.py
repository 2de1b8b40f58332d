"""Lifetime value (S13): the published figures, the models' properties, the worked numbers."""

import csv
import gzip
import io
import json
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from forecasts.lifetime import Activity, NoFit, Purchases, Spending, fit_purchases, fit_spending
from forecasts.models import ClientValue, ValueModel
from forecasts.rules import Lifetime, so_far
from forecasts.values import make_values, read_activity
from tests import datasets


def published() -> dict:
    return json.loads((datasets.path("cdnow") / "reference" / "clv_reference.json").read_text())


def calibration() -> list[dict[str, str]]:
    text = (datasets.path("cdnow") / "reference" / "calibration_holdout.csv").read_text()
    return list(csv.DictReader(io.StringIO(text)))


def activity(rows: list[dict[str, str]]) -> Activity:
    names = ("x_repeat_days", "t_x_weeks", "T_weeks", "mean_repeat_value")
    return Activity(*(np.array([float(row[name]) for row in rows]) for name in names))


@pytest.mark.data
@datasets.needs("cdnow")
def test_published_parameters_come_out():
    reference, of = published(), activity(calibration())
    purchases, spending = fit_purchases(of), fit_spending(of)
    for name, value in reference["bgnbd_fit"].items():
        assert round(getattr(purchases, name), 4) == value
    assert round(purchases.log_likelihood, 2) == reference["bgnbd_log_likelihood"]
    for name, value in reference["gamma_gamma_fit"].items():
        assert getattr(spending, name) == pytest.approx(value, abs=2e-4)
    assert round(float(purchases.expected(of, 39).sum()), 1) == reference["bgnbd_expected_holdout_purchases_39_weeks"]


@pytest.mark.data
@pytest.mark.django_db
@datasets.needs("cdnow")
def test_activity_of_the_intake_is_the_reference():
    """From the file through intake and SQL to the same sufficient statistics, and so to the same fit."""
    call_command("intake", datasets.path("cdnow"), mapping="cdnow", date=date(1998, 6, 30), stdout=io.StringIO())
    read = read_activity(date(1997, 1, 1), date(1997, 9, 30))
    theirs = sorted(tuple(np.round(row, 3)) for row in np.column_stack(_columns(activity(calibration()))))
    ours = sorted(tuple(np.round(row, 3)) for row in np.column_stack(_columns(read.activity)))
    assert np.allclose(ours, theirs, atol=2e-3)
    assert round(fit_purchases(read.activity).log_likelihood, 2) == published()["bgnbd_log_likelihood"]


def _columns(of: Activity) -> list:
    # The mean of nobody's repeat days is written differently on both sides.
    return [of.repeats, of.last, of.age, np.where(of.repeats > 0, of.day_value, 0)]


@pytest.mark.data
@pytest.mark.django_db
@datasets.needs("cdnow")
def test_values_are_written_for_everybody_who_traded():
    call_command("intake", datasets.path("cdnow"), mapping="cdnow", date=date(1998, 7, 1), stdout=io.StringIO())
    assert make_values(date(1998, 6, 30)) == ClientValue.objects.count() == 2357
    model = ValueModel.objects.get()
    days: dict[str, set[str]] = {}
    with gzip.open(datasets.path("cdnow") / "cdnow_sample.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            days.setdefault(row["master_id"], set()).add(row["date"])
    assert model.repeaters == sum(len(found) > 1 for found in days.values())
    assert model.test["clients"] == 2357
    assert model.test["actual"] > 0
    rows = list(ClientValue.objects.all())
    total = sum(row.historic for row in rows)
    assert Decimal(total) / 10_000 == Decimal("244091.94")
    assert all(row.clv_12m == pytest.approx(row.days_12m * row.day_value, rel=1e-4, abs=2) for row in rows)
    # Again is the same again.
    make_values(date(1998, 6, 30))
    assert list(ClientValue.objects.order_by("pk")) == sorted(rows, key=lambda row: row.pk)
    assert ValueModel.objects.count() == 1


@pytest.mark.django_db
def test_an_empty_firm_has_no_forecast_and_says_so():
    assert make_values(date(2026, 10, 31)) == 0
    assert ValueModel.objects.get().problem == "few"


def one(repeats: float, last: float, age: float, value: float = 10.0) -> Activity:
    return Activity(*(np.array([float(number)]) for number in (repeats, last, age, value)))


positive = st.floats(0.05, 20)


@given(positive, positive, positive, positive, st.integers(0, 2000), st.floats(0, 1), st.floats(1, 200))
def test_expected_days_are_finite_grow_with_time_and_stay_within_the_rate(r, alpha, a, b, repeats, share, age):
    model = Purchases(r, alpha, a, b)
    of = one(repeats, age * share if repeats else 0, age)
    half, whole = (float(model.expected(of, weeks)[0]) for weeks in (26, 52))
    assert np.isfinite([half, whole]).all()
    assert -1e-6 <= half <= whole + 1e-6
    # Nobody trades more than one who never leaves at the rate that is known of him.
    assert whole <= (r + repeats) / (alpha + age) * 52 * (1 + 1e-6) + 1e-6
    assert 0 <= float(model.alive(of)[0]) <= 1


@given(st.integers(1, 500), st.floats(0.01, 1e6))
def test_expected_value_lies_between_own_mean_and_the_mean_of_all(repeats, mean):
    model = Spending(6.25, 3.74, 15.44)
    everybody = float(model.expected(one(0, 0, 10))[0])
    own = float(model.expected(one(repeats, 5, 10, mean))[0])
    low, high = sorted((mean, everybody))
    assert low * (1 - 1e-9) <= own <= high * (1 + 1e-9)


def test_a_mean_of_nothing_or_less_stays_as_it_is():
    assert float(Spending(6.25, 3.74, 15.44).expected(one(3, 5, 10, -7.0))[0]) == -7.0


def test_too_few_give_no_fit():
    with pytest.raises(NoFit):
        fit_purchases(one(2, 5, 10))


@pytest.mark.parametrize(
    ("parts", "value"), [((10, 10, 1), 100), ((10, 10, 10), 1000), ((11, 11, 11), 1331), ((100, 52, 40), 208_000)]
)
def test_worked_numbers(parts, value):
    assert Lifetime(*map(Decimal, parts)).value == value


def test_ten_per_cent_more_of_each_make_a_third_more():
    assert Lifetime(Decimal(7), Decimal(3), Decimal(5)).changed(*(Decimal(10),) * 3).value == 105 * Decimal("1.331")


@given(st.decimals(-1_000_000, 1_000_000, places=2), st.integers(1, 900), st.integers(0, 9000))
def test_the_parts_give_the_contribution_back(contribution, days, ago):
    as_of = date(2026, 10, 31)
    parts = so_far(contribution, days, date.fromordinal(as_of.toordinal() - ago), as_of)
    assert abs(parts.value - contribution) < Decimal("0.000001")
