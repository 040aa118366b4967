"""What every interpolant does with its points: repeated ones, axes, and the ends of its range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import TracedArray
from steepest.trace.arrays.assignment import alias
from steepest.trace.functions.registry import Array, ArrayLike, normalize_axis
from steepest.trace.functions.scipy.registry import floating


def as_array(result: Any) -> Any:
    """Return a result without axes as an array, which is what interpolants return."""
    return alias(result) if isinstance(result, TracedArray) and result.is_scalar else result


def prepared(name: str, x: ArrayLike, y: ArrayLike, axis: int) -> tuple[Array, Array, int]:
    """Return positions, values with the axis of interpolation first, and that axis."""
    x, y = floating(x).astype(np.float64), floating(y).astype(np.float64)
    if not y.ndim or x.ndim != 1 or x.size != y.shape[normalize_axis(axis, y.ndim)]:
        raise InputError(
            f"scipy.interpolate.{name}{at(user_source())}: {x.shape} positions and values of "
            f"shape {y.shape} along axis {axis} do not fit"
        )
    axis = normalize_axis(axis, y.ndim)
    if x.size < 2:
        raise InputError(f"scipy.interpolate.{name}{at(user_source())} needs two points or more")
    return x, np.moveaxis(y, axis, 0), axis


def beside(x: Array, values: Array) -> Array:
    """Return a vector with as many axes as an array whose first axis it goes along."""
    return np.reshape(x, (-1,) + (1,) * (values.ndim - 1))


def along_axis(values: Array, shape: tuple[int, ...], axis: int) -> Array:
    """Return values of shape (points, ...) with the points' own shape, at an axis."""
    rest = values.shape[1:]
    result = np.reshape(values, (*shape, *rest))
    if axis and shape:
        places = range(len(shape))
        result = np.moveaxis(result, places, range(axis, axis + len(shape)))
    return as_array(result)


_FEW = 32
"""Up to so many ends of intervals all are compared; beyond, the range is halved repeatedly."""


def interval(breaks: Array, x: Array, first: int, last: int) -> Array:
    """Return which interval each point lies in, or the nearest one, from `first` to `last`."""
    if last - first < _FEW:
        return np.clip(np.searchsorted(breaks, x, side="right") - 1, first, last)
    place = np.full_like(x, first, dtype=np.int64)
    for step in (1 << bits for bits in reversed(range((last - first).bit_length()))):
        further = place + step
        is_there = (further <= last) & (breaks[np.minimum(further, last)] <= x)
        place = np.where(is_there, further, place)
    return place


def wrapped(x: Array, start: Any, stop: Any) -> Array:
    """Return points of a periodic function moved into its first period."""
    return start + (x - start) % (stop - start)


def with_nan(values: Array, x: Array, start: Any, stop: Any, extrapolate: Any) -> Array:
    """Return values with NaN where points are NaN, or outside unless it is extrapolated."""
    outside = np.isnan(x)
    if not extrapolate:
        outside = outside | (x < start) | (x > stop)
    return np.where(beside(outside, values), np.nan, values)


def integral(
    antiderivative: Callable[[Any], Any], a: Any, b: Any, start: Any, stop: Any, periodic: bool
) -> Array:
    """Return the integral from an antiderivative, of a periodic function over whole periods."""
    if not periodic:
        return antiderivative(b) - antiderivative(a)
    over_period = antiderivative(stop) - antiderivative(start)

    def whole(x: Any) -> Any:
        periods = np.floor((x - start) / (stop - start))
        return periods * over_period + antiderivative(wrapped(x, start, stop))

    return whole(b) - whole(a)
