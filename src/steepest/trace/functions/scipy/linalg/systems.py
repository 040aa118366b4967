"""Systems of linear equations, inverses and determinants, as `scipy.linalg` has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops import TABLE
from steepest.ops.linear_algebra.equations import solve_band
from steepest.ops.linear_algebra.factors import solve_lower
from steepest.ops.linear_algebra.matrices import from_lower, swap
from steepest.trace.arrays.array import as_traced, record
from steepest.trace.arrays.refusals import refuse
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.registry import (
    demand_one_of,
    floating,
    floats,
    of_scipy,
    square_matrix,
)

STRUCTURES = (
    None, "general", "gen", "diagonal", "tridiagonal", "banded", "upper triangular",
    "lower triangular", "pos", "positive definite", "sym", "symmetric", "her", "hermitian",
)  # fmt: skip
"""Values of the argument ``assume_a``."""


def columns(name: str, a: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
    """Return a square matrix, and the right-hand sides of a system as columns."""
    a, b = floats(square_matrix(name, a), b)
    if not b.ndim:
        b = np.reshape(b, (1,))
    column = b[:, None] if b.ndim == 1 else b
    if column.shape[-2] != a.shape[-1]:
        raise InputError(
            f"scipy.linalg.{name}{at(user_source())}: shapes {a.shape} and {b.shape} do not fit"
        )
    return a, column


def as_given(x: Array, b: ArrayLike) -> Array:
    """Return solutions as a vector, if the right-hand side was one."""
    return x[..., 0] if as_traced(b).ndim < 2 else x


def _assumed(a: Array, structure: str | None, lower: bool) -> Array:
    """Return the matrix that a structure reads from an array."""
    if structure in ("sym", "symmetric", "her", "hermitian", "pos", "positive definite"):
        return from_lower(a) if lower else from_lower(swap(a))
    if structure == "diagonal":
        return np.tril(np.triu(a))
    if structure == "tridiagonal":
        return np.tril(np.triu(a, -1), 1)
    return a


@of_scipy("linalg")
def solve(
    a: ArrayLike, b: ArrayLike, lower: bool = False, overwrite_a: bool = False,
    overwrite_b: bool = False, check_finite: bool = True, assume_a: str | None = None,
    transposed: bool = False,
) -> Array:  # fmt: skip
    demand_one_of("linalg.solve", "assume_a", assume_a, STRUCTURES)
    a, column = columns("solve", a, b)
    if assume_a in ("upper triangular", "lower triangular"):
        x = _with_triangle(a, column, assume_a == "lower triangular", transposed)
    elif assume_a in ("pos", "positive definite"):
        x = with_factor(np.linalg.cholesky(_assumed(a, assume_a, lower)), column)
    else:
        a = _assumed(a, assume_a, lower)
        x = np.linalg.solve(swap(a) if transposed else a, column)
    return as_given(x, b)


def _with_triangle(a: Array, column: Array, lower: bool, transposed: bool) -> Array:
    if lower:
        return solve_lower(a, column, transposed=transposed)
    return solve_lower(swap(a), column, transposed=not transposed)


def with_factor(factor: Array, column: Array) -> Array:
    """Return the solution of a system whose matrix has a lower Cholesky factor."""
    return solve_lower(factor, solve_lower(factor, column, transposed=False), transposed=True)


@of_scipy("linalg")
def solve_triangular(
    a: ArrayLike, b: ArrayLike, trans: int | str = 0, lower: bool = False,
    unit_diagonal: bool = False, overwrite_b: bool = False, check_finite: bool = True,
) -> Array:  # fmt: skip
    demand_one_of("linalg.solve_triangular", "trans", trans, (0, 1, 2, "N", "T", "C"))
    a, column = columns("solve_triangular", a, b)
    if unit_diagonal:
        eye = np.eye(a.shape[-1], dtype=a.dtype)
        a = np.where(eye != 0, eye, a)
    return as_given(_with_triangle(a, column, lower, trans not in (0, "N")), b)


@of_scipy("linalg")
def inv(
    a: ArrayLike, overwrite_a: bool = False, check_finite: bool = True, *,
    assume_a: str | None = None, lower: bool = False,
) -> Array:  # fmt: skip
    demand_one_of("linalg.inv", "assume_a", assume_a, STRUCTURES)
    a = square_matrix("inv", a)
    if assume_a == "upper triangular":
        a = np.triu(a)
    elif assume_a == "lower triangular":
        a = np.tril(a)
    return np.linalg.inv(_assumed(a, assume_a, lower))


@of_scipy("linalg")
def det(a: ArrayLike, overwrite_a: bool = False, check_finite: bool = True) -> Array:
    return np.linalg.det(square_matrix("det", a))


@of_scipy("linalg")
def pinv(
    a: ArrayLike, *, atol: float | None = None, rtol: float | None = None,
    return_rank: bool = False, check_finite: bool = True,
) -> Array:  # fmt: skip
    a = floating(a)
    if atol:
        refuse("scipy.linalg.pinv with atol=")
    rtol = max(a.shape[-2:]) * float(np.finfo(a.dtype).eps) if rtol is None else float(rtol)
    inverse = record(TABLE["pinv"], a, rcond=rtol)
    if not return_rank:
        return inverse
    values = np.linalg.svdvals(a)
    return inverse, np.sum(values > rtol * np.max(values, axis=-1, keepdims=True), axis=-1)


@of_scipy("linalg")
def lstsq(
    a: ArrayLike, b: ArrayLike, cond: float | None = None, overwrite_a: bool = False,
    overwrite_b: bool = False, check_finite: bool = True, lapack_driver: str | None = None,
) -> tuple[Any, ...]:  # fmt: skip
    a, b = floats(a, b)
    cond = float(np.finfo(a.dtype).eps) if cond is None else float(cond)
    if a.ndim != 2 or b.ndim not in (1, 2) or a.shape[0] != b.shape[0]:
        raise InputError(
            f"scipy.linalg.lstsq{at(user_source())}: shapes {a.shape} and {b.shape} do not fit"
        )
    x = np.matmul(record(TABLE["pinv"], a, rcond=cond), b)
    values = np.linalg.svdvals(a)
    rank = np.sum(values > cond * values[0]).astype(np.int32)
    if lapack_driver == "gelsy":
        return x, as_traced(np.empty(0, a.dtype)), rank, None
    rows, width = a.shape
    if rows > width and bool(np.equal(rank, width)):  # which becomes a guard
        return x, np.sum(np.square(b - np.matmul(a, x)), axis=0), rank, values
    return x, as_traced(np.empty(0, a.dtype)), rank, values


@of_scipy("linalg")
def norm(
    a: ArrayLike, ord: Any = None, axis: Any = None, keepdims: bool = False,
    check_finite: bool = True,
) -> Array:  # fmt: skip
    return np.linalg.norm(floating(a), ord, axis, keepdims)


@of_scipy("linalg")
def solve_banded(
    l_and_u: Any, ab: ArrayLike, b: ArrayLike, overwrite_ab: bool = False,
    overwrite_b: bool = False, check_finite: bool = True,
) -> Array:  # fmt: skip
    below, above = map(int, l_and_u)
    ab, column = _band(ab, b)
    if ab.shape[0] != below + above + 1:
        raise InputError(
            f"scipy.linalg.solve_banded{at(user_source())}: {below} diagonals below and {above} "
            f"above make {below + above + 1} rows, got {ab.shape[0]}"
        )
    return as_given(solve_band(ab, column, below=below), b)


def _band(ab: ArrayLike, b: ArrayLike) -> tuple[Array, Array]:
    ab, right = floats(ab, b)
    if ab.ndim != 2 or right.ndim not in (1, 2) or ab.shape[1] != right.shape[0]:
        refuse(f"a banded system of shapes {ab.shape} and {right.shape}")
    return ab, right[:, None] if right.ndim == 1 else right


@of_scipy("linalg")
def solveh_banded(
    ab: ArrayLike, b: ArrayLike, overwrite_ab: bool = False, overwrite_b: bool = False,
    lower: bool = False, check_finite: bool = True,
) -> Array:  # fmt: skip
    ab, column = _band(ab, b)
    below = ab.shape[0] - 1
    n = ab.shape[1]
    diagonals = [ab[i, : n - i] if lower else ab[below - i, i:] for i in range(below + 1)]
    rows = [np.concatenate([np.zeros(i, ab.dtype), row]) for i, row in enumerate(diagonals)]
    rows = rows[:0:-1] + [
        np.concatenate([row, np.zeros(i, ab.dtype)]) for i, row in enumerate(diagonals)
    ]
    return as_given(solve_band(np.stack(rows), column, below=below, definite=True), b)
