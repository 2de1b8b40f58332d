"""Making everybody's lifetime value (S13): read the trading days, fit, test on held-back weeks, write.

Brings numpy, scipy and pandas with it, some hundred megabytes: only who makes the values imports it (`forecasts.services`).
"""

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from io import BytesIO, StringIO
from typing import Any

import numpy as np
import pandas as pd
from django.db import connection

from crm.money import UNITS_PER_YUAN
from crm.temporary import drop
from forecasts import queries
from forecasts.lifetime import Activity, NoFit, Purchases, Spending, fit_purchases, fit_spending
from forecasts.models import ValueModel
from forecasts.services import window

#: Weeks held back to test the model, and the horizon of the forecast.
TEST_WEEKS = 26
YEAR_WEEKS = 365.25 / 7
#: A fit needs no more than this: the standing of each parameter no longer changes in the third digit.
MOST_FITTED = 200_000


@dataclass(frozen=True)
class Read:
    """The activity of all clients who traded, with what is written beside the forecast."""

    ids: Any
    activity: Activity
    historic: Any
    first_on: Any
    last_on: Any


def read_activity(start: date, end: date) -> Read:
    """Everybody's trading between two days, both included; money in 元."""
    kind = [("id", "i8"), *((name, "f8") for name in ("repeats", "last", "age", "day_value")), ("historic", "i8")]
    rows = _copy_out(queries.ACTIVITY, {"start": start, "end": end}, [*kind, ("first", "U10"), ("final", "U10")])
    activity = Activity(rows["repeats"], rows["last"], rows["age"], rows["day_value"] / UNITS_PER_YUAN)
    return Read(rows["id"], activity, rows["historic"], rows["first"], rows["final"])


def _copy_out(statement: str, values: dict[str, Any], kind: list[tuple[str, str]]) -> Any:
    with connection.cursor() as cursor:
        query = cursor.mogrify(statement, values).decode()
        text = BytesIO()
        cursor.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT csv)", text)
    if not text.tell():
        return np.empty(0, dtype=kind)
    text.seek(0)
    return np.loadtxt(text, delimiter=",", dtype=kind, ndmin=1, encoding="ascii")


def make_values(as_of: date) -> int:
    """Fit on the window that ends `as_of`, test on the last weeks of it, write everybody's value; rows written."""
    start, end = window(as_of)
    read = read_activity(start, end)
    model = ValueModel(as_of=as_of, window_from=start, clients=len(read.ids))
    model.repeaters = int((read.activity.repeats > 0).sum())
    try:
        sample = _sample(read.activity)
        purchases, spending = fit_purchases(sample), fit_spending(sample)
    except NoFit:
        model.problem, columns = "few", [np.full(len(read.ids), np.nan)] * 4
    else:
        model.purchases, model.spending = asdict(purchases), asdict(spending)
        model.test = test_on_held_back(start, end)
        columns = _forecast(read.activity, purchases, spending)
    ValueModel.objects.filter(as_of=as_of).delete()
    model.save()
    return _write(as_of, read, columns)


def _sample(activity: Activity) -> Activity:
    """At most `MOST_FITTED` clients, evenly over the book, the same ones each time."""
    step = -(-len(activity) // MOST_FITTED)
    return activity.take(slice(None, None, step)) if step > 1 else activity


def _forecast(activity: Activity, purchases: Purchases, spending: Spending) -> list[Any]:
    days = purchases.expected(activity, YEAR_WEEKS)
    value = spending.expected(activity)
    return [purchases.alive(activity), days, value, days * value]


def test_on_held_back(start: date, end: date) -> dict[str, Any]:
    """Fit without the last weeks, forecast them, compare; beside it the naive 'as many days as in the weeks before'.

    Empty where the shortened window does not carry a model.
    """
    cut = end - timedelta(weeks=TEST_WEEKS)
    if (cut - start).days < 7 * TEST_WEEKS:
        return {}
    known = read_activity(start, cut)
    try:
        purchases = fit_purchases(_sample(known.activity))
    except NoFit:
        return {}
    expected = purchases.expected(known.activity, TEST_WEEKS)
    actual = _days_of(known.ids, cut + timedelta(days=1), end)
    naive = _days_of(known.ids, cut - timedelta(weeks=TEST_WEEKS) + timedelta(days=1), cut)
    return {
        "weeks": TEST_WEEKS,
        "from": (cut + timedelta(days=1)).isoformat(),
        "clients": len(known.ids),
        "expected": float(expected.sum()),
        "actual": int(actual.sum()),
        "error": float(np.abs(expected - actual).mean()),
        "naive_error": float(np.abs(naive - actual).mean()),
    }


def _days_of(ids: Any, start: date, end: date) -> Any:
    """Trading days of these clients (ids ascending) in a span."""
    rows = _copy_out(queries.DAYS, {"start": start, "end": end}, [("id", "i8"), ("days", "i8")])
    counts = np.zeros(len(ids), dtype=np.int64)
    place = np.searchsorted(ids, rows["id"])
    found = place < len(ids)
    found[found] = ids[place[found]] == rows["id"][found]
    counts[place[found]] = rows["days"][found]
    return counts


def _write(as_of: date, read: Read, columns: list[Any]) -> int:
    """Replace the values of all clients."""
    alive, days, value, total = columns
    frame = pd.DataFrame(
        {
            "client_id": read.ids,
            "as_of": as_of.isoformat(),
            "days": (read.activity.repeats + 1).astype(np.int64),
            "first_on": read.first_on,
            "last_on": read.last_on,
            "historic": read.historic,
            "alive": alive,
            "days_12m": days,
            "day_value": pd.array(np.rint(value * UNITS_PER_YUAN), dtype="Int64"),
            "clv_12m": pd.array(np.rint(total * UNITS_PER_YUAN), dtype="Int64"),
        }
    )
    text = StringIO()
    frame.to_csv(text, header=False, index=False)
    text.seek(0)
    with connection.cursor() as cursor:
        drop(cursor, "new_value")
        cursor.execute("CREATE TEMP TABLE new_value (LIKE forecasts_clientvalue) ON COMMIT DROP")
        cursor.copy_expert(f"COPY new_value ({', '.join(frame.columns)}) FROM STDIN (FORMAT csv)", text)
        cursor.execute("ANALYZE new_value")
        cursor.execute(queries.DROP_VALUES)
        cursor.execute(queries.WRITE_VALUES)
    return len(frame)
