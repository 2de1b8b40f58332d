"""From a delivered file to a UTF-8 text that can be read twice: archives unpacked within limits, spreadsheets turned
into CSV, GB18030 transcoded. The rule for encodings: strict UTF-8, else strict GB18030, else refused; never detection.

Whatever is unpacked goes into nameless temporary files, so that a killed process leaves nothing behind.
"""

import codecs
import contextlib
import gzip
import hashlib
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from django.conf import settings

from ledger.intake.errors import FileRefused
from ledger.intake.sheets import sheet_to_csv

ARCHIVES = (".zip", ".gz", ".tgz", ".tar", ".7z", ".rar", ".bz2", ".xz")
TEXTS = (".csv", ".tsv", ".txt", ".tab", ".asc", ".dat")
SHEETS = (".xlsx",)

#: Files taken from one zip at most.
MOST_MEMBERS = 200
#: Unpacked to packed; beyond it, and beyond 64 MB, a file is a bomb.
_MOST_RATIO, _RATIO_MATTERS = 250, 64 * 1024 * 1024
_CHUNK = 1024 * 1024
_BOM = b"\xef\xbb\xbf"


@dataclass
class Text:
    """A source as UTF-8 text. `sha256` and `size` are those of the unpacked source; `encoding`: how it is written."""

    stream: BinaryIO
    sha256: str
    size: int
    encoding: str
    bom: bool = False

    def rewind(self) -> None:
        """Go back to the header line."""
        self.stream.seek(len(_BOM) if self.bom else 0)


def members(path: Path) -> list[str]:
    """Names of the data files in a zip; raises FileRefused for archives that are broken, hostile or too large."""
    with _zip(path) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir() and not _is_litter(info.filename)]
        if len(infos) > MOST_MEMBERS:
            raise FileRefused("too_many_files", found=len(infos), limit=MOST_MEMBERS)
        _check_sizes(sum(info.file_size for info in infos), sum(info.compress_size for info in infos))
        for info in infos:
            _check_member(info)
    return [info.filename for info in infos]


@contextlib.contextmanager
def open_text(path: Path, member: str = "", encoding: str = "auto") -> Iterator[Text]:
    """Open a source for reading as UTF-8; `encoding` is the mapping's rule.

    Raises FileRefused, also at the end when the file changed meanwhile.
    """
    with contextlib.ExitStack() as stack:
        before = _stamp(path)
        raw = _open_raw(path, member, stack)
        digest, size, is_utf8 = _inspect(raw)
        if size == 0:
            raise FileRefused("empty_file")
        if _suffix(member or path.name) in SHEETS:
            converted = stack.enter_context(_spool())
            sheet_to_csv(raw, converted, most_bytes=settings.INTAKE_MAX_UNPACKED)
            text = Text(converted, digest, size, "xlsx")
        elif encoding != "gb18030" and is_utf8:
            text = Text(raw, digest, size, "utf-8", bom=raw.read(len(_BOM)) == _BOM)
        elif encoding == "utf-8":
            raise FileRefused("undecodable")
        else:
            converted = stack.enter_context(_spool())
            _transcode(raw, converted)
            text = Text(converted, digest, size, "gb18030")
        text.rewind()
        yield text
        if _stamp(path) != before:
            raise FileRefused("changing_file")


def plain_name(name: str) -> str:
    """The name that file patterns are held against: without .gz."""
    return name.removesuffix(".gz").removesuffix(".GZ")


def check_format(name: str) -> None:
    """Refuse what is neither a text nor a spreadsheet, by its name."""
    suffix = _suffix(plain_name(name))
    if suffix in ARCHIVES:
        raise FileRefused("nested_archive" if "/" in name else "unsupported_format", name=name)
    if suffix not in (*TEXTS, *SHEETS):
        raise FileRefused("unsupported_format", name=name)


