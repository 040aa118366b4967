"""NumPy's running sums and products."""

from __future__ import annotations

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops import TABLE
from steepest.trace.arrays.array import as_traced, record
from steepest.trace.functions.registry import (
    Array,
    ArrayLike,
    DType,
    Out,
    implements,
    normalize_axis,
)


def running(name: str, x: ArrayLike, axis: int | None, dtype: DType) -> Array:
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
