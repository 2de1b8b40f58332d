"""Proof, taken while a text passes by, that no number stands twice in it: each is greater than the one before.

Deliveries mostly come in the order of their numbers, and asking the database costs a sort of all of them. The proof costs
nothing there, for the database reads one piece while the next is looked at here.
"""

import re
from itertools import islice
from operator import lt


class Rising:
    """Watches one column of the clean rows. `holds` is true as long as its values rise, as text or as numbers do."""

    def __init__(self, column: int, delimiter: str) -> None:
        end = re.escape(delimiter.encode())
        # A quote before the value or in it ends the proof: what stands between quotes would have to be taken out.
        plain = rb'[^"\n' + end + rb"]*+"
        before, rest = rb"^(?:" + plain + end + rb"){%d}" % column, rb"(?=[\n" + end + rb"])[^\n]*+"
        self._value = re.compile(before + rb"(" + plain + rb")" + rest, re.MULTILINE)
        self._last = b""
        self._as_text = self._by_length = True

    @property
    def holds(self) -> bool:
        """Whether all values seen so far are different for certain. False says nothing."""
        return self._as_text or self._by_length

    def see(self, rows: bytes, count: int) -> None:
        """Look at the next rows, whole ones, `count` of them."""
        if not self.holds:
            return
        values = [self._last, *self._value.findall(rows)]
        whole = len(values) == count + 1
        self._last = values[-1]
        rises = whole and _rises(values)
        # 9 stands before 10: numbers without leading zeros rise by length first.
        self._by_length = self._by_length and whole and _rises_by_length(values, rises=rises)
        self._as_text = self._as_text and rises


def _rises(values: list) -> bool:
    return all(map(lt, values, islice(values, 1, None)))


def _rises_by_length(values: list[bytes], *, rises: bool) -> bool:
    lengths = list(map(len, values))
    if lengths.count(lengths[-1]) == len(lengths):
        return rises
    return _rises(list(zip(lengths, values, strict=True)))
