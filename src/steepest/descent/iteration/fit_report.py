"""What an iteration reports of a fit: the triangle, and the covariance if it is cheap."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.ops.linear_algebra.triangular import solve_triangle


def tolerance(dtype: np.dtype, observations: Any) -> Any:
    """Return the singular value, relative to the largest, below which one is a rounding error.

    A model has errors of about a hundred rounding errors, however few data there are.
    """
    return np.finfo(dtype).eps * np.maximum(observations, 100)


def covariance_full_rank(factor: Any) -> Any:
    """Return the inverse of ``J.T @ J``, given an R of full rank."""
    half = solve_triangle(factor, np.eye(len(factor), dtype=factor.dtype))
    return np.matmul(half, half.T)


def diagonal_ratio(factor: Any) -> Any:
    """Return the smallest squared diagonal element of a triangle over the sum of all squares."""
    return np.min(np.square(np.diagonal(factor))) / np.sum(np.square(factor))


def least_diagonal_ratio(dtype: np.dtype, number: int, observations: int) -> float:
    """Return the :func:`diagonal_ratio` above which `number` columns certainly have full rank.

    The smallest singular value of a triangle is at least its smallest diagonal element divided by
    about two to the power of its size. The largest is at most the root of the sum of all squares.
    """
    with np.errstate(over="ignore"):  # infinite for many columns: none is certain
        return float(np.square(np.ldexp(float(tolerance(dtype, observations)), 2 * number)))


MAX_PARAMETERS = 8
"""Largest number of parameters for which this bound is useful, and cheap to compute."""

FACTOR, COVARIANCE, DIAGONAL_RATIO = range(3)
"""Positions in the report of a fit; the last two exist up to :data:`MAX_PARAMETERS` parameters."""
