"""Memory for large results, which is used again when nobody refers to it any more.

Memory that is new to a process costs more than filling it, because the system provides it page
by page, zeroed. The memory of a result is kept for later results, up to a bound.
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
"""Least bytes of memory that is kept; NumPy itself keeps smaller memory."""

_MOST_KEPT = 1 << 28  # bytes in all

_LINE = 64  # results start at a cache line

POISON = False
"""Whether memory is filled with NaN before it is used, so that tests notice an early read."""

_lock = threading.Lock()
_blocks: list[np.ndarray] = []  # the block used last comes last


def _references(blocks: list[np.ndarray], position: int) -> int:
    return sys.getrefcount(blocks[position])


_UNUSED = _references([np.empty(1)], 0)
"""Number of references to a block that nobody holds; it depends on the version of Python."""

_COUNTS = getattr(sys, "_is_gil_enabled", lambda: True)()
"""Whether references are counted exactly; free-threaded Python does not."""


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
    """Return what allocates the outputs: :func:`empty`, or ``np.empty`` if they are small."""
    sizes = [math.prod(shape) * dtype.itemsize for shape, dtype in outputs]
    return np.empty if max(sizes, default=0) < WORTH_KEEPING and not POISON else empty


def _block(size: int) -> np.ndarray:
    with _lock:
        for position in reversed(range(len(_blocks))):
            if _blocks[position].nbytes == size and _is_unused(position):
                _blocks.append(_blocks.pop(position))
                return _blocks[-1]
        block = np.empty(size, np.uint8)
        if size <= _MOST_KEPT:
            _blocks.append(block)
        while sum(kept.nbytes for kept in _blocks) > _MOST_KEPT:
            _blocks.pop(0)  # its users still hold it
        return block


def _after_fork() -> None:
    global _lock  # noqa: PLW0603 - the thread that held it is not in the child
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
