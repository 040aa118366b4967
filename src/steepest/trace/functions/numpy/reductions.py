"""NumPy's reductions."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import GraphIndexError, InputError, OperandError, UnsupportedError
from steepest.graph.source import at, user_source
from steepest.ops import TABLE
from steepest.ops.arrays.reduction import keep_axes
from steepest.trace.arrays.array import TracedArray, as_traced, record
from steepest.trace.arrays.assignment import fresh
from steepest.trace.arrays.dispatch import as_mask, demand
from steepest.trace.arrays.layout import laid_out
from steepest.trace.arrays.numbers import whole
from steepest.trace.arrays.refusals import refuse
from steepest.trace.arrays.registries import FUNCTIONS, UFUNC_METHODS
from steepest.trace.functions.registry import (
    Array,
    ArrayLike,
    Axes,
    DType,
    Out,
    as_array,
    as_plain,
    as_truth,
    demand_no_list,
    implements,
    node_cast,
    normalize_axes,
    normalize_axis,
    with_out,
)


def reduce_by(name: str, x: TracedArray, axis: Any, keepdims: Any) -> TracedArray:
    """Record a reduction of the op table over NumPy's axes."""
    axes = normalize_axes(demand_no_list(axis), x.ndim)
    if name in ("max", "min") and not all(x.shape[a] for a in axes):
        raise InputError(f"{name} of an empty array{at(user_source())} has no value")
    result = record(TABLE[name], x, axis=axes) if axes else fresh(x)
    return keep_axes(result, axes, x.ndim) if _is_given(keepdims) and keepdims else result


def _is_given(value: Any) -> bool:
    return value is not None and value is not np._NoValue


def masked(a: Any, where: Any, instead: Any) -> Any:
    """Return an array with another value wherever a mask is false."""
    if not _is_given(where) or where is True:
        return a
    mask = as_mask(where)
    if mask.ndim > a.ndim:
        raise InputError(f"where={at(user_source())} has more axes than the array")
    return np.where(mask, a, as_traced(instead).astype(a.dtype))


def count_along(a: TracedArray, axis: Any, where: Any = None) -> Any:
    """Return how many elements a reduction over axes takes into account."""
    axes = normalize_axes(axis, a.ndim)
    count = math.prod(a.shape[i] for i in axes)
    if not _is_given(where) or where is True:
        return count
    as_mask(where)  # which raises where NumPy does; of a list, it adds up the numbers
    return sum_(np.broadcast_to(as_traced(where).astype(np.int64), a.shape), axis)


def _with_initial(result: TracedArray, combine: Callable[..., Any], initial: Any) -> Any:
    return combine(result, _as_start(initial, result.dtype)) if _is_given(initial) else result


def _as_start(initial: Any, dtype: np.dtype) -> TracedArray:
    """Return the start of a reduction, which is converted to the dtype of its result."""
    number = as_traced(initial)
    if dtype.kind in "iu" and number.dtype.kind == "f":
        number = whole(number, "initial=")
    return node_cast(number, dtype)


def _reduced(name: str, a: Any, axis: Any, keepdims: Any) -> Any:
    """Reduce in the widest integers, whose last bits are those of smaller ones."""
    wide = _widest(name, a.dtype)
    if wide == a.dtype:
        return reduce_by(name, a, axis, keepdims)
    return reduce_by(name, a.astype(wide), axis, keepdims).astype(a.dtype)


@functools.cache
def _widest(name: str, dtype: np.dtype) -> np.dtype:
    """Return the dtype in which NumPy adds up or multiplies: small integers in the widest."""
    wide: np.dtype = getattr(np, name)(np.empty(0, dtype)).dtype
    return wide


def _cast(a: TracedArray, dtype: Any) -> Any:
    return a if a.dtype == dtype and not a.weak else a.astype(dtype)


@implements(np.sum, method="sum")
def sum_(
    a: ArrayLike, axis: Axes = None, dtype: DType = None, out: Out = None, keepdims: bool = False,
    initial: ArrayLike = None, where: ArrayLike = None,
) -> Array:  # fmt: skip
    a = as_traced(a)
    dtype = _widest("sum", a.dtype) if dtype is None else dtype
    total = _reduced("sum", masked(_cast(a, dtype), where, 0), axis, keepdims)
    return _with_initial(total, np.add, initial)


