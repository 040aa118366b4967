"""Systems with a Cholesky factor, and inverses.

Derivatives of other ops use these ops. Rewriting uses them for a system whose matrix is known to
be triangular, or has been factored already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Array, Tensor, Torch
from steepest.ops.derivative_rules import Rule
from steepest.ops.linear_algebra.lower_part import lower_part
from steepest.ops.linear_algebra.matrices import (
    ENTRIES,
    SQUARE_CASES,
    from_lower,
    square,
    swap,
)
from steepest.ops.machine_code import Kernel
from steepest.ops.row import Case, Domain, Row, recorded

SINGULAR = "Singular matrix"

SYSTEMS = (
    Case(((3, 3), (3, 2)), diagonal=7.0),
    Case(((2, 4, 4), (2, 4, 1)), diagonal=9.0),
)


def solve_infer(a: Node, b: Node, **_: Any) -> tuple[Shape, np.dtype]:
    """Return shape and dtype of the solution of a system."""
    square(a)
    if b.ndim < 2 or a.shape[-1] != b.shape[-2]:
        raise ValueError(f"solve: shapes {a.shape} and {b.shape} do not fit")
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return (*batch, *b.shape[-2:]), a.dtype


def outer(left: Array, right: Array) -> Array:
    """Return ``left @ right.T`` of matrices; columns multiply without a loop of their own."""
    return left * swap(right) if left.shape[-1] == 1 else np.matmul(left, swap(right))


# A system with a lower triangle, the only one that is read.


def _solve_lower(lower: Array, b: Array, *, transposed: bool) -> Array:
    lower = np.tril(lower)
    return np.linalg.solve(swap(lower) if transposed else lower, b)


def _solve_lower_pullback(
    cotangent: Array, x: Array, lower: Array, b: Array, *, transposed: bool
) -> tuple[Array, ...]:
    to_b = solve_lower(lower, cotangent, transposed=not transposed)
    return -lower_part(outer(x, to_b) if transposed else outer(to_b, x)), to_b


def _solve_lower_pushforward(
    tangents: Sequence[Array], x: Array, lower: Array, b: Array, *, transposed: bool
) -> Array:
    change = lower_part(tangents[0])
    change = np.matmul(swap(change) if transposed else change, x)
    return solve_lower(lower, tangents[1] - change, transposed=transposed)


def _torch_solve_lower(t: Torch, lower: Tensor, b: Tensor, *, transposed: bool) -> Tensor:
    lower = t.tril(lower)
    return t.linalg.solve_triangular(lower.mT if transposed else lower, b, upper=transposed)


SOLVE_LOWER: Row = Row(
    name="solve_lower",
    evaluate=_solve_lower,
    infer=solve_infer,
    derivative=Rule(_solve_lower_pullback, _solve_lower_pushforward),
    torch=_torch_solve_lower,
    lower=Kernel("solve_lower", in_registers=True, may_raise=True, failure=SINGULAR),
    domain=Domain(
        ENTRIES,
        tuple(
            Case(case.shapes, {"transposed": transposed}, diagonal=case.diagonal)
            for case in SYSTEMS
            for transposed in (False, True)
        ),
        analytic=True,
    ),
    kink="none: a zero on the diagonal raises LinAlgError",
)
solve_lower: Callable[..., Array] = recorded(SOLVE_LOWER)


# The inverse of a positive definite matrix from its Cholesky factor.


def _positive_inverse(lower: Array) -> Array:
    inverse = np.linalg.inv(np.tril(lower))
    return np.tril(np.matmul(swap(inverse), inverse))


def _positive_inverse_pullback(cotangent: Array, y: Array, lower: Array) -> tuple[Array, ...]:
    whole = from_lower(y)
    change = np.matmul(np.matmul(whole, lower_part(cotangent)), whole)
    return (-lower_part(np.matmul(change + swap(change), lower_part(lower))),)


def _positive_inverse_pushforward(tangents: Sequence[Array], y: Array, lower: Array) -> Array:
    whole = from_lower(y)
    half = np.matmul(lower_part(tangents[0]), swap(lower_part(lower)))
    return -lower_part(np.matmul(np.matmul(whole, half + swap(half)), whole))


POSITIVE_INVERSE: Row = Row(
    name="positive_inverse",
    evaluate=_positive_inverse,
    infer=square,
    derivative=Rule(_positive_inverse_pullback, _positive_inverse_pushforward),
    torch=lambda t, lower: t.tril(t.cholesky_inverse(t.tril(lower))),
    lower=Kernel("positive_inverse", may_raise=True, failure=SINGULAR),
    domain=Domain(ENTRIES, SQUARE_CASES),
    kink="the lower triangle of the inverse, from the lower triangle of the factor",
)
positive_inverse: Callable[..., Array] = recorded(POSITIVE_INVERSE)


# A system whose matrix has been factored, too.


def _solve_positive_pullback(
    cotangent: Array, x: Array, a: Array, lower: Array, b: Array
) -> tuple[Array, ...]:
    to_b = solve_positive(swap(a), lower, cotangent)
    return -outer(to_b, x), np.zeros_like(lower), to_b


def _solve_positive_pushforward(
    tangents: Sequence[Array], x: Array, a: Array, lower: Array, b: Array
) -> Array:
    return solve_positive(a, lower, tangents[2] - np.matmul(tangents[0], x))


SOLVE_POSITIVE: Row = Row(
    name="solve_positive",
    evaluate=lambda a, lower, b: np.linalg.solve(a, b),
    infer=lambda a, lower, b: solve_infer(a, b),
    derivative=Rule(_solve_positive_pullback, _solve_positive_pushforward),
    torch=lambda t, a, lower, b: t.linalg.solve(a, b) + 0 * t.sum(lower),
    lower=Kernel("solve_positive", may_raise=True, failure=SINGULAR),
    domain=Domain(
        ENTRIES,
        (
            Case(((3, 3), (3, 3), (3, 2)), diagonal=7.0),
            Case(((2, 4, 4), (2, 4, 4), (2, 4, 1)), diagonal=9.0),
        ),
        agree=lambda a, lower, b: (a, np.linalg.cholesky(a).astype(a.dtype), b),
    ),
    kink="the Cholesky factor is used if the matrix is symmetric",
)
solve_positive: Callable[..., Array] = recorded(SOLVE_POSITIVE)


# Inverses.


def _inverse_pullback(cotangent: Array, y: Array, a: Array) -> tuple[Array, ...]:
    return (-np.matmul(np.matmul(swap(y), cotangent), swap(y)),)


def _inverse_pushforward(tangents: Sequence[Array], y: Array, a: Array) -> Array:
    return -np.matmul(np.matmul(y, tangents[0]), y)


INVERSE: Row = Row(
    name="inverse",
    evaluate=np.linalg.inv,
    infer=square,
    derivative=Rule(_inverse_pullback, _inverse_pushforward),
    torch=lambda t, a: t.linalg.inv(a),
    lower=Kernel("inverse", in_registers=True, may_raise=True, failure=SINGULAR),
    domain=Domain(ENTRIES, SQUARE_CASES, analytic=True),
    kink="none: a singular matrix raises LinAlgError",
)
inverse: Callable[..., Array] = recorded(INVERSE)

ROWS: tuple[Row, ...] = (SOLVE_LOWER, POSITIVE_INVERSE, SOLVE_POSITIVE, INVERSE)
