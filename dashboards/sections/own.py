"""A manager's page (D4): whom to act on, own figures against targets, contacts, how time is spent."""

from datetime import date

from django.urls import reverse
from django.utils.translation import gettext as _

from crm.clock import now, today
from crm.partitions import month_start, next_month
from dashboards import manager_queries as queries
from dashboards import rules
from dashboards.book import Book
from dashboards.figures import FIGURES
from dashboards.models import Target
from dashboards.parts import Cell, Section, Table, Tile, column
from dashboards.queries import NONE, contacts, gone, trading_days, whole_of
from dashboards.rules import Period, months_on
from dashboards.sections.contacts import shown_month, warn
from dashboards.sections.targets import value_text
from org.listing import Kind
from org.templatetags.fmt import day as day_text
from org.templatetags.fmt import listed, money_text, percent
from org.templatetags.fmt import month as month_text


def build(book: Book) -> list[Section]:
    """The parts of the page, in the order shown."""
    return [acting(book), figures(book), own_targets(book), owed(book), spent(book)]


def acting(book: Book) -> Section:
    """What waits, and the clients who need somebody."""
    case = queries.handled(book, now())
    month = month_start(book.as_of) if book.as_of else book.period.last
    clients, many = queries.act_on(book, month)
    tiles = [
        Tile("overdue", _("Complaints over a limit"), Cell(
            case.overdue, book.complaints_url(open="true", overdue="true"), tone="bad" if case.overdue else "")),
        Tile("soon", _("Complaints due within a day"), Cell(
            case.soon, book.complaints_url(soon="true"), tone=warn(case.soon))),
        Tile("open", _("Open complaints"), Cell(case.open, book.complaints_url(open="true"))),
    ]  # fmt: skip
    rows = [
        [
            Cell(one.client.name, reverse("clients:record", args=[one.client.client_no]), page=True),
            Cell(listed(str(FIGURES[key].label) for key in one.reasons)),
            Cell(one.lost),
        ]
        for one in clients
    ]
    columns = [
        column("client", _("Client")),
        column("why", _("Why")),
        column("lost", _("Money gone, or revenue missing"), Kind.MONEY),
    ]
    note = _("%(shown)s of %(all)s clients, the most pressing first.") % {"shown": len(rows), "all": f"{many:,}"}
    table = Table(
        "act", _("Clients to act on"), columns, rows, note if rows else "", "reasons", _("No client needs you at once")
    )
    return Section("act", _("Whom to act on"), tiles, [table])


def figures(book: Book) -> Section:
    """Revenue and money in and out, twelve months, the year before; the book by tier."""
    if book.as_of is None:
        return Section("figures", _("Own figures"))
    last = month_start(book.as_of)
    shown = [months_on(last, -back) for back in range(11, -1, -1)]
    months = [month for month in book.period.months if month <= last]
    years = [month.replace(year=month.year - 1) for month in (*shown, *months)]
    keys = ("revenue", "inflow", "leaving", "idle_a", "rose", "fell", "tier_A", "tier_B", "tier_C")
    found = queries.sums_of(book, keys, sorted({*shown, *months, *years}))
    tiles = [*_money(book, months, found), *_clients(book, last, found)]
    rows = [_month(book, month, found) for month in reversed(shown)]
    columns = [
        column("month", _("Month")),
        column("revenue", _("Revenue"), Kind.MONEY),
        column("before", _("Year before"), Kind.MONEY),
        column("change", _("Change"), Kind.SHARE),
        column("inflow", _("Net inflow"), Kind.MONEY),
    ]
    table = Table("months", _("Twelve months"), columns, rows)
    return Section("figures", _("Own figures"), tiles, [table])


def _figure_url(book: Book, key: str, month: date) -> str:
    return book.clients_url(figure=f"{key}:{month:%Y-%m}")


def _money(book: Book, months: list[date], found: dict) -> list[Tile]:
    """Revenue as it is and as it is likely to end, and net inflow."""
    if not months or book.as_of is None:
        return []
    revenue = sum(found.get(("revenue", month), NONE).amount for month in months)
    inflow = sum(found.get(("inflow", month), NONE).amount for month in months)
    # Several months' clients are not one list.
    one = len(months) == 1
    cells = {
        key: Cell(
            amount,
            _figure_url(book, key, months[0]) if one else "",
            found.get((key, months[0]), NONE).count if one else None,
            tone="fall" if key == "inflow" and amount < 0 else "",
        )
        for key, amount in (("revenue", revenue), ("inflow", inflow))
    }
    over, whole = trading_days(months[-1], book.as_of, next_month(months[-1]))
    running = rules.projected(found.get(("revenue", months[-1]), NONE).amount, over, whole)
    before = sum(found.get(("revenue", m.replace(year=m.year - 1)), NONE).amount for m in months)
    words = _("year before: %(money)s") % {"money": money_text(before)}
    tiles = [Tile("revenue", _("Revenue"), cells["revenue"], Kind.MONEY, words)]
    if running is not None:
        likely = revenue - found.get(("revenue", months[-1]), NONE).amount + running
        change = percent(likely / before - 1, 0) if before > 0 else "–"
        words = _("%(change)s on the year before") % {"change": change}
        tiles.append(Tile("likely", _("Likely at the end"), Cell(likely), Kind.MONEY, words))
    return [*tiles, Tile("inflow", _("Net inflow"), cells["inflow"], Kind.MONEY)]


