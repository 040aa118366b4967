"""Triangular matrices: the R of a QR decomposition, and systems with an upper triangle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Array
from steepest.ops.derivative_rules import Rule, Zero
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


def rows_of_block(columns: int) -> int:
    """Return how many rows of a tall matrix are factored at a time, beneath the factor so far."""
    return max(1 << 11, 16 * columns)


def is_tall(node: Node) -> bool:
    """Return whether a matrix is factored by blocks of its rows.

    They fit in a cache then, and can be read one after the other.
    """
    return _has_blocks(node.operands[0].shape)


def _has_blocks(shape: Shape) -> bool:
    return len(shape) == 2 and shape[0] >= 4 * rows_of_block(shape[1])


def _by_torch(t: Any, a: Any) -> Any:
    # Without Q it is faster, and has no slope by torch.autograd.
    return t.linalg.qr(a, "reduced" if a.requires_grad else "r").R


TRIANGLE = Row(
    name="triangle",
    evaluate=lambda a: np.linalg.qr(a, "r"),
    infer=_triangle_infer,
    derivative=Rule(_triangle_pullback, _triangle_pushforward),
    torch=_by_torch,
    lower=Kernel("triangle", in_lanes=is_small),
    domain=Domain(ENTRIES, (Case(((3, 3),), rising=5.0), Case(((2, 5, 3),), rising=5.0))),
    kink="none: at a matrix of lower rank the slope raises LinAlgError",
)
triangle = recorded(TRIANGLE)


def _in_blocks(
    factor: Callable[[Any], Any], concatenate: Callable[[list[Any]], Any], a: Any
) -> Any:
    """Return the triangle of a matrix, by blocks of its rows if it is tall."""
    if not _has_blocks(tuple(a.shape)):
        return factor(a)
    size = rows_of_block(a.shape[1])
    result = abs(0 * a[: a.shape[1]])  # no negative zero, which turns a sign
    for start in range(0, len(a), size):
        result = factor(concatenate([result, a[start : start + size]]))
    return result


FIT_TRIANGLE = Row(
    name="fit_triangle",
    evaluate=lambda a: _in_blocks(TRIANGLE.evaluate, np.concatenate, a),
    infer=_triangle_infer,
    derivative=Rule(_triangle_pullback, _triangle_pushforward),
    torch=lambda t, a: _in_blocks(lambda rows: _by_torch(t, rows), t.cat, a),
    lower=Kernel("fit_triangle", in_lanes=lambda node: is_small(node) and not is_tall(node)),
    domain=Domain(ENTRIES, (Case(((3, 3),), rising=5.0), Case(((2, 5, 3),), rising=5.0))),
    kink="none: at a matrix of lower rank the slope raises LinAlgError",
)
"""The triangle of the rows of a fit: for a tall matrix by blocks of rows, so that the rows of R
may have other signs than NumPy's."""
fit_triangle = recorded(FIT_TRIANGLE)


MORE_ROWS = Row(
    name="triangle_of_more_rows",
    evaluate=lambda r, a: np.linalg.qr(np.concatenate([r, a]), "r"),
    infer=lambda r, a: (r.shape, r.dtype),
    derivative=Zero(),
    torch="",
    lower=Kernel("triangle_of_more_rows"),
    domain=Domain(ENTRIES, (Case(((3, 3), (4, 3))),)),
)
"""The triangle of a triangle with further rows beneath. No function records it: an engine uses it
for rows that are read in blocks."""


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

ROWS: tuple[Row, ...] = (TRIANGLE, FIT_TRIANGLE, SOLVE_TRIANGLE)
