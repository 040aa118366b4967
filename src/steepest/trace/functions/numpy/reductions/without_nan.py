"""NumPy's reductions that leave out NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError, UnsupportedError
from steepest.graph.source import at, user_source
from steepest.ops.arrays.reduction import keep_axes
from steepest.trace.arrays.array import as_traced
from steepest.trace.arrays.dispatch import as_mask
from steepest.trace.arrays.registries import FUNCTIONS
from steepest.trace.functions.numpy.reductions.extremes import all_, argmax, argmin, max_, min_
from steepest.trace.functions.numpy.reductions.running import running
from steepest.trace.functions.numpy.reductions.shared import is_given
from steepest.trace.functions.numpy.reductions.sums import (
    count_along,
    mean,
    one_ddof,
    prod,
    root,
    sum_,
    var,
    variance,
)
from steepest.trace.functions.numpy.sorting import median, quantile, reduced_axes_first
from steepest.trace.functions.registry import (
    Array,
    ArrayLike,
    Axes,
    DType,
    Out,
    implements,
    normalize_axes,
)


def _replaced(a: ArrayLike, instead: float) -> Array:
    """Return an array with a number in place of NaN."""
    a = as_traced(a)
    return np.where(np.isnan(a), np.asarray(instead, a.dtype), a) if a.dtype.kind == "f" else a


@implements(np.nansum)
def nansum(
    a: ArrayLike, axis: Axes = None, dtype: DType = None, out: Out = None, keepdims: bool = False,
    initial: ArrayLike = None, where: ArrayLike = None,
) -> Array:  # fmt: skip
    return sum_(_replaced(a, 0), axis, dtype, None, keepdims, initial, where)


@implements(np.nanprod)
def nanprod(
    a: ArrayLike, axis: Axes = None, dtype: DType = None, out: Out = None, keepdims: bool = False,
    initial: ArrayLike = None, where: ArrayLike = None,
) -> Array:  # fmt: skip
    return prod(_replaced(a, 1), axis, dtype, None, keepdims, initial, where)


def _extreme_without_nan(reduction: Callable[..., Any], instead: float) -> Callable[..., Any]:
    def implementation(
        a: ArrayLike, axis: Axes = None, out: Out = None, keepdims: bool = False,
        initial: ArrayLike = None, where: ArrayLike = None,
    ) -> Array:  # fmt: skip
        a = as_traced(a)
        result = reduction(_replaced(a, instead), axis, None, keepdims, initial, where)
        if a.dtype.kind != "f" or is_given(initial):
            return result
        mask = True if not is_given(where) else where
        nothing = all_(np.isnan(a), axis, keepdims=keepdims, where=mask)
        return np.where(nothing, np.asarray(np.nan, a.dtype), result)

    implementation.__name__ = f"nan{reduction.__name__}"
    return implementation


implements(np.nanmax)(_extreme_without_nan(max_, -np.inf))


implements(np.nanmin)(_extreme_without_nan(min_, np.inf))


def _nan_position(position: Callable[..., Any], instead: float) -> Callable[..., Any]:
    def implementation(
        a: ArrayLike, axis: Axes = None, out: Out = None, *, keepdims: bool = False
    ) -> Array:
        a = as_traced(a)
        if bool(np.any(all_(np.isnan(a), axis))):
            raise InputError(f"All-NaN slice encountered{at(user_source())}")
        return position(_replaced(a, instead), axis, keepdims=keepdims)

    return implementation


implements(np.nanargmax)(_nan_position(argmax, -np.inf))
implements(np.nanargmin)(_nan_position(argmin, np.inf))


def _check_inexact(a: ArrayLike, dtype: DType) -> None:
    is_exact = dtype is not None and np.dtype(dtype).kind not in "fc"
    if is_exact and as_traced(a).dtype.kind == "f":
        raise UnsupportedError(f"dtype={dtype}{at(user_source())} of floats must be inexact")


@implements(np.nanmean)
def nanmean(
    a: ArrayLike, axis: Axes = None, dtype: DType = None, out: Out = None, keepdims: bool = False,
    *, where: ArrayLike = True,
) -> Array:  # fmt: skip
    _check_inexact(a, dtype)
    return mean(a, axis, dtype, None, keepdims, where=~np.isnan(a) & as_mask(where))


@implements(np.nanvar)
def nanvar(
    a: ArrayLike, axis: Axes = None, dtype: DType = None, out: Out = None, ddof: float = 0,
    keepdims: bool = False, *, where: ArrayLike = True, mean: ArrayLike = None,
    correction: float | None = None,
) -> Array:  # fmt: skip
    _check_inexact(a, dtype)
    where = ~np.isnan(a) & as_mask(where)
    a = as_traced(a)
    if a.dtype.kind != "f":
        options = {"where": where, "mean": mean, "correction": correction}
        return var(a, axis, dtype, None, ddof, keepdims, **options)
    ddof = one_ddof(ddof, correction)
    if not is_given(mean):
        mean = FUNCTIONS[np.mean](a, axis, dtype, None, True, where=where)
    deviations = (a - mean).astype(a.dtype)  # NumPy rounds here, regardless of dtype=
    result = variance(deviations, a, axis, dtype, ddof, keepdims, where)
    is_enough = np.reshape(count_along(a, axis, where), result.shape) > ddof
    return np.where(is_enough, result, np.asarray(np.nan, result.dtype))


@implements(np.nanstd)
def nanstd(
    a: ArrayLike, axis: Axes = None, dtype: DType = None, out: Out = None, ddof: float = 0,
    keepdims: bool = False, *, where: ArrayLike = True, mean: ArrayLike = None,
    correction: float | None = None,
) -> Array:  # fmt: skip
    options = {"where": where, "mean": mean, "correction": correction}
    return root(nanvar(a, axis, dtype, None, ddof, keepdims, **options))


@implements(np.nancumsum)
def nancumsum(
    a: ArrayLike, axis: int | None = None, dtype: DType = None, out: Out = None
) -> Array:
    return running("cumsum", _replaced(a, 0), axis, dtype)


@implements(np.nancumprod)
def nancumprod(
    a: ArrayLike, axis: int | None = None, dtype: DType = None, out: Out = None
) -> Array:
    return running("cumprod", _replaced(a, 1), axis, dtype)


def _ignoring_nan(function: Any, a: ArrayLike, axis: Axes, keepdims: bool) -> Array:
    """Apply a function of a vector along axes, without the elements that are NaN."""
    a = as_traced(a)
    axes = normalize_axes(axis, a.ndim)
    if not a.size:
        return np.nanmean(a, axis, keepdims=is_given(keepdims) and keepdims)
    lines, _, ndim = reduced_axes_first(a, axis)
    columns = np.moveaxis(np.reshape(lines, (lines.shape[0], -1)), 0, -1)
    # Which elements are NaN sets shapes, so that it becomes a guard.
    if a.dtype.kind != "f" or not bool(np.any(np.isnan(a))):
        parts = [function(row) for row in columns]
    else:
        kept = [row[~np.isnan(row)] for row in columns]
        parts = [function(row if row.size else np.full(1, np.nan, a.dtype)) for row in kept]
    made = np.stack(parts, -1)
    result = np.reshape(made, (*made.shape[:-1], *lines.shape[1:]))
    if not (is_given(keepdims) and keepdims):
        return result
    ahead = made.ndim - 1
    return keep_axes(result, tuple(i + ahead for i in axes), ndim + ahead)


@implements(np.nanmedian)
def nanmedian(
    a: ArrayLike, axis: Axes = None, out: Out = None, overwrite_input: bool = False,
    keepdims: bool = False,
) -> Array:  # fmt: skip
    return _ignoring_nan(median, a, axis, keepdims)


@implements(np.nanquantile)
def nanquantile(
    a: ArrayLike, q: ArrayLike, axis: Axes = None, out: Out = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: bool = False, *, weights: ArrayLike = None,
) -> Array:  # fmt: skip
    def of_row(row: Any) -> Array:
        return quantile(row, q, None, None, False, method, weights=weights)

    return _ignoring_nan(of_row, a, axis, keepdims)


@implements(np.nanpercentile)
def nanpercentile(
    a: ArrayLike, q: ArrayLike, axis: Axes = None, out: Out = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: bool = False, *, weights: ArrayLike = None,
) -> Array:  # fmt: skip
    return nanquantile(a, as_traced(q) / 100, axis, None, False, method, keepdims, weights=weights)
