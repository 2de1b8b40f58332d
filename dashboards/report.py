"""The page of a branch as a PDF (D5): deviations, figures, tables, revenue by month; no client is named in it."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm import pdf
from dashboards import deviations, queries
from dashboards.asked import Asked
from dashboards.parts import BARS, Section, Table
from dashboards.queries import NONE
from dashboards.sections import SECTIONS, allowed
from dashboards.sections.money import shown_months
from org.listing import Kind
from org.templatetags.fmt import day as day_text
from org.templatetags.fmt import money_text, percent, thousands
from org.templatetags.fmt import month as month_text

#: Tables that fit on paper; the heat map and what was asked of churn stay on the page.
TABLES = ("composition", "funnel", "managers", "targets")
_RIGHT = (Kind.NUMBER, Kind.MONEY, Kind.SHARE)


def pdf_of(asked: Asked, *, at: datetime) -> bytes:
    """The report in the active language. Figures as of the newest night; complaints and contacts as of `at`."""
    return pdf.render("weekly", data_of(asked, at=at), at=at)


def data_of(asked: Asked, *, at: datetime) -> dict[str, Any]:
    """What goes to the engine: texts and shares only."""
    assert asked.branch is not None
    sections = [SECTIONS[key][1](asked) for key in allowed(asked)]
    night = day_text(asked.as_of) if asked.as_of else "–"
    return {
        "language": "zh" if (get_language() or "").startswith("zh") else "en",
        "title": _("Weekly report of the branch"),
        "branch": asked.branch.name,
        "sub": _("%(month)s · figures of the night of %(day)s") % {"month": month_text(asked.period.first), "day": night},
        "made": _("made on %(moment)s") % {"moment": timezone.localtime(at).strftime("%Y-%m-%d %H:%M")},
        "page_of": _("page {n} of {of}"),
        "deviations": {
            "title": _("What deviates, and who should act"),
            "empty": _("Nothing deviates: all figures are within their thresholds."),
            "limit": _("threshold"),
            "rows": [
                {"what": one.what, "figure": one.figure, "limit": one.threshold, "who": one.who,
                 "urgent": one.deviation.urgent}
                for one in deviations.find(asked)
            ],
        },
        "bars": _bars(asked) if asked.sees_clients else None,
        "sections": [_section(one) for one in sections if one.tiles or any(t.rows and t.key in TABLES for t in one.tables)],
    }  # fmt: skip


def _bars(asked: Asked) -> dict[str, Any]:
    """Revenue of twelve months, as shares of the largest."""
    months = shown_months(asked)
    found = queries.figures(asked, ["revenue"], months)
    amounts = [found.get(("revenue", month), NONE).amount for month in months]
    most = max(*amounts, 1)
    return {
        "title": _("Revenue by month"),
        "rows": [
            {"label": f"{month:%m}", "text": money_text(amount), "share": max(amount, 0) / most}
            for month, amount in zip(months, amounts, strict=True)
        ],
    }


def _section(section: Section) -> dict[str, Any]:
    return {
        "title": str(section.title),
        "tiles": [
            {"label": str(one.label), "value": text_of(one.cell.value, one.kind), "tone": one.cell.tone}
            for one in section.tiles
        ],
        "tables": [_table(one) for one in section.tables if one.key in TABLES and one.rows],
    }


def _table(table: Table) -> dict[str, Any]:
    kept = [place for place, one in enumerate(table.columns) if one.kind != BARS]
    return {
        "title": str(table.title),
        "heads": [{"text": str(table.columns[p].label), "right": table.columns[p].kind in _RIGHT} for p in kept],
        "rows": [
            [{"text": text_of(row[p].value, table.columns[p].kind), "tone": row[p].tone} for p in kept]
            for row in table.rows
        ],
    }


def text_of(value: Any, kind: str) -> str:
    """A value as plain text, as the page shows it."""
    if value is None or value == "":
        return "–"
    if kind == Kind.MONEY:
        return money_text(value)
    if kind == Kind.SHARE:
        return percent(value, 1)
    if kind == Kind.NUMBER:
        return thousands(value, 2 if isinstance(value, float) else 0)
    return str(value)
