"""NumPy's maxima and minima, their positions, and all and any."""

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
from steepest.trace.functions.numpy.reductions.shared import (
    as_start,
    is_given,
    masked,
    reduce_by,
    with_initial,
)
from steepest.trace.functions.registry import (
    Array,
    ArrayLike,
    Axes,
    Out,
    as_array,
    as_truth,
    implements,
    normalize_axes,
    normalize_axis,
)


def _extreme(name: str, combine: Callable[..., Any]) -> Callable[..., Any]:
    def implementation(
        a: ArrayLike, axis: Axes = None, out: Out = None, keepdims: bool = False,
        initial: ArrayLike = None, where: ArrayLike = None,
    ) -> Array:  # fmt: skip
        a = as_array(a)
        if is_given(where) and not is_given(initial):
            raise InputError(
                f"reduction operation '{name}'{at(user_source())} does not have an identity, so "
                "to use a where mask one has to specify 'initial'"
            )
        if is_given(initial) and (a.size == 0 or is_given(where)):
            initial = as_start(initial, a.dtype)
            a = masked(a, where, initial)
            if a.size == 0:
                nothing = np.sum(a, axis, keepdims=bool(keepdims) and is_given(keepdims))
                filled: Any = np.broadcast_to(initial, nothing.shape)
                return fresh(filled)
        return with_initial(reduce_by(name, a, axis, keepdims), combine, initial)

    implementation.__name__ = name
    return implementation


max_ = implements(np.max, np.amax, method="max")(_extreme("max", np.maximum))


min_ = implements(np.min, np.amin, method="min")(_extreme("min", np.minimum))


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
