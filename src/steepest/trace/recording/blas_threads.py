"""Limits NumPy's matrix library to one thread while a function is recorded or called back.

After a product, the library's threads spin for a tenth of a second. They occupy the processors
that compiled code is about to use. Where processors are busy, the decomposition of a small
matrix waits for the library's second thread a hundred times as long as it computes.
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
"""Bytes of arrays from which on the library may use several threads for a product."""

_LONG = 1 << 21
"""Bytes of a matrix from which on several threads make its decomposition faster."""

_AS_IT_IS = contextlib.nullcontext()

_lock = threading.Lock()
_limits: list[Any] = []
"""One entry for each context that is open now; all are the limit that the first one set."""


def while_recording(leaves: Iterable[Any]) -> contextlib.AbstractContextManager[None]:
    """Limit NumPy to one thread while a function of large arrays is recorded."""
    size = sum(leaf.nbytes for leaf in leaves if isinstance(leaf, np.ndarray))
    return on_one_thread() if size >= _LARGE else _AS_IT_IS


def while_called_back(sizes: Sequence[int]) -> contextlib.AbstractContextManager[None]:
    """Limit NumPy to one thread in a callback on matrices that are small, given their bytes."""
    is_wanted = sizes and max(sizes) < _LONG
    return on_one_thread() if is_wanted else _AS_IT_IS


@contextlib.contextmanager
def on_one_thread() -> Iterator[None]:
    """Limit NumPy's matrix library to one thread."""
    with _lock:
        _limits.append(_limits[0] if _limits else _controller().limit(limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _lock:
            limit = _limits.pop()
            if not _limits:  # no other thread needs the limit
                limit.restore_original_limits()


@functools.cache
def _controller() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController  # takes some milliseconds

    return ThreadpoolController()
