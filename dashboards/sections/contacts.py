"""Contacts: today's visits, coverage as a heat map, how contacts felt (V10); live."""

from datetime import date

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from crm.clock import today
from dashboards import queries
from dashboards.asked import NO_MANAGER, Asked
from dashboards.parts import Cell, Section, Table, Tile, column
from org.listing import Kind
from org.models import Staff
from org.templatetags.fmt import month as month_text
from visits.models import Duty
from visits.queries import Cell as DutyCell
from visits.queries import Row


def shown_month(asked: Asked) -> date:
    """The last month of the period that has begun."""
    return min(asked.period.last, today().replace(day=1))


def build(asked: Asked) -> Section:
    month, on = shown_month(asked), today()
    rows = queries.contacts(asked, month, on)
    whole, _tiers = queries.whole_of(rows)
    felt, answers = queries.feeling(asked)
    tiles = [
        Tile("owed", _("Contacts owed"), Cell(whole.total, asked.duties_url(month))),
        *(
            Tile(
                state.value,
                str(state.label),
                Cell(getattr(whole, state.value), asked.duties_url(month, state=state.value)),
            )
            for state in (Duty.State.DONE, Duty.State.BOOKED, Duty.State.MISSED, Duty.State.WAIVED)
        ),
        Tile(
            "late",
            _("Open past their days"),
            Cell(whole.late, asked.duties_url(month, late="1"), tone=warn(whole.late)),
        ),
        Tile("share", _("Done of what is to be done"), Cell(whole.share), Kind.SHARE),
    ]
    if felt is not None:
        words = _("of 7, told by %(n)s contacts") % {"n": f"{answers:,}"}
        tiles.append(Tile("felt", _("How contacts felt"), Cell(float(felt)), Kind.NUMBER, words))
    return Section("contacts", _("Contacts"), tiles, [_heat(asked, month, rows), _today(asked, on)])


def warn(count: int) -> str:
    return "warn" if count else ""


def staff_words(staff: Staff | None) -> str:
    return f"{staff.name} {staff.staff_no}" if staff is not None else _("No manager")


def _cell(cell: DutyCell | None, url: str) -> Cell:
    """Done of all, as its colour; the list has all of them."""
    if cell is None:
        return Cell(None)
    return Cell(f"{cell.done}/{cell.total}", url, cell.total, f"heat-{cell.shade}" if cell.shade else "")


def _heat(asked: Asked, month: date, rows: list[Row]) -> Table:
    weeks = sorted({week for row in rows for week in row.weeks})
    found = []
    for row in rows:
        who = {"manager": row.staff.staff_no if row.staff else NO_MANAGER}
        found.append(
            [
                Cell(staff_words(row.staff)),
                *(_cell(row.weeks.get(week), asked.duties_url(month, **who, week=week.isoformat())) for week in weeks),
                *(_cell(row.tiers.get(tier), asked.duties_url(month, **who, tier=tier)) for tier in "ABC"),
                _cell(row.total, asked.duties_url(month, **who)),
            ]
        )
    columns = [
        column("manager", _("Manager")),
        *(column(f"week_{week:%m%d}", f"{week:%m-%d}") for week in weeks),
        *(column(tier, tier) for tier in "ABC"),
        column("all", _("All")),
    ]
    title = _("Coverage of %(month)s: done of owed") % {"month": month_text(month)}
    return Table(
        "coverage",
        title,
        columns,
        found,
        _(
            "A contact counts in the week (by its Monday) in which it was done, otherwise in the week until which it is due."
        ),
        "heat",
        _("No contacts are owed in this month"),
    )


def _today(asked: Asked, on: date) -> Table:
    counts = queries.visits_on(asked, on)
    staff = queries.people(counts)
    rows = []
    for one in sorted(staff.values(), key=lambda person: person.staff_no):
        found = counts[one.pk]
        query = urlencode({"date": on.isoformat(), "manager": one.staff_no})
        # The day shows all that a manager does; where the page shows a part, the number stands alone.
        url = "" if asked.segment is not None else f"{reverse('visits:day')}?{query}"
        rows.append([Cell(staff_words(one)), Cell(found["all"], url, page=True), Cell(found["done"])])
    columns = [
        column("manager", _("Manager")),
        column("visits", _("Visits and calls"), Kind.NUMBER),
        column("done", _("Done"), Kind.NUMBER),
    ]
    return Table("today", _("Today's visits"), columns, rows, empty=_("No visits today"))
