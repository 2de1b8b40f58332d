"""The firm's page (D3): branches side by side and what deviates among them; as many statements for one branch as for all."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analyses.models import Cell as AnalysisCell
from clients.models import STAYING
from complaints.choices import OPEN_STATES
from crm.clock import now, today
from crm.partitions import month_start, next_month
from dashboards import queries, rules
from dashboards.asked import Asked
from dashboards.models import WHOLE, Figure, Target
from dashboards.parts import BARS, Cell, Table, column
from dashboards.queries import NONE, Sums
from dashboards.rules import Deviation
from dashboards.sections.clients import ideals
from dashboards.sections.contacts import shown_month
from dashboards.sections.money import change, shown_months, signed
from forecasts.models import BranchFunds
from org.listing import Kind
from org.models import Branch
from org.templatetags.fmt import percent

#: What the table may be sorted by; the first is the usual one.
ORDERS = (
    "revenue", "name", "clients", "assets", "change", "target", "inflow", "share_a", "contacts", "open", "overdue", "leaving",
)  # fmt: skip
#: Alerts shown.
SHOWN = 12


@dataclass
class Line:
    """One branch's figures; money in units, shares 0–1, None where nothing is known."""

    branch: Branch
    clients: int = 0
    clients_a: int = 0
    revenue: int | None = None
    before: int | None = None
    likely: int | None = None
    target: int | None = None
    inflow: int = 0
    assets: int | None = None
    held: int = 0
    duties: int = 0
    done: int = 0
    open: int = 0
    overdue: int = 0
    leaving: int = 0
    bars: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.branch.branch_no

    @property
    def change(self) -> float | None:
        return change(self.likely, self.before)

    @property
    def of_target(self) -> float | None:
        return self.revenue / self.target if self.target and self.revenue is not None else None

    @property
    def share_a(self) -> float | None:
        return self.clients_a / self.clients if self.clients else None

    @property
    def contacts(self) -> float | None:
        return self.done / self.duties if self.duties else None


def lines(asked: Asked) -> list[Line]:
    """Branches that have clients or complaints, by number. Six statements."""
    found = {pk: Line(branch) for pk, branch in asked.branches.items()}
    if asked.as_of is None:
        return []
    _figures(asked, asked.as_of, found)
    _cells(asked, month_start(asked.as_of), found)
    funds = _within(asked, BranchFunds.objects.filter(month__lte=asked.period.last)).order_by("branch", "-month")
    sums = ("branch", "cash", "securities", "liabilities", "clients")
    for branch, cash, securities, liabilities, clients in funds.distinct("branch").values_list(*sums):
        if branch in found:
            found[branch].assets, found[branch].held = cash + securities - liabilities, clients
    at = now()
    complaints = _within(asked, queries.complaints(asked).filter(state__in=OPEN_STATES))
    counted = complaints.values_list("branch").annotate(n=Count("pk"), over=Count("pk", filter=Q(due_at__lt=at)))
    for branch, count, overdue in counted.order_by():
        if branch in found:
            found[branch].open, found[branch].overdue = count, overdue
    goals = Target.objects.visible_to(asked.user).filter(
        staff=None, goal=Target.Goal.REVENUE, kind=asked.period.kind, first=asked.period.first
    )
    for branch, value in goals.values_list("branch", "value"):
        if branch in found:
            found[branch].target = value
    return [line for line in found.values() if line.clients or line.open or line.revenue]


