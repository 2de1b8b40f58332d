"""Nine cells, RFM groups and kinds as they were on a past day, and as a file; for the pages of the present in `views`."""

import csv
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from crm.money import to_yuan
from measures.reading import Scheme, by, counts_on, kept_days, measured, names_of
from org import audit
from org.templatetags.fmt import day as day_text
from segmentation.pareto import Selection

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Line:
    """One key of a scheme; assets and contribution (units) are known of the newest night only."""

    key: str
    name: str
    clients: int
    share: float | None
    url: str = ""
    assets: int | None = None
    monetary: int | None = None


def day_asked(request: HttpRequest) -> date | None:
    """The past day that was asked for; None for the newest night. A day of which nothing is kept is told and not shown.

    Raises Http404 for what is no day.
    """
    try:
        day = date.fromisoformat(request.GET["on"]) if request.GET.get("on") else None
    except ValueError as error:
        raise Http404 from error
    kept = kept_days()
    if day is None or kept is None or day == kept[1]:
        return None
    if not kept[0] <= day <= kept[1]:
        words = {"first": day_text(kept[0]), "newest": day_text(kept[1])}
        messages.warning(
            request, _("The history is kept from %(first)s to %(newest)s; the newest night is shown.") % words
        )
        return None
    return day


def lines_on(user: Any, selection: Selection, scheme: Scheme, day: date) -> list[Line]:
    """Clients by key as they stood on a past day; each opens them."""
    found = counts_on(user, selection, scheme, day)
    total, start, wanted = sum(found.values()), reverse("clients:list"), selection.list_query()
    names = names_of(scheme)
    return [
        Line(
            key,
            names[key],
            found.get(key, 0),
            found.get(key, 0) / total if total else None,
            f"{start}?{urlencode({**wanted, 'move': f'{scheme.key}:{day}:{day}:{key}:{key}'}, doseq=True)}",
        )
        for key in scheme.names
    ]


def lines_now(user: Any, selection: Selection, scheme: Scheme) -> list[Line]:
    """Clients, assets and contribution by key as of the newest night."""
    found = by(measured(user, selection), scheme.key)
    total = sum(row["clients"] for row in found.values())
    names, nothing = names_of(scheme), {"clients": 0, "assets": 0, "monetary": 0}
    return [
        Line(
            key,
            names[key],
            row["clients"],
            row["clients"] / total if total else None,
            assets=row["assets"] or 0,
            monetary=row["monetary"] or 0,
        )
        for key, row in ((key, found.get(key) or nothing) for key in scheme.names)
    ]


def as_file(request: HttpRequest, selection: Selection, scheme: Scheme, day: date | None, newest: date) -> HttpResponse:
    """The table as CSV or XLSX (`format`); shares with 12 decimals, money in 元. Raises Http404 for another format."""
    kind = request.GET.get("format")
    if kind not in ("csv", "xlsx"):
        raise Http404
    lines = lines_on(request.user, selection, scheme, day) if day else lines_now(request.user, selection, scheme)
    heads = ["key", str(scheme.label), _("Clients"), _("Share")] + ([] if day else [_("Assets"), _("Contribution")])
    rows = [
        [line.key, line.name, line.clients, round(line.share, 12) if line.share is not None else None]
        + ([] if day else [to_yuan(line.assets or 0), to_yuan(line.monetary or 0)])
        for line in lines
    ]
    as_of = day or newest
    audit.record("measures.export", user=request.user, detail={"scheme": scheme.key, "day": as_of.isoformat()})
    response = _csv(heads, rows) if kind == "csv" else _xlsx(heads, rows, f"{as_of}")
    response["Content-Disposition"] = f'attachment; filename="{scheme.key}-{as_of}.{kind}"'
    return response


def _csv(heads: list[str], rows: list[list[Any]]) -> HttpResponse:
    response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")  # the mark tells Excel that it is UTF-8
    out = csv.writer(response)
    out.writerow(heads)
    for key, name, clients, share, *money in rows:
        out.writerow(
            [key, name, clients, "" if share is None else f"{share:.12f}", *(f"{amount:.2f}" for amount in money)]
        )
    return response


def _xlsx(heads: list[str], rows: list[list[Any]], title: str) -> HttpResponse:
    import xlsxwriter  # some megabytes, and few requests need it

    buffer = BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet(title)
    for column, head in enumerate(heads):
        sheet.write_string(0, column, head, book.add_format({"bold": True}))
    formats = [
        None,
        None,
        None,
        book.add_format({"num_format": "0.00%"}),
        *[book.add_format({"num_format": "#,##0.00"})] * 2,
    ]
    for number, row in enumerate(rows, 1):
        for column, value in enumerate(row):
            if column < 2:
                sheet.write_string(number, column, value)
            elif value is not None:
                sheet.write_number(number, column, float(value), formats[column])
    sheet.autofit()
    book.close()
    return HttpResponse(buffer.getvalue(), content_type=XLSX)
