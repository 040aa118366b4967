"""Functions that are made once for the same arguments, so that what was compiled is found."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def remembered(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a function: it returns the same object for the same arguments.

    Those that have no hash are not remembered.
    """
    cached = functools.lru_cache(maxsize=256)(function)

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        try:
            hash(args)
        except TypeError:
            return function(*args)
        return cached(*args)

    return call
