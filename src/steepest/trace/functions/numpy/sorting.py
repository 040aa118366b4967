"""NumPy's functions of order: sorting, medians, quantiles, searching, and sets."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from steepest.errors import InputError, OperandError
from steepest.graph.source import at, user_source
from steepest.ops import TABLE
from steepest.ops.arrays.reduction import keep_axes
from steepest.trace.arrays.array import TracedArray, as_traced, record
from steepest.trace.arrays.assignment import alias
from steepest.trace.arrays.refusals import refuse
from steepest.trace.functions.numpy.shaping import reshape
from steepest.trace.functions.registry import (
    Array,
    ArrayLike,
    Axes,
    Order,
    Out,
    as_plain,
    demand_axes,
    implements,
    normalize_axes,
    normalize_axis,
    one_of,
)
from steepest.trace.recording.session import current

_SORTS = one_of(None, "quicksort", "mergesort", "heapsort", "stable")


_FIELDS = one_of(None)


_ANY_FLAG = one_of(None, True, False)


@implements(np.argsort, method="argsort", kind=_SORTS, order=_FIELDS, stable=_ANY_FLAG)
def argsort(
    a: ArrayLike, axis: int | None = -1, kind: str | None = None, order: Order = None, *,
    stable: bool | None = None,
) -> TracedArray:  # fmt: skip
    a = as_traced(a)
    a, axis = (np.ravel(a), 0) if axis is None else (a, normalize_axis(axis, a.ndim))
    return record(TABLE["argsort"], a, axis=axis)


@implements(np.sort, kind=_SORTS, order=_FIELDS, stable=_ANY_FLAG)
def sort(
    a: ArrayLike, axis: int | None = -1, kind: str | None = None, order: Order = None, *,
    stable: bool | None = None,
) -> Array:  # fmt: skip
    a = as_traced(a)
    a, axis = (np.ravel(a), 0) if axis is None else (a, normalize_axis(axis, a.ndim))
    return np.take_along_axis(a, argsort(a, axis), axis)


@implements(method="sort", kind=_SORTS, order=_FIELDS, stable=_ANY_FLAG)
def _sort_in_place(
    a: TracedArray, axis: int | None = -1, kind: str | None = None, order: Order = None, *,
    stable: bool | None = None,
) -> None:  # fmt: skip
    a[...] = sort(a, axis)


def _check_kth(a: ArrayLike, kth: Any, axis: int | None) -> None:
    extent = a.size if axis is None else a.shape[normalize_axis(axis, a.ndim)]
    for number in np.ravel(as_plain(kth)):
        if operator.index(number) not in range(-extent, extent):
            raise InputError(f"kth={number}{at(user_source())} is out of bounds for {extent}")


@implements(np.partition, kind=one_of("introselect"), order=_FIELDS)
def partition(
    a: ArrayLike, kth: ArrayLike, axis: int | None = -1, kind: str | None = "introselect",
    order: Order = None,
) -> Array:  # fmt: skip
    _check_kth(as_traced(a), kth, axis)
    return sort(a, axis)


@implements(method="partition", kind=one_of("introselect"), order=_FIELDS)
def _partition_in_place(
    a: TracedArray, kth: ArrayLike, axis: int | None = -1, kind: str | None = "introselect",
    order: Order = None,
) -> None:  # fmt: skip
    a[...] = partition(a, kth, axis)


@implements(np.argpartition, method="argpartition", kind=one_of("introselect"), order=_FIELDS)
def argpartition(
    a: ArrayLike, kth: ArrayLike, axis: int | None = -1, kind: str | None = "introselect",
    order: Order = None,
) -> Array:  # fmt: skip
    _check_kth(as_traced(a), kth, axis)
    return argsort(a, axis)


def reduced_axes_first(a: ArrayLike, axis: Axes) -> tuple[Any, tuple[int, ...], int]:
    """Return an array with its reduced axes merged into the first, these axes, and its ndim."""
    a = as_traced(a)
    axes = normalize_axes(axis, a.ndim)
    moved = np.moveaxis(a, axes, range(len(axes)))
    return np.reshape(moved, (-1, *moved.shape[len(axes) :])), axes, a.ndim


@implements(np.median)
def median(
    a: ArrayLike, axis: Axes = None, out: Out = None, overwrite_input: bool = False,
    keepdims: bool = False,
) -> Array:  # fmt: skip
    lines, axes, ndim = reduced_axes_first(a, axis)
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
    a: ArrayLike, q: ArrayLike, axis: Axes = None, out: Out = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: bool = False, *, weights: ArrayLike = None,
) -> Array:  # fmt: skip
    if method not in _METHODS or weights is not None:
        refuse(f"np.quantile with method={method!r} or weights")
    lines, axes, ndim = reduced_axes_first(a, axis)
    q = as_traced(q)
    if not bool(np.all((q >= 0) & (q <= 1))):
        raise InputError(f"quantiles{at(user_source())} must be in the range [0, 1]")
    ordered = sort(lines, 0)
    position = np.reshape(q, (*q.shape, *(1,) * (lines.ndim - 1))) * (lines.shape[0] - 1.0)
    low = np.floor(position)
    between = {
        "linear": position - low,
        "lower": 0.0 * position,
        "higher": np.ceil(position) - low,
        "midpoint": np.where(position == low, 0.0, 0.5).astype(position.dtype),
        "nearest": np.rint(position) - low,
    }[method]
    below = np.ravel(low).astype(np.int64)
    above = np.minimum(below + 1, lines.shape[0] - 1)
    shape = (*q.shape, *lines.shape[1:])
    first, second = (np.reshape(ordered[i], shape) for i in (below, above))
    is_whole = method == "linear" and q.dtype.kind in "iu"
    if method in _PICKING or is_whole:  # the result is an element
        result = np.where(between >= 0.5, second, first)
    else:
        if lines.dtype == np.bool_:
            raise OperandError(
                f"np.quantile{at(user_source())}: cannot interpolate between booleans"
            )
        step: Any = second - first
        if q.weak:
            between = between.astype((step * 1.0).dtype)
        result = np.where(between >= 0.5, second - step * (1 - between), first + step * between)
    if lines.dtype.kind == "f":
        result = np.where(np.isnan(ordered[-1]), np.nan, result).astype(result.dtype)
    if keepdims:
        kept = iter(lines.shape[1:])
        ones = tuple(1 if i in axes else next(kept) for i in range(ndim))
        return np.reshape(result, (*q.shape, *ones))
    return result


_PICKING = ("lower", "higher", "nearest")


_METHODS = ("linear", "midpoint", *_PICKING)


@implements(np.percentile)
def percentile(
    a: ArrayLike, q: ArrayLike, axis: Axes = None, out: Out = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: bool = False, *, weights: ArrayLike = None,
) -> Array:  # fmt: skip
    return quantile(a, as_traced(q) / 100, axis, None, False, method, keepdims, weights=weights)


@implements(np.searchsorted, method="searchsorted")
def searchsorted(
    a: ArrayLike, v: ArrayLike, side: str = "left", sorter: ArrayLike = None
) -> Array:
    a, v = as_traced(a), as_traced(v)
    demand_axes("searchsorted", a, 1)
    if side not in ("left", "right"):
        raise InputError(f"np.searchsorted{at(user_source())}: side must be 'left' or 'right'")
    if sorter is not None:
        sorter = as_traced(sorter)
        if sorter.size != a.size:
            raise InputError(
                f"np.searchsorted{at(user_source())}: sorter has {sorter.size} elements, the "
                f"array has {a.size}"
            )
        a = a[sorter]
    columns = reshape(v, (*v.shape, 1), copy=True)
    before = np.less(a, columns) if side == "left" else np.less_equal(a, columns)
    # NaN is sorted after every number.
    before = np.logical_or(before, np.isnan(columns) & (True if side == "right" else ~np.isnan(a)))
    return np.sum(before, axis=-1)


@implements(np.digitize)
def digitize(x: ArrayLike, bins: ArrayLike, right: bool = False) -> Array:
    bins = as_traced(bins)
    demand_axes("digitize", bins, 1)
    side = "left" if right else "right"
    if bins.size > 1 and bool(bins[0] > bins[-1]):
        return bins.size - searchsorted(bins[::-1], x, "right" if right else "left")
    return searchsorted(bins, x, side)


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
    # The number of unique elements sets a shape. Which neighbors differ becomes a guard.
    unequal = np.not_equal(ordered[1:], ordered[:-1])
    if equal_nan and ordered.dtype.kind == "f":
        unequal = np.logical_and(unequal, ~(np.isnan(ordered[1:]) & np.isnan(ordered[:-1])))
    differs = np.asarray(current().decide(unequal.node))
    first = np.concatenate([[True], differs]) if flat.size else np.zeros(0, bool)
    positions = np.flatnonzero(first)
    result: list[Any] = [ordered[positions]]
    if return_index:
        result.append(order[positions])
    if return_inverse:
        ranks = as_traced(np.cumsum(first) - 1)
        inverse = np.zeros(flat.size, np.intp)
        inverse = as_traced(inverse)
        inverse[order] = ranks
        result.append(np.reshape(inverse, as_traced(ar).shape))
    if return_counts:
        result.append(as_traced(np.diff([*positions, flat.size])))
    return result[0] if len(result) == 1 else tuple(result)


@implements(np.isin, kind=one_of(None, "sort", "table"), assume_unique=one_of(True, False))
def isin(
    element: ArrayLike, test_elements: ArrayLike, assume_unique: bool = False,
    invert: bool = False, *, kind: str | None = None,
) -> TracedArray:  # fmt: skip
    element, tests = as_traced(element), np.ravel(as_traced(test_elements))
    found = np.any(element[..., None] == tests, axis=-1)
    return alias(np.logical_not(found) if invert else found)
