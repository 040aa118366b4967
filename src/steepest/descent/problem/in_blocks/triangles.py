"""The triangular factor of a Jacobian whose rows are computed in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.derivative import Function
from steepest.descent.problem.evaluation import UNROLLED_IN_BLOCKS
from steepest.descent.problem.in_blocks import slope_sums
from steepest.descent.problem.parameters import ParameterLayout

_PRECISE = 1e-6
"""Least eigenvalue of products of the Jacobian, beside the largest, that is precise enough."""


def triangle(
    objective: Any,
    layout: ParameterLayout,
    args: Sequence[Any],
    vector: np.ndarray,
    by_jacobian: bool,
) -> np.ndarray:
    """Return R of the Jacobian, with Q.T times the residuals as last column: shape (n, n + 1).

    Parameters
    ----------
    objective, layout, args
        The objective of residuals, the layout of its parameters, and its further arguments.
    vector
        Where the Jacobian is taken.
    by_jacobian
        As for the objective.
    """
    if len(vector) > UNROLLED_IN_BLOCKS:
        return _of_products(objective, layout, args, vector)

    def evaluate(vector: Any, *arguments: Any) -> Any:
        return objective(vector, layout, arguments, by_jacobian=by_jacobian).triangle

    # Only a function of the user's is rerolled: a loop over columns would need all rows of each.
    found: np.ndarray = Function(evaluate, wrapped=objective.function)(vector, *args)
    return found


def _of_products(
    objective: Any, layout: ParameterLayout, args: Sequence[Any], vector: np.ndarray
) -> np.ndarray:
    """Return a matrix with the products of R, from those of the Jacobian, and a column of NaN.

    Of many parameters, one pass computes the products of some. Products hold half of the digits
    of what is nearly dependent. Where that matters, the products are computed once more, along
    directions in which they are about 1 (Fukaya et al. 2020, shifted CholeskyQR).
    """
    at = lambda vector, arguments: objective(vector, layout, arguments)
    vector, data, number = vector.astype(np.float64), tuple(args), len(vector)
    products = slope_sums.products(at, vector, data)
    scale = np.sqrt(np.diag(products))
    scale = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(products / np.outer(scale, scale))
    least, most = values.min(), values.max()
    sizes = np.sqrt(np.maximum(values, number * np.finfo(np.float64).eps * most))
    factor = sizes[:, None] * vectors.T * scale
    if least < _PRECISE * most:
        directions = vectors.T / scale / sizes[:, None]
        again = slope_sums.products(at, vector, data, directions)
        values, vectors = np.linalg.eigh(again)
        factor = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T @ factor
    return np.concatenate([factor, np.full((number, 1), np.nan)], axis=1)
