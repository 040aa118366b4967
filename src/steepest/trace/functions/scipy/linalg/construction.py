"""Matrices made of given elements, as `scipy.linalg` has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.trace.arrays.array import as_traced
from steepest.trace.arrays.refusals import refuse
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.registry import floating, of_scipy


@of_scipy("linalg")
def block_diag(*arrs: ArrayLike) -> Array:
    blocks = [np.atleast_2d(as_traced(block)) for block in arrs]
    if any(block.ndim != 2 for block in blocks):
        refuse("scipy.linalg.block_diag of arrays with more than two axes")
    dtype = np.result_type(*(block.dtype for block in blocks))
    width, before, rows = sum(block.shape[1] for block in blocks), 0, []
    for block in blocks:
        after = width - before - block.shape[1]
        rows.append(np.pad(block.astype(dtype), ((0, 0), (before, after))))
        before += block.shape[1]
    return np.concatenate(rows, axis=0)


def _vector(name: str, x: ArrayLike) -> Array:
    x = as_traced(x)
    if x.ndim > 1:
        refuse(f"scipy.linalg.{name}")  # of several rows
    return np.reshape(x, (-1,))


@of_scipy("linalg")
def toeplitz(c: ArrayLike, r: ArrayLike = None) -> Array:
    c = _vector("toeplitz", c)
    r = c if r is None else _vector("toeplitz", r)
    values = np.concatenate([r[:0:-1], c])
    places = np.subtract.outer(np.arange(c.size), np.arange(r.size)) + (r.size - 1)
    return values[places]


@of_scipy("linalg")
def hankel(c: ArrayLike, r: ArrayLike = None) -> Array:
    c = _vector("hankel", c)
    r = np.zeros_like(c) if r is None else _vector("hankel", r)
    values = np.concatenate([c, r[1:]])
    return values[np.add.outer(np.arange(c.size), np.arange(r.size))]


@of_scipy("linalg")
def circulant(c: ArrayLike) -> Array:
    c = as_traced(c)
    n = c.shape[-1]
    return c[..., np.subtract.outer(np.arange(n), np.arange(n)) % n]


@of_scipy("linalg")
def companion(a: ArrayLike) -> Array:
    a = floating(a)
    if a.ndim != 1 or a.size < 2:
        refuse("scipy.linalg.companion")
    first = -a[1:] / (1.0 * a[0])
    below: Any = np.eye(a.size - 2, a.size - 1, dtype=a.dtype)
    return np.concatenate([first[None], below], axis=0)


@of_scipy("linalg")
def khatri_rao(a: ArrayLike, b: ArrayLike) -> Array:
    a, b = as_traced(a), as_traced(b)
    if a.ndim != 2 or b.ndim != 2:
        refuse("scipy.linalg.khatri_rao of arrays that are no matrices")
    return np.reshape(a[:, None] * b[None], (-1, a.shape[1]))
