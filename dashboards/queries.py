"""What the dashboards read, within the viewer's scope: sums that the night kept, the same counted live for a segment, targets,
complaints and visits of the moment. Manager page, digest and wall build on these functions."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db.models import Avg, Count, Max, Q, QuerySet, Sum
from django.db.models.expressions import RawSQL

from analyses.dimensions import DIMENSIONS
from analyses.models import Cell
from analyses.models import Made as CellsMade
from analyses.services import values_for as cell_values
from clients.models import Client
from complaints.choices import OPEN_STATES
from complaints.lists import MATTERS, SOON
from complaints.models import Complaint, FollowUp
from crm import replica
from crm.partitions import month_start
from dashboards.asked import Asked
from dashboards.figures import FIGURES
from dashboards.models import WHOLE, Figure, Made, Target
from dashboards.rules import Book, Period, period_of
from dashboards.services import values_for
from forecasts.models import BranchFunds
from forecasts.reading import Growth, growth_of
from org import calendar
from org.models import Role, Staff
from visits.models import Contact, Visit
from visits.queries import Cell as DutyCell
from visits.queries import Row as DutyRow
from visits.queries import coverage


@dataclass(frozen=True)
class Sums:
    """Clients (or contacts) and the sum of a figure in units; `extra`: the second sum of an analysis."""

    count: int = 0
    amount: int = 0
    extra: int = 0


NONE = Sums()

# --- Sums of the night, or counted live ----------------------------------------------------------------------------------


def figures(asked: Asked, keys: Sequence[str], months: Sequence[date]) -> dict[tuple[str, date], Sums]:
    """Figures by key and month; missing ones are not in it. One statement."""
    if asked.segment is not None:
        wanted = [(key, month) for key in keys for month in months]
        named = [
            (f"{key}:{month}", f"SELECT client_id, '' AS key, amount, 0 AS extra FROM ({FIGURES[key].rows}) f", values)
            for key, month in wanted
            for values in [values_for(month, asked.as_of or month)]
        ]
        found = _live(asked, named)
        return {(key, month): found[name] for key, month in wanted if (name := (f"{key}:{month}", "")) in found}
    rows = Figure.objects.filter(key__in=keys, month__in=months, staff_id=asked.staff_id)
    if not asked.firm:
        rows = rows.filter(branch__in=list(asked.branches))
    summed = rows.values_list("key", "month").annotate(Sum("count"), Sum("amount")).order_by()
    return {(key, month): Sums(count, int(amount)) for key, month, count, amount in summed}


def cells(asked: Asked, wanted: Mapping[str, Sequence[date]]) -> dict[tuple[str, date, str], Sums]:
    """Figures of analyses by dimension, month and key; `wanted`: the months of each dimension. One statement for all
    that are kept; for a manager or a segment they are counted live."""
    if asked.narrowed:
        made = _cells_made(wanted)
        named = [
            (f"{name}:{month}", DIMENSIONS[name].rows, cell_values(month, made[name, month]))
            for name, months in wanted.items()
            for month in months
            if (name, month) in made
        ]
        found = _live(asked, named)
        return {(*_split(name), key): sums for (name, key), sums in found.items()}
    condition = Q()
    for name, months in wanted.items():
        condition |= Q(dimension=name, month__in=list(months))
    rows = Cell.objects.filter(condition)
    if not asked.firm:
        rows = rows.filter(branch__in=list(asked.branches))
    sums = (
        rows.values_list("dimension", "month", "key").annotate(Sum("clients"), Sum("amount"), Sum("extra")).order_by()
    )
    return {(name, month, key): Sums(count, int(one), int(two)) for name, month, key, count, one, two in sums}


def _split(name: str) -> tuple[str, date]:
    dimension, month = name.split(":")
    return dimension, date.fromisoformat(month)


def _cells_made(wanted: Mapping[str, Sequence[date]]) -> dict[tuple[str, date], date]:
    made = CellsMade.objects.filter(dimension__in=list(wanted))
    return {(name, month): as_of for name, month, as_of in made.values_list("dimension", "month", "as_of")}


def _live(asked: Asked, named: Sequence[tuple[str, str, dict[str, Any]]]) -> dict[tuple[str, str], Sums]:
    """(name, key) → sums over the chosen clients, who are looked up once for all statements."""
    if not named:
        return {}
    sql, params = asked.clients().order_by().values("pk").query.sql_with_params()
    with replica.connection().cursor() as cursor:
        chosen = cursor.mogrify(sql, params).decode()
        parts = [
            cursor.mogrify(
                f"SELECT %(name)s, r.key, count(*), sum(r.amount)::bigint, sum(r.extra)::bigint FROM ({rows}) r"
                " JOIN chosen ON chosen.id = r.client_id GROUP BY r.key",
                values | {"name": name},
            ).decode()
            for name, rows, values in named
        ]
        cursor.execute(f"WITH chosen (id) AS MATERIALIZED ({chosen}) " + " UNION ALL ".join(parts))
        return {
            (name, key): Sums(count, int(one or 0), int(two or 0)) for name, key, count, one, two in cursor.fetchall()
        }


def behind(queryset: QuerySet[Client], key: str, month: date) -> QuerySet[Client]:
    """The clients that a figure counted, by the same rows as of the same day."""
    as_of = Made.objects.filter(month=month).aggregate(newest=Max("as_of"))["newest"]
    if as_of is None:
        return queryset.none()
    values = values_for(month, as_of)
    with replica.connection().cursor() as cursor:
        rows = cursor.mogrify(FIGURES[key].rows, values).decode()
    return queryset.filter(pk__in=RawSQL(f"SELECT f.client_id FROM ({rows}) f".replace("%", "%%"), []))  # noqa: S611


# --- Money ---------------------------------------------------------------------------------------------------------------


def assets(asked: Asked) -> dict[date, Sums]:
    """Assets at the ends of months (amount) and who had any (count); empty for a manager or a segment."""
    if asked.narrowed:
        return {}
    rows = BranchFunds.objects.all()
    if not asked.firm:
        rows = rows.filter(branch__in=list(asked.branches))
    sums = rows.values_list("month").annotate(Sum("clients"), Sum("cash"), Sum("securities"), Sum("liabilities"))
    return {month: Sums(n, int(cash + held - owed)) for month, n, cash, held, owed in sums.order_by()}


def growth(asked: Asked) -> Growth:
    """Funds with their forecast (S8), for charts: it loads numeric packages."""
    return growth_of(asked.user, asked.selection)


def trading_days(month: date, as_of: date, after: date) -> tuple[int, int]:
    """Trading days of a month that are over on a business date, and all of them."""
    days = calendar.trading_days(month, date.fromordinal(after.toordinal() - 1))
    return sum(1 for day in days if day <= as_of), len(days)


def gone(asked: Asked, month: date, on: date) -> float:
    """Share of a month's working days that are over at the end of yesterday (0–1)."""
    days = calendar.working_days(month, date.fromordinal(period_of("month", month).after.toordinal() - 1))
    return sum(1 for day in days if day < on) / len(days) if days else 1.0


