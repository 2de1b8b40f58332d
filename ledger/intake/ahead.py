"""Reads a source in a thread of its own, some pieces ahead: the database takes one piece in while the next is made ready."""

import queue
import threading
from typing import Protocol, Self

#: Pieces that may lie ready.
_DEPTH = 4
_LOOK_AROUND_SECONDS = 0.1


class Source(Protocol):
    """What gives its next piece at each call, and b'' at the end."""

    def read(self, size: int = -1) -> bytes: ...


class Ahead:
    """Context manager that is read like its source. What goes wrong in the source is raised on leaving, over what came of it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._pieces: queue.Queue[bytes] = queue.Queue(_DEPTH)
        self._left = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="intake-ahead", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._left.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def read(self, _size: int = -1) -> bytes:
        """The next piece; b'' at the end. Raises OSError when the source broke, which ends a COPY."""
        piece = self._pieces.get()
        if not piece and self._error is not None:
            raise OSError("the source broke")
        return piece

    def _run(self) -> None:
        try:
            while self._put(self._source.read()):
                pass
        except BaseException as error:
            self._error = error
            self._put(b"")

    def _put(self, piece: bytes) -> bool:
        """Hand a piece over; whether another one is wanted."""
        while not self._left.is_set():
            try:
                self._pieces.put(piece, timeout=_LOOK_AROUND_SECONDS)
                return bool(piece)
            except queue.Full:
                continue
        return False
