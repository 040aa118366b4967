"""What a step reports of a fit: its Jacobian's triangle, and the covariance where it is easy."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.ops.linear_algebra.triangular import solve_triangle


def tolerance(dtype: np.dtype, observations: Any) -> Any:
    """Return the share of the largest singular value below which one is a rounding error.

    Models are not more exact than some hundred rounding errors, however few data there are.
    """
    return np.finfo(dtype).eps * np.maximum(observations, 100)


def covariance_full_rank(factor: Any) -> Any:
    """Return the inverse of a Jacobian's square, whose triangle is regular beyond doubt."""
    half = solve_triangle(factor, np.eye(len(factor), dtype=factor.dtype))
    return np.matmul(half, half.T)


def diagonal_ratio(factor: Any) -> Any:
    """Return the smallest square on the diagonal of a triangle, of the sum of all squares."""
    return np.min(np.square(np.diagonal(factor))) / np.sum(np.square(factor))


def least_diagonal_ratio(dtype: np.dtype, number: int, observations: int) -> float:
    """Return the :func:`diagonal_ratio` above which `number` columns have full rank beyond doubt.

    A triangle's smallest singular value is at least the smallest diagonal element divided by
    about two to the power of its size, and the largest at most the root of the sum of all
    squares.
    """
    return float((tolerance(dtype, observations) * 4.0**number) ** 2)


EASY = 8
"""Parameters up to which this bound says much, and finding it on the way costs next to nothing."""

FACTOR, COVARIANCE, DIAGONAL_RATIO = range(3)
"""Places of what is reported of a fit; the last two up to :data:`EASY` parameters."""
