"""Systems with a sparse matrix, given by its entries and their places; the factor is kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Array, Tensor, Torch
from steepest.ops.arrays.gather import add_at
from steepest.ops.derivative_rules import Rule
from steepest.ops.machine_code import HOST
from steepest.ops.row import Case, Domain, Row, recorded

_KEPT = 8
"""So many factors are kept, of the matrices that were solved with last."""

_factors: OrderedDict[tuple[bytes, ...], Any] = OrderedDict()


def _factor(data: np.ndarray, rows: np.ndarray, columns: np.ndarray, size: int) -> Any:
    """Return SciPy's LU factors of a matrix, which are computed once."""
    key = (data.tobytes(), rows.tobytes(), columns.tobytes())
    found = _factors.get(key)
    if found is None:
        from scipy.sparse import csc_matrix
        from scipy.sparse.linalg import splu

        found = splu(csc_matrix((data, (rows, columns)), shape=(size, size)))
        _factors[key] = found
        while len(_factors) > _KEPT:
            _factors.popitem(last=False)
    _factors.move_to_end(key)
    return found


def _sparse_solve(data: Any, rows: Any, columns: Any, b: Any, *, transposed: bool) -> np.ndarray:
    double = data.astype(np.float64)
    try:
        factor = _factor(double, np.ascontiguousarray(rows), np.ascontiguousarray(columns), len(b))
    except RuntimeError:  # singular: NaN, as from SciPy's spsolve
        return np.full_like(b, np.nan)
    x: np.ndarray = factor.solve(b.astype(np.float64), "T" if transposed else "N")
    return x.astype(b.dtype)


def _infer(data: Node, rows: Node, columns: Node, b: Node, **_: bool) -> tuple[Shape, np.dtype]:
    if not data.shape == rows.shape == columns.shape or data.ndim != 1 or b.ndim != 2:
        raise ValueError(f"sparse_solve: {data}, {rows}, {columns} and {b} do not fit")
    return b.shape, b.dtype


def add_rows(values: Array, rows: Array, number: int) -> Array:
    """Return sums of the rows of a matrix by the place that each belongs to."""
    return add_at(values, rows, shape=(number, values.shape[1]))


def _pullback(
    cotangent: Array, x: Array, data: Array, rows: Array, columns: Array, b: Array, *,
    transposed: bool,
) -> tuple[Array, ...]:  # fmt: skip
    to_b = sparse_solve(data, rows, columns, cotangent, transposed=not transposed)
    left, right = (columns, rows) if transposed else (rows, columns)
    to_data = -np.sum(to_b[left] * x[right], axis=1)
    return to_data, np.zeros_like(rows), np.zeros_like(columns), to_b


def _pushforward(
    tangents: Sequence[Array], x: Array, data: Array, rows: Array, columns: Array, b: Array, *,
    transposed: bool,
) -> Array:  # fmt: skip
    left, right = (columns, rows) if transposed else (rows, columns)
    moved = add_rows(tangents[0][:, None] * x[right], left, x.shape[0])
    return sparse_solve(data, rows, columns, tangents[3] - moved, transposed=transposed)


def _in_torch(
    t: Torch, data: Tensor, rows: Tensor, columns: Tensor, b: Tensor, *, transposed: bool
) -> Tensor:
    zeros = t.zeros((b.shape[0], b.shape[0]), dtype=data.dtype, device=data.device)
    whole = zeros.index_put((rows, columns), data, accumulate=True)
    return t.linalg.solve(whole.mT if transposed else whole, b.to(data.dtype)).to(b.dtype)


_PLACES = (np.array([0, 1, 2, 0, 2, 0]), np.array([0, 1, 2, 1, 0, 1]))

SPARSE_SOLVE: Row = Row(
    name="sparse_solve",
    evaluate=_sparse_solve,
    infer=_infer,
    derivative=Rule(_pullback, _pushforward),
    torch=_in_torch,
    lower=HOST,
    domain=Domain(
        ((-3.0, 3.0), "int", "int", (-3.0, 3.0)),
        tuple(
            Case(((6,), (6,), (6,), (3, 2)), {"transposed": transposed})
            for transposed in (False, True)
        ),
        agree=lambda data, rows, columns, b: (
            (data + 7 * np.array([1, 1, 1, 0, 0, 0])).astype(data.dtype), *_PLACES, b,
        ),
    ),
    kink="NaN where the matrix is singular",
    explain="the sparse matrix is singular",
)  # fmt: skip
sparse_solve: Callable[..., Array] = recorded(SPARSE_SOLVE)

ROWS: tuple[Row, ...] = (SPARSE_SOLVE,)