def _suffix(name: str) -> str:
    return PurePosixPath(plain_name(name).lower()).suffix


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise FileRefused("file_missing") from error
    return found.st_size, found.st_mtime_ns


def _open_raw(path: Path, member: str, stack: contextlib.ExitStack) -> BinaryIO:
    """The unpacked bytes, seekable, at their beginning."""
    try:
        file = stack.enter_context(path.open("rb"))
    except OSError as error:
        raise FileRefused("unreadable_file", told=type(error).__name__) from error
    if member:
        spool = stack.enter_context(_spool())
        with _zip(path) as archive:
            info = archive.getinfo(member)
            _check_member(info)
            with archive.open(member) as packed:
                _unpack(packed, spool, info.compress_size)
        return spool
    if path.name.lower().endswith(".gz"):
        spool = stack.enter_context(_spool())
        with gzip.open(file) as packed:
            _unpack(packed, spool, path.stat().st_size)  # type: ignore[arg-type]
        return spool
    return file


@contextlib.contextmanager
def _zip(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, KeyError) as error:
        raise FileRefused("damaged_archive", told=str(error)[:200]) from error
    except FileNotFoundError as error:
        raise FileRefused("file_missing") from error


def _check_member(info: zipfile.ZipInfo) -> None:
    name = PurePosixPath(info.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or ":" in name.parts[0]:
        raise FileRefused("unsafe_name", name=info.filename[:100])
    if info.flag_bits & 0x1:
        raise FileRefused("encrypted_archive", name=info.filename[:100])
    if name.suffix.lower() in ARCHIVES:
        raise FileRefused("nested_archive", name=info.filename[:100])
    _check_sizes(info.file_size, info.compress_size)


def _check_sizes(unpacked: int, packed: int) -> None:
    if unpacked > settings.INTAKE_MAX_UNPACKED:
        raise FileRefused("too_large", size=unpacked, limit=settings.INTAKE_MAX_UNPACKED)
    if unpacked > _RATIO_MATTERS and unpacked > packed * _MOST_RATIO:
        raise FileRefused("bomb", size=unpacked, packed=packed)


def _is_litter(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return "__MACOSX" in parts or parts[-1].startswith(".") or parts[-1].lower() in ("thumbs.db", "desktop.ini")


def _unpack(packed: IO[bytes], spool: BinaryIO, packed_size: int) -> None:
    """Copy with an eye on the limits: what an archive says of itself is not believed."""
    total = 0
    try:
        while chunk := packed.read(_CHUNK):
            total += len(chunk)
            _check_sizes(total, packed_size)
            spool.write(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileRefused("damaged_archive", told=str(error)[:200]) from error
    spool.seek(0)


def _inspect(raw: BinaryIO) -> tuple[str, int, bool]:
    """SHA-256 of the source, its size, and whether it is strict UTF-8."""
    digest, size, is_utf8 = hashlib.sha256(), 0, True
    decoder = codecs.getincrementaldecoder("utf-8")()
    while chunk := raw.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        if is_utf8:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                is_utf8 = False
    if is_utf8:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            is_utf8 = False
    raw.seek(0)
    return digest.hexdigest(), size, is_utf8


def _transcode(raw: BinaryIO, spool: BinaryIO) -> None:
    decoder = codecs.getincrementaldecoder("gb18030")()
    line = 1
    raw.seek(0)
    while True:
        chunk = raw.read(_CHUNK)
        try:
            spool.write(decoder.decode(chunk, final=not chunk).encode())
        except UnicodeError as error:  # lone surrogates have a GB18030 form, but no UTF-8 one
            at = error.start if isinstance(error, UnicodeDecodeError) else 0
            raise FileRefused("undecodable", line=line + chunk[:at].count(b"\n")) from error
        if not chunk:
            return
        line += chunk.count(b"\n")


def _spool() -> BinaryIO:
    folder = Path(settings.MEDIA_ROOT) / "spool"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=os.fspath(folder))
