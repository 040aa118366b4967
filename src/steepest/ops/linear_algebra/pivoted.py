"""LU factorization: rows are exchanged by whole numbers, and the factors are then smooth.

Which rows are exchanged is an op of its own, without a slope. The factors are of a matrix whose
rows are in order already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Array, Tensor, Torch
from steepest.ops.derivative_rules import Rule, Zero
from steepest.ops.linear_algebra.factors import solve_lower
from steepest.ops.linear_algebra.matrices import ENTRIES, SQUARE_CASES, square, swap
from steepest.ops.machine_code import HOST
from steepest.ops.row import Case, Domain, Row, recorded

# Which rows are exchanged.


def _row_swaps(a: Any) -> np.ndarray:
    from scipy.linalg.lapack import get_lapack_funcs

    (getrf,) = get_lapack_funcs(("getrf",), (a,))
    result = np.empty((*a.shape[:-2], min(a.shape[-2:])), np.int32)
    for place in np.ndindex(*a.shape[:-2]):
        result[place] = getrf(a[place])[1]
    return result


ROW_SWAPS: Row = Row(
    name="row_swaps",
    evaluate=_row_swaps,
    infer=lambda a: ((*a.shape[:-2], min(a.shape[-2:])), np.dtype(np.int32)),
    derivative=Zero(),
    torch=lambda t, a: t.linalg.lu_factor(a).pivots - 1,
    lower=HOST,
    domain=Domain(ENTRIES, (*SQUARE_CASES, Case(((5, 3),)), Case(((2, 3, 4),))), smooth=False),
    kink="the exchanges of LAPACK's getrf; slope 0 everywhere",
)
row_swaps: Callable[..., Array] = recorded(ROW_SWAPS)


def _swapped_rows(swaps: Any, *, rows: int) -> np.ndarray:
    result = np.empty((*swaps.shape[:-1], rows), np.int64)
    for place in np.ndindex(*swaps.shape[:-1]):
        order = np.arange(rows)
        for i, other in enumerate(swaps[place] % rows):
            order[[i, other]] = order[[other, i]]
        result[place] = order
    return result


SWAPPED_ROWS: Row = Row(
    name="swapped_rows",
    evaluate=_swapped_rows,
    infer=lambda swaps, *, rows: ((*swaps.shape[:-1], rows), np.dtype(np.int64)),
    derivative=Zero(),
    torch=lambda t, swaps, *, rows: t.as_tensor(
        _swapped_rows(swaps.cpu().numpy(), rows=rows), device=swaps.device
    ),
    lower=HOST,
    domain=Domain(
        ("int",),
        (Case(((3,),), {"rows": 4}, {0: 4}), Case(((2, 3),), {"rows": 3}, {0: 3})),
        smooth=False,
    ),
    kink="the order of rows after exchanges",
)
swapped_rows: Callable[..., Array] = recorded(SWAPPED_ROWS)


# The factors, of which L has a diagonal of ones, in one matrix.


def _triangles(a: Any) -> np.ndarray:
    result = np.array(a)
    with np.errstate(all="ignore"):
        for k in range(a.shape[-1] - 1):
            result[..., k + 1 :, k] /= result[..., k, k, None]
            column, row = result[..., k + 1 :, k, None], result[..., k, None, k + 1 :]
            result[..., k + 1 :, k + 1 :] -= column * row
    return result


def unit_lower(triangles: Array) -> Array:
    """Return the factor L, with its ones."""
    return np.tril(triangles, -1) + np.eye(triangles.shape[-1], dtype=triangles.dtype)


def solve_upper(triangles: Array, b: Array, transposed: bool = False) -> Array:
    """Return the solution of a system with the upper triangle of a matrix."""
    return solve_lower(swap(triangles), b, transposed=not transposed)


def _pullback(cotangent: Array, y: Array, a: Array) -> tuple[Array, ...]:
    lower = unit_lower(y)
    to_lower = np.matmul(swap(lower), np.tril(cotangent, -1))
    to_upper = np.matmul(np.triu(cotangent), swap(np.triu(y)))
    inner = np.tril(to_lower, -1) + np.triu(to_upper)
    half = solve_lower(lower, inner, transposed=True)
    return (swap(solve_upper(y, swap(half))),)


def _pushforward(tangents: Sequence[Array], y: Array, a: Array) -> Array:
    lower = unit_lower(y)
    half = solve_lower(lower, tangents[0], transposed=False)
    inner = swap(solve_upper(y, swap(half), transposed=True))
    return np.matmul(lower, np.tril(inner, -1)) + np.matmul(np.triu(inner), np.triu(y))


def _torch_triangles(t: Torch, a: Tensor) -> Tensor:
    rows = list(a.unbind(-2))
    for k in range(len(rows) - 1):
        for i in range(k + 1, len(rows)):
            factor = rows[i][..., k, None] / rows[k][..., k, None]
            rest = rows[i][..., k + 1 :] - factor * rows[k][..., k + 1 :]
            rows[i] = t.cat([rows[i][..., :k], factor, rest], -1)
    return t.stack(rows, -2)


def _infer(a: Node) -> tuple[Shape, np.dtype]:
    return square(a)


TRIANGLES: Row = Row(
    name="lu_triangles",
    evaluate=_triangles,
    infer=_infer,
    derivative=Rule(_pullback, _pushforward),
    torch=_torch_triangles,
    lower=HOST,
    domain=Domain(ENTRIES, SQUARE_CASES, analytic=True),
    kink="none: a zero on the diagonal gives infinity or NaN",
)
lu_triangles: Callable[..., Array] = recorded(TRIANGLES)

ROWS: tuple[Row, ...] = (ROW_SWAPS, SWAPPED_ROWS, TRIANGLES)
