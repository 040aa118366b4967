"""NumPy's sums, products, means and variances."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from steepest.errors import InputError, OperandError
from steepest.graph.source import at, user_source
from steepest.ops import TABLE
from steepest.trace.arrays.array import TracedArray, as_traced, record
from steepest.trace.arrays.dispatch import as_mask, demand
from steepest.trace.arrays.registries import FUNCTIONS
from steepest.trace.functions.numpy.reductions.shared import (
    is_given,
    masked,
    reduce_by,
    with_initial,
)
from steepest.trace.functions.registry import (
    Array,
    ArrayLike,
    Axes,
    DType,
    Out,
    as_truth,
    implements,
    normalize_axes,
)


def count_along(a: TracedArray, axis: Axes, where: ArrayLike = None) -> Any:
    """Return the number of elements that a reduction over axes uses."""
    axes = normalize_axes(axis, a.ndim)
    count = math.prod(a.shape[i] for i in axes)
    if not is_given(where) or where is True:
        return count
    as_mask(where)  # for its errors only: of a list, NumPy adds up the numbers
    return sum_(np.broadcast_to(as_traced(where).astype(np.int64), a.shape), axis)


def _reduced(name: str, a: ArrayLike, axis: Axes, keepdims: bool) -> Array:
    """Reduce in the widest integer dtype. Its low bits are those of the narrower result."""
    wide = _widest(name, a.dtype)
    if wide == a.dtype:
        return reduce_by(name, a, axis, keepdims)
    return reduce_by(name, a.astype(wide), axis, keepdims).astype(a.dtype)


@functools.cache
def _widest(name: str, dtype: np.dtype) -> np.dtype:
    """Return the dtype in which NumPy adds or multiplies: the widest one for integers."""
    wide: np.dtype = getattr(np, name)(np.empty(0, dtype)).dtype
    return wide


def _cast(a: TracedArray, dtype: DType) -> Array:
    return a if a.dtype == dtype and not a.weak else a.astype(dtype)


@implements(np.sum, method="sum")
def sum_(
    a: ArrayLike, axis: Axes = None, dtype: DType = None, out: Out = None, keepdims: bool = False,
    initial: ArrayLike = None, where: ArrayLike = None,
) -> Array:  # fmt: skip
    a = as_traced(a)
    dtype = _widest("sum", a.dtype) if dtype is None else dtype
    total = _reduced("sum", masked(_cast(a, dtype), where, 0), axis, keepdims)
    return with_initial(total, np.add, initial)


@implements(np.prod, method="prod")
def prod(
    a: ArrayLike, axis: Axes = None, dtype: DType = None, out: Out = None, keepdims: bool = False,
    initial: ArrayLike = None, where: ArrayLike = None,
) -> Array:  # fmt: skip
    a = as_traced(a)
    dtype = _widest("prod", a.dtype) if dtype is None else dtype
    total = _reduced("prod", masked(_cast(a, dtype), where, 1), axis, keepdims)
    return with_initial(total, np.multiply, initial)


@implements(np.mean, method="mean")
def mean(
    a: ArrayLike, axis: Axes = None, dtype: DType = None, out: Out = None, keepdims: bool = False,
    *, where: ArrayLike = None,
) -> Array:  # fmt: skip
    a = as_traced(a)
    count = count_along(a, axis, where)
    if dtype is None and a.dtype.kind not in "fc":
        dtype = np.float64
    if isinstance(count, int) and count == 0:
        raise InputError(f"mean of an empty array{at(user_source())} has no value")
    total = sum_(a, axis, dtype, None, keepdims, None, where)
    return _divided(total, np.reshape(count, np.shape(total)) if np.ndim(count) else count)


def _divided(total: ArrayLike, count: ArrayLike) -> Array:
    """Divide a sum. For ``dtype=int`` the mean is truncated, as in NumPy."""
    return (total / count).astype(total.dtype)


@implements(np.var)
def var(
    a: ArrayLike, axis: Axes = None, dtype: DType = None, out: Out = None, ddof: float = 0,
    keepdims: bool = False, *, where: ArrayLike = None, mean: ArrayLike = None,
    correction: float | None = None,
) -> Array:  # fmt: skip
    ddof = one_ddof(ddof, correction)
    a = as_traced(a)
    if not is_given(mean):
        mean = FUNCTIONS[np.mean](a, axis, dtype, None, True, where=where)
    return variance(a - mean, a, axis, dtype, ddof, keepdims, where)


def one_ddof(ddof: Any, correction: Any) -> Any:
    """Return the degrees of freedom to subtract, which have two names."""
    if not is_given(correction):
        return ddof
    if ddof != 0:
        raise InputError(f"ddof and correction{at(user_source())} cannot both be given")
    return correction


def variance(
    deviations: ArrayLike,
    a: ArrayLike,
    axis: Axes,
    dtype: DType,
    ddof: Any,
    keepdims: bool,
    where: ArrayLike,
) -> Array:
    """Return the variance from the deviations of elements from their mean."""
    squares = np.square(deviations)
    total = sum_(squares, axis, dtype, None, keepdims, None, where)
    count = count_along(a, axis, where)
    count = np.reshape(count, np.shape(total)) if np.ndim(count) else count
    return _divided(total, np.maximum(count - ddof, 0))


@implements(np.std)
def std(
    a: ArrayLike, axis: Axes = None, dtype: DType = None, out: Out = None, ddof: float = 0,
    keepdims: bool = False, *, where: ArrayLike = None, mean: ArrayLike = None,
    correction: float | None = None,
) -> Array:  # fmt: skip
    options = {"where": where, "mean": mean, "correction": correction}
    squares = var(a, axis, dtype, None, ddof, keepdims, **options)
    floats = squares if squares.dtype.kind == "f" else squares.astype(np.float64)
    return root(floats).astype(squares.dtype)


@implements(method="var")
def _var_method(
    a: ArrayLike, axis: Axes = None, dtype: DType = None, out: Out = None, ddof: float = 0,
    keepdims: bool = False, *, where: ArrayLike = None, mean: ArrayLike = None,
) -> Array:  # fmt: skip
    return var(a, axis, dtype, None, ddof, keepdims, where=where, mean=mean)


@implements(method="std")
def _std_method(
    a: ArrayLike, axis: Axes = None, dtype: DType = None, out: Out = None, ddof: float = 0,
    keepdims: bool = False, *, where: ArrayLike = None, mean: ArrayLike = None,
) -> Array:  # fmt: skip
    return std(a, axis, dtype, None, ddof, keepdims, where=where, mean=mean)


def root(squares: ArrayLike) -> Array:
    """Return the square root of sums of squares. Its derivative at 0 is 0, not inf."""
    return record(TABLE["root"], squares)


@implements(np.count_nonzero)
def count_nonzero(a: ArrayLike, axis: Axes = None, *, keepdims: bool = False) -> Array:
    return sum_(as_truth(a).astype(np.int64), axis, None, None, keepdims)


@implements(np.average)
def average(
    a: ArrayLike, axis: Axes = None, weights: ArrayLike = None, returned: bool = False, *,
    keepdims: bool = False,
) -> Array:  # fmt: skip
    a = as_traced(a)
    if weights is None:
        result = mean(a, axis, keepdims=keepdims)
        total = as_traced(float(count_along(a, axis)))
    else:
        weights = as_traced(weights)
        if weights.shape != a.shape:
            if axis is None:
                raise OperandError(
                    f"np.average{at(user_source())}: weights of shape {weights.shape} for an "
                    f"array of shape {a.shape} need an axis"
                )
            axes = normalize_axes(axis, a.ndim)
            if weights.ndim != 1 or weights.shape != tuple(a.shape[i] for i in axes):
                raise InputError(
                    f"np.average{at(user_source())}: weights of shape {weights.shape} do not fit "
                    f"an array of shape {a.shape} along axis {axis}"
                )
            shape = [1] * a.ndim
            shape[axes[0]] = weights.size
            weights = np.broadcast_to(np.reshape(weights, shape), a.shape)
        total = sum_(weights, axis, None, None, keepdims)
        where = at(user_source())
        demand(
            np.all(total != 0),
            lambda: ZeroDivisionError(f"weights sum to zero{where}: they cannot be normalized"),
        )
        result = sum_(a * weights, axis, None, None, keepdims) / total
    return (result, np.broadcast_to(total, result.shape)) if returned else result
