"""The drop folder: `DROP_DIR/<YYYY-MM-DD>/` holds the files of a business date, `_READY` says that all of them are there."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from django.conf import settings

MARKER = "_READY"


def folder(business_date: date) -> Path:
    """Where the files of a business date are expected."""
    return Path(settings.DROP_DIR) / business_date.isoformat()


def is_ready(business_date: date) -> bool:
    """Whether the sender has finished: the marker is written last."""
    return (folder(business_date) / MARKER).is_file()


def files(business_date: date) -> list[Path]:
    """The files of a business date, by name; hidden ones, the marker and whatever else begins with `_` are left out."""
    found = folder(business_date)
    if not found.is_dir():
        return []
    return sorted(path for path in found.iterdir() if path.is_file() and not path.name.startswith((".", "_")))


def ready_dates() -> Iterator[date]:
    """Business dates with a marker, oldest first."""
    root = Path(settings.DROP_DIR)
    if not root.is_dir():
        return
    for path in sorted(root.iterdir()):
        try:
            business_date = date.fromisoformat(path.name)
        except ValueError:
            continue
        if is_ready(business_date):
            yield business_date
