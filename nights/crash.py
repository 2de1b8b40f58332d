"""Crash points: named places where a test kills the process. Outside production only (docs/nights.md).

`CRASH_AT=ranking:written` ends the process there as `kill -9` would; `CRASH_HOW=hang` stops it there instead, until
somebody kills it. With `CRASH_MARK=FILE` it happens once: the first process that comes by makes the file, with its pid.
"""

import os
import time
from pathlib import Path

from django.conf import settings


def point(step: str, name: str) -> None:
    """Die or hang here if the environment says so."""
    if os.environ.get("CRASH_AT") != f"{step}:{name}" or settings.PRODUCTION or not _first():
        return
    if os.environ.get("CRASH_HOW") == "hang":
        time.sleep(3600)
    os._exit(137)


def _first() -> bool:
    mark = os.environ.get("CRASH_MARK")
    if mark is None:
        return True
    try:
        with Path(mark).open("x") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        return False
    return True
