"""Rows that are stored in units, each of which is read as a whole."""

from __future__ import annotations

import bisect
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

_KEPT = 2
"""Units that are kept: what is asked for may end inside of one."""

_T = TypeVar("_T")


class Units(Generic[_T]):
    """Units of rows, of which those that were read last are kept.

    Parameters
    ----------
    starts
        The first row of each unit, and the number of all rows.
    read
        Returns a unit by its number.
    """

    def __init__(self, starts: Sequence[int], read: Callable[[int], _T]) -> None:
        self.starts, self._read = starts, read
        self._kept: OrderedDict[int, _T] = OrderedDict()
        self._lock = threading.Lock()

    def number_of(self, row: int) -> int:
        """Return the number of the unit that has a row."""
        return bisect.bisect_right(self.starts, row) - 1

    def between(self, start: int, stop: int) -> list[tuple[_T, int, int, int]]:
        """Return the units with rows from `start` to before `stop`.

        Each with the first of these rows, and where in the unit they begin and end.
        """
        parts = []
        number = self.number_of(start)
        while number < len(self.starts) - 1 and self.starts[number] < stop:
            first, end = self.starts[number], self.starts[number + 1]
            low, high = max(start, first), min(stop, end)
            if high > low:
                parts.append((self._unit(number), low, low - first, high - first))
            number += 1
        return parts

    def _unit(self, number: int) -> _T:
        with self._lock:
            if number in self._kept:
                self._kept.move_to_end(number)
                return self._kept[number]
            unit = self._kept[number] = self._read(number)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return unit
