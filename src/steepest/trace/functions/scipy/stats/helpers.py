"""Versions that record of the private helpers that SciPy's formulas call.

SciPy's own ones compute on the selected elements alone. Here every branch is computed for all
elements, and `np.where` selects; a branch that is not taken gives no slope.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.errors import UnsupportedError
from steepest.trace.arrays.array import TracedArray, as_traced, holds_traced
from steepest.trace.arrays.registries import FUNCTIONS
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.stats.formulas import HELPERS, NO_FORMULA

_Branch = Callable[..., Any]


def helps(name: str) -> Callable[..., Any]:
    """Register the version of a private helper of SciPy's."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        HELPERS[name] = function
        return function

    return register


def as_array(value: ArrayLike) -> Array:
    """Return a value as `np.asarray` does; what is not traced stays plain."""
    return FUNCTIONS[np.asarray](value) if holds_traced(value) else np.asarray(value)


def chosen(condition: ArrayLike, first: ArrayLike, second: ArrayLike) -> Array:
    """Return the elements of one array where a condition holds, else those of the other."""
    if not isinstance(condition, TracedArray):
        if np.all(condition):
            return _broadcast(first, condition, second)
        if not np.any(condition):
            return _broadcast(second, condition, first)
    return np.where(condition, as_traced(first), as_traced(second))


def _broadcast(array: ArrayLike, *others: ArrayLike) -> Array:
    shape = np.broadcast_shapes(np.shape(array), *map(np.shape, others))
    return array if np.shape(array) == shape else np.broadcast_to(array, shape)


@helps("apply_where")
def apply_where(
    cond: ArrayLike, args: Any, f1: _Branch, f2: _Branch | None = None, /, *,
    fill_value: ArrayLike = None, **_: Any,
) -> Array:  # fmt: skip
    """Return one function of some arrays where a condition holds, else another one."""
    args = args if isinstance(args, tuple | list) else (args,)
    condition, *arrays = np.broadcast_arrays(as_array(cond), *map(as_array, args))
    shape = np.shape(condition)
    flat = [np.ravel(array) for array in arrays]  # as where SciPy selects elements
    if not isinstance(cond, TracedArray) and np.all(cond):
        return np.reshape(f1(*flat), shape)
    second = fill_value if f2 is None else np.reshape(f2(*flat), shape)
    if not isinstance(cond, TracedArray) and not np.any(cond):
        return _broadcast(second, condition)
    return chosen(condition, np.reshape(f1(*flat), shape), second)


@helps("_lazyselect")
def lazyselect(
    condlist: Sequence[ArrayLike], choicelist: Sequence[_Branch], arrays: Sequence[ArrayLike],
    default: ArrayLike = 0,
) -> Array:  # fmt: skip
    """Return several functions of some arrays, each where its condition holds."""
    arrays = np.broadcast_arrays(*map(as_array, arrays))
    shape = np.shape(arrays[0])
    flat = [np.ravel(array) for array in arrays]
    result: Any = np.full(shape, default, np.float64)
    for function, condition in zip(choicelist, condlist, strict=False):
        if isinstance(condition, TracedArray) or np.any(condition):
            result = chosen(condition, np.reshape(function(*flat), shape), result)
    return result


@helps("xp_promote")
def promoted(
    *args: ArrayLike, broadcast: bool = False, force_floating: bool = False, xp: Any = np
) -> Any:
    """Return arrays of the dtype that they have in common."""
    arrays = [as_array(value) for value in args]
    dtype = np.result_type(*(x.dtype for x in arrays), *([np.float64] if force_floating else []))
    arrays = [x.astype(dtype) for x in arrays]
    return tuple(np.broadcast_arrays(*arrays)) if broadcast else tuple(arrays)


@helps("_derivative")
def refuse_differences(*_: Any, **__: Any) -> Any:
    """Raise where SciPy takes differences of another formula."""
    raise UnsupportedError(NO_FORMULA)
