"""Compiles locale/*/LC_MESSAGES/*.po to .mo with Babel, so that GNU gettext is not needed.

Exit status 1 if a translation is fuzzy; up-to-date files are skipped. `make check` looks at the texts themselves.
"""

import os
import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Compile what is older than its source."""
    status = 0
    for source in sorted(ROOT.glob("locale/*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns > source.stat().st_mtime_ns:
            continue
        with source.open("rb") as file:
            catalog = read_po(file, abort_invalid=True)
        faults = [f"{message.id!r} is fuzzy" for message in catalog if message.id and message.fuzzy]
        if faults:
            status = 1
            for fault in faults:
                print(f"{source.relative_to(ROOT)}: {fault}", file=sys.stderr)
            continue
        building = target.with_suffix(f".{os.getpid()}")
        with building.open("wb") as file:
            write_mo(file, catalog)
        building.replace(target)
        print(f"setup: compiled {target.relative_to(ROOT)}")
    return status


if __name__ == "__main__":
    sys.exit(main())
