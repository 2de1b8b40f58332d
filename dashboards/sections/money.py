"""Revenue and assets: against the year before, the target, month by month (D2)."""

from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from crm.partitions import month_start
from dashboards import queries
from dashboards.asked import Asked
from dashboards.models import Target
from dashboards.parts import Cell, Chart, Section, Table, Tile, column
from dashboards.queries import NONE, Sums
from dashboards.rules import Period, months_on
from org.listing import Kind
from org.templatetags.fmt import day as day_text
from org.templatetags.fmt import month as month_text

#: Months of the table and the chart.
SHOWN = 12


def change(now: int | None, before: int | None) -> float | None:
    """Against what was before, as a share; None against nothing or a loss."""
    return now / before - 1 if now is not None and before is not None and before > 0 else None


def signed(value: float | None) -> Cell:
    """A change with its colour."""
    return Cell(value, tone="" if value is None or abs(value) < 0.0005 else "rise" if value > 0 else "fall")


def shown_months(asked: Asked) -> list[date]:
    """The twelve months that end with the period, oldest first."""
    last = min(asked.period.last, month_start(asked.as_of)) if asked.as_of else asked.period.last
    return [months_on(last, back - SHOWN + 1) for back in range(SHOWN)]


def build(asked: Asked) -> Section:
    months = shown_months(asked)
    wanted = sorted(
        {*months, *asked.period.months, *(m.replace(year=m.year - 1) for m in (*months, *asked.period.months))}
    )
    revenue = {month: sums for (_key, month), sums in queries.figures(asked, ["revenue"], wanted).items()}
    flow = queries.cells(asked, {"flow": sorted({*months, *asked.period.months})})
    assets = queries.assets(asked)
    goal = [one for one in queries.targets(asked) if _is_own(one, asked)]
    tiles = _tiles(asked, revenue, flow, assets, goal)
    query = {**asked.narrowing, **({"branch": asked.branch.branch_no} if asked.branch else {})}
    blocks: list[Table | Chart] = [
        Chart(
            "revenue",
            _("Revenue by month, with its forecast"),
            "forecast",
            f"{reverse('dashboards:revenue')}?{urlencode({**query, 'period': str(asked.period)})}",
        )
    ]
    if asked.segment is None and not asked.nobody:
        funds = f"{reverse('forecasts:funds-data')}?{urlencode(query)}"
        blocks.append(Chart("assets", _("Assets at the ends of months, with their forecast"), "forecast", funds))
    blocks.append(_table(asked, months, revenue, flow, assets))
    return Section("money", _("Revenue and assets"), tiles, blocks)


def _is_own(target: Target, asked: Asked) -> bool:
    mine = asked.manager.pk if asked.manager is not None else None
    return (
        asked.branch is not None
        and target.branch_id == asked.branch.pk
        and target.staff_id == mine
        and (target.kind, target.first) == (asked.period.kind, asked.period.first)
        and asked.segment is None
        and not asked.nobody
    )


def total(by_month: dict[date, Sums], period: Period) -> int | None:
    """Sum over a period; None when nothing is known of any of its months."""
    known = [by_month[month].amount for month in period.months if month in by_month]
    return sum(known) if known else None


def _tiles(
    asked: Asked,
    revenue: dict[date, Sums],
    flow: dict[tuple[str, date, str], Sums],
    assets: dict[date, Sums],
    goals: list[Target],
) -> list[Tile]:
    period, goal = asked.period, {one.goal: one.value for one in goals}
    now, before = total(revenue, period), total(revenue, period.year_before)
    first = revenue.get(period.first, NONE)
    listed: dict[str, Any] = (
        {"url": revenue_url(asked, period.first), "count": first.count} if period.length == 1 else {}
    )
    inflow = sum(sums.amount for (_name, month, _key), sums in flow.items() if month in period.months)
    tiles = [
        Tile(
            "revenue",
            _("Revenue"),
            Cell(now, **(listed if now is not None else {})),
            Kind.MONEY,
            _clients(first, period),
        ),
        Tile("year_before", _("Against the year before"), signed(change(now, before)), Kind.SHARE),
        Tile(
            "inflow",
            _("Net inflow"),
            Cell(inflow, tone="rise" if inflow > 0 else "fall" if inflow < 0 else ""),
            Kind.MONEY,
        ),
    ]
    if Target.Goal.REVENUE in goal:
        reached = (now or 0) / goal[Target.Goal.REVENUE]
        tiles.insert(2, Tile("target", _("Of the target"), Cell(reached), Kind.SHARE, _("for the whole period")))
    known = [month for month in assets if month <= period.last]
    if known:
        last = max(known)
        cell = Cell(assets[last].amount, asked.clients_url(funds=f"{last:%Y-%m}"), assets[last].count)
        words = _("end of %(month)s") % {"month": month_text(last)}
        tiles.append(Tile("assets", _("Assets"), cell, Kind.MONEY, words))
    return tiles


def _clients(sums: Sums, period: Period) -> str:
    return _("of %(n)s clients") % {"n": f"{sums.count:,}"} if period.length == 1 else ""


def revenue_url(asked: Asked, month: date) -> str:
    return asked.clients_url(figure=f"revenue:{month:%Y-%m}")


def _table(
    asked: Asked,
    months: list[date],
    revenue: dict[date, Sums],
    flow: dict[tuple[str, date, str], Sums],
    assets: dict[date, Sums],
) -> Table:
    rows = []
    for month in reversed(months):
        now = revenue.get(month)
        before = revenue.get(month.replace(year=month.year - 1))
        row = [
            Cell(month_text(month)),
            Cell(now.count, revenue_url(asked, month)) if now else Cell(None),
            Cell(now.amount if now else None),
            signed(change(now.amount if now else None, before.amount if before else None)),
        ]
        for key in ("in", "out"):
            sums = flow.get(("flow", month, key), NONE)
            row += [Cell(sums.count, asked.clients_url(cell=f"flow:{month:%Y-%m}:{key}")), Cell(sums.amount)]
        held = assets.get(month)
        row.append(Cell(held.amount, asked.clients_url(funds=f"{month:%Y-%m}"), held.count) if held else Cell(None))
        rows.append(row)
    columns = [
        column("month", _("Month")),
        column("clients", _("Clients with revenue"), Kind.NUMBER),
        column("revenue", _("Revenue"), Kind.MONEY),
        column("change", _("Against the year before"), Kind.SHARE),
        column("in_clients", _("Put money in"), Kind.NUMBER),
        column("in", _("Came in"), Kind.MONEY),
        column("out_clients", _("Took money out"), Kind.NUMBER),
        column("out", _("Went out"), Kind.MONEY),
        column("assets", _("Assets at the end"), Kind.MONEY),
    ]
    note = _("The newest month runs until %(day)s.") % {"day": day_text(asked.as_of)} if asked.as_of else ""
    return Table("months", _("Month by month"), columns, rows, note)
