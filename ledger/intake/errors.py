"""What can go wrong with a whole file or a whole batch; the codes are those of `ledger.messages`."""

from typing import Any


class FileRefused(Exception):
    """The file is not taken in at all. `code` is one of `ledger.messages.FILE_REASONS`, `detail` fits the JSON column."""

    def __init__(self, code: str, **detail: Any) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


class UndoRefused(Exception):
    """The batch stays as it is. `code` is one of `ledger.messages.BATCH_REASONS`."""

    def __init__(self, code: str, **detail: Any) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


class MappingError(ValueError):
    """A mapping file that does not say what it should; the message names file and place."""
