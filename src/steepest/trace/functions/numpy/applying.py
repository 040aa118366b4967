"""NumPy's functions that call a user's function for each element or line, and iterators."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import as_traced, holds_traced
from steepest.trace.arrays.numbers import python_number
from steepest.trace.arrays.refusals import refuse
from steepest.trace.following.follow import follow
from steepest.trace.following.namespaces import MADE, SEEN
from steepest.trace.functions.registry import Array, ArrayLike, implements, normalize_axis
from steepest.trace.recording.session import current


class Vectorized:
    """``np.vectorize``, whose function is recorded for each element."""

    def __init__(self, pyfunc: Any = np._NoValue, *settings: Any, **named: Any) -> None:
        if pyfunc is np._NoValue:
            refuse("np.vectorize without a function")
        self.plain = np.vectorize(pyfunc, *settings, **named)
        if self.plain.signature is not None:
            refuse("np.vectorize with a signature")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function for each element of the broadcast arguments."""
        if not holds_traced([*args, *kwargs.values()]):
            return self.plain(*args, **kwargs)
        function, excluded = follow(self.plain.pyfunc, current()), self.plain.excluded
        given: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
        varying = {name: value for name, value in given.items() if name not in excluded}

        def call(values: ArrayLike) -> Any:
            now = given | dict(zip(varying, values, strict=True))
            named = {name: now[name] for name in kwargs}
            results = function(*(now[i] for i in range(len(args))), **named)
            return results if isinstance(results, tuple) else (results,)

        arrays = np.broadcast_arrays(*map(as_traced, varying.values()))
        columns: Any = list(zip(*(np.ravel(array) for array in arrays), strict=True))
        dtypes: Any = self.plain.otypes
        if dtypes is None:
            if not columns:
                raise InputError(
                    f"np.vectorize{at(user_source())} of arrays without elements needs otypes="
                )
            dtypes = [as_traced(result).dtype for result in call(columns[0])]  # as in NumPy
        rows = [call(map(_python_element, values)) for values in columns]
        parts = [
            np.reshape(_stacked([row[k] for row in rows], np.dtype(dtype)), arrays[0].shape)
            for k, dtype in enumerate(dtypes)
        ]
        return parts[0] if len(parts) == 1 else tuple(parts)


def _stacked(values: list[Any], dtype: np.dtype) -> Array:
    if not values:
        return as_traced(np.empty(0, dtype))
    return np.stack([as_traced(value).astype(dtype) for value in values])


def _python_element(value: ArrayLike) -> Array:
    """Return an element as a Python number, which is what NumPy gives to the function."""
    wide = {"f": np.float64, "b": np.bool_}.get(value.dtype.kind, np.int64)
    return python_number(value, wide)


def _vectorize_recorded(function: np.vectorize) -> Vectorized:
    settings = {name: getattr(function, name) for name in ("otypes", "excluded", "signature")}
    return Vectorized(function.pyfunc, **settings)


SEEN[np.vectorize], MADE[np.vectorize] = Vectorized, _vectorize_recorded


def _enumerate(arr: Any) -> Any:
    array = as_traced(arr)
    return ((index, array[index]) for index in np.ndindex(*array.shape))


def _iterate(*args: Any, **kwargs: Any) -> Any:
    if holds_traced([*args]):
        refuse("np.nditer")
    return np.nditer(*args, **kwargs)


SEEN[np.ndenumerate] = _enumerate


SEEN[np.nditer] = _iterate


@implements(np.apply_along_axis)
def apply_along_axis(
    func1d: Callable[..., Any], axis: int, arr: ArrayLike, *args: Any, **kwargs: Any
) -> Array:
    arr = as_traced(arr)
    axis = normalize_axis(axis, arr.ndim)
    rest = (*arr.shape[:axis], *arr.shape[axis + 1 :])
    if 0 in rest:
        raise InputError(
            f"np.apply_along_axis{at(user_source())}: an array of shape {arr.shape} has no lines "
            f"along axis {axis}"
        )
    lines = np.reshape(np.moveaxis(arr, axis, -1), (math.prod(rest), arr.shape[axis]))
    results = [as_traced(func1d(line, *args, **kwargs)) for line in lines]
    made = np.reshape(np.stack(results), (*rest, *results[0].shape))
    if results[0].ndim == 0:
        return made
    inner = range(len(rest), made.ndim)
    return np.moveaxis(made, inner, range(axis, axis + results[0].ndim))
