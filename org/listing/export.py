"""Export of exactly what a list shows: same columns, filter, order and masking; no cell can become a formula."""

import csv
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import IO, Any

from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone

from crm.clock import today
from org.listing.columns import Column, Exported, Kind

FORMATS = ("csv", "xlsx")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_CELL_FORMATS = {Kind.MONEY: "#,##0.00", Kind.SHARE: "0.00%", Kind.DATE: "yyyy-mm-dd", Kind.NUMBER: "#,##0"}
#: Excel's limit: rows of a sheet without the head.
_SHEET_ROWS = 1_048_575

Rows = Iterable[tuple[Exported, ...]]


def inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(_FORMULA_STARTS) else text


def as_csv(columns: Sequence[Column], rows: Rows, name: str) -> StreamingHttpResponse:
    """CSV, UTF-8 with BOM, sent as it is read."""
    response = StreamingHttpResponse(_csv_lines(columns, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


class _Echo:
    def write(self, text: str) -> str:
        return text


def _csv_lines(columns: Sequence[Column], rows: Rows) -> Iterator[bytes]:
    writer = csv.writer(_Echo())
    yield "\ufeff".encode() + writer.writerow([inert(str(column.label)) for column in columns]).encode()
    for row in rows:
        yield writer.writerow([_csv_cell(value) for value in row]).encode()


def _csv_cell(value: Exported) -> Any:
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, datetime):
        return f"{timezone.localtime(value) if timezone.is_aware(value) else value:%Y-%m-%d %H:%M:%S}"
    return "" if value is None else value


def as_xlsx(columns: Sequence[Column], rows: Rows, name: str) -> FileResponse:
    """A workbook, sent as a file."""
    return FileResponse(
        _workbook(columns, rows),
        as_attachment=True,
        filename=f"{name}.xlsx",
        content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )


def pieces(format_: str, columns: Sequence[Column], rows: Rows) -> Iterator[bytes]:
    """The same file piece by piece, for whoever keeps it."""
    if format_ == "csv":
        yield from _csv_lines(columns, rows)
        return
    with _workbook(columns, rows) as file:
        while piece := file.read(1 << 16):
            yield piece


def _workbook(columns: Sequence[Column], rows: Rows) -> IO[bytes]:
    """A workbook with typed cells, written row by row to a temporary file; the caller closes it."""
    import xlsxwriter  # some megabytes, and few requests need it

    file = tempfile.TemporaryFile(suffix=".xlsx")  # noqa: SIM115  the caller closes it
    book = xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    # The day, not the second: the same rows make the same file.
    book.set_properties({"created": datetime.combine(today(), time())})
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True})
    formats = {kind: book.add_format({"num_format": pattern}) for kind, pattern in _CELL_FORMATS.items()}
    for number, column in enumerate(columns):
        sheet.set_column(number, number, 20 if column.kind == Kind.TEXT else 14)
    for number, column in enumerate(columns):
        sheet.write_string(0, number, str(column.label), bold)
    sheet.freeze_panes(1, 0)
    for line, row in enumerate(rows, start=1):
        if line > _SHEET_ROWS:
            break
        for number, (column, value) in enumerate(zip(columns, row, strict=True)):
            _write_cell(sheet, line, number, value, formats.get(column.kind))
    book.close()
    file.seek(0)
    return file


def _write_cell(sheet, line: int, number: int, value: Exported, pattern) -> None:
    if value is None:
        return
    if isinstance(value, datetime):
        naive = timezone.make_naive(value) if timezone.is_aware(value) else value
        sheet.write_datetime(line, number, naive, pattern)
    elif isinstance(value, date):
        sheet.write_datetime(line, number, value, pattern)
    elif isinstance(value, bool):
        sheet.write_boolean(line, number, value)
    elif isinstance(value, int | float | Decimal):
        sheet.write_number(line, number, float(value), pattern)
    else:
        sheet.write_string(line, number, str(value)[:32767])


MAKERS: dict[str, Callable[[Sequence[Column], Rows, str], HttpResponseBase]] = {"csv": as_csv, "xlsx": as_xlsx}
