"""Linear equations of a form of their own: Sylvester's, and systems with a banded matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Array, Tensor, Torch
from steepest.ops.derivative_rules import Rule
from steepest.ops.linear_algebra.matrices import ENTRIES, swap
from steepest.ops.machine_code import HOST
from steepest.ops.row import Case, Domain, Row, recorded

# Sylvester's equation, a @ x + x @ b = q.


def _sylvester(a: Any, b: Any, q: Any) -> np.ndarray:
    from scipy.linalg import solve_sylvester

    result: np.ndarray = np.empty_like(q)
    for place in np.ndindex(*q.shape[:-2]):
        result[place] = solve_sylvester(a[place], b[place], q[place])
    return result


def _sylvester_infer(a: Node, b: Node, q: Node) -> tuple[Shape, np.dtype]:
    if a.shape[-1] != q.shape[-2] or b.shape[-1] != q.shape[-1]:
        raise ValueError(f"sylvester: shapes {a.shape}, {b.shape} and {q.shape} do not fit")
    return q.shape, q.dtype


def _sylvester_pullback(
    cotangent: Array, x: Array, a: Array, b: Array, q: Array
) -> tuple[Array, ...]:
    to_q = sylvester(swap(a), swap(b), cotangent)
    return -np.matmul(to_q, swap(x)), -np.matmul(swap(x), to_q), to_q


def _sylvester_pushforward(
    tangents: Sequence[Array], x: Array, a: Array, b: Array, q: Array
) -> Array:
    ta, tb, tq = tangents
    return sylvester(a, b, tq - np.matmul(ta, x) - np.matmul(x, tb))


def _torch_sylvester(t: Torch, a: Tensor, b: Tensor, q: Tensor) -> Tensor:
    m, n = q.shape[-2:]
    left = a[..., :, None, :, None] * t.eye(n, dtype=q.dtype, device=q.device)[:, None, :]
    right = (
        t.eye(m, dtype=q.dtype, device=q.device)[:, None, :, None] * b.mT[..., None, :, None, :]
    )
    whole = (left + right).reshape(*q.shape[:-2], m * n, m * n)
    return t.linalg.solve(whole, q.reshape(*q.shape[:-2], m * n)).reshape(q.shape)


SYLVESTER: Row = Row(
    name="sylvester",
    evaluate=_sylvester,
    infer=_sylvester_infer,
    derivative=Rule(_sylvester_pullback, _sylvester_pushforward),
    torch=_torch_sylvester,
    lower=HOST,
    domain=Domain(
        ENTRIES,
        (
            Case(((3, 3), (2, 2), (3, 2)), diagonal=9.0),
            Case(((2, 2, 2), (2, 3, 3), (2, 2, 3)), diagonal=9.0),
        ),
    ),
    kink="none: matrices with opposite eigenvalues raise LinAlgError",
)
sylvester: Callable[..., Array] = recorded(SYLVESTER)


# Systems with a banded matrix, in LAPACK's storage: diagonals as rows, the highest first.


def _solve_band(band: Any, b: Any, *, below: int, definite: bool = False) -> np.ndarray:
    from scipy.linalg import cholesky_banded, solve_banded

    if definite:  # or it raises LinAlgError
        cholesky_banded(band[below:], lower=True)
    result: np.ndarray = solve_banded((below, len(band) - 1 - below), band, b)
    return result


def _band_infer(band: Node, b: Node, *, below: int, **_: bool) -> tuple[Shape, np.dtype]:
    if band.ndim != 2 or b.ndim != 2 or band.shape[1] != b.shape[0]:
        raise ValueError(f"solve_band: shapes {band.shape} and {b.shape} do not fit")
    return b.shape, b.dtype


def _moved(row: Array, by: int) -> Array:
    """Return a row whose elements are moved to the right, with zeros at the free end."""
    zeros = np.zeros(min(abs(by), row.size), row.dtype)
    if by >= 0:
        return np.concatenate([zeros, row[: max(row.size - by, 0)]])
    return np.concatenate([row[min(-by, row.size) :], zeros])


def transposed_band(band: Array, below: int) -> Array:
    """Return the storage of the transposed matrix."""
    above = band.shape[0] - 1 - below
    rows = [_moved(band[above - offset], -offset) for offset in range(above, -below - 1, -1)]
    return np.stack(rows[::-1])


def _products(left: Array, right: Array, rows: int, below: int) -> Array:
    """Return the band of the product of one matrix with another's transpose."""
    above = rows - 1 - below
    stack = []
    for offset in range(above, -below - 1, -1):  # column less row
        size = left.shape[0] - abs(offset)
        if size <= 0:
            stack.append(np.zeros_like(left[:, 0]))
            continue
        first, second = max(-offset, 0), max(offset, 0)
        inner = np.sum(left[first : first + size] * right[second : second + size], axis=1)
        zeros = np.zeros(abs(offset), left.dtype)
        stack.append(np.concatenate([zeros, inner] if offset >= 0 else [inner, zeros]))
    return np.stack(stack)


def _band_pullback(
    cotangent: Array, x: Array, band: Array, b: Array, *, below: int, **_: bool
) -> tuple[Array, ...]:
    above = band.shape[0] - 1 - below
    to_b = solve_band(transposed_band(band, below), cotangent, below=above)
    return -_products(to_b, x, band.shape[0], below), to_b


def _times(band: Array, x: Array, below: int) -> Array:
    """Return the product of a banded matrix with another."""
    above, total = band.shape[0] - 1 - below, np.zeros_like(x)
    for offset in range(above, -below - 1, -1):
        size = x.shape[0] - abs(offset)
        if size > 0:
            first, second = max(-offset, 0), max(offset, 0)
            part = band[above - offset, second : second + size, None] * x[second : second + size]
            total = total + np.pad(part, ((first, x.shape[0] - first - size), (0, 0)))
    return total


def _band_pushforward(
    tangents: Sequence[Array], x: Array, band: Array, b: Array, *, below: int, **_: bool
) -> Array:
    return solve_band(band, tangents[1] - _times(tangents[0], x, below), below=below)


def _torch_solve_band(
    t: Torch, band: Tensor, b: Tensor, *, below: int, definite: bool = False
) -> Tensor:
    n, above = b.shape[0], band.shape[0] - 1 - below
    whole = t.zeros((n, n), dtype=b.dtype, device=b.device)
    for offset in range(max(-below, 1 - n), min(above, n - 1) + 1):
        row = band[above - offset]
        whole = whole + t.diag(row[offset:] if offset >= 0 else row[:offset], offset)
    if definite:  # or it raises an error
        t.linalg.cholesky(whole)
    return t.linalg.solve(whole, b)


SOLVE_BAND: Row = Row(
    name="solve_band",
    evaluate=_solve_band,
    infer=_band_infer,
    derivative=Rule(_band_pullback, _band_pushforward),
    torch=_torch_solve_band,
    lower=HOST,
    domain=Domain(
        ENTRIES,
        tuple(
            Case(((rows, 6), (6, 2)), {"below": below})
            for rows, below in ((3, 1), (4, 1), (3, 2), (2, 0))
        ),
        agree=lambda band, b: (
            band + band.dtype.type(20) * (np.arange(len(band)) == len(band) // 2)[:, None],
            b,
        ),
    ),
    kink="none: a singular matrix raises LinAlgError",
)
solve_band: Callable[..., Array] = recorded(SOLVE_BAND)

ROWS: tuple[Row, ...] = (SYLVESTER, SOLVE_BAND)
