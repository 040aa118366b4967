"""What the searches for minima and roots of functions of one number share."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from steepest.descent.running.compile import known, remember
from steepest.engines import compile as compiled
from steepest.errors import InputError, UnsupportedError
from steepest.graph import trees
from steepest.graph.source import at, function_source
from steepest.trace import as_traced, current
from steepest.trace.following.follow import follow


def run_search(
    key: Any, make: Callable[[], Callable[..., Any]], arguments: tuple[Any, ...]
) -> Any:
    """Return the result of a compiled search, or why the function cannot be part of its loop.

    That is remembered for arguments of the same kinds only: of others, it may be.
    """
    refused = (key, _kinds(arguments))
    why = known(refused, lambda found: True)
    if why is not None:
        return why
    search = known(key, lambda found: True)
    if search is None:
        search = compiled(make())
        remember(key, search)
    try:
        return search(*arguments)
    except UnsupportedError as error:
        remember(refused, str(error))
        return str(error)


def _kinds(arguments: Sequence[Any]) -> Any:
    """Return what a trace depends on: shapes and dtypes of arrays and numbers, other values."""
    leaves, structure = trees.flatten(arguments)
    return structure, tuple([_kind(leaf) for leaf in leaves])


def _kind(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.shape, value.dtype
    is_plain = isinstance(value, Hashable) and not isinstance(value, int | float)
    return (type(value), value) if is_plain or isinstance(value, bool) else type(value)


def of_one_number(f: Callable[..., Any], args: Sequence[Any]) -> Callable[[Any], Any]:
    """Return the user's function as one of a traced number alone."""

    def of_one(x: Any) -> Any:
        value = as_traced(follow(f, current())(x, *args))
        if value.size != 1 or value.dtype.kind not in "fiub":
            raise InputError(
                f"{getattr(f, '__name__', 'the function')}{at(function_source(f))} must return "
                f"one real number: it returns {value.dtype} of shape {value.shape}"
            )
        return np.reshape(value, ()).astype(np.float64)

    return of_one
