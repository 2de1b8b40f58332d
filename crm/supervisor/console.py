"""What `make run` says. A terminal that has gone away must not keep it from stopping its children."""

import sys
import time

_begun = time.monotonic()


def say(line: str) -> None:
    """Print one line of progress with the seconds since the start."""
    _write(f"[{time.monotonic() - _begun:5.1f} s] {line}\n")


def show(block: str) -> None:
    """Print a block as it is."""
    _write(block if block.endswith("\n") else f"{block}\n")


def _write(text: str) -> None:
    if sys.stdout is None:
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError:
        sys.stdout = None