@implements(np.prod, method="prod")
def prod(
    a: ArrayLike, axis: Axes = None, dtype: DType = None, out: Out = None, keepdims: bool = False,
    initial: ArrayLike = None, where: ArrayLike = None,
) -> Array:  # fmt: skip
    a = as_traced(a)
    dtype = _widest("prod", a.dtype) if dtype is None else dtype
    total = _reduced("prod", masked(_cast(a, dtype), where, 1), axis, keepdims)
    return _with_initial(total, np.multiply, initial)


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


def _divided(total: Any, count: Any) -> Any:
    """Divide a sum; of integers (``dtype=int``) the mean is cut off, as in NumPy."""
    return (total / count).astype(total.dtype)


@implements(np.var)
def var(
    a: ArrayLike, axis: Axes = None, dtype: DType = None, out: Out = None, ddof: float = 0,
    keepdims: bool = False, *, where: ArrayLike = None, mean: ArrayLike = None,
    correction: float | None = None,
) -> Array:  # fmt: skip
    ddof = _corrected(ddof, correction)
    mean = mean if _is_given(mean) else None
    a = as_traced(a)
    center = FUNCTIONS[np.mean](a, axis, dtype, None, True, where=where) if mean is None else mean
    return _variance(a - center, a, axis, dtype, ddof, keepdims, where)


def _corrected(ddof: Any, correction: Any) -> Any:
    """Return by how much the number of elements is lowered; it has two names."""
    if not _is_given(correction):
        return ddof
    if ddof != 0:
        raise InputError(f"ddof and correction{at(user_source())} cannot both be given")
    return correction


