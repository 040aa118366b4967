"""NumPy's functions that call a function of the user's for each element or line, and sets."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import TracedArray, as_traced, holds_traced
from steepest.trace.arrays.assignment import alias
from steepest.trace.arrays.numbers import python_number
from steepest.trace.arrays.refusals import refuse
from steepest.trace.following.follow import follow
from steepest.trace.following.namespaces import MADE, SEEN
from steepest.trace.functions.numpy.sorting import argsort
from steepest.trace.functions.registry import Array, ArrayLike, implements, normalize_axis, one_of
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

        def call(values: Any) -> Any:
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
            dtypes = [as_traced(result).dtype for result in call(columns[0])]  # as NumPy does
        rows = [call(map(_pythons, values)) for values in columns]
        parts = [
            np.reshape(_stacked([row[k] for row in rows], np.dtype(dtype)), arrays[0].shape)
            for k, dtype in enumerate(dtypes)
        ]
        return parts[0] if len(parts) == 1 else tuple(parts)


def _stacked(values: list[Any], dtype: np.dtype) -> Any:
    if not values:
        return as_traced(np.empty(0, dtype))
    return np.stack([as_traced(value).astype(dtype) for value in values])


def _pythons(value: Any) -> Any:
    """Return an element as a number of Python's: NumPy gives those to the function."""
    wide = {"f": np.float64, "b": np.bool_}.get(value.dtype.kind, np.int64)
    return python_number(value, wide)


def _made_before(function: np.vectorize) -> Vectorized:
    settings = {name: getattr(function, name) for name in ("otypes", "excluded", "signature")}
    return Vectorized(function.pyfunc, **settings)


SEEN[np.vectorize], MADE[np.vectorize] = Vectorized, _made_before


def _enumerate(arr: Any) -> Any:
    array = as_traced(arr)
    return ((place, array[place]) for place in np.ndindex(*array.shape))


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


@implements(np.unique, sorted=one_of(True, False))
def unique(
    ar: ArrayLike, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: int | None = None, *, equal_nan: bool = True,
    sorted: bool = True,
) -> Array | tuple[Array, ...]:  # fmt: skip
    if axis is not None:
        refuse("np.unique along an axis")
    flat = np.ravel(as_traced(ar))
    order = argsort(flat)
    ordered = flat[order]
    # How many there are sets a shape: which neighbors differ becomes a guard.
    unequal = np.not_equal(ordered[1:], ordered[:-1])
    if equal_nan and ordered.dtype.kind == "f":
        unequal = np.logical_and(unequal, ~(np.isnan(ordered[1:]) & np.isnan(ordered[:-1])))
    differs = np.asarray(current().decide(unequal.node))
    first = np.concatenate([[True], differs]) if flat.size else np.zeros(0, bool)
    places = np.flatnonzero(first)
    result: list[Any] = [ordered[places]]
    if return_index:
        result.append(order[places])
    if return_inverse:
        ranks = as_traced(np.cumsum(first) - 1)
        inverse = np.zeros(flat.size, np.intp)
        inverse = as_traced(inverse)
        inverse[order] = ranks
        result.append(np.reshape(inverse, as_traced(ar).shape))
    if return_counts:
        result.append(as_traced(np.diff([*places, flat.size])))
    return result[0] if len(result) == 1 else tuple(result)


@implements(np.isin, kind=one_of(None, "sort", "table"), assume_unique=one_of(True, False))
def isin(
    element: ArrayLike, test_elements: ArrayLike, assume_unique: bool = False,
    invert: bool = False, *, kind: str | None = None,
) -> TracedArray:  # fmt: skip
    element, tests = as_traced(element), np.ravel(as_traced(test_elements))
    found = np.any(element[..., None] == tests, axis=-1)
    return alias(np.logical_not(found) if invert else found)
