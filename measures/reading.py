"""What the measure pages read, within the viewer's scope; flows between two dates (S12)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import BooleanField, Count, Max, Min, Q, QuerySet, Sum
from django.db.models.expressions import RawSQL
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from clients.models import Client
from clients.scope import client_scope
from crm import replica
from measures.models import ClientMeasures, Kind, Manner, MeasureRun, RfmGroup, Size
from segmentation.history import base_date, run_on
from segmentation.models import Tier
from segmentation.pareto import Selection
from segmentation.policies import policy_on
from segmentation.session import series

CELLS = {
    f"{size}{manner}": (Size(size).label, Manner(manner).label) for size in Size.values for manner in Manner.values
}
BANDS = {str(n): f"{n * 20}–{n * 20 + 19 if n < 4 else 100}" for n in range(5)}


@dataclass(frozen=True)
class Scheme:
    """A way of telling clients apart that has a history. `names` in the order shown."""

    key: str
    label: str | Promise
    names: dict[str, Any]


SCHEMES: dict[str, Scheme] = {
    s.key: s
    for s in (
        Scheme("tier", _("Tier"), {tier: tier for tier in Tier.values}),
        Scheme("service_tier", _("Service tier"), {tier: tier for tier in Tier.values}),
        Scheme("cell", _("Nine cells"), {key: f"{a} · {b}" for key, (a, b) in CELLS.items()}),
        Scheme("rfm_group", _("RFM group"), dict(RfmGroup.choices)),
        Scheme("kind", _("Kind of client"), dict(Kind.choices)),
        Scheme("band", _("High-value score"), BANDS),
    )
}
#: Names that are put together of two translated words must be made when they are read.
_OUT = "-"


def names_of(scheme: Scheme) -> dict[str, str]:
    """Key → words in the reader's language; '-' for who was not ranked then."""
    if scheme.key == "cell":
        words = {key: f"{Size(key[0]).label} · {Manner(key[1]).label}" for key in CELLS}
    else:
        words = {key: str(label) for key, label in scheme.names.items()}
    return words | {_OUT: str(_("not ranked"))}


def measured(user: Any, selection: Selection) -> QuerySet[ClientMeasures]:
    """The measures of a selection that the viewer may see."""
    found = ClientMeasures.objects.visible_to(user)
    if selection.manager is not None:
        return found.filter(client__manager=selection.manager)
    if selection.branch is not None:
        return found.filter(client__branch__path__startswith=selection.branch.path)
    return found


def by(rows: QuerySet[ClientMeasures], *fields: str) -> dict[Any, dict[str, int]]:
    """Clients, assets and contribution by the values of one or two fields: one query."""
    sums = rows.values(*fields).annotate(
        clients=Count("pk"), assets=Sum("client__totals__assets"), monetary=Sum("monetary")
    )
    return {
        (row[fields[0]] if len(fields) == 1 else tuple(row[name] for name in fields)): row for row in sums.order_by()
    }


def histogram(rows: QuerySet[ClientMeasures], width: int = 10) -> list[tuple[int, int, int]]:
    """(from, to, clients) of the scores in steps."""
    ends = [(low, low + width - 1 if low + width < 100 else 100) for low in range(0, 100, width)]
    found = rows.aggregate(**{f"n{low}": Count("pk", filter=Q(score__gte=low, score__lte=high)) for low, high in ends})
    return [(low, high, found[f"n{low}"]) for low, high in ends]


def newest_run() -> MeasureRun | None:
    """The night that the measures stand on."""
    return MeasureRun.objects.select_related("policy").order_by("-business_date").first()


def kept_days() -> tuple[date, date] | None:
    """The first and the newest day that the history tells of; None before the first night."""
    ends = MeasureRun.objects.aggregate(first=Min("business_date"), newest=Max("business_date"))
    return (ends["first"], ends["newest"]) if ends["first"] else None


def recut(start: date, end: date) -> bool:
    """Whether other cuts and weights held on two days, which moves clients without anything of theirs having changed."""
    versions = [
        MeasureRun.objects.filter(business_date__lte=day)
        .order_by("-business_date")
        .values_list("policy", flat=True)[:1]
        for day in (start, end)
    ]
    then, now = (next(iter(found), None) for found in versions)
    return then is not None and then != now


# --- Any day in the past ------------------------------------------------------------------------------------------------

_MARKS = """
SELECT DISTINCT ON (k.client_id) k.client_id, {column}::text AS key, k.gone FROM measures_measuremark k
 WHERE k.business_date <= %s ORDER BY k.client_id, k.business_date DESC
"""
_TIERS = """
SELECT DISTINCT ON (k.client_id) k.client_id, k.{column} AS key, k.gone FROM segmentation_rankmark k
 WHERE k.series = %s AND k.business_date BETWEEN %s AND %s ORDER BY k.client_id, k.business_date DESC
"""


def keys_on(scheme: Scheme, day: date) -> tuple[str, list[Any]]:
    """SQL of (client_id, key) as they stood on a day, and its parameters; whoever was not there is missing."""
    if scheme.key in ("tier", "service_tier"):
        run = run_on(day, policy_on(day).scope)
        if run is None:
            return "SELECT NULL::bigint AS client_id, NULL::text AS key WHERE FALSE", []
        inner, values = _TIERS.format(column=scheme.key), [series(run), base_date(run), run.business_date]
    else:
        inner, values = _MARKS.format(column=f"k.{scheme.key}"), [day]
    return f"SELECT client_id, key FROM ({inner}) m WHERE NOT gone", values