def _figures(asked: Asked, as_of: date, found: Mapping[int, Line]) -> None:
    last = month_start(as_of)
    months = [month for month in asked.period.months if month <= last]
    before = [month.replace(year=month.year - 1) for month in months]
    rows = Figure.objects.filter(
        Q(key="revenue", month__in={*months, *before})
        | Q(key__in=["duty", "duty_done"], month__in=months)
        | Q(key="leaving", month=last),
        staff_id=WHOLE,
    )
    rows = _within(asked, rows)
    by_branch: dict[int, dict[tuple[str, date], Sums]] = defaultdict(dict)
    for branch, key, month, count, amount in rows.values_list("branch", "key", "month", "count", "amount"):
        by_branch[branch][key, month] = Sums(count, amount)
    over, whole = queries.trading_days(months[-1], as_of, next_month(months[-1])) if months else (0, 0)
    for branch, sums in by_branch.items():
        line = found.get(branch)
        if line is None:
            continue
        line.revenue, line.before = _sum(sums, months), _sum(sums, before)
        if months:
            running = sums.get(("revenue", months[-1]), NONE).amount
            likely = rules.projected(running, over, whole)
            line.likely = (line.revenue or 0) - running + likely if likely is not None else None
        line.duties = sum(sums.get(("duty", month), NONE).count for month in months)
        line.done = sum(sums.get(("duty_done", month), NONE).count for month in months)
        line.leaving = sums.get(("leaving", last), NONE).count


