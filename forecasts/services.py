"""Making the forecasts: once a month, on whole months, for all clients and branches at once (S8, S13)."""

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection, transaction

from crm.partitions import month_start
from forecasts import queries
from forecasts.models import ValueModel
from org import audit
from org.rights import require

#: Months of trades the models are fitted on, and of funds that are kept.
WINDOW_MONTHS = 36


@dataclass(frozen=True)
class Made:
    """Rows written: clients with a value, branch months."""

    values: int
    funds: int


def last_whole_month(business_date: date) -> date:
    """Last day of the last whole month before the month of a business date."""
    return month_start(business_date) - timedelta(days=1)


def window(as_of: date) -> tuple[date, date]:
    """First and last day of the trades that count for a month's end."""
    start = month_start(as_of)
    for _back in range(WINDOW_MONTHS - 1):
        start = month_start(start - timedelta(days=1))
    return start, as_of


def load() -> None:
    """Load the numeric packages, which takes seconds, before a transaction that would stand idle meanwhile."""
    import forecasts.smoothing
    import forecasts.values  # noqa: F401


def refresh(business_date: date, *, again: bool = False) -> Made:
    """Bring both forecasts up to the last whole month; nothing to do when they are there (`again`: make them anew)."""
    as_of = last_whole_month(business_date)
    there = ValueModel.objects.filter(as_of__gte=as_of)
    if not again and there.exists():
        return Made(0, 0)
    from forecasts.values import make_values  # numpy, scipy and pandas: not for a web server that makes nothing

    with transaction.atomic():
        return Made(make_values(as_of), make_funds(as_of))


def remake(business_date: date, *, user: Any) -> Made:
    """The same by hand, whatever is there. Raises PermissionDenied without the right `nights.run`."""
    require(user, "nights.run")
    made = refresh(business_date, again=True)
    audit.record("forecasts.make", user=user, detail={"date": business_date.isoformat(), **asdict(made)})
    return made


# --- Growth of funds ---------------------------------------------------------------------------------------------------


def month_ends(as_of: date) -> list[tuple[date, date]]:
    """(first day of the month, last day with snapshots) of the months kept; months without any are left out."""
    start, end = window(as_of)
    with connection.cursor() as cursor:
        cursor.execute(queries.MONTH_ENDS, {"start": start, "end": end})
        return [(month, day) for month, day in cursor.fetchall() if day is not None]


def make_funds(as_of: date) -> int:
    """Write each branch's funds for all months kept, where they differ; rows written."""
    written = 0
    with connection.cursor() as cursor:
        for month, day in month_ends(as_of):
            values = {"month": month, "day": day}
            cursor.execute(queries.DROP_FUNDS, values)
            cursor.execute(queries.WRITE_FUNDS, values)
            written += cursor.rowcount
    return written


def newest() -> ValueModel | None:
    """The model that the values stand on."""
    return ValueModel.objects.order_by("-as_of").first()
