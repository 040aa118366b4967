"""Memory for large results, used again once nobody looks at it any more.

Memory that is new to a process costs more than filling it: the system hands it over page by
page, zeroed. What a result lay in is kept for the next one, up to a bound.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Callable, Sequence

import numpy as np

from steepest.graph import Shape

WORTH_KEEPING = 1 << 17
"""Bytes from which on memory is kept; smaller is handed out again by NumPy itself."""

_KEPT = 1 << 28  # bytes in all

_LINE = 64  # results start at a cache line

POISON = False
"""Whether memory is filled with NaN before it is used, to show what reads it too early."""

_lock = threading.Lock()
_blocks: list[np.ndarray] = []  # the one used last comes last


def _references(blocks: list[np.ndarray], position: int) -> int:
    return sys.getrefcount(blocks[position])


_UNUSED = _references([np.empty(1)], 0)
"""References to a block that nobody holds: versions of Python count differently."""

_COUNTS = getattr(sys, "_is_gil_enabled", lambda: True)()
"""Whether references are counted exactly; they are not where threads run without a lock."""


def _is_unused(position: int) -> bool:
    return _COUNTS and _references(_blocks, position) == _UNUSED


def address_of(array: np.ndarray) -> int:
    """Return the address of an array's first element."""
    address: int = array.__array_interface__["data"][0]
    return address


def empty(shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
    """Return an array whose content is arbitrary, as ``np.empty`` does."""
    size = math.prod(shape) * dtype.itemsize
    if size < WORTH_KEEPING:
        result = np.empty(shape, dtype)
    else:
        block = _block(size + _LINE)
        start = -address_of(block) % _LINE
        result = np.ndarray(shape, dtype, block, start)
    if POISON:
        result.reshape(-1).view(np.uint8).fill(0xFF)
    return result


def aligned_bytes(size: int) -> np.ndarray:
    """Return uninitialized bytes that start at a cache line."""
    raw = empty((size + _LINE,), np.dtype(np.uint8))
    return raw[-address_of(raw) % _LINE :]


def maker(outputs: Sequence[tuple[Shape, np.dtype]]) -> Callable[..., np.ndarray]:
    """Return ``np.empty`` or :func:`empty`, whichever serves arrays of these sizes."""
    sizes = [math.prod(shape) * dtype.itemsize for shape, dtype in outputs]
    return np.empty if max(sizes, default=0) < WORTH_KEEPING and not POISON else empty


def _block(size: int) -> np.ndarray:
    with _lock:
        for position in reversed(range(len(_blocks))):
            if _blocks[position].nbytes == size and _is_unused(position):
                _blocks.append(_blocks.pop(position))
                return _blocks[-1]
        block = np.empty(size, np.uint8)
        if size <= _KEPT:
            _blocks.append(block)
        while sum(kept.nbytes for kept in _blocks) > _KEPT:
            _blocks.pop(0)  # whoever still uses it keeps it
        return block


def _after_fork() -> None:
    global _lock  # noqa: PLW0603 - whoever held it did not come along
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
