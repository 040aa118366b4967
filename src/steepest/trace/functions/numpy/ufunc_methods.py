"""Methods of NumPy's ufuncs: reduce, accumulate, reduceat, at and outer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import GraphIndexError, InputError, OperandError
from steepest.graph.source import at, user_source
from steepest.ops import TABLE
from steepest.trace.arrays.array import TracedArray, as_traced, record
from steepest.trace.arrays.assignment import fresh
from steepest.trace.arrays.indexing import getitem
from steepest.trace.arrays.layout import laid_out
from steepest.trace.arrays.refusals import refuse
from steepest.trace.arrays.registries import UFUNC_METHODS
from steepest.trace.functions.numpy.indexing_functions import flat_for_writing
from steepest.trace.functions.numpy.reductions.extremes import all_, any_, max_, min_
from steepest.trace.functions.numpy.reductions.running import running
from steepest.trace.functions.numpy.reductions.shared import is_given
from steepest.trace.functions.numpy.reductions.sums import prod, sum_
from steepest.trace.functions.numpy.shaping import ravel, reshape
from steepest.trace.functions.registry import (
    Array,
    ArrayLike,
    Axes,
    DType,
    Out,
    as_array,
    as_plain,
    demand_no_list,
    normalize_axes,
    with_out,
)


def _reduce_method(reduction: Callable[..., Any]) -> Callable[..., Any]:
    def implementation(
        a: ArrayLike, axis: int = 0, dtype: DType = None, out: Out = None, keepdims: bool = False,
        initial: ArrayLike = None, where: ArrayLike = None,
    ) -> Array:  # fmt: skip
        options = {"keepdims": keepdims, "where": where, "out": out}
        if reduction in (all_, any_):
            if is_given(initial) or dtype not in (None, bool, np.bool_):
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


def _only_axis(name: str, x: TracedArray, axis: Axes) -> int:
    """Return the one axis of a ufunc's method. None and tuples may name it, too."""
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


def _at(ufunc: np.ufunc) -> Callable[..., Any]:
    """Return the implementation of ``ufunc.at``. Repeated indices add up."""
    sign = -1 if ufunc is np.subtract else 1

    def implementation(a: ArrayLike, indices: ArrayLike, b: ArrayLike) -> None:
        if not isinstance(a, TracedArray):
            flat_for_writing(a)
        numbers = reshape(as_traced(np.arange(a.size)), a.shape)
        positions = getitem(numbers, indices)
        values = np.broadcast_to(as_traced(b).astype(a.dtype), positions.shape)
        values, positions = ravel(values), ravel(positions)
        added = record(TABLE["add_at"], values * sign, positions, shape=(a.size,))
        a[...] = a + reshape(added, a.shape)

    return implementation


UFUNC_METHODS[np.add, "at"] = _at(np.add)
UFUNC_METHODS[np.subtract, "at"] = _at(np.subtract)


def _outer(ufunc: np.ufunc) -> Callable[..., Any]:
    def implementation(a: ArrayLike, b: ArrayLike, /, **options: Any) -> Array:
        a, b = as_array(a), as_array(b)
        if b.ndim and a.ndim:
            a = a[(..., *(None,) * b.ndim)]
        return ufunc(a, b, **options)

    return implementation


for _ufunc in list(vars(np).values()):
    if isinstance(_ufunc, np.ufunc) and _ufunc.nin == 2 and _ufunc.signature is None:
        UFUNC_METHODS[_ufunc, "outer"] = _outer(_ufunc)
