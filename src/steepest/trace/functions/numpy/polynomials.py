"""NumPy's functions of polynomials, given by their coefficients."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import (
    InputError,
)
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import TracedArray, as_traced
from steepest.trace.arrays.assignment import alias
from steepest.trace.functions.registry import Array, ArrayLike, implements


@implements(np.polyval)
def polyval(p: ArrayLike, x: ArrayLike) -> Array:
    x = as_traced(x)
    result: Any = np.zeros_like(x)
    for coefficient in as_traced(p):
        result = result * x + coefficient
    return result


@implements(np.polyfit)
def polyfit(
    x: ArrayLike, y: ArrayLike, deg: int, rcond: float | None = None, full: bool = False,
    w: ArrayLike = None, cov: bool = False,
) -> Array:  # fmt: skip
    if full or cov:
        raise InputError(f"np.polyfit{at(user_source())}: full and cov cannot be recorded")
    x, y = as_traced(x) + 0.0, as_traced(y) + 0.0
    lines = np.vander(x, deg + 1)
    if w is not None:
        lines = lines * as_traced(w)[:, None]
        y = y * (as_traced(w)[:, None] if y.ndim == 2 else as_traced(w))
    scale = np.sqrt(np.sum(lines * lines, axis=0))
    solution = np.linalg.lstsq(lines / scale, y, rcond)[0]
    return (solution.T / scale).T


@implements(np.polyder)
def polyder(p: ArrayLike, m: int = 1) -> Array:
    p = as_traced(p)
    _demand_order("polyder", m)
    for left in range(m, -1, -1):  # NumPy multiplies once more, which may raise
        slopes = p[:-1] * np.arange(len(p) - 1, 0, -1)
        p = slopes if left else p
    return p


@implements(np.polyint)
def polyint(p: ArrayLike, m: int = 1, k: ArrayLike = None) -> TracedArray:
    p = as_traced(p)
    _demand_order("polyint", m)
    for i in range(m):
        constants = np.atleast_1d(as_traced(0.0 if k is None else k))
        if constants.size != 1 and len(constants) < m:
            raise InputError(f"np.polyint{at(user_source())}: k must be 1 number, or m")
        constant = constants[i : i + 1] if constants.size > 1 else constants
        p = np.concatenate([p / np.arange(len(p), 0, -1), constant])
    return p if m else alias(p)


def _demand_order(name: str, m: int) -> None:
    if m < 0:
        raise InputError(f"np.{name}{at(user_source())}: the order m={m} is negative")


@implements(np.polyadd)
def polyadd(a1: ArrayLike, a2: ArrayLike) -> Array:
    a1, a2 = np.atleast_1d(as_traced(a1)), np.atleast_1d(as_traced(a2))
    size = max(len(a1), len(a2))
    return _zero_padded(a1, size) + _zero_padded(a2, size)


def _zero_padded(p: ArrayLike, size: int) -> Array:
    """Return a polynomial with leading zeros for missing powers."""
    return p if len(p) == size else np.concatenate([np.zeros(size - len(p), p.dtype), p])


@implements(np.polysub)
def polysub(a1: ArrayLike, a2: ArrayLike) -> Array:
    a1, a2 = np.atleast_1d(as_traced(a1)), np.atleast_1d(as_traced(a2))
    size = max(len(a1), len(a2))
    return _zero_padded(a1, size) - _zero_padded(a2, size)


@implements(np.polymul)
def polymul(a1: ArrayLike, a2: ArrayLike) -> Array:
    return np.convolve(_without_leading_zeros(a1), _without_leading_zeros(a2))


def _without_leading_zeros(p: ArrayLike) -> Array:
    # As NumPy's poly1d does. Which coefficients are zero becomes a guard.
    p = np.atleast_1d(as_traced(p))
    trimmed = np.trim_zeros(p, "f")
    if trimmed.size:
        return trimmed
    return p[-1:] + p.dtype.type(0) if p.size else np.zeros(1, p.dtype)  # 0, never -0
