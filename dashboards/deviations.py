"""What deviates in a branch and who should act: the rules put to the branch's figures, in words, each with its list (D2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.clock import now, today
from crm.partitions import month_start, next_month
from dashboards import queries, rules
from dashboards.asked import Asked
from dashboards.models import WHOLE, Target
from dashboards.parts import Cell, Table, column
from dashboards.queries import NONE
from dashboards.rules import Deviation
from dashboards.sections.clients import ideals
from dashboards.sections.contacts import shown_month
from dashboards.sections.money import total
from org.models import Staff
from org.templatetags.fmt import money_text, percent

#: Rows on the page; managers who are behind are told one by one up to this number.
SHOWN, MANAGERS = 12, 3


@dataclass(frozen=True)
class Line:
    """A deviation in words. `count`: rows of the list behind `url`; None: the address leads to a page."""

    deviation: Deviation
    what: str
    figure: str
    threshold: str
    who: str
    url: str
    count: int | None


@dataclass
class _Finder:
    """Collects what deviates; whoever is behind is named at the end with one statement."""

    asked: Asked
    found: list[tuple[Deviation, str, str, str, str, int | None]]

    def add(
        self, found: Sequence[Deviation], what: str, figure: str, threshold: str, url: str, count: int | None = None
    ) -> None:
        self.found += [(one, what, figure, threshold, url, count) for one in found]


def find(asked: Asked) -> list[Line]:
    """The most pressing first. What is wrong with complaints everybody sees who sees the page."""
    finder = _Finder(asked, [])
    _complaints(finder)
    if asked.sees_clients and asked.as_of is not None:
        _contacts(finder)
        _month(finder)
    order = {id(one): place for place, one in enumerate(rules.in_order([row[0] for row in finder.found]))}
    rows = sorted(finder.found, key=lambda row: order[id(row[0])])[:SHOWN]
    staff = queries.people({row[0].who for row in rows if row[0].who})
    head = queries.head_of(asked, today())
    return [
        Line(one, what, figure, limit, _who(staff.get(one.who or 0) or head), url, n)
        for one, what, figure, limit, url, n in rows
    ]


def _who(staff: Staff | None) -> str:
    return f"{staff.name} {staff.staff_no}" if staff is not None else _("Head of the branch")


def _complaints(finder: _Finder) -> None:
    asked, at = finder.asked, now()
    found = queries.funnel(asked, at)
    total_ = found.total
    if total_.overdue:
        handlers = queries.overdue_handlers(asked, at)
        one = Deviation("overdue", total_.overdue, 0, handlers[0][0] if handlers else None)
        words = ngettext("%(n)s complaint is over a limit", "%(n)s complaints are over a limit", total_.overdue)
        finder.add(
            [one], *_count(words, total_.overdue), asked.complaints_url(open="true", overdue="true"), total_.overdue
        )
    if total_.soon:
        words = ngettext("%(n)s complaint is due within a day", "%(n)s complaints are due within a day", total_.soon)
        finder.add(
            rules.counted("soon", total_.soon),
            *_count(words, total_.soon),
            asked.complaints_url(soon="true"),
            total_.soon,
        )
    if found.unassigned:
        words = ngettext("%(n)s complaint has no handler", "%(n)s complaints have no handler", found.unassigned)
        url = asked.complaints_url(unassigned="true")
        finder.add(
            rules.counted("unassigned", found.unassigned), *_count(words, found.unassigned), url, found.unassigned
        )


def _count(words: str, n: int) -> tuple[str, str, str]:
    return words % {"n": f"{n:,}"}, f"{n:,}", "0"


def _contacts(finder: _Finder) -> None:
    asked, on = finder.asked, today()
    month = shown_month(asked)
    rows = queries.contacts(asked, month, on)
    whole, _tiers = queries.whole_of(rows)
    if whole.late:
        words = ngettext("%(n)s contact is open past its days", "%(n)s contacts are open past their days", whole.late)
        finder.add(
            rules.counted("late", whole.late), *_count(words, whole.late), asked.duties_url(month, late="1"), whole.late
        )
    gone = queries.gone(asked, month, on)
    behind = rules.behind(whole.done, whole.wanted, gone)
    for one in behind:
        finder.add(
            [one], _("Contacts are behind the month"), percent(one.figure, 0), percent(one.threshold, 0),
            asked.duties_url(month), whole.total,
        )  # fmt: skip
    if asked.manager is not None:
        return
    late = [
        (one, row)
        for row in rows
        if row.staff is not None
        for one in rules.behind(row.total.done, row.total.wanted, gone, row.staff.pk)
    ]
    for one, row in sorted(late, key=lambda pair: pair[0].figure)[:MANAGERS]:
        words = _("Contacts of %(name)s are behind the month") % {"name": row.staff.name if row.staff else ""}
        url = asked.duties_url(month, manager=row.staff.staff_no if row.staff else "")
        finder.add([one], words, percent(one.figure, 0), percent(one.threshold, 0), url, row.total.total)


def _month(finder: _Finder) -> None:
    asked = finder.asked
    assert asked.as_of is not None  # `find` looked
    last = month_start(asked.as_of)
    months = [month for month in asked.period.months if month <= last]
    before = [month.replace(year=month.year - 1) for month in asked.period.months]
    wanted = sorted({*months, *before, last})
    found = queries.figures(asked, ["revenue", "leaving", "idle_a", "less", "rose", "fell"], wanted)
    cells = queries.cells(asked, {"flow": months, "tier": [last]})
    _revenue(
        finder,
        {month: sums for (key, month), sums in found.items() if key == "revenue"},
        months,
        found.get(("less", last), NONE).count,
    )
    _clients(finder, last, found)
    _flow(finder, months, cells)
    counts = {tier: cells.get(("tier", last, tier), NONE).count for tier in "ABC"}
    clients = sum(counts.values())
    shares: dict[str, float | None] = {tier: n / clients if clients else None for tier, n in counts.items()}
    for one in rules.composition(shares, ideals(asked.as_of)):
        words = _("Share of %(tier)s is far from the ideal") % {"tier": one.detail}
        url = asked.clients_url(cell=f"tier:{last:%Y-%m}:{one.detail}")
        finder.add([one], words, percent(one.figure, 1), percent(one.threshold, 0), url, counts[one.detail])


def _revenue(finder: _Finder, revenue: dict[date, queries.Sums], months: list[date], less: int) -> None:
    """The period's revenue as it is likely to end against the year before and against the target."""
    asked = finder.asked
    assert asked.as_of is not None
    if not months:
        return
    known = sum(revenue.get(month, NONE).amount for month in months[:-1])
    over, whole = queries.trading_days(months[-1], asked.as_of, next_month(months[-1]))
    running = rules.projected(revenue.get(months[-1], NONE).amount, over, whole)
    likely = known + running if running is not None else None
    same = rules.Period(asked.period.kind, asked.period.first).year_before
    before = (
        total(revenue, same)
        if len(months) == asked.period.length
        else _sum_of(revenue, [m.replace(year=m.year - 1) for m in months])
    )
    url = asked.clients_url(figure=f"less:{months[-1]:%Y-%m}")
    last = month_start(asked.as_of)
    listed = (url, less) if months[-1] == last else (_page(asked, "money"), None)
    for one in rules.drop("revenue", likely, before):
        words = _("Revenue is likely to end below the year before (%(likely)s after %(before)s)") % {
            "likely": money_text(likely),
            "before": money_text(before),
        }
        finder.add([one], words, percent(one.figure, 0), percent(one.threshold, 0), *listed)
    for target in queries.targets(asked):
        if (target.kind, target.first, target.goal) != (asked.period.kind, asked.period.first, Target.Goal.REVENUE):
            continue
        if target.staff_id is None and asked.staff_id == WHOLE and asked.segment is None:
            for one in rules.drop("target", likely, target.value * len(months) // asked.period.length):
                words = _("Revenue is likely to miss its target (%(likely)s of %(target)s)") % {
                    "likely": money_text(likely),
                    "target": money_text(target.value),
                }
                finder.add([one], words, percent(one.figure, 0), percent(one.threshold, 0), *listed)


def _sum_of(revenue: dict[date, queries.Sums], months: list[date]) -> int | None:
    known = [revenue[month].amount for month in months if month in revenue]
    return sum(known) if known else None


def _page(asked: Asked, section: str) -> str:
    if asked.branch is None:
        return f"{reverse('dashboards:firm')}?{asked.query}"
    return f"{reverse('dashboards:section', args=[asked.branch.branch_no, section])}?{asked.query}"


def _clients(finder: _Finder, last: date, found: dict[tuple[str, date], queries.Sums]) -> None:
    asked = finder.asked
    for kind, key, words in (
        ("leaving", "leaving", _("A and B clients take their money out: %(money)s")),
        ("idle", "idle_a", _("A clients have not traded for a quarter; they hold %(money)s")),
    ):
        sums = found.get((key, last), NONE)
        url = asked.clients_url(figure=f"{key}:{last:%Y-%m}")
        text = words % {"money": money_text(abs(sums.amount))}
        finder.add(rules.counted(kind, sums.count), text, f"{sums.count:,}", "0", url, sums.count)
    fell, rose = found.get(("fell", last), NONE).count, found.get(("rose", last), NONE).count
    if fell > rose:
        words = _("More clients fell than rose (%(rose)s)") % {"rose": f"{rose:,}"}
        finder.add(
            [Deviation("fallen", fell, rose)],
            words,
            f"{fell:,}",
            f"{rose:,}",
            asked.clients_url(figure=f"fell:{last:%Y-%m}"),
            fell,
        )


def _flow(finder: _Finder, months: list[date], cells: dict[tuple[str, date, str], queries.Sums]) -> None:
    asked = finder.asked
    inflow = sum(sums.amount for (name, _m, _k), sums in cells.items() if name == "flow")
    assets = queries.assets(asked)
    earlier = [month for month in assets if month < asked.period.first]
    held = assets[max(earlier)].amount if earlier else None
    out = cells.get(("flow", months[-1], "out"), NONE).count if months else 0
    for one in rules.outflow(inflow, held):
        words = _("More money leaves than comes: %(money)s") % {"money": money_text(inflow)}
        url = asked.clients_url(cell=f"flow:{months[-1]:%Y-%m}:out")
        finder.add([one], words, percent(one.figure, 1), percent(one.threshold, 0), url, out)


def as_table(lines: Sequence[Line]) -> Table:
    """The same for export and API."""
    rows = [
        [
            Cell(line.what, line.url, line.count, "bad" if line.deviation.urgent else "", page=line.count is None),
            Cell(line.figure),
            Cell(line.threshold),
            Cell(line.who),
        ]
        for line in lines
    ]
    columns = [
        column("what", _("What deviates")),
        column("figure", _("Figure")),
        column("threshold", _("Threshold")),
        column("who", _("Who should act")),
    ]
    return Table(
        "deviations",
        _("What deviates, and who should act"),
        columns,
        rows,
        empty=_("Nothing deviates: all figures are within their thresholds."),
    )
