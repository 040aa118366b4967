"""What NumPy's reductions share: axes, masks and initial values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops import TABLE
from steepest.ops.arrays.reduction import keep_axes
from steepest.trace.arrays.array import TracedArray, as_traced, record
from steepest.trace.arrays.assignment import fresh
from steepest.trace.arrays.dispatch import as_mask
from steepest.trace.arrays.numbers import whole
from steepest.trace.functions.registry import (
    Array,
    ArrayLike,
    Axes,
    demand_no_list,
    node_cast,
    normalize_axes,
)


def reduce_by(name: str, x: TracedArray, axis: Axes, keepdims: bool) -> TracedArray:
    """Record a reduction of the op table over NumPy's axes."""
    axes = normalize_axes(demand_no_list(axis), x.ndim)
    if name in ("max", "min") and not all(x.shape[a] for a in axes):
        raise InputError(f"{name} of an empty array{at(user_source())} has no value")
    result = record(TABLE[name], x, axis=axes) if axes else fresh(x)
    return keep_axes(result, axes, x.ndim) if is_given(keepdims) and keepdims else result


def is_given(value: Any) -> bool:
    return value is not None and value is not np._NoValue


def masked(a: ArrayLike, where: ArrayLike, instead: ArrayLike) -> Array:
    """Return an array with another value where a mask is false."""
    if not is_given(where) or where is True:
        return a
    mask = as_mask(where)
    if mask.ndim > a.ndim:
        raise InputError(f"where={at(user_source())} has more axes than the array")
    if any(m not in (1, n) for m, n in zip(mask.shape[::-1], a.shape[::-1], strict=False)):
        raise InputError(
            f"where={at(user_source())} has shape {mask.shape}, which does not broadcast to the "
            f"array's, {a.shape}"
        )
    return np.where(mask, a, as_traced(instead).astype(a.dtype))


def with_initial(result: TracedArray, combine: Callable[..., Any], initial: ArrayLike) -> Array:
    return combine(result, as_start(initial, result.dtype)) if is_given(initial) else result


def as_start(initial: ArrayLike, dtype: np.dtype) -> TracedArray:
    """Return the initial value of a reduction in the dtype of its result."""
    number = as_traced(initial)
    if dtype.kind in "iu" and number.dtype.kind == "f":
        number = whole(number, "initial=")
    return node_cast(number, dtype)
