"""What the pages and the API read of the forecasts, within the viewer's scope."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum

from clients.models import Client
from crm import replica
from crm.money import UNITS_PER_YUAN
from crm.partitions import next_month
from forecasts import queries
from forecasts.funds import Forecast, forecast
from forecasts.models import ClientValue
from forecasts.rules import BANDS
from forecasts.services import month_ends, newest
from ledger.models import AssetSnapshot
from org.models import Branch
from org.scope import scope_of
from segmentation.pareto import Selection


@dataclass(frozen=True)
class Band:
    """A band of the expected contribution (ends in 元) with its clients and their sum in units."""

    low: int | None
    high: int | None
    clients: int
    expected: int


@dataclass(frozen=True)
class Values:
    """A selection's lifetime values; money in units."""

    clients: int
    historic: int
    expected: int
    staying: float | None
    bands: list[Band]


def clients_of(user: Any, selection: Selection) -> QuerySet[Client]:
    """The clients of a selection that the viewer may see."""
    found = Client.objects.visible_to(user)
    if selection.manager is not None:
        return found.filter(manager=selection.manager)
    if selection.branch is not None:
        return found.filter(branch__path__startswith=selection.branch.path)
    return found


def values_of(user: Any, selection: Selection) -> Values:
    """Sums and bands of a selection: one query."""
    rows = ClientValue.objects.filter(client__in=clients_of(user, selection)).exclude(client__status="closed")
    wanted: dict[str, Any] = {
        "clients": Count("*"),
        "historic": Sum("historic"),
        "expected": Sum("clv_12m"),
        "staying": Sum("alive"),
        "judged": Count("alive"),
    }
    for number, (low, high) in enumerate(BANDS):
        inside = within(low, high)
        wanted |= {f"n{number}": Count("pk", filter=inside), f"s{number}": Sum("clv_12m", filter=inside)}
    found = rows.aggregate(**wanted)
    return Values(
        clients=found["clients"],
        historic=found["historic"] or 0,
        expected=found["expected"] or 0,
        staying=found["staying"] / found["judged"] if found["judged"] else None,
        bands=[Band(*ends, found[f"n{i}"], found[f"s{i}"] or 0) for i, ends in enumerate(BANDS)],
    )


def within(low: int | None, high: int | None, prefix: str = "") -> Q:
    """Expected contribution from `low` up to, not including, `high` (元); whoever has none is in no band."""
    condition = Q(**{f"{prefix}clv_12m__isnull": False})
    if low is not None:
        condition &= Q(**{f"{prefix}clv_12m__gte": low * UNITS_PER_YUAN})
    if high is not None:
        condition &= Q(**{f"{prefix}clv_12m__lt": high * UNITS_PER_YUAN})
    return condition


# --- Growth of funds ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Month:
    """A month's end; money in units. `assets` = cash + securities − liabilities."""

    month: date
    clients: int
    cash: int
    securities: int
    liabilities: int
    net_inflow: int

    @property
    def assets(self) -> int:
        return self.cash + self.securities - self.liabilities


@dataclass(frozen=True)
class Growth:
    """History and forecast (units) of a selection or a client; `ahead`: the months of the forecast.

    `closed`: clients who left since count in the months they were there.
    """

    months: list[Month]
    ahead: list[date]
    forecast: Forecast | None
    closed: bool = True

    @property
    def market(self) -> int | None:
        """Change of the assets over the months shown that no money in or out explains; None for a single month."""
        if len(self.months) < 2:
            return None
        inflow = sum(month.net_inflow for month in self.months[1:])
        return self.months[-1].assets - self.months[0].assets - inflow

    @property
    def change(self) -> int | None:
        return self.months[-1].assets - self.months[0].assets if len(self.months) > 1 else None

    @property
    def inflow(self) -> int:
        return sum(month.net_inflow for month in self.months[1:])


def growth_of(user: Any, selection: Selection) -> Growth:
    """Of the branches of a selection, or of a manager's book."""
    if selection.manager is not None or not _whole_branches(user):
        ids = clients_of(user, selection).exclude(status="closed").values_list("pk", flat=True)
        return replace(_growth(_client_series(list(ids))), closed=False)
    branches = Branch.objects.visible_to(user)
    if selection.branch is not None:
        branches = branches.filter(path__startswith=selection.branch.path)
    numbers = list(branches.values_list("pk", flat=True))
    with replica.connection().cursor() as cursor:
        cursor.execute(queries.BRANCH_SERIES.format(branches="branch_id = ANY(%s)"), [numbers])
        return _growth([Month(*row) for row in cursor.fetchall()])


def growth_of_client(client: Client) -> Growth:
    """Of one client, who must be in the viewer's scope."""
    return _growth(_client_series([client.pk]))


def behind_month(queryset: QuerySet[Client], month: date) -> QuerySet[Client]:
    """The clients whose funds a month's end counted: those with a statement of its last day that has any."""
    snapshots = AssetSnapshot.objects.filter(date__gte=month, date__lt=next_month(month))
    last = snapshots.order_by("-date").values("date")[:1]
    return queryset.filter(Exists(AssetSnapshot.objects.filter(client=OuterRef("pk"), date=last)))


def _whole_branches(user: Any) -> bool:
    scope = scope_of(user)
    return scope.firm or bool(scope.branch_ids)


def _client_series(ids: Sequence[int]) -> list[Month]:
    model = newest()
    if model is None or not ids:
        return []
    ends = month_ends(model.as_of)
    values: dict[str, Any] = {
        "months": [month for month, _day in ends],
        "days": [day for _month, day in ends],
        "clients": list(ids),
    }
    with replica.connection().cursor() as cursor:
        cursor.execute(queries.CLIENT_SERIES, values)
        months = [Month(*row) for row in cursor.fetchall()]
    # Before the account was opened there is nothing to show.
    first = next((i for i, month in enumerate(months) if month.clients), len(months))
    return months[first:]


def _growth(months: list[Month]) -> Growth:
    found = forecast([float(month.assets) for month in months])
    ahead: list[date] = []
    if found is not None:
        day = months[-1].month
        for _step in found.middle:
            day = next_month(day)
            ahead.append(day)
    return Growth(months, ahead, found)


def best(user: Any, selection: Selection, count: int = 10) -> list[ClientValue]:
    """The clients of whom the most is expected."""
    rows = ClientValue.objects.filter(client__in=clients_of(user, selection), clv_12m__isnull=False)
    return list(rows.select_related("client").order_by(F("clv_12m").desc(), "client_id")[:count])
