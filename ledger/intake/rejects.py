"""Rejected rows: kept with the source line as it was, and given back in the source's encoding."""

import csv
import io
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

from django.db.models import Q

from ledger.intake.sources import Text
from ledger.intake.stage import Stage
from ledger.models import IntakeFile, IntakeReject

#: PostgreSQL keeps no NUL; the picture of one stands for it.
_NUL = b"\xe2\x90\x80"
#: So many rejects are kept of a dry run; their number is always told in full.
KEPT_OF_DRY_RUN = 1000
_PAGE = 2000


def keep_rejects(stage: Stage, file: IntakeFile, text: Text) -> int:
    """Write the rejects of a stage with their source lines; returns how many. Reads the source once more if any."""
    count = stage.one(f"SELECT count(*) FROM {stage.rejects}")
    if not count:
        return 0
    with tempfile.TemporaryFile() as spool:
        query = f"SELECT line, height, reason, col, val FROM {stage.rejects} ORDER BY line, reason"
        stage.cursor.copy_expert(f"COPY ({query}) TO STDOUT WITH (FORMAT csv)", spool)
        spool.seek(0)
        rows = csv.reader(io.TextIOWrapper(spool, encoding="utf-8", newline=""))
        text.rewind()
        stage.cursor.copy_expert(
            'COPY ledger_intakereject (file_id, line, reason, "column", value, source) FROM STDIN WITH (FORMAT csv)',
            _Lines(_with_source(file.pk, rows, text.stream)),
        )
    return count


def _with_source(file_id: int, rows: Iterator[list[str]], stream: BinaryIO) -> Iterator[bytes]:
    """CSV lines of the rejects table; both sides come in the order of the lines, so one pass is enough."""
    number = 0
    for line, height, reason, column, value in rows:
        while number < int(line) - 1:
            stream.readline()
            number += 1
        source = b"".join(stream.readline() for _ in range(int(height)))
        number += int(height)
        target = io.StringIO()
        told = source.removesuffix(b"\n").removesuffix(b"\r").replace(b"\x00", _NUL).decode()
        csv.writer(target, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(
            [file_id, line, reason, column, value, told]
        )
        yield target.getvalue().encode()


class _Lines:
    """An iterator of byte strings as the file that COPY reads."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts

    def read(self, size: int = -1) -> bytes:
        gathered, length = [], 0
        for part in self._parts:
            gathered.append(part)
            length += len(part)
            if 0 <= size <= length:
                break
        return b"".join(gathered)


def python_encoding(file: IntakeFile) -> str:
    """Codec in which the rejects of a file are given back: the source's own; spreadsheets become UTF-8 with a mark."""
    if file.encoding == "gb18030":
        return "gb18030"
    return "utf-8-sig" if file.encoding == "xlsx" or file.layout.get("bom") else "utf-8"


def rejects_file(file: IntakeFile) -> Iterator[bytes]:
    """The rejects as a file: `line` and `reason`, then the source's header and lines as they were.

    They stand in front, where a broken quote in the line cannot swallow them. Nothing is escaped: what was delivered is
    given back unchanged, so that it can be corrected and sent again (the two columns are then ignored).
    """
    encoding, layout = python_encoding(file), file.layout
    delimiter, newline = layout.get("delimiter", ","), layout.get("newline", "\n")
    yield f"line{delimiter}reason{delimiter}{layout.get('header', '')}{newline}".encode(encoding)
    encoding = encoding.removesuffix("-sig")
    last = (0, 0)
    while True:
        page = list(
            IntakeReject.objects.filter(Q(line__gt=last[0]) | Q(line=last[0], pk__gt=last[1]), file=file)
            .order_by("line", "pk")
            .values_list("line", "pk", "reason", "source")[:_PAGE]
        )
        if not page:
            return
        last = (page[-1][0], page[-1][1])
        yield "".join(
            f"{line}{delimiter}{reason}{delimiter}{source}{newline}" for line, _pk, reason, source in page
        ).encode(encoding)


def rejects_of_dry_run(file: IntakeFile) -> list[IntakeReject]:
    """The first rejects of a file, to be kept when the dry run is rolled back."""
    return [
        IntakeReject(file_id=r.file_id, line=r.line, reason=r.reason, column=r.column, value=r.value, source=r.source)
        for r in IntakeReject.objects.filter(file=file).order_by("line", "pk")[:KEPT_OF_DRY_RUN]
    ]
