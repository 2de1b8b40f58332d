"""Heartbeat and progress of a running batch, by a thread with a connection of its own: the file's transaction is not
over for minutes, and what it writes is not seen until then.
"""

import json
import logging
import threading
import uuid
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, InterfaceError, connection

from ledger.models import IntakeFile

logger = logging.getLogger(__name__)

_SECONDS = 1.0


class Progress:
    """Context manager: beats for a batch while the block runs. Short runs end before the first beat."""

    def __init__(self, batch_id: int, runner: uuid.UUID) -> None:
        self._batch_id, self._runner = batch_id, runner
        self._over = threading.Event()
        self._now: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._beat, name=f"intake-{batch_id}", daemon=True)

    def __enter__(self) -> "Progress":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._over.set()
        self._thread.join(timeout=10)

    def teller(self, file: IntakeFile) -> Callable[[str, int, int], None]:
        """A function that notes the step a file is at, and how many bytes of how many have been read."""

        def tell(step: str, done: int, total: int) -> None:
            self._now = {"file": file.pk, "name": file.name, "step": step, "done": done, "total": total}

        return tell

    def _beat(self) -> None:
        try:
            while not self._over.wait(_SECONDS):
                try:
                    with connection.cursor() as cursor:
                        cursor.execute(
                            "UPDATE ledger_intakebatch SET heartbeat_at = now(), progress = %s"
                            " WHERE id = %s AND runner = %s AND state = 'running'",
                            [json.dumps(self._now), self._batch_id, self._runner],
                        )
                except (DatabaseError, InterfaceError) as error:
                    logger.warning("Intake batch %s: no heartbeat (%s).", self._batch_id, type(error).__name__)
                    connection.close()
        finally:
            connection.close()