def cost_of_keeping(asked: Asked) -> int | None:
    """What a client cost in the newest year with shared costs (units); None where no costs were shared out.

    Kept in the analyses by what clients bring: costs are revenue less net contribution.
    """
    if asked.as_of is None:
        return None
    month = month_start(asked.as_of)
    found = [sums for (_name, _month, _key), sums in cells(asked, {"net": [month]}).items()]
    clients, cost = sum(one.count for one in found), sum(one.extra - one.amount for one in found)
    return cost // clients if clients and cost > 0 else None


# --- Managers ------------------------------------------------------------------------------------------------------------


def books(asked: Asked) -> dict[int, Book]:
    """Clients and contribution by tier of each manager's clients (`staff_id`, -1: nobody's), as of the newest night."""
    if asked.as_of is None:
        return {}
    month = month_start(asked.as_of)
    rows = Figure.objects.filter(key__startswith="tier_", month=month).exclude(staff_id=WHOLE)
    rows = rows.filter(branch__in=list(asked.branches))
    clients: dict[int, dict[str, int]] = defaultdict(dict)
    amounts: dict[int, dict[str, int]] = defaultdict(dict)
    for staff_id, key, count, amount in (
        rows.values_list("staff_id", "key").annotate(Sum("count"), Sum("amount")).order_by()
    ):
        clients[staff_id][key[-1]], amounts[staff_id][key[-1]] = count, int(amount)
    return {staff_id: Book(clients[staff_id], amounts[staff_id]) for staff_id in clients}


