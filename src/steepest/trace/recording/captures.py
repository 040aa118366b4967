"""What a traced function read from outside, and whether it still reads the same.

A trace is valid as long as every name that the function read (globals, closure cells,
defaults) has the same value. Arrays are bound anew at each call, by reference. Numbers,
strings, tuples and functions are compared. Anything else forces a new trace.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import logging
import operator
import pathlib
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MISSING = object()
"""Stands for a name that is not defined."""


@dataclass(frozen=True)
class Captures:
    """Everything read from outside during one trace.

    Attributes
    ----------
    values
        Pairs of a function that reads the value again, and the value it gave.
    arrays
        The same for arrays that became inputs, in the order of those inputs.
    names
        A name for each of these arrays.
    opaque
        Descriptions of what cannot be compared. If there are any, each call traces anew.
    filled
        Those of them that were empty before the function wrote to them. The next trace may
        find them filled, and need not write.
    checkers
        Cache: fast checks of the values, by their number.
    """

    values: list[tuple[Callable[[], Any], Any]] = field(default_factory=list)
    arrays: list[tuple[Callable[[], Any], np.ndarray]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    opaque: list[str] = field(default_factory=list)
    filled: list[str] = field(default_factory=list)
    checkers: dict[int, Callable[[], bool]] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def only_fill(self) -> bool:
        """Whether only writes to places that were empty force a new trace."""
        return bool(self.opaque) and self.opaque == self.filled

    def still_hold(self) -> bool:
        """Whether a new trace would record the same graph."""
        if self.opaque or not self.values_hold():
            return False
        for read, expected in self.arrays:
            array = read()
            if array is not expected and not _same_kind(array, expected):
                return False
        return True

    def _checker(self) -> Callable[[], bool]:
        """Return a fast check that the values noted so far are the very same objects."""
        plain = [pair for pair in self.values if not isinstance(pair[1], np.ndarray)]
        reads, expected = [read for read, _ in plain], [found for _, found in plain]
        arrays = [pair for pair in self.values if isinstance(pair[1], np.ndarray)]

        def same() -> bool:
            if not all(map(operator.is_, map(operator.call, reads), expected)):
                return False
            return all([same_value(read(), found) for read, found in arrays])

        return same

    def values_hold(self) -> bool:
        """Whether everything that was read is the same, apart from arrays."""
        count = len(self.values)
        if count not in self.checkers:
            self.checkers[count] = self._checker()
        return self.checkers[count]() or self._are_equal()

    def _are_equal(self) -> bool:
        """Compare values that may be equal, although they are other objects."""
        for read, expected in self.values:
            value = read()
            if value is not expected or isinstance(value, np.ndarray):
                if not same_value(value, expected):
                    return False
        return True


def note_contents(array: np.ndarray, read: Callable[[], Any], captures: Captures) -> None:
    """Note an array by its contents, and how they lie in memory."""
    strides = array.strides
    captures.values.append((read, array.copy()))
    captures.values.append((lambda: getattr(read(), "strides", None) == strides, True))


def note_logger(logger: logging.Logger, name: str, captures: Captures) -> None:
    """Note what a logger writes, and where: its methods return nothing else."""
    if not vars(logger).keys() <= vars(logging.Logger("")).keys() | {"parent", "manager"}:
        captures.opaque.append(f"{name} (a logger with attributes of your own)")
    captures.values.append((lambda: _state(logger), _state(logger)))


def _state(logger: logging.Logger) -> tuple[Any, ...]:
    levels = logger.level, logger.getEffectiveLevel(), logger.manager.disable
    flags = logger.disabled, logger.propagate, logger.hasHandlers(), len(vars(logger))
    return (*levels, *flags, logger.name, tuple(logger.handlers), tuple(logger.filters))


def _same_kind(array: Any, expected: np.ndarray) -> bool:
    return (
        type(array) is np.ndarray
        and array.shape == expected.shape
        and array.dtype == expected.dtype
        and array.flags.c_contiguous == expected.flags.c_contiguous
    )


def same_value(value: Any, expected: Any) -> bool:
    """Whether two captured values are the same, bit for bit and type for type."""
    if value is expected and not isinstance(expected, np.ndarray):
        return True
    if type(value) is not type(expected):
        return False
    if isinstance(value, float | np.generic):
        return np.asarray(value).tobytes() == np.asarray(expected).tobytes()
    if isinstance(value, int | str | bytes | complex | range | slice):
        return bool(value == expected)
    if isinstance(value, tuple):
        return len(value) == len(expected) and all(map(same_value, value, expected))
    if isinstance(value, re.Pattern):  # whose text is cut where it is long
        return bool(value == expected)
    if isinstance(value, _BY_TEXT):
        return repr(value) == repr(expected)
    return isinstance(value, np.ndarray) and _same_contents(value, expected)


def _same_contents(array: np.ndarray, expected: np.ndarray) -> bool:
    if array.shape != expected.shape or array.dtype != expected.dtype:
        return False
    if isinstance(array, np.ma.MaskedArray):  # also what is masked may be read
        same_mask = np.array_equal(np.ma.getmaskarray(array), np.ma.getmaskarray(expected))
        array, expected = array.view(np.ndarray), expected.view(np.ndarray)
        return same_mask and array.tobytes() == expected.tobytes()
    return array.tobytes() == expected.tobytes()


def can_compare(array: np.ndarray) -> bool:
    """Whether :func:`same_value` can tell that an array that is no input has changed."""
    plain = vars(array) if hasattr(array, "__dict__") else {}
    return not array.dtype.hasobject and (not plain or isinstance(array, np.ma.MaskedArray))


def is_comparable(value: Any) -> bool:
    """Whether :func:`same_value` can tell that a captured value has changed."""
    if isinstance(value, tuple):
        return type(value) is tuple and all(map(is_comparable, value))
    if value is None or value is Ellipsis or type(value) in _SIMPLE or _is_numpys(value):
        return True
    known = isinstance(value, (*_BY_TEXT, re.Pattern))
    return known and type(value).__module__ in sys.stdlib_module_names


_BY_TEXT = (
    fractions.Fraction,
    decimal.Decimal,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    pathlib.PurePath,
)
"""Types of Python's library whose objects do not change, and say all that they are."""

_SIMPLE = frozenset({bool, int, float, complex, str, bytes, range})


def _is_numpys(value: Any) -> bool:
    return isinstance(value, np.generic | np.dtype)
