"""Targets of the branch and its managers against what was reached; the head sets them."""

from django.utils.translation import gettext as _

from dashboards import queries
from dashboards.asked import Asked
from dashboards.models import Target
from dashboards.parts import Cell, Section, Table, column
from dashboards.rules import Period
from org.listing import Kind
from org.templatetags.fmt import day as day_text
from org.templatetags.fmt import money_text

WHOLE = "–"


def value_text(target: Target, value: float | None) -> str:
    """A target or what was reached, in its unit."""
    if value is None:
        return WHOLE
    return f"{value / 100:.1f} %" if target.goal == Target.Goal.CONTACTS else money_text(round(value))


def build(asked: Asked) -> Section:
    found = queries.targets(asked)
    reached = queries.actuals(asked, found)
    rows = []
    for one in found:
        actual = reached.get(one.pk)
        share = actual / one.value if actual is not None else None
        rows.append(
            [
                Cell(f"{one.staff.name} {one.staff.staff_no}" if one.staff else one.branch.name),
                Cell(str(Target.Goal(one.goal).label)),
                Cell(str(Period(one.kind, one.first))),
                Cell(value_text(one, one.value)),
                Cell(value_text(one, actual)),
                Cell(share, tone="rise" if share is not None and share >= 1 else ""),
                Cell(day_text(one.set_at)),
            ]
        )
    columns = [
        column("whose", _("Whose")),
        column("goal", _("Figure")),
        column("period", _("Period")),
        column("target", _("Target")),
        column("reached", _("Reached")),
        column("share", _("Share"), Kind.SHARE),
        column("set", _("Set on")),
    ]
    until = _("Reached until %(day)s.") % {"day": day_text(asked.as_of)} if asked.as_of else ""
    table = Table(
        "targets", _("Targets of the period"), columns, rows, until, empty=_("No targets are set for this period")
    )
    return Section("targets", _("Targets"), blocks=[table], more={"targets": found})
