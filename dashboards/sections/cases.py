"""The complaint funnel against its limits, satisfaction afterwards (X4, X6); live."""

from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from complaints.choices import Step
from crm.clock import now
from dashboards import queries
from dashboards.asked import Asked
from dashboards.parts import Cell, Section, Table, Tile, column
from org.listing import Kind


def build(asked: Asked) -> Section:
    found = queries.funnel(asked, now())
    total = found.total
    happy, answers = queries.satisfaction(asked)
    last = asked.period.after - timedelta(days=1)
    received = asked.complaints_url(received_from=asked.period.first.isoformat(), received_to=last.isoformat())
    tiles = [
        Tile("open", _("Open"), Cell(total.open, asked.complaints_url(open="true"))),
        Tile("overdue", _("Over a limit"), _warned(asked, total.overdue, overdue="true")),
        Tile("soon", _("Due within a day"), _warned(asked, total.soon, soon="true")),
        Tile("unassigned", _("Without a handler"), _warned(asked, found.unassigned, unassigned="true")),
        Tile("received", _("Received in the period"), Cell(found.received, received)),
    ]
    if happy is not None:
        words = _("of 5, %(n)s answers in the period") % {"n": f"{answers:,}"}
        tiles.append(Tile("satisfaction", _("Satisfaction after closing"), Cell(float(happy)), Kind.NUMBER, words))
    rows = [
        [
            Cell(f"{step.value} · {step.label}"),
            Cell(case.open, asked.complaints_url(open="true", step=step.value)),
            _warned(asked, case.overdue, overdue="true", step=step.value),
            _warned(asked, case.soon, soon="true", step=step.value),
        ]
        for step in Step
        for case in [found.steps.get(step.value, queries.Case())]
    ]
    columns = [
        column("step", _("Step")),
        column("open", _("Open"), Kind.NUMBER),
        column("overdue", _("Over a limit"), Kind.NUMBER),
        column("soon", _("Due within a day"), Kind.NUMBER),
    ]
    note = _("Of the whole branch: manager, segment and period do not narrow open complaints.")
    table = Table("funnel", _("Open complaints by step"), columns, rows)
    return Section("complaints", _("Complaints against their limits"), tiles, [table], note)


def _warned(asked: Asked, count: int, **more: Any) -> Cell:
    return Cell(count, asked.complaints_url(**more), tone="bad" if count else "")
