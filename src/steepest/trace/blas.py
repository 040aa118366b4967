"""NumPy's own threads while a function is recorded: none but the caller's.

The threads of NumPy's matrix library go on spinning for a tenth of a second after a product,
on the processors that compiled code is about to share its work out to.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_LARGE = 1 << 16
"""Bytes of arrays from which on products may be shared."""


def on_one_thread(leaves: Iterable[Any]) -> contextlib.AbstractContextManager[Any]:
    """Keep NumPy's products of such arrays on one thread meanwhile."""
    size = sum(leaf.nbytes for leaf in leaves if isinstance(leaf, np.ndarray))
    if size < _LARGE:
        return contextlib.nullcontext()
    return _controller().limit(limits=1, user_api="blas")


@functools.cache
def _controller() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController  # takes some milliseconds

    return ThreadpoolController()
