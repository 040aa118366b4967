"""What a call did: its result, its arguments afterwards, or the exception it raised."""

import copy
import functools
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import SteepestError, VerificationError


@functools.cache
def _worker(_):
    """Return a thread that calls functions, one for each process.

    Exceptions are caught in a frame of the standard library: none of ours handles them, since
    code may act otherwise under a ``try`` than without.
    """
    return ThreadPoolExecutor(1, initializer=lambda: np.seterr(all="ignore"))


@dataclass(frozen=True)
class Outcome:
    result: Any = None
    arguments: Any = None
    error: BaseException | None = None

    @property
    def is_refusal(self):
        return isinstance(self.error, SteepestError) and not isinstance(
            self.error, VerificationError
        )


def observe(function, arguments):
    """Call a function in a thread of its own and return what came of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        future = _worker(os.getpid()).submit(function, *arguments)
        error = future.exception()
    if error is not None:
        return Outcome(error=error)
    return Outcome(_kept(future.result()), _kept(arguments))


def run(function, *arguments):
    """Call a function in that thread and return its result, or raise."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _worker(os.getpid()).submit(function, *arguments).result()


def _kept(value):
    """Return arrays and containers as they are now; anything else by reference."""
    if isinstance(value, np.ndarray):
        return value.copy(order="K")
    if isinstance(value, list):
        return [_kept(item) for item in value]
    if isinstance(value, dict):
        return {key: _kept(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_kept(item) for item in value)
    return copy.copy(value) if isinstance(value, set) else value
