"""The layout of arrays in memory, which decides what is a view and the order of elements.

Known are C order (``TracedArray.ordered``) and the layouts of its views. A result that depends
on an unknown layout is refused. If only whether it is a view depends on that, the result is
read-only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import TracedArray, lies_in_order
from steepest.trace.arrays.assignment import alias, fresh, storage_of
from steepest.trace.arrays.refusals import refuse
from steepest.trace.arrays.storage import stand_in_of

UNKNOWN = (
    "whether its reshape is a view or a copy depends on how the array lies in memory, which is "
    "not known here: use x.reshape(...).copy(), or np.ascontiguousarray(x) before"
)


def stand_in(x: Any) -> np.ndarray | None:
    """Return a plain array with an array's strides, whose elements are never read.

    None where the strides are not known.
    """
    if x.storage is not None:
        return stand_in_of(x.storage)
    return np.empty(x.shape, np.int8) if x.ordered else None


def is_contiguous(x: Any, order: str = "C") -> bool | None:
    """Whether an array is contiguous in an order, ``"C"`` or ``"F"``; None if unknown."""
    array = stand_in(x)
    if array is None:
        return None
    return array.flags.c_contiguous if order == "C" else array.flags.f_contiguous


def settled(x: Any, order: str | None) -> str | tuple[int, ...]:
    """Return the order in which elements are read: ``"C"``, ``"F"``, or axes, slowest first.

    Raises
    ------
    UnsupportedError
        If it follows from the array's layout in memory, which is not known.
    """
    _check_order(order)
    if order in ("C", "F", None):
        return order or "C"
    if x.ndim < 2:
        return "C"
    array = stand_in(x)
    if array is None:
        refuse(f"order={order!r} of an array whose order in memory is not known")
    if order == "A":
        return "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    strides = [-abs(stride) for stride in array.strides]
    return tuple(int(axis) for axis in np.argsort(strides, kind="stable"))


def _check_order(order: Any) -> None:
    if order not in ("C", "F", "A", "K", None):
        raise InputError(f"order={order!r}{at(user_source())} must be one of 'C', 'F', 'A', 'K'")


def is_laid_out(x: Any, order: str | None) -> bool | None:
    """Whether an array has the layout that an argument ``order=`` asks for; None if unknown."""
    _check_order(order)
    if order in ("K", None):
        return True
    if order == "A":
        known = is_contiguous(x), is_contiguous(x, "F")
        return None if None in known else any(known)
    return is_contiguous(x, order or "C")


def laid_out(made: TracedArray, source: Any, order: str | None) -> TracedArray:
    """Give a new array, made of `source`, the layout that an argument ``order=`` asks for."""
    _check_order(order)
    made.ordered = made.ndim < 2 or _is_ordered_like(source, order)
    return made


def _is_ordered_like(source: Any, order: str | None) -> bool:
    if order == "F":
        return False
    if order == "C" or not isinstance(source, TracedArray):
        return order == "C" or not isinstance(source, np.ndarray) or lies_in_order(source)
    array = stand_in(source)
    if array is None:
        return False
    if order == "A":
        return array.flags.c_contiguous or not array.flags.f_contiguous
    strides = [abs(stride) for stride in array.strides]
    return strides == sorted(strides, reverse=True)


def as_laid_out(x: TracedArray, order: str | None, copy: bool | None) -> TracedArray:
    """Return an array in an order: itself if it has that order and ``copy`` allows it."""
    fits = is_laid_out(x, order)
    if not copy and fits:
        return x
    if copy is False:
        raise InputError(
            f"copy=False{at(user_source())}, but an array of order {order!r} cannot be had "
            "without a copy"
        )
    if fits is None and not copy:
        unknown(x)
        return alias(x)
    return laid_out(fresh(x), x, order)


def unknown(x: TracedArray) -> None:
    """Make an array read-only, because what shares its memory is not known."""
    storage_of(x).root.read_only = UNKNOWN