def by_manager(asked: Asked, key: str, months: Sequence[date]) -> dict[int, Sums]:
    """A figure of each manager's clients, summed over months (the clients of several months are not added up: 0)."""
    rows = Figure.objects.filter(key=key, month__in=months, branch__in=list(asked.branches)).exclude(staff_id=WHOLE)
    sums = rows.values_list("staff_id").annotate(Sum("count"), Sum("amount")).order_by()
    return {staff_id: Sums(count if len(months) == 1 else 0, int(amount)) for staff_id, count, amount in sums}


def people(ids: Iterable[int]) -> dict[int, Staff]:
    return Staff.objects.in_bulk([pk for pk in ids if pk > 0])


def head_of(asked: Asked, on: date) -> Staff | None:
    """Who leads the branch."""
    if asked.branch is None:
        return None
    return Staff.objects.serving(on).filter(branch=asked.branch, role=Role.BRANCH_HEAD).order_by("staff_no").first()


# --- Contacts ------------------------------------------------------------------------------------------------------------


def contacts(asked: Asked, month: date, on: date) -> list[DutyRow]:
    """Coverage of a month by manager, live (V10). Manager: who owes the contact."""
    within = Q() if asked.firm else Q(client__branch__in=list(asked.branches))
    if asked.nobody:
        within &= Q(manager__isnull=True)
    if asked.segment is not None:
        within &= Q(client__in=asked.clients().order_by().values("pk"))
    manager = asked.manager.pk if asked.manager is not None else None
    return coverage(asked.user, month, on, manager_id=manager, within=within)


def whole_of(rows: Iterable[DutyRow]) -> tuple[DutyCell, dict[str, DutyCell]]:
    """All contacts together, and by tier."""
    whole, tiers = DutyCell(), {tier: DutyCell() for tier in "ABC"}
    for row in rows:
        whole.add(row.total)
        for tier, cell in row.tiers.items():
            tiers[tier].add(cell)
    return whole, tiers


def visits_on(asked: Asked, day: date) -> dict[int, dict[str, int]]:
    """Visits and calls of a day by manager: in all, done. Live."""
    found = Visit.objects.visible_to(asked.user).filter(
        asked.within("client__"), date=day, state__in=("planned", "done", "missed")
    )
    if asked.segment is not None:
        found = found.filter(client__in=asked.clients().order_by().values("pk"))
    counted = found.values("manager_id").annotate(all=Count("pk"), done=Count("pk", filter=Q(state="done")))
    return {row["manager_id"]: {"all": row["all"], "done": row["done"]} for row in counted.order_by()}


def feeling(asked: Asked) -> tuple[float | None, int]:
    """How contacts of the period felt (1–7, 7 is best), and how many said so."""
    found = Contact.objects.visible_to(asked.user).filter(
        asked.within("client__"),
        feeling__isnull=False,
        at__date__gte=asked.period.first,
        at__date__lt=asked.period.after,
    )
    row = found.aggregate(mean=Avg("feeling"), n=Count("*"))
    return row["mean"], row["n"]


# --- Complaints ----------------------------------------------------------------------------------------------------------


def complaints(asked: Asked) -> QuerySet[Complaint]:
    """Complaints of the branches that the viewer may see; as figures count."""
    found = Complaint.objects.visible_to(asked.user).filter(MATTERS)
    return found if asked.branch is None else found.filter(branch__path__startswith=asked.branch.path)


class Case(NamedTuple):
    """Open complaints at one step: all, over a limit, due within a day."""

    open: int = 0
    overdue: int = 0
    soon: int = 0


@dataclass(frozen=True)
class Funnel:
    """Open complaints by step, all together, without a handler, received in the period."""

    steps: dict[int, Case]
    unassigned: int
    received: int

    @property
    def total(self) -> Case:
        return Case(*(sum(column) for column in zip(*self.steps.values(), strict=True))) if self.steps else Case()


