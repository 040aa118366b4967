"""Positive definite Hessians for quadratic programs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from steepest.ops.linear_algebra.spectral import eigh_parts
from steepest.trace import cond, while_loop

_SMALLEST = 1e-8
"""Smallest eigenvalue that counts as positive, as a fraction of the largest."""

_MOST_SHIFTS = 4
"""How many multiples of the rows' Gram matrix are tried."""


class Convex(NamedTuple):
    """A positive definite matrix, and a square root of its inverse.

    Attributes
    ----------
    hessian, basis
        The matrix H and J with ``J J' H = 1``, both of shape (n, n).
    """

    hessian: Any
    basis: Any


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
    values, vectors = eigh_parts(hessian)
    largest = np.maximum(np.abs(values[0]), np.abs(values[-1]))
    least = np.maximum(_SMALLEST * largest, floor)
    squares = np.sum(np.square(rows), axis=1)[:, None]
    unit_rows = rows / np.sqrt(np.where(squares > 0, squares, 1.0))
    gram = np.matmul(unit_rows.T, unit_rows)

    def shift(state: Any) -> Any:
        weight, _, _, count = state
        weight = 10.0 * weight
        shifted_values, shifted = eigh_parts(hessian + weight * gram)
        return weight, shifted_values, shifted, count + 1

    def search(parts: Any) -> Any:
        start = (0.2 * np.maximum(largest, floor), *parts, np.zeros((), np.int64))
        found: Any = while_loop(
            lambda state: (state[1][0] < least) & (state[3] < _MOST_SHIFTS), shift, start
        )
        # Without success the Hessian itself is better conditioned.
        return cond(found[1][0] < least, lambda parts: parts, lambda parts: found[1:3], parts)

    is_convex = values[0] >= least
    values, vectors = cond(is_convex, lambda parts: parts, search, (values, vectors))
    values = np.maximum(np.abs(values), least)
    basis = vectors / np.sqrt(values)
    return Convex(np.matmul(vectors * values, vectors.T), basis)
