"""XLSX to CSV: the first sheet, line n of the text being row n of the sheet, so that rejects name the right row."""

import csv
import io
import zipfile
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, BinaryIO

from ledger.intake.errors import FileRefused

#: A sheet is held in memory while it is converted; its XML may be this large, in bytes.
MOST_XML = 768 * 1024 * 1024
_MOST_RATIO, _RATIO_MATTERS = 250, 32 * 1024 * 1024
#: Largest number whose digits a spreadsheet keeps.
_EXACT = 10**15


def sheet_to_csv(source: BinaryIO, target: BinaryIO, *, most_bytes: int) -> None:
    """Write the first sheet as UTF-8 CSV. Raises FileRefused for damaged files and bombs, before opening them."""
    from python_calamine import (  # only a file that is a workbook needs it
        CalamineError,
        CalamineWorkbook,
        PasswordError,
    )

    _check_package(source, min(most_bytes, MOST_XML))
    source.seek(0)
    try:
        rows = CalamineWorkbook.from_filelike(source).get_sheet_by_index(0).to_python(skip_empty_area=False)
    except PasswordError as error:
        raise FileRefused("encrypted_archive") from error
    except (CalamineError, IndexError, ValueError) as error:
        raise FileRefused("damaged_sheet", told=str(error)[:200]) from error
    if not any(any(cell != "" for cell in row) for row in rows):
        raise FileRefused("empty_file")
    text = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        writer.writerow([as_text(cell) for cell in row])
    text.flush()
    text.detach()


def as_text(cell: Any) -> str:
    """A cell as core-v1 writes it: dates YYYY-MM-DD, numbers exact to 6 decimals, no line ends."""
    if isinstance(cell, str):
        return " ".join(cell.splitlines()) if "\n" in cell or "\r" in cell else cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int | float):
        return _number(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ", timespec="seconds")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return "" if cell is None else str(cell)


def _number(value: int | float) -> str:
    """12.340000000000001 is 12.34; a number too long for a spreadsheet says so, as the spreadsheet itself would."""
    if abs(value) >= _EXACT:
        return f"{value:.5E}"
    rounded = Decimal(repr(value)).quantize(Decimal("0.000001")).normalize()
    return f"{rounded:f}" if rounded else "0"


def _check_package(source: BinaryIO, most: int) -> None:
    source.seek(0)
    try:
        with zipfile.ZipFile(source) as package:
            infos = package.infolist()
            unpacked = sum(info.file_size for info in infos)
            packed = sum(info.compress_size for info in infos)
    except zipfile.BadZipFile as error:
        raise FileRefused("damaged_sheet", told=str(error)[:200]) from error
    if unpacked > most:
        raise FileRefused("too_large", size=unpacked, limit=most)
    if unpacked > _RATIO_MATTERS and unpacked > packed * _MOST_RATIO:
        raise FileRefused("bomb", size=unpacked, packed=packed)
