"""Eigenvalues and singular values, as `scipy.linalg` has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops.linear_algebra.factors import solve_lower
from steepest.ops.linear_algebra.matrices import from_lower, swap
from steepest.ops.linear_algebra.spectral import eigh_parts, svd_parts
from steepest.trace.arrays.refusals import refuse
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.registry import (
    demand_one_of,
    floating,
    of_scipy,
    square_matrix,
)


@of_scipy("linalg")
def svd(
    a: ArrayLike, full_matrices: bool = True, compute_uv: bool = True,
    overwrite_a: bool = False, check_finite: bool = True, lapack_driver: str = "gesdd",
) -> Any:  # fmt: skip
    a = floating(a)
    u, s, vh = svd_parts(a)
    if not compute_uv:
        return s
    if full_matrices and a.shape[-1] != a.shape[-2]:
        refuse("scipy.linalg.svd with full_matrices=True of a matrix that is not square")
    return u, s, vh


@of_scipy("linalg")
def svdvals(a: ArrayLike, overwrite_a: bool = False, check_finite: bool = True) -> Array:
    return svd_parts(floating(a))[1]


@of_scipy("linalg")
def eigh(
    a: ArrayLike, b: ArrayLike = None, *, lower: bool = True, eigvals_only: bool = False,
    overwrite_a: bool = False, overwrite_b: bool = False, type: int = 1,
    check_finite: bool = True, subset_by_index: Any = None, subset_by_value: Any = None,
    driver: str | None = None,
) -> Any:  # fmt: skip
    if subset_by_value is not None:
        refuse("scipy.linalg.eigh with subset_by_value=")
    demand_one_of("linalg.eigh", "type", type, (1, 2, 3))
    a = square_matrix("eigh", a)
    w, v = eigh_parts(a, upper=not lower) if b is None else _generalized(a, b, lower, type)
    if subset_by_index is not None:
        first, last = map(int, subset_by_index)
        if not 0 <= first <= last < a.shape[-1]:
            raise InputError(
                f"scipy.linalg.eigh{at(user_source())}: subset_by_index={subset_by_index!r} must "
                f"be two of the numbers 0 to {a.shape[-1] - 1}, in order"
            )
        w, v = w[..., first : last + 1], v[..., first : last + 1]
    return w if eigvals_only else (w, v)


def _generalized(a: Array, b: ArrayLike, lower: bool, kind: int) -> tuple[Array, Array]:
    """Solve a v = w b v (kind 1), a b v = w v (2) or b a v = w v (3) by b's Cholesky factor."""
    a = from_lower(a if lower else swap(a))
    b = square_matrix("eigh", b)
    factor = np.linalg.cholesky(b if lower else swap(b))
    if kind == 1:
        half = solve_lower(factor, a, transposed=False)
        inner = solve_lower(factor, swap(half), transposed=False)
    else:
        inner = np.matmul(np.matmul(swap(factor), a), factor)
    w, y = eigh_parts(0.5 * (inner + swap(inner)))
    v = np.matmul(factor, y) if kind == 3 else solve_lower(factor, y, transposed=True)
    return w, v


@of_scipy("linalg")
def eigvalsh(
    a: ArrayLike, b: ArrayLike = None, *, lower: bool = True, overwrite_a: bool = False,
    overwrite_b: bool = False, type: int = 1, check_finite: bool = True,
    subset_by_index: Any = None, subset_by_value: Any = None, driver: str | None = None,
) -> Array:  # fmt: skip
    return eigh(
        a, b, lower=lower, eigvals_only=True, type=type, subset_by_index=subset_by_index,
        subset_by_value=subset_by_value,
    )  # fmt: skip
