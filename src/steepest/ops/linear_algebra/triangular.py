"""Triangular matrices: the R of a QR decomposition, and systems with an upper triangle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Array
from steepest.ops.derivative_rules import Rule
from steepest.ops.linear_algebra.factors import solve_infer
from steepest.ops.linear_algebra.matrices import ENTRIES, from_lower, swap
from steepest.ops.machine_code import Kernel
from steepest.ops.row import Case, Domain, Row, recorded

# The triangle of a QR decomposition.


def _triangle_infer(a: Node) -> tuple[Shape, np.dtype]:
    if a.ndim < 2 or a.shape[-2] < a.shape[-1]:
        raise ValueError(f"triangle needs at least as many rows as columns, got {a.shape}")
    return (*a.shape[:-2], a.shape[-1], a.shape[-1]), a.dtype


def _right_divided(a: Array, r: Array) -> Array:
    """Return ``a @ inv(r)``."""
    return swap(np.linalg.solve(swap(r), swap(a)))


def _triangle_pullback(cotangent: Array, r: Array, a: Array) -> tuple[Array, ...]:
    m = np.matmul(r, swap(np.triu(cotangent)))
    symmetric = from_lower(m)
    q = _right_divided(a, r)
    return (_right_divided(np.matmul(q, symmetric), swap(r)),)


def _triangle_pushforward(tangents: Sequence[Array], r: Array, a: Array) -> Array:
    q = _right_divided(a, r)
    c = np.matmul(swap(q), _right_divided(tangents[0], r))
    below = np.tril(c, -1)
    return np.matmul(c - below + swap(below), r)


SMALL = 200_000
"""Largest number of multiplications for which the engine's own loops factor a matrix."""


def is_small(node: Node) -> bool:
    """Return whether the engine's own loops factor a matrix."""
    return node.operands[0].size * node.shape[-1] <= SMALL


TRIANGLE = Row(
    name="triangle",
    evaluate=lambda a: np.linalg.qr(a, "r"),
    infer=_triangle_infer,
    derivative=Rule(_triangle_pullback, _triangle_pushforward),
    torch=lambda t, a: t.linalg.qr(a).R,
    lower=Kernel("triangle", in_lanes=is_small),
    domain=Domain(ENTRIES, (Case(((3, 3),), rising=5.0), Case(((2, 5, 3),), rising=5.0))),
    kink="none: at a matrix of lower rank the slope raises LinAlgError",
)
triangle = recorded(TRIANGLE)


# Systems with an upper triangle.


def _solve_triangle(r: Any, b: Any) -> np.ndarray:
    from scipy.linalg import get_blas_funcs

    (trsm,) = get_blas_funcs(("trsm",), (r, b))
    batch = np.broadcast_shapes(r.shape[:-2], b.shape[:-2])
    rs = np.broadcast_to(r, (*batch, *r.shape[-2:]))
    bs = np.broadcast_to(b, (*batch, *b.shape[-2:]))
    result = np.empty(bs.shape, np.result_type(r, b))
    for place in np.ndindex(*batch):
        result[place] = trsm(1.0, rs[place], bs[place])
    return result


def _solve_triangle_pullback(cotangent: Array, x: Array, r: Array, b: Array) -> tuple[Array, ...]:
    to_b = np.linalg.solve(swap(np.triu(r)), cotangent)
    return -np.triu(np.matmul(to_b, swap(x))), to_b


def _solve_triangle_pushforward(tangents: Sequence[Array], x: Array, r: Array, b: Array) -> Array:
    return solve_triangle(r, tangents[1] - np.matmul(np.triu(tangents[0]), x))


SOLVE_TRIANGLE = Row(
    name="solve_triangle",
    evaluate=_solve_triangle,
    infer=solve_infer,
    derivative=Rule(_solve_triangle_pullback, _solve_triangle_pushforward),
    torch=lambda t, r, b: t.linalg.solve_triangular(r, b, upper=True),
    lower=Kernel("solve_triangle", in_lanes=True),
    domain=Domain(
        ENTRIES,
        (
            Case(((3, 3), (3, 2)), diagonal=7.0),
            Case(((2, 4, 4), (2, 4, 1)), diagonal=9.0),
        ),
    ),
    kink="none: a zero on the diagonal gives infinity or NaN",
)
solve_triangle = recorded(SOLVE_TRIANGLE)

ROWS: tuple[Row, ...] = (TRIANGLE, SOLVE_TRIANGLE)
