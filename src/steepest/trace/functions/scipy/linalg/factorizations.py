"""Factors of matrices, as `scipy.linalg` has them, and systems that are solved with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops.linear_algebra.factors import solve_lower
from steepest.ops.linear_algebra.matrices import swap
from steepest.ops.linear_algebra.pivoted import (
    lu_triangles,
    row_swaps,
    solve_upper,
    swapped_rows,
    unit_lower,
)
from steepest.trace.arrays.array import as_traced
from steepest.trace.arrays.refusals import refuse
from steepest.trace.functions.registry import Array, ArrayLike, MatrixError
from steepest.trace.functions.scipy.linalg.systems import as_given, columns, with_factor
from steepest.trace.functions.scipy.registry import (
    demand_one_of,
    floating,
    of_scipy,
    square_matrix,
)

# Cholesky.


@of_scipy("linalg")
def cholesky(
    a: ArrayLike, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> Array:
    return np.linalg.cholesky(square_matrix("cholesky", a), upper=not lower)


@of_scipy("linalg")
def cho_factor(
    a: ArrayLike, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> tuple[Array, bool]:
    """Return the factor; its other triangle, which SciPy leaves open, is zero."""
    return cholesky(a, lower), lower


@of_scipy("linalg")
def cho_solve(
    c_and_lower: Any, b: ArrayLike, overwrite_b: bool = False, check_finite: bool = True
) -> Array:
    c, lower = c_and_lower
    c, column = columns("cho_solve", c, b)
    return as_given(with_factor(c if lower else swap(c), column), b)


# LU.


def _matrix(name: str, a: ArrayLike) -> Array:
    a = floating(a)
    if a.ndim < 2:
        raise MatrixError(
            f"scipy.linalg.{name}{at(user_source())}: a number or vector is no matrix"
        )
    return a


def _in_order(a: Array, order: Array) -> Array:
    """Return a matrix with its rows in another order."""
    if a.ndim == 2:
        return a[order]
    return np.take_along_axis(a, order[..., None], axis=-2)


def _lu(a: Array) -> tuple[Array, Array, Array]:
    """Return both factors in one matrix, the order of the rows, and LAPACK's exchanges."""
    swaps = row_swaps(a)
    order = swapped_rows(swaps, rows=a.shape[-2])
    ordered, size = _in_order(a, order), min(a.shape[-2:])
    triangles = lu_triangles(ordered[..., :size, :size])
    if a.shape[-2] > size:
        below = swap(solve_upper(triangles, swap(ordered[..., size:, :]), transposed=True))
        triangles = np.concatenate([triangles, below], axis=-2)
    elif a.shape[-1] > size:
        lower = unit_lower(triangles)
        beside = solve_lower(lower, ordered[..., size:], transposed=False)
        triangles = np.concatenate([triangles, beside], axis=-1)
    return triangles, order, swaps


@of_scipy("linalg")
def lu_factor(
    a: ArrayLike, overwrite_a: bool = False, check_finite: bool = True
) -> tuple[Array, Array]:
    triangles, _, swaps = _lu(_matrix("lu_factor", a))
    return triangles, swaps


@of_scipy("linalg")
def lu_solve(
    lu_and_piv: Any, b: ArrayLike, trans: int = 0, overwrite_b: bool = False,
    check_finite: bool = True,
) -> Array:  # fmt: skip
    demand_one_of("linalg.lu_solve", "trans", trans, (0, 1, 2))
    triangles, column = columns("lu_solve", lu_and_piv[0], b)
    order = swapped_rows(as_traced(lu_and_piv[1]), rows=triangles.shape[-1])
    lower = unit_lower(triangles)
    if not trans:
        half = solve_lower(lower, _in_order(column, order), transposed=False)
        return as_given(solve_upper(triangles, half), b)
    half = solve_upper(triangles, column, transposed=True)
    x = solve_lower(lower, half, transposed=True)
    return as_given(_in_order(x, np.argsort(order, axis=-1)), b)


@of_scipy("linalg")
def lu(
    a: ArrayLike, permute_l: bool = False, overwrite_a: bool = False,
    check_finite: bool = True, p_indices: bool = False,
) -> tuple[Array, ...]:  # fmt: skip
    a = _matrix("lu", a)
    triangles, order, _ = _lu(a)
    size = min(a.shape[-2:])
    left = np.tril(triangles[..., :size], -1) + np.eye(a.shape[-2], size, dtype=a.dtype)
    right = np.triu(triangles[..., :size, :])
    back = np.argsort(order, axis=-1)
    if permute_l:
        return _in_order(left, back), right
    if p_indices:
        return back.astype(np.int32), left, right
    return as_traced(np.eye(a.shape[-2], dtype=a.dtype))[back], left, right


# QR.


@of_scipy("linalg")
def qr(
    a: ArrayLike, overwrite_a: bool = False, lwork: int | None = None, mode: str = "full",
    pivoting: bool = False, check_finite: bool = True,
) -> tuple[Array, ...]:  # fmt: skip
    demand_one_of("linalg.qr", "mode", mode, ("full", "r", "economic", "raw"))
    if pivoting or mode == "raw":
        refuse(f"scipy.linalg.qr with {'pivoting=True' if pivoting else 'mode=raw'}")
    a = _matrix("qr", a)
    rows, width = a.shape[-2:]
    if mode == "full" and rows > width:
        refuse("scipy.linalg.qr with mode='full' of a matrix with more rows than columns")
    q, r = np.linalg.qr(a[..., :rows])
    if width > rows:
        r = np.concatenate([r, np.matmul(swap(q), a[..., rows:])], axis=-1)
    if mode == "r":
        if rows > width:
            zeros = np.zeros((*a.shape[:-2], rows - width, width), a.dtype)
            r = np.concatenate([r, zeros], axis=-2)
        return (r,)
    return q, r


@of_scipy("linalg")
def cholesky_banded(
    ab: ArrayLike, overwrite_ab: bool = False, lower: bool = False, check_finite: bool = True
) -> Array:
    """Return the factor of a dense copy: the cost is that of a dense matrix."""
    ab = floating(ab)
    if ab.ndim != 2:
        raise InputError(
            f"scipy.linalg.cholesky_banded{at(user_source())}: ab must be a matrix, got {ab.shape}"
        )
    rows, n = ab.shape
    dense: Any = np.zeros((n, n), ab.dtype)
    for i in range(min(rows, n)):
        diagonal = ab[i, : n - i] if lower else ab[rows - 1 - i, i:]
        dense = dense + np.diag(diagonal, -i)
    factor = np.linalg.cholesky(dense)
    diagonals = [np.diagonal(factor, -i) for i in range(min(rows, n))]
    zeros = [np.zeros(i, ab.dtype) for i in range(min(rows, n))]
    pairs = list(zip(diagonals, zeros, strict=True))
    if lower:
        return np.stack([np.concatenate([row, gap]) for row, gap in pairs])
    return np.stack([np.concatenate([gap, row]) for row, gap in pairs[::-1]])
