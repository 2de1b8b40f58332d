"""What the analysis pages read, within the viewer's branches."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet, Sum
from django.db.models.expressions import RawSQL
from django.urls import reverse
from django.utils.http import urlencode

from analyses.dimensions import DIMENSIONS, Dimension
from analyses.models import Cell, Made
from analyses.services import values_for
from clients.models import Client
from org.models import Branch
from org.scope import scope_of


@dataclass(frozen=True)
class Row:
    """One key of a dimension: clients, their share of all counted (0–1), two sums in units, the list behind it."""

    key: str
    name: str
    clients: int
    share: float | None
    amount: int
    extra: int
    url: str


def whole_branches(user: Any) -> QuerySet[Branch]:
    """Branches that the viewer sees whole."""
    return Branch.objects.filter(scope_of(user).branch_condition("pk")).order_by("branch_no")


def cells(user: Any, branch: Branch | None) -> QuerySet[Cell]:
    """Figures of a branch and those below it, or of all branches the viewer sees whole."""
    found = Cell.objects.filter(scope_of(user).branch_condition("branch"))
    return found.filter(branch__path__startswith=branch.path) if branch else found


def months_made(analysis_dimensions: list[Dimension]) -> list[date]:
    """Months that any of the dimensions was made for, newest first."""
    keys = [dimension.key for dimension in analysis_dimensions]
    return list(Made.objects.filter(dimension__in=keys).values_list("month", flat=True).distinct().order_by("-month"))


def table(user: Any, dimension: Dimension, month: date, branch: Branch | None) -> list[Row]:
    """The rows of a dimension in a month, in the order of its names: one query."""
    sums = cells(user, branch).filter(dimension=dimension.key, month=month).values("key")
    found = {
        row["key"]: row
        for row in sums.annotate(n=Sum("clients"), a=Sum("amount"), e=Sum("extra")).order_by("-a", "-n", "key")
    }
    order = [key for key in dimension.names if key in found] + [key for key in found if key not in dimension.names]
    total = sum(row["n"] for row in found.values())
    below = _below(branch)
    return [
        Row(
            key=key,
            name=str(dimension.names.get(key, key)),
            clients=found[key]["n"],
            share=found[key]["n"] / total if total else None,
            amount=found[key]["a"],
            extra=found[key]["e"],
            url=list_url(dimension, key, month, below),
        )
        for key in order
    ]


def _below(branch: Branch | None) -> list[str]:
    if branch is None:
        return []
    numbers = Branch.objects.filter(path__startswith=branch.path).order_by("branch_no")
    return list(numbers.values_list("branch_no", flat=True))


def list_url(dimension: Dimension, key: str, month: date, branches: list[str]) -> str:
    """The client list behind a figure."""
    query = urlencode({"cell": f"{dimension.key}:{month:%Y-%m}:{key}", "branch": branches}, doseq=True)
    return f"{reverse('clients:list')}?{query}"


@dataclass(frozen=True)
class Line:
    """One key over the months: the clients of each, their first sum in units, the lists behind."""

    key: str
    name: str
    clients: list[int]
    amounts: list[int]
    urls: list[str]


def series(user: Any, dimension: Dimension, branch: Branch | None) -> tuple[list[date], list[Line]]:
    """Months and a line for each key: one query, and one for the branches below."""
    rows = cells(user, branch).filter(dimension=dimension.key).values_list("month", "key")
    sums = rows.annotate(n=Sum("clients"), a=Sum("amount")).order_by()
    found = {(month, key): (clients, amount) for month, key, clients, amount in sums}
    months = sorted({month for month, _key in found})
    keys = {key for _month, key in found}
    below = _below(branch)
    return months, [
        Line(
            key=key,
            name=str(dimension.names.get(key, key)),
            clients=[found.get((month, key), (0, 0))[0] for month in months],
            amounts=[found.get((month, key), (0, 0))[1] for month in months],
            urls=[list_url(dimension, key, month, below) for month in months],
        )
        for key in [key for key in dimension.names if key in keys] + sorted(keys - dimension.names.keys())
    ]


# --- The list behind a figure ------------------------------------------------------------------------------------------

_NAMED = re.compile(r"%\((\w+)\)s")


def parse(value: str) -> tuple[Dimension, date, str] | None:
    """`dimension:YYYY-MM:key` of the list's filter; None if it is none of ours."""
    parts = value.split(":", 2)
    if len(parts) != 3 or parts[0] not in DIMENSIONS:
        return None
    try:
        return DIMENSIONS[parts[0]], date.fromisoformat(f"{parts[1]}-01"), parts[2][:40]
    except ValueError:
        return None


def clients_behind(queryset: QuerySet[Client], dimension: Dimension, month: date, key: str) -> QuerySet[Client]:
    """The clients that a figure counted, by the same rows as of the same day."""
    made = Made.objects.filter(dimension=dimension.key, month=month).first()
    if made is None:
        return queryset.none()
    values: dict[str, Any] = values_for(month, made.as_of) | {"key": key}
    statement = f"SELECT r.client_id FROM ({dimension.rows}) r WHERE r.key = %(key)s"
    params = [values[name] for name in _NAMED.findall(statement)]
    return queryset.filter(pk__in=RawSQL(_NAMED.sub("%s", statement), params))  # noqa: S611  our own table of statements
