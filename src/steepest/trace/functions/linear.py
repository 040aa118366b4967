"""NumPy's linear algebra."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops.reduction import keep_axes
from steepest.trace.array import as_traced
from steepest.trace.functions.register import implements, normalize_axes


def _norm_of_squares(squares: Any) -> Any:
    # The slope at 0 is 0, not NaN: the square root never sees the zero.
    is_zero = squares == 0
    return np.where(is_zero, 0, np.sqrt(np.where(is_zero, 1, squares)))


def _vector_norm(x: Any, ord: Any, axis: Any) -> Any:
    if ord in (None, 2):
        return _norm_of_squares(np.sum(np.square(x), axis=axis))
    if ord == np.inf:
        return np.max(np.abs(x), axis=axis)
    if ord == -np.inf:
        return np.min(np.abs(x), axis=axis)
    if ord == 0:
        return np.sum((x != 0).astype(x.dtype), axis=axis)
    if ord == 1:
        return np.sum(np.abs(x), axis=axis)
    total = np.sum(np.abs(x) ** ord, axis=axis)
    is_zero = total == 0
    return np.where(is_zero, 0, np.where(is_zero, 1, total) ** (1.0 / ord))


@implements(np.linalg.norm)
def norm(x, ord=None, axis=None, keepdims=False):
    x = as_traced(x)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    if axis is None and (ord is None or (x.ndim == 2 and ord == "fro")):
        result = _norm_of_squares(np.sum(np.square(x)))
        return keep_axes(result, tuple(range(x.ndim)), x.ndim) if keepdims else result
    axes = normalize_axes(axis, x.ndim)
    if len(axes) == 1:
        result = _vector_norm(x, ord, axes[0])
    elif len(axes) == 2:
        rows, columns = axis if axis is not None else (0, 1)
        result = _matrix_norm(np.moveaxis(x, (rows, columns), (-2, -1)), ord)
    else:
        raise InputError(f"np.linalg.norm{at(user_source())}: improper number of dimensions")
    return keep_axes(result, axes, x.ndim) if keepdims else result


def _matrix_norm(x: Any, ord: Any) -> Any:
    if ord in (None, "fro"):
        return _norm_of_squares(np.sum(np.square(x), axis=(-2, -1)))
    if ord in (1, -1):
        totals = np.sum(np.abs(x), axis=-2)
    elif ord in (np.inf, -np.inf):
        totals = np.sum(np.abs(x), axis=-1)
    elif ord in (2, -2, "nuc"):
        totals = np.linalg.svd(x, compute_uv=False)
    else:
        raise InputError(f"np.linalg.norm{at(user_source())}: invalid norm order {ord!r}")
    if ord == "nuc":
        return np.sum(totals, axis=-1)
    return np.max(totals, axis=-1) if ord in (1, 2, np.inf) else np.min(totals, axis=-1)


@implements(np.linalg.vector_norm)
def vector_norm(x, /, *, axis=None, keepdims=False, ord=2):
    x = as_traced(x)
    axes = normalize_axes(axis, x.ndim)
    if len(axes) == 1:
        return norm(x, ord, axes[0], keepdims)
    rest = tuple(i for i in range(x.ndim) if i not in axes)
    flat = np.reshape(np.transpose(x, (*rest, *axes)), (*(x.shape[i] for i in rest), -1))
    result = _vector_norm(flat, ord, -1)
    return keep_axes(result, axes, x.ndim) if keepdims else result


@implements(np.linalg.matrix_norm)
def matrix_norm(x, /, *, keepdims=False, ord="fro"):
    return norm(x, ord, (-2, -1), keepdims)
