"""What the beat's looks have in common: the next one comes soon, so a database that restarts is no reason for a traceback."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError


@contextmanager
def left_out_without_database(logger: logging.Logger, what: str) -> Iterator[None]:
    """Run a look; while the database is away it is left out, and the log says `what` became of it."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        logger.warning("%s, the database does not answer (%s).", what, type(error).__name__)