def _moves(scheme: Scheme, start: date, end: date) -> tuple[str, list[Any]]:
    before, first = keys_on(scheme, start)
    after, second = keys_on(scheme, end)
    return (
        f"SELECT coalesce(b.client_id, a.client_id) AS client_id, coalesce(b.key, '-') AS before, coalesce(a.key, '-') AS after"
        f" FROM ({before}) b FULL JOIN ({after}) a USING (client_id)",
        [*first, *second],
    )


#: Up to so many clients are looked up one by one by the key of the marks; beyond, one pass over all marks is quicker.
FEW = 50_000
_ONE_MARK = """
(SELECT CASE WHEN NOT k.gone THEN {column}::text END FROM measures_measuremark k
  WHERE k.client_id = {client} AND k.business_date <= %s ORDER BY k.business_date DESC LIMIT 1)
"""
_ONE_TIER = """
(SELECT CASE WHEN NOT k.gone THEN k.{column}::text END FROM segmentation_rankmark k
  WHERE k.series = %s AND k.client_id = {client} AND k.business_date BETWEEN %s AND %s ORDER BY k.business_date DESC LIMIT 1)
"""


def _key_of(scheme: Scheme, day: date, client: str) -> tuple[str, list[Any]]:
    """SQL of one client's key on a day, NULL for whoever was not there, and its parameters; `client`: SQL of the id."""
    if scheme.key not in ("tier", "service_tier"):
        return _ONE_MARK.format(column=f"k.{scheme.key}", client=client), [day]
    run = run_on(day, policy_on(day).scope)
    if run is None:
        return "NULL::text", []
    values = [series(run), base_date(run), run.business_date]
    return _ONE_TIER.format(column=scheme.key, client=client), values


def flows(user: Any, selection: Selection, scheme: Scheme, start: date, end: date) -> dict[tuple[str, str], int]:
    """Clients by (key then, key now) of a selection, unmoved ones included."""
    days = {"before": start, "after": end}
    rows = _grouped(user, selection, scheme, days, lambda: _moves(scheme, start, end))
    return {(before, after): count for before, after, count in rows}


def counts_on(user: Any, selection: Selection, scheme: Scheme, day: date) -> dict[str, int]:
    """Clients of a selection by key as they stood on a day."""
    return dict(_grouped(user, selection, scheme, {"key": day}, lambda: keys_on(scheme, day)))


def _grouped(
    user: Any, selection: Selection, scheme: Scheme, days: dict[str, date], of_all: Callable[[], tuple[str, list[Any]]]
) -> list[tuple[Any, ...]]:
    condition, wanted = client_scope(user).sql("c")
    chosen = f"SELECT c.id FROM clients_client c JOIN org_branch o ON o.id = c.branch_id WHERE {condition}"
    if selection.branch is not None:
        chosen, wanted["path"] = f"{chosen} AND o.path LIKE %(path)s", f"{selection.branch.path}%"
    if selection.manager is not None:
        chosen, wanted["manager"] = f"{chosen} AND c.manager_id = %(manager)s", selection.manager.pk
    names = ", ".join(days)
    with replica.connection().cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({chosen} LIMIT {FEW + 1}) c", wanted)
        if cursor.fetchone()[0] <= FEW:
            found = _one_by_one(cursor, scheme, days, chosen)
        else:
            inner = cursor.mogrify(*of_all()).decode().replace("%", "%%")
            found = f"SELECT {names} FROM ({inner}) m JOIN ({chosen}) c ON c.id = m.client_id"
        cursor.execute(f"SELECT {names}, count(*) FROM ({found}) found GROUP BY {names}", wanted)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _one_by_one(cursor: Any, scheme: Scheme, days: dict[str, date], chosen: str) -> str:
    looked_up = []
    for name, day in days.items():
        sql, values = _key_of(scheme, day, "c.id")
        looked_up.append(cursor.mogrify(sql, values).decode().replace("%", "%%") + f" AS {name}")
    there = " OR ".join(f"{name} IS NOT NULL" for name in days)
    shown = ", ".join(f"coalesce({name}, '{_OUT}') AS {name}" for name in days)
    # OFFSET 0: the keys are looked up once, not again for each mention.
    inner = f"SELECT {', '.join(looked_up)} FROM ({chosen}) c OFFSET 0"
    return f"SELECT {shown} FROM ({inner}) keys WHERE {there}"


def moved(
    queryset: QuerySet[Client], scheme: Scheme, start: date, end: date, before: str, after: str
) -> QuerySet[Client]:
    """The clients of one stream."""
    if queryset.order_by()[: FEW + 1].count() <= FEW:
        for day, key in ((start, before), (end, after)):
            sql, values = _key_of(scheme, day, '"clients_client"."id"')
            looked_up = RawSQL(f"coalesce({sql}, %s) = %s", [*values, _OUT, key], BooleanField())  # noqa: S611  our own
            queryset = queryset.filter(looked_up)
        return queryset
    moves, values = _moves(scheme, start, end)
    sql = f"SELECT m.client_id FROM ({moves}) m WHERE m.before = %s AND m.after = %s"
    return queryset.filter(pk__in=RawSQL(sql, [*values, before, after]))  # noqa: S611  composed of our own statements


def parse_move(value: str) -> tuple[Scheme, date, date, str, str] | None:
    """`scheme:from:to:before:after` of the list's filter; None if it is none of ours."""
    parts = value.split(":")
    if len(parts) != 5 or parts[0] not in SCHEMES:
        return None
    scheme = SCHEMES[parts[0]]
    try:
        start, end = date.fromisoformat(parts[1]), date.fromisoformat(parts[2])
    except ValueError:
        return None
    known = {*scheme.names, _OUT}
    return (scheme, start, end, parts[3], parts[4]) if {parts[3], parts[4]} <= known else None
