"""NumPy's products of vectors and matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops import TABLE
from steepest.trace.array import (
    TracedArray,
    as_traced,
    record,
)
from steepest.trace.functions.reductions import sum_
from steepest.trace.functions.register import (
    implements,
    node_cast,
    normalize_axis,
)
from steepest.trace.functions.shaping import ravel, reshape, transpose


@implements(np.matmul)
def matmul(a, b):
    a, b = as_traced(a), as_traced(b)
    if a.ndim == 0 or b.ndim == 0:
        raise InputError(f"np.matmul{at(user_source())}: operands must have at least one axis")
    dtype = np.result_type(a.dtype, b.dtype)
    if dtype == np.bool_:
        return matmul(a.astype(np.int64), b.astype(np.int64)) != 0
    if a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise InputError(
            f"np.matmul{at(user_source())}: shapes {a.shape} and {b.shape} do not fit: "
            f"{a.shape[-1]} columns meet {b.shape[-2 if b.ndim > 1 else 0]} rows"
        )
    left = node_cast(a if a.ndim > 1 else a[None, :], dtype)
    right = node_cast(b if b.ndim > 1 else b[:, None], dtype)
    product = record(TABLE["matmul"], left, right)
    rows = product.shape[-2:-1] if a.ndim > 1 else ()
    columns = product.shape[-1:] if b.ndim > 1 else ()
    return reshape(product, (*product.shape[:-2], *rows, *columns))


@implements(np.dot, method="dot")
def dot(a, b):
    a, b = as_traced(a), as_traced(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    if b.ndim <= 2:
        return matmul(a, b)
    return tensordot(a, b, axes=((a.ndim - 1,), (b.ndim - 2,)))


@implements(np.vdot)
def vdot(a, b):
    return matmul(ravel(a), ravel(b))


@implements(np.inner)
def inner(a, b):
    a, b = as_traced(a), as_traced(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    return tensordot(a, b, axes=((a.ndim - 1,), (b.ndim - 1,)))


@implements(np.outer)
def outer(a, b):
    return ravel(a)[:, None] * ravel(b)[None, :]


@implements(np.tensordot)
def tensordot(a, b, axes=2):
    a, b = as_traced(a), as_traced(b)
    if isinstance(axes, int):
        axes = (range(a.ndim - axes, a.ndim), range(axes))
    left, right = ((x,) if isinstance(x, int) else tuple(x) for x in axes)
    left = tuple(normalize_axis(i, a.ndim) for i in left)
    right = tuple(normalize_axis(i, b.ndim) for i in right)
    kept_a = tuple(i for i in range(a.ndim) if i not in left)
    kept_b = tuple(i for i in range(b.ndim) if i not in right)
    rows, columns = _extents(a, kept_a), _extents(b, kept_b)
    inner_size = math.prod(_extents(a, left))
    flat_a = reshape(transpose(a, kept_a + left), (math.prod(rows), inner_size))
    flat_b = reshape(transpose(b, right + kept_b), (inner_size, math.prod(columns)))
    return reshape(matmul(flat_a, flat_b), rows + columns)


def _extents(x: TracedArray, axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(x.shape[i] for i in axes)


@implements(np.trace, method="trace")
def trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    return sum_(np.diagonal(a, offset, axis1, axis2), -1, dtype)
