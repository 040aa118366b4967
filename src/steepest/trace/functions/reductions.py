"""NumPy's reductions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops import TABLE
from steepest.ops.reduction import keep_axes
from steepest.trace.array import (
    REDUCERS,
    TracedArray,
    as_traced,
    record,
    refuse,
)
from steepest.trace.functions.register import (
    as_truth,
    implements,
    normalize_axes,
    normalize_axis,
)


def _reduce(name: str, x: TracedArray, axis: Any, keepdims: bool) -> TracedArray:
    axes = normalize_axes(axis, x.ndim)
    if name in ("max", "min") and not all(x.shape[a] for a in axes):
        raise InputError(f"{name} of an empty array{at(user_source())} has no value")
    result = record(TABLE[name], x, axis=axes) if axes else x
    return keep_axes(result, axes, x.ndim) if keepdims else result


@implements(np.sum, method="sum")
def sum_(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None):
    a = as_traced(a)
    if dtype is None:  # NumPy adds up small integers in the widest ones
        dtype = np.add.reduce(np.empty(0, a.dtype)).dtype
    total = _reduce("sum", a.astype(dtype), axis, keepdims)
    return total if initial is None else total + initial


@implements(np.mean, method="mean")
def mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=None):
    a = as_traced(a)
    count = math.prod(a.shape[i] for i in normalize_axes(axis, a.ndim))
    if dtype is None and a.dtype.kind != "f":
        dtype = np.float64
    if count == 0:
        raise InputError(f"mean of an empty array{at(user_source())} has no value")
    return sum_(a, axis, dtype, None, keepdims) / count


@implements(np.var, method="var")
def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, correction=None):
    ddof = ddof if correction is None else correction
    a = as_traced(a)
    centered = a - mean(a, axis, dtype, None, True)
    count = math.prod(a.shape[i] for i in normalize_axes(axis, a.ndim))
    return sum_(np.square(centered), axis, None, None, keepdims) / (count - ddof)


@implements(np.std, method="std")
def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, correction=None):
    return np.sqrt(var(a, axis, dtype, out, ddof, keepdims, correction=correction))


@implements(np.max, np.amax, method="max")
def max_(a, axis=None, out=None, keepdims=False):
    return _reduce("max", as_traced(a), axis, keepdims)


@implements(np.min, np.amin, method="min")
def min_(a, axis=None, out=None, keepdims=False):
    return _reduce("min", as_traced(a), axis, keepdims)


@implements(np.ptp)
def ptp(a, axis=None, out=None, keepdims=False):
    return max_(a, axis, None, keepdims) - min_(a, axis, None, keepdims)


@implements(np.all, method="all")
def all_(a, axis=None, out=None, keepdims=False):
    return _reduce("all", as_truth(a), axis, keepdims)


@implements(np.any, method="any")
def any_(a, axis=None, out=None, keepdims=False):
    return _reduce("any", as_truth(a), axis, keepdims)


def _position(name: str) -> Callable[..., Any]:
    def implementation(a, axis=None, out=None, *, keepdims=False):
        a = as_traced(a)
        source = np.ravel(a) if axis is None else a
        axis_number = 0 if axis is None else normalize_axis(axis, a.ndim)
        result = record(TABLE[name], source, axis=axis_number)
        axes = normalize_axes(axis, a.ndim)
        return keep_axes(result, axes, a.ndim) if keepdims else result

    return implementation


implements(np.argmax, method="argmax")(_position("argmax"))
implements(np.argmin, method="argmin")(_position("argmin"))


@implements(np.linalg.norm)
def norm(x, ord=None, axis=None, keepdims=False):
    if ord not in (None, 2, "fro") or (ord == 2 and axis is None and as_traced(x).ndim != 1):
        refuse(f"np.linalg.norm with ord={ord}")
    squares = sum_(np.square(x), axis, None, None, keepdims)
    # The slope at 0 is 0, not NaN: the square root never sees the zero.
    is_zero = squares == 0
    return np.where(is_zero, 0, np.sqrt(np.where(is_zero, 1, squares)))


for _ufunc, _reducer in (
    (np.add, sum_),
    (np.maximum, max_),
    (np.minimum, min_),
    (np.logical_and, all_),
    (np.logical_or, any_),
):
    REDUCERS[_ufunc] = _reducer
