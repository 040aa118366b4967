"""Positive definite Hessians for quadratic programs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from steepest.ops.linear_algebra.spectral import eigh_parts
from steepest.ops.linear_algebra.triangular import solve_triangle
from steepest.trace import cond, while_loop

_SMALLEST = 1e-8
"""Smallest eigenvalue that counts as positive, as a fraction of the largest."""

_LARGE = 12
"""Number of parameters from which on LAPACK's eigenvalues take less time than a loop."""

_MOST_SHIFTS = 4
"""How many multiples of the rows' Gram matrix are tried."""

_FIRM = 1e6
"""Multiple of the rows' Gram matrix, in units of the Hessian, that keeps a direction on them."""

_BENT = 1e-4
"""Smallest negative curvature, as a fraction of the largest eigenvalue, that counts as such."""


class Convex(NamedTuple):
    """A positive definite matrix, and a square root of its inverse.

    Attributes
    ----------
    hessian, basis
        The matrix H and J with ``J J' H = 1``, both of shape (n, n).
    along
        The unit vector on the null space of the rows along which the Hessian was most negative,
        shape (n,); zeros if it was so along none.
    """

    hessian: Any
    basis: Any
    along: Any


def convexified(hessian: Any, rows: Any, floor: Any) -> Convex:
    """Return a positive definite matrix close to a Hessian.

    On active constraints a multiple of their Gram matrix does not change the step. It makes the
    matrix positive definite if the Hessian is so on their null space. Where it does not, negative
    eigenvalues change their sign.

    Parameters
    ----------
    hessian
        A symmetric matrix, shape (n, n).
    rows
        Normals of the active constraints, shape (m, n); zeros for the others.
    floor
        Smallest eigenvalue of the result.
    """
    largest = np.max(np.sum(np.abs(hessian), axis=1))
    least = np.maximum(_SMALLEST * largest, floor)
    squares = np.sum(np.square(rows), axis=1)[:, None]
    unit_rows = rows / np.sqrt(np.where(squares > 0, squares, 1.0))
    gram = np.matmul(unit_rows.T, unit_rows)

    def shift(state: Any) -> Any:
        """Try the next multiple of the Gram matrix, at first none."""
        weight, count = state[0], state[4]
        matrix = hessian + weight * gram
        weight = np.where(count == 0, np.maximum(largest, floor), 10.0 * weight)
        return weight, matrix, *root_of(matrix, least), count + 1

    root_of, inverse_of = (_factor, _inverted) if len(hessian) < _LARGE else (_spectral, _same)
    zero, square = np.zeros((), hessian.dtype), np.zeros_like(hessian)
    start = zero, square, square, np.zeros((), np.bool_), np.zeros((), np.int64)
    found: Any = while_loop(lambda s: ~s[3] & (s[4] <= _MOST_SHIFTS), shift, start)
    return Convex(
        *cond(
            found[3],
            lambda matrix, root: (matrix, inverse_of(root), np.zeros_like(matrix[0])),
            lambda matrix, root: _mirrored(hessian, least, np.maximum(largest, floor) * gram),
            found[1],
            found[2],
        )
    )


def _same(root: Any) -> Any:
    return root


def _inverted(root: Any) -> Any:
    """Return the inverse of an upper triangle."""
    return solve_triangle(root, np.eye(len(root), dtype=root.dtype))


def _spectral(matrix: Any, least: Any) -> tuple[Any, Any]:
    """Return the root of the inverse, and whether all eigenvalues are at least `least`."""
    values, vectors = eigh_parts(matrix)
    return vectors / np.sqrt(np.maximum(values, least)), values[0] >= least


def _factor(matrix: Any, least: Any) -> tuple[Any, Any]:
    """Return R with ``R.T @ R = matrix``, and whether all its pivots are above `least`."""
    number = len(matrix)
    places = np.arange(number)

    def eliminate(state: Any) -> Any:
        rest, root, count, _ = state
        row = np.where(places >= count, rest[count], 0.0)
        pivot = np.sum(np.where(places == count, row, 0.0))
        is_fine = pivot > least
        row = row / np.sqrt(np.where(is_fine, pivot, 1.0))
        root = np.where(places[:, None] == count, row, root)
        return rest - row[:, None] * row, root, count + 1, is_fine

    start = matrix, np.zeros_like(matrix), np.zeros((), np.int64), np.ones((), np.bool_)
    end: Any = while_loop(lambda state: state[3] & (state[2] < number), eliminate, start)
    return end[1], end[3]


def _mirrored(hessian: Any, least: Any, gram: Any) -> tuple[Any, Any, Any]:
    """Return a Hessian with the absolute values of its eigenvalues, the root, and where it bends.

    `gram` is the Gram matrix of the rows, in units of the Hessian.
    """
    gram = np.where(np.all(np.isfinite(_FIRM * gram)), gram, 0.0)
    curvatures, ways = eigh_parts(hessian + _FIRM * gram)
    largest = np.max(np.sum(np.abs(hessian), axis=1))
    is_bent = curvatures[0] < -_BENT * largest
    values, vectors = eigh_parts(hessian)
    values = np.maximum(np.abs(values), least)
    along = np.where(is_bent, ways[:, 0], 0.0)
    return np.matmul(vectors * values, vectors.T), vectors / np.sqrt(values), along