def _variance(
    deviations: Any, a: Any, axis: Any, dtype: Any, ddof: Any, keepdims: Any, where: Any
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


def root(squares: Any) -> Any:
    """Return the square root of sums of squares; its slope at 0 is 0, not inf."""
    return record(TABLE["root"], squares)


def _extreme(name: str, combine: Callable[..., Any], lowest: float) -> Callable[..., Any]:
    def implementation(
        a: ArrayLike, axis: Axes = None, out: Out = None, keepdims: bool = False,
        initial: ArrayLike = None, where: ArrayLike = None,
    ) -> Array:  # fmt: skip
        a = as_array(a)
        if _is_given(where) and not _is_given(initial):
            raise InputError(
                f"reduction operation '{name}'{at(user_source())} does not have an identity, so "
                "to use a where mask one has to specify 'initial'"
            )
        if _is_given(initial) and (a.size == 0 or _is_given(where)):
            initial = _as_start(initial, a.dtype)
            a = masked(a, where, initial)
            if a.size == 0:
                nothing = np.sum(a, axis, keepdims=bool(keepdims) and _is_given(keepdims))
                filled: Any = np.broadcast_to(initial, nothing.shape)
                return fresh(filled)
        return _with_initial(reduce_by(name, a, axis, keepdims), combine, initial)

    implementation.__name__ = name
    return implementation


max_ = implements(np.max, np.amax, method="max")(_extreme("max", np.maximum, -np.inf))
min_ = implements(np.min, np.amin, method="min")(_extreme("min", np.minimum, np.inf))


@implements(np.ptp)
def ptp(a: ArrayLike, axis: Axes = None, out: Out = None, keepdims: bool = False) -> Array:
    a = as_array(a)
    return max_(a, axis, None, keepdims) - min_(a, axis, None, keepdims)


@implements(np.all, method="all")
def all_(
    a: ArrayLike, axis: Axes = None, out: Out = None, keepdims: bool = False, *,
    where: ArrayLike = None,
) -> TracedArray:  # fmt: skip
    return reduce_by("all", masked(as_truth(a), where, True), axis, keepdims)


@implements(np.any, method="any")
def any_(
    a: ArrayLike, axis: Axes = None, out: Out = None, keepdims: bool = False, *,
    where: ArrayLike = None,
) -> TracedArray:  # fmt: skip
    return reduce_by("any", masked(as_truth(a), where, False), axis, keepdims)


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


def _position(name: str) -> Callable[..., Any]:
    def implementation(
        a: ArrayLike, axis: int | None = None, out: Out = None, *, keepdims: bool = False
    ) -> TracedArray:
        a = as_traced(a)
        source = np.ravel(a) if axis is None else a
        axis_number = 0 if axis is None else normalize_axis(axis, a.ndim)
        result = record(TABLE[name], source, axis=axis_number)
        axes = normalize_axes(axis, a.ndim)
        return keep_axes(result, axes, a.ndim) if keepdims else result

    implementation.__name__ = name
    return implementation


argmax = implements(np.argmax, method="argmax")(_position("argmax"))
argmin = implements(np.argmin, method="argmin")(_position("argmin"))


def _replaced(a: Any, instead: float) -> Any:
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
        if a.dtype.kind != "f" or _is_given(initial):
            return result
        mask = True if not _is_given(where) else where
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


def _check_inexact(a: Any, dtype: Any) -> None:
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
    ddof = _corrected(ddof, correction)
    if not _is_given(mean):
        mean = FUNCTIONS[np.mean](a, axis, dtype, None, True, where=where)
    deviations = (a - mean).astype(a.dtype)  # as NumPy rounds here, whatever dtype= says
    result = _variance(deviations, a, axis, dtype, ddof, keepdims, where)
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


def running(name: str, x: Any, axis: Any, dtype: Any) -> Any:
    """Record cumsum or cumprod of the op table."""
    x = as_traced(x)
    if dtype is None:
        dtype = getattr(np, name)(np.empty(0, x.dtype)).dtype
    x, axis = (np.ravel(x), 0) if axis is None else (x, normalize_axis(axis, x.ndim))
    wide = getattr(np, name)(np.empty(0, dtype)).dtype
    return record(TABLE[name], x.astype(dtype).astype(wide), axis=axis).astype(dtype)


@implements(np.cumsum, method="cumsum")
def cumsum(a: ArrayLike, axis: int | None = None, dtype: DType = None, out: Out = None) -> Array:
    return running("cumsum", a, axis, dtype)


@implements(np.cumprod, method="cumprod")
def cumprod(a: ArrayLike, axis: int | None = None, dtype: DType = None, out: Out = None) -> Array:
    return running("cumprod", a, axis, dtype)


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


@implements(np.cumulative_sum)
def cumulative_sum(
    x: ArrayLike, /, *, axis: int | None = None, dtype: DType = None, out: Out = None,
    include_initial: bool = False,
) -> Array:  # fmt: skip
    x = as_traced(x)
    if axis is None and x.ndim > 1:
        raise InputError(
            f"np.cumulative_sum{at(user_source())} of an array with several axes needs axis="
        )
    total = running("cumsum", x, axis, dtype)
    if not include_initial:
        return total
    axis = 0 if axis is None else normalize_axis(axis, total.ndim)
    shape = (*total.shape[:axis], 1, *total.shape[axis + 1 :])
    first = np.zeros(shape, total.dtype)
    return np.concatenate([first, total], axis)


def _reduce_method(reduction: Callable[..., Any]) -> Callable[..., Any]:
    def implementation(
        a: ArrayLike, axis: int = 0, dtype: DType = None, out: Out = None, keepdims: bool = False,
        initial: ArrayLike = None, where: ArrayLike = None,
    ) -> Array:  # fmt: skip
        options = {"keepdims": keepdims, "where": where, "out": out}
        if reduction in (all_, any_):
            if _is_given(initial) or dtype not in (None, bool, np.bool_):
                refuse(f"the argument initial= or dtype= of np.{reduction.__name__}.reduce")
        else:
            options["initial"] = initial
        if reduction in (sum_, prod):
            options["dtype"] = dtype
        elif dtype is not None:
            a = as_traced(a).astype(dtype)
        return reduction(a, axis, **options)

    return implementation


for _ufunc, _reducer in (
    (np.add, sum_),
    (np.multiply, prod),
    (np.maximum, max_),
    (np.minimum, min_),
    (np.logical_and, all_),
    (np.logical_or, any_),
):
    UFUNC_METHODS[_ufunc, "reduce"] = _reduce_method(_reducer)


def _only_axis(name: str, x: TracedArray, axis: Any) -> int:
    """Return the axis that a method of ufuncs goes along; None and tuples may name it, too."""
    if not x.ndim:
        raise OperandError(f"np.{name}{at(user_source())} of a number has no axis to go along")
    axes = normalize_axes(demand_no_list(axis), x.ndim)
    if len(axes) != 1:
        raise InputError(f"np.{name}{at(user_source())} goes along one axis, got axis={axis!r}")
    return axes[0]


def _accumulate_extreme(ufunc: np.ufunc) -> Callable[..., Any]:
    def implementation(
        a: ArrayLike, axis: int = 0, dtype: DType = None, out: Out = None
    ) -> TracedArray:
        if dtype is not None and np.dtype(dtype).kind not in "biuf":
            refuse(f"np.{ufunc.__name__}.accumulate with dtype={dtype}")
        a = as_traced(a) if dtype is None else as_traced(a).astype(dtype)
        axis = _only_axis(f"{ufunc.__name__}.accumulate", a, axis)
        parts = list(np.moveaxis(a, axis, 0))
        if not parts:
            return fresh(a)
        for i in range(1, len(parts)):
            parts[i] = ufunc(parts[i - 1], parts[i])
        made: Any = np.stack(parts, axis)
        return laid_out(made, a, "K")

    return with_out(implementation, f"{ufunc.__name__}.accumulate")


def _accumulate_by(ufunc: np.ufunc, name: str) -> Callable[..., Any]:
    def implementation(a: ArrayLike, axis: int = 0, dtype: DType = None, out: Out = None) -> Array:
        a = as_traced(a)
        return running(name, a, _only_axis(f"{ufunc.__name__}.accumulate", a, axis), dtype)

    return with_out(implementation, f"{ufunc.__name__}.accumulate")


UFUNC_METHODS[np.add, "accumulate"] = _accumulate_by(np.add, "cumsum")
UFUNC_METHODS[np.multiply, "accumulate"] = _accumulate_by(np.multiply, "cumprod")
UFUNC_METHODS[np.maximum, "accumulate"] = _accumulate_extreme(np.maximum)
UFUNC_METHODS[np.minimum, "accumulate"] = _accumulate_extreme(np.minimum)


def _add_reduceat(
    array: ArrayLike, indices: ArrayLike, axis: int = 0, dtype: DType = None, out: Out = None
) -> Array:
    array, indices = as_traced(array), as_plain(indices)
    where = at(user_source())
    if indices.ndim != 1:
        raise InputError(
            f"np.add.reduceat{where}: indices of shape {indices.shape} must have one axis"
        )
    if not np.can_cast(indices.dtype, np.intp, "safe"):
        raise OperandError(f"np.add.reduceat{where}: indices of {indices.dtype} are no integers")
    axis = _only_axis("add.reduceat", array, axis)
    dtype = np.add.reduce(np.empty(0, array.dtype)).dtype if dtype is None else dtype
    array = array.astype(dtype)
    starts = indices.tolist()
    ends = [*starts[1:], array.shape[axis]]
    if not starts:
        return array[(slice(None),) * axis + (slice(0, 0),)]
    if not all(0 <= i < array.shape[axis] for i in starts):
        raise GraphIndexError(
            f"np.add.reduceat{where}: an index of {starts} is out of bounds for an axis of "
            f"{array.shape[axis]}"
        )
    head = (slice(None),) * axis
    parts = [
        array[(*head, slice(i, j))].sum(axis) if i < j else array[(*head, i)]
        for i, j in zip(starts, ends, strict=True)
    ]
    return np.stack(parts, axis).astype(dtype)


UFUNC_METHODS[np.add, "reduceat"] = with_out(_add_reduceat, "add.reduceat")
