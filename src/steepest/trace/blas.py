"""NumPy's own threads while a function is recorded: none but the caller's.

The threads of NumPy's matrix library go on spinning for a tenth of a second after a product,
on the processors that compiled code is about to share its work out to.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_LARGE = 1 << 16
"""Bytes of arrays from which on products may be shared."""

_lock = threading.Lock()
_recordings: list[Any] = []
"""One entry for each recording that goes on; the limit is that of the first."""


@contextlib.contextmanager
def on_one_thread(leaves: Iterable[Any]) -> Iterator[None]:
    """Keep NumPy's products of such arrays on one thread meanwhile."""
    size = sum(leaf.nbytes for leaf in leaves if isinstance(leaf, np.ndarray))
    if size < _LARGE:
        yield
        return
    with _lock:
        _recordings.append(
            _recordings[0] if _recordings else _controller().limit(limits=1, user_api="blas")
        )
    try:
        yield
    finally:
        with _lock:
            limit = _recordings.pop()
            if not _recordings:  # not before: another thread may still be recording
                limit.restore_original_limits()


@functools.cache
def _controller() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController  # takes some milliseconds

    return ThreadpoolController()
