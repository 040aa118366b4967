"""NumPy's functions of order: sorting, medians, quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops import TABLE
from steepest.ops.reduction import keep_axes
from steepest.trace.array import as_traced, record, refuse
from steepest.trace.functions.register import implements, normalize_axes, normalize_axis


@implements(np.argsort, method="argsort")
def argsort(a, axis=-1, kind=None, order=None, *, stable=None):
    a = as_traced(a)
    a, axis = (np.ravel(a), 0) if axis is None else (a, normalize_axis(axis, a.ndim))
    return record(TABLE["argsort"], a, axis=axis)


@implements(np.sort)
def sort(a, axis=-1, kind=None, order=None, *, stable=None):
    a = as_traced(a)
    a, axis = (np.ravel(a), 0) if axis is None else (a, normalize_axis(axis, a.ndim))
    return np.take_along_axis(a, argsort(a, axis), axis)


@implements(method="sort")
def _sort_in_place(a, axis=-1, kind=None, order=None, *, stable=None):
    a[...] = sort(a, axis)


@implements(np.partition)
def partition(a, kth, axis=-1, kind="introselect", order=None):
    return sort(a, axis)


@implements(method="partition")
def _partition_in_place(a, kth, axis=-1, kind="introselect", order=None):
    a[...] = sort(a, axis)


@implements(np.argpartition, method="argpartition")
def argpartition(a, kth, axis=-1, kind="introselect", order=None):
    return argsort(a, axis)


def _in_front(a: Any, axis: Any) -> tuple[Any, tuple[int, ...], int]:
    """Return an array with the axes to be reduced as one axis in front."""
    a = as_traced(a)
    axes = normalize_axes(axis, a.ndim)
    moved = np.moveaxis(a, axes, range(len(axes)))
    return np.reshape(moved, (-1, *moved.shape[len(axes) :])), axes, a.ndim


@implements(np.median)
def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    lines, axes, ndim = _in_front(a, axis)
    number = lines.shape[0]
    if number == 0:
        raise InputError(f"np.median of an empty array{at(user_source())} has no value")
    ordered = sort(lines, 0)
    middle = ordered[(number - 1) // 2 : number // 2 + 1]
    result = np.mean(middle, axis=0)
    nothing = np.isnan(ordered[-1]) if lines.dtype.kind == "f" else False
    result = np.where(nothing, np.nan, result).astype(result.dtype)
    return keep_axes(result, axes, ndim) if keepdims else result


@implements(np.quantile)
def quantile(
    a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *,
    weights=None,
):  # fmt: skip
    if method not in _METHODS or weights is not None:
        refuse(f"np.quantile with method={method!r} or weights")
    lines, axes, ndim = _in_front(a, axis)
    lines = lines if lines.dtype.kind == "f" else lines.astype(np.float64)
    q = as_traced(q)
    if not bool(np.all((q >= 0) & (q <= 1))):
        raise InputError(f"quantiles{at(user_source())} must be in the range [0, 1]")
    ordered = sort(lines, 0)
    place = np.reshape(q, (*q.shape, *(1,) * (lines.ndim - 1))) * (lines.shape[0] - 1.0)
    low = np.floor(place)
    between = {
        "linear": place - low,
        "lower": 0.0 * place,
        "higher": np.ceil(place) - low,
        "midpoint": np.where(place == low, 0.0, 0.5),
        "nearest": np.rint(place) - low,
    }[method]
    below = np.ravel(low).astype(np.int64)
    above = np.minimum(below + 1, lines.shape[0] - 1)
    shape = (*q.shape, *lines.shape[1:])
    first, second = (np.reshape(ordered[i], shape) for i in (below, above))
    step = second - first
    result = np.where(between >= 0.5, second - step * (1 - between), first + step * between)
    result = np.where(np.isnan(ordered[-1]), np.nan, result).astype(lines.dtype)
    if keepdims:
        kept = iter(lines.shape[1:])
        ones = tuple(1 if i in axes else next(kept) for i in range(ndim))
        return np.reshape(result, (*q.shape, *ones))
    return result


_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


@implements(np.percentile)
def percentile(
    a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *,
    weights=None,
):  # fmt: skip
    return quantile(a, as_traced(q) / 100, axis, None, False, method, keepdims, weights=weights)


def _ignoring_nan(function: Any) -> Any:
    def implementation(a, *args, axis=None, **options):
        a = as_traced(a)
        # Which elements are NaN sets how many are left: that becomes a guard.
        if not bool(np.any(np.isnan(a))):
            return function(a, *args, axis=axis, **options)
        if axis is None:
            return function(a[~np.isnan(a)], *args, **options)
        axis = normalize_axis(axis, a.ndim)
        lines = np.moveaxis(a, axis, -1)
        rows = np.reshape(lines, (-1, lines.shape[-1]))
        parts = [function(row[~np.isnan(row)], *args, **options) for row in rows]
        return np.reshape(np.stack(parts), lines.shape[:-1])

    return implementation


implements(np.nanmedian)(_ignoring_nan(median))
implements(np.nanquantile)(_ignoring_nan(quantile))
implements(np.nanpercentile)(_ignoring_nan(percentile))
