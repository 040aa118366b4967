"""NumPy's own threads while a function is recorded, or called back from a loop: none but one.

The threads of NumPy's matrix library go on spinning for a tenth of a second after a product,
on the processors that compiled code is about to share its work out to. Where these are busy,
a decomposition of a small matrix waits for its other thread a hundred times as long as it takes.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_LARGE = 1 << 16
"""Bytes of arrays from which on products may be shared."""

_LONG = 1 << 21
"""Bytes of matrices from which on decompositions are worth several threads."""

_AS_IT_IS = contextlib.nullcontext()

_lock = threading.Lock()
_limits: list[Any] = []
"""One entry for whatever wants it at the time; the limit is that of the first."""


def while_recording(leaves: Iterable[Any]) -> contextlib.AbstractContextManager[None]:
    """Keep NumPy's products of such arrays on one thread."""
    size = sum(leaf.nbytes for leaf in leaves if isinstance(leaf, np.ndarray))
    return on_one_thread() if size >= _LARGE else _AS_IT_IS


def while_called_back(sizes: Sequence[int]) -> contextlib.AbstractContextManager[None]:
    """Keep what NumPy makes of so many bytes on one thread, if anything."""
    is_wanted = sizes and max(sizes) < _LONG
    return on_one_thread() if is_wanted else _AS_IT_IS


@contextlib.contextmanager
def on_one_thread() -> Iterator[None]:
    """Keep NumPy's matrix library on one thread."""
    with _lock:
        _limits.append(_limits[0] if _limits else _controller().limit(limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _lock:
            limit = _limits.pop()
            if not _limits:  # not before: another thread may still want it
                limit.restore_original_limits()


@functools.cache
def _controller() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController  # takes some milliseconds

    return ThreadpoolController()