def _within(asked: Asked, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Rows of the branches that are shown; whoever sees the firm asks for all without naming each."""
    return rows if asked.firm else rows.filter(branch__in=list(asked.branches))


def add_bars(asked: Asked, found: Sequence[Line]) -> None:
    """Twelve months of revenue for the branches that are shown: one statement."""
    months = shown_months(asked)
    rows = Figure.objects.filter(
        key="revenue", month__in=months, staff_id=WHOLE, branch__in=[line.branch.pk for line in found]
    )
    amounts = {(branch, month): amount for branch, month, amount in rows.values_list("branch", "month", "amount")}
    for line in found:
        line.bars = [amounts.get((line.branch.pk, month), 0) for month in months]


def _sum(sums: Mapping[tuple[str, date], Sums], months: Sequence[date]) -> int | None:
    known = [sums["revenue", month].amount for month in months if ("revenue", month) in sums]
    return sum(known) if known else None


def _cells(asked: Asked, last: date, found: Mapping[int, Line]) -> None:
    rows = AnalysisCell.objects.filter(
        Q(dimension="tier", month=last) | Q(dimension="flow", month__in=asked.period.months)
    )
    summed = (
        _within(asked, rows)
        .values_list("branch", "dimension", "key")
        .annotate(Sum("clients"), Sum("amount"))
        .order_by()
    )
    for branch, dimension, key, count, amount in summed:
        line = found.get(branch)
        if line is None:
            continue
        if dimension == "flow":
            line.inflow += int(amount)
        else:
            line.clients += count
            line.clients_a += count if key == "A" else 0


def in_order(found: list[Line], sort: str) -> list[Line]:
    """By a column, '-' downwards; unknown figures come last either way."""
    key = sort.removeprefix("-")
    name = {"target": "of_target"}.get(key, key)

    def known(line: Line) -> bool:
        return getattr(line, name) is not None

    ranked = sorted(filter(known, found), key=lambda line: getattr(line, name), reverse=sort.startswith("-"))
    return ranked + [line for line in found if not known(line)]


def table(asked: Asked, found: Sequence[Line]) -> Table:
    """Branches side by side; a branch leads to its page, a count to its list."""
    rows = [_row(asked, line) for line in found]
    columns = [
        column("name", _("Branch")),
        column("clients", _("Clients"), Kind.NUMBER),
        column("assets", _("Assets"), Kind.MONEY),
        column("revenue", _("Revenue"), Kind.MONEY),
        column("change", _("Against the year before"), Kind.SHARE),
        column("bars", _("Twelve months"), BARS),
        column("target", _("Of the target"), Kind.SHARE),
        column("inflow", _("Net inflow"), Kind.MONEY),
        column("share_a", _("Share of A"), Kind.SHARE),
        column("contacts", _("Contacts done"), Kind.SHARE),
        column("open", _("Complaints open"), Kind.NUMBER),
        column("overdue", _("Over a limit"), Kind.NUMBER),
        column("leaving", _("A, B taking money out"), Kind.NUMBER),
    ]
    note = _(
        "A running month is compared by its trading days so far. Contacts as of the newest night, complaints as of now."
    )
    return Table("branches", _("Branches side by side"), columns, rows, note, empty=_("No branch has clients yet"))


def _row(asked: Asked, line: Line) -> list[Cell]:
    number = line.branch.branch_no
    clients, last = f"{reverse('clients:list')}?", month_start(asked.as_of or asked.period.first)

    def listed(**more: Any) -> str:
        return clients + urlencode({"branch": number, **more}, doseq=True)

    def cases(**more: str) -> str:
        return f"{reverse('complaints:list')}?{urlencode({'branch': number, 'matter': 'true', **more})}"

    page = f"{reverse('dashboards:branch', args=[number])}?{asked.query}"
    return [
        Cell(line.branch.name, page, page=True),
        Cell(line.clients, listed(tier=["A", "B", "C"], status=STAYING)),
        Cell(line.assets),
        Cell(line.revenue),
        signed(line.change),
        Cell(line.bars),
        Cell(line.of_target),
        Cell(line.inflow, tone="fall" if line.inflow < 0 else ""),
        Cell(line.share_a),
        Cell(line.contacts),
        Cell(line.open, cases(open="true")),
        Cell(line.overdue, cases(open="true", overdue="true"), tone="bad" if line.overdue else ""),
        Cell(line.leaving, listed(figure=f"leaving:{last:%Y-%m}"), tone="warn" if line.leaving else ""),
    ]


def alerts(asked: Asked, found: Sequence[Line]) -> Table:
    """The same rules as on a branch's page, over all branches, the most pressing first."""
    ideal = ideals(asked.as_of) if asked.as_of else {}
    gone = queries.gone(asked, shown_month(asked), today()) if asked.period.kind == "month" else 0.0
    said: list[tuple[Deviation, Line, str]] = []
    for line in found:
        if line.overdue:
            said.append((Deviation("overdue", line.overdue, 0), line, "overdue"))
        said += [(one, line, "revenue") for one in rules.drop("revenue", line.likely, line.before)]
        before = (line.assets or 0) - line.inflow
        said += [(one, line, "outflow") for one in rules.outflow(line.inflow, before)]
        if line.leaving:
            said.append((Deviation("leaving", line.leaving / max(line.clients, 1), 0.001), line, "leaving"))
        if line.duties:
            said += [(one, line, "contacts") for one in rules.behind(line.done, line.duties, gone)]
        said += [(one, line, "share_a") for one in rules.composition({"A": line.share_a}, ideal | {"B": 0})]
    said.sort(key=lambda row: -row[0].rank)
    rows = [
        [
            Cell(
                line.branch.name,
                f"{reverse('dashboards:branch', args=[line.branch.branch_no])}?{asked.query}",
                page=True,
            ),
            Cell(_WORDS[what], tone="bad" if one.urgent else ""),
            Cell(_figure(one, line, what)),
        ]
        for one, line, what in said[:SHOWN]
    ]
    columns = [column("branch", _("Branch")), column("what", _("What deviates")), column("figure", _("Figure"))]
    quiet = _("Nothing deviates: all figures are within their thresholds.")
    return Table("alerts", _("What deviates"), columns, rows, empty=quiet)


_WORDS = {
    "overdue": gettext_lazy("Complaints over a limit"),
    "revenue": gettext_lazy("Revenue below the year before"),
    "outflow": gettext_lazy("Money leaves"),
    "leaving": gettext_lazy("A and B clients take their money out"),
    "contacts": gettext_lazy("Contacts are behind the month"),
    "share_a": gettext_lazy("Share of A far from the ideal"),
}


def _figure(one: Deviation, line: Line, what: str) -> str:
    if what in ("overdue", "leaving"):
        return f"{getattr(line, what):,}"
    return percent(one.figure, 1 if what in ("outflow", "share_a") else 0)