def _clients(book: Book, last: date, found: dict) -> list[Tile]:
    """The book as it is, each figure with its list."""
    tiles = [
        Tile(
            f"tier_{tier}",
            _("%(tier)s clients") % {"tier": tier},
            Cell(found.get((f"tier_{tier}", last), NONE).count, _figure_url(book, f"tier_{tier}", last)),
        )
        for tier in "ABC"
    ]
    for key, tone in (("rose", ""), ("fell", "warn"), ("leaving", "warn"), ("idle_a", "warn")):
        count = found.get((key, last), NONE).count
        tiles.append(
            Tile(key, FIGURES[key].label, Cell(count, _figure_url(book, key, last), tone=tone if count else ""))
        )
    return tiles


def _month(book: Book, month: date, found: dict) -> list[Cell]:
    revenue, inflow = found.get(("revenue", month), NONE), found.get(("inflow", month), NONE)
    before = found.get(("revenue", month.replace(year=month.year - 1)))
    change = revenue.amount / before.amount - 1 if before is not None and before.amount > 0 else None
    return [
        Cell(month_text(month)),
        Cell(revenue.amount, _figure_url(book, "revenue", month), revenue.count),
        Cell(before.amount if before is not None else None),
        Cell(change, tone="rise" if (change or 0) > 0 else "fall"),
        Cell(inflow.amount, _figure_url(book, "inflow", month), inflow.count),
    ]


def own_targets(book: Book) -> Section:
    """Targets that the head set for him, against what was reached and the share of the time gone."""
    found = queries.targets(book)
    reached = queries.reached(book, found)
    rows = []
    for one in found:
        actual = reached.get(one.pk)
        share = actual / one.value if actual is not None else None
        span = Period(one.kind, one.first)
        time_gone = _gone(book, span)
        tone = "" if share is None else "warn" if share < time_gone - rules.COVERAGE_BEHIND else ""
        rows.append(
            [
                Cell(str(Target.Goal(one.goal).label)),
                Cell(str(span)),
                Cell(value_text(one, one.value)),
                Cell(value_text(one, actual)),
                Cell(share, tone=tone),
                Cell(time_gone),
            ]
        )
    columns = [
        column("goal", _("Figure")),
        column("period", _("Period")),
        column("target", _("Target")),
        column("reached", _("Reached")),
        column("share", _("Share"), Kind.SHARE),
        column("gone", _("Time gone"), Kind.SHARE),
    ]
    until = _("Reached until %(day)s.") % {"day": day_text(book.as_of)} if book.as_of and rows else ""
    empty = _("No targets are set for this period")
    table = Table("targets", _("Targets of the period"), columns, rows, until, empty=empty)
    return Section("targets", _("Against target"), blocks=[table])


def _gone(book: Book, span: Period) -> float:
    """Share of a period's days that are over at the newest night (0–1)."""
    until = book.as_of or today()
    days = (span.after - span.first).days
    return min(1.0, max(0.0, ((until - span.first).days + 1) / days))


def owed(book: Book) -> Section:
    """Contacts of the month, by tier; live (V10)."""
    month, on = shown_month(book), today()
    whole, tiers = whole_of(contacts(book, month, on))
    tiles = [
        Tile("owed", _("Contacts owed"), Cell(whole.total, book.duties_url(month))),
        Tile("done", _("Done"), Cell(whole.done, book.duties_url(month, state="done"))),
        Tile("late", _("Open past their days"), Cell(
            whole.late, book.duties_url(month, late="1"), tone=warn(whole.late))),
        Tile("share", _("Done of what is to be done"), Cell(whole.share), Kind.SHARE,
             _("%(share)s of the working days are over") % {"share": percent(gone(book, month, on), 0)}),
    ]  # fmt: skip
    rows = [
        [
            Cell(tier),
            Cell(one.total, book.duties_url(month, tier=tier)),
            Cell(one.done),
            Cell(one.late),
            Cell(one.share),
        ]
        for tier, one in tiers.items()
        if one.total
    ]
    columns = [
        column("tier", _("Tier")),
        column("owed", _("Contacts owed"), Kind.NUMBER),
        column("done", _("Done"), Kind.NUMBER),
        column("late", _("Open past their days"), Kind.NUMBER),
        column("share", _("Done of what is to be done"), Kind.SHARE),
    ]
    title = _("Contacts of %(month)s by tier") % {"month": month_text(month)}
    table = Table("contacts", title, columns, rows, empty=_("No contacts are owed in this month"))
    return Section("contacts", _("Contacts"), tiles, [table])


def spent(book: Book) -> Section:
    """The four activities of a manager's day (Luthans), by what the system recorded."""
    found = queries.time_spent(book)
    words = {
        queries.PLANNING: (_("Planning and control"), _("visits entered, moved, put in order; plans taken over")),
        queries.ROUTINE: (_("Routine communication"), _("calls and letters")),
        queries.PEOPLE: (_("People: settling conflicts"), _("steps in complaints")),
        queries.NETWORKING: (_("Networking"), _("visits, demonstrations, the club, decisions of clients")),
    }
    acts = sum(one.acts for one in found.values())
    rows = []
    for name, (label, what) in words.items():
        one = found[name]
        hours, way = (round(minutes / 60, 1) or None for minutes in (one.minutes, one.travel))
        rows.append([
            Cell(label), Cell(what), Cell(one.acts), Cell(one.acts / acts if acts else None), Cell(hours), Cell(way),
        ])  # fmt: skip
    columns = [
        column("activity", _("Activity")),
        column("what", _("What counts")),
        column("acts", _("Acts"), Kind.NUMBER),
        column("share", _("Share"), Kind.SHARE),
        column("hours", _("Hours with clients"), Kind.NUMBER),
        column("way", _("Hours on the way"), Kind.NUMBER),
    ]
    note = _(
        "What was recorded in the period. Hours are those set aside for appointments that were kept; acts without an"
        " appointment have none."
    )
    table = Table("time", _("Acts and hours by activity"), columns, rows, note)
    return Section("time", _("How time is spent"), blocks=[table])