def funnel(asked: Asked, at: datetime) -> Funnel:
    """Live, two statements."""
    found = complaints(asked)
    by_step = (
        found.filter(state__in=OPEN_STATES)
        .values_list("step")
        .annotate(
            n=Count("pk"),
            over=Count("pk", filter=Q(due_at__lt=at)),
            near=Count("pk", filter=Q(due_at__range=(at, at + SOON))),
            nobody=Count("pk", filter=Q(handler__isnull=True)),
        )
        .order_by()
    )
    steps, unassigned = {}, 0
    for step, count, overdue, soon, nobody in by_step:
        steps[step] = Case(count, overdue, soon)
        unassigned += nobody
    received = found.filter(received_at__date__gte=asked.period.first, received_at__date__lt=asked.period.after).count()
    return Funnel(steps, unassigned, received)


def overdue_handlers(asked: Asked, at: datetime) -> list[tuple[int | None, int]]:
    """Handlers of complaints over a limit, those with most first."""
    found = complaints(asked).filter(state__in=OPEN_STATES, due_at__lt=at)
    return list(found.values_list("handler_id").annotate(n=Count("pk")).order_by("-n", "handler_id"))


def satisfaction(asked: Asked) -> tuple[float | None, int]:
    """How satisfied complainants were after closing (1–5, 5 is best), answers of the period, and how many."""
    found = FollowUp.objects.filter(complaint__in=complaints(asked).values("pk"), satisfaction__isnull=False)
    found = found.filter(done_at__date__gte=asked.period.first, done_at__date__lt=asked.period.after)
    row = found.aggregate(mean=Avg("satisfaction"), n=Count("pk"))
    return row["mean"], row["n"]


# --- Targets -------------------------------------------------------------------------------------------------------------


def targets(asked: Asked) -> list[Target]:
    """Targets of the branch itself and its managers for the month, quarter and year of the period."""
    spans = [period_of(kind, asked.period.last) for kind in ("month", "quarter", "year")]
    condition = Q()
    for span in spans:
        condition |= Q(kind=span.kind, first=span.first)
    found = Target.objects.visible_to(asked.user).filter(condition)
    if asked.branch is not None:
        found = found.filter(branch=asked.branch)
    return list(found.select_related("staff", "branch", "set_by").order_by("staff__staff_no", "goal", "first", "pk"))


def actuals(asked: Asked, wanted: Sequence[Target]) -> dict[int, float | None]:
    """What was reached of each target until the newest night: units, or 1/100 % of contacts. Two statements for all."""
    months = sorted({month for one in wanted for month in Period(one.kind, one.first).months})
    if not months:
        return {}
    rows = Figure.objects.filter(month__in=months, key__in=["revenue", "inflow", "duty", "duty_done"])
    rows = rows.filter(branch__in=list(asked.branches))
    found: dict[tuple[int, str, date], Sums] = {}
    summed = rows.values_list("staff_id", "key", "month").annotate(Sum("count"), Sum("amount")).order_by()
    for staff_id, key, month, count, amount in summed:
        found[staff_id, key, month] = Sums(count, int(amount))
    # A branch's inflow stands in the analyses.
    flow: dict[date, int] = defaultdict(int)
    for (_name, month, _key), sums in cells(asked, {"flow": months}).items():
        flow[month] += sums.amount
    return {one.pk: _actual(one, found, flow) for one in wanted}


def _actual(target: Target, found: Mapping[tuple[int, str, date], Sums], flow: Mapping[date, int]) -> float | None:
    staff_id, months = target.staff_id or WHOLE, Period(target.kind, target.first).months
    if target.goal == Target.Goal.INFLOW and staff_id == WHOLE:
        return sum(flow.get(month, 0) for month in months)
    if target.goal == Target.Goal.CONTACTS:
        owed = sum(found.get((staff_id, "duty", month), NONE).count for month in months)
        done = sum(found.get((staff_id, "duty_done", month), NONE).count for month in months)
        return 10_000 * done / owed if owed else None
    return sum(found.get((staff_id, target.goal, month), NONE).amount for month in months)
