"""Sums over data of derivatives of residuals or log-densities, for data read in blocks.

Few parameters take one pass over the data. More take several, each for some of the parameters,
so that a pass stays a program of moderate size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.derivative import Function
from steepest.descent.problem.evaluation import Evaluation

MOST_DIRECTIONS = 12
"""Most parameters whose derivatives are computed in one pass."""

At = Callable[[Any, Any], Evaluation]
"""Returns a loss at a vector of parameters for data, with its residuals or log-densities, while a
function is traced."""


def number_of(at: At, vector: np.ndarray, data: Any) -> int:
    """Return the number of data."""

    def number(vector: Any, data: Any) -> Any:
        return np.sum(np.ones_like(at(vector, data).equations))

    return int(Function(number)(vector, data))


def hessian(at: At, vector: np.ndarray, data: Any) -> np.ndarray:
    """Return the Hessian of the loss, shape (n, n)."""

    def columns(vector: Any, data: Any, directions: Any) -> Any:
        here = at(vector, data)
        return np.stack([here.hessian_times(one) for one in directions])

    some = _unrolled(columns, at)
    found = np.concatenate([some(vector, data, group) for group in _groups(len(vector))])
    square = found[: len(vector)]
    return np.asarray(0.5 * (square + square.T))


def products(
    at: At, vector: np.ndarray, data: Any, directions: np.ndarray | None = None
) -> np.ndarray:
    """Return the products of the slopes along pairs of directions, summed over data.

    The directions are the rows of a matrix of shape (n, n), and those of the parameters if it is
    None. Slopes are weighted if the loss is robust.
    """

    def of_two(vector: Any, data: Any, left: Any, right: Any) -> Any:
        here = at(vector, data)
        one, other = (
            np.stack([here.slopes_along(direction) for direction in group], axis=-1)
            for group in (left, right)
        )
        return one.T @ other

    some, number = _unrolled(of_two, at), len(vector)
    groups = _groups(number, directions)
    size = len(groups[0])
    found = np.zeros((len(groups) * size,) * 2)
    for i, left in enumerate(groups):
        for j, right in enumerate(groups[: i + 1]):
            part = some(vector, data, left, right)
            rows, columns = (slice(k * size, (k + 1) * size) for k in (i, j))
            found[rows, columns], found[columns, rows] = part, part.T
    return found[:number, :number]


def _unrolled(function: Callable[..., Any], at: At) -> Function:
    """Return a function in which derivatives along several directions are no loop.

    A loop has all rows inside of it, so that they could not be read in blocks.
    """
    return Function(function, wrapped=at)  # only a function of the user's is rerolled


def _groups(number: int, directions: np.ndarray | None = None) -> list[list[np.ndarray]]:
    """Return directions, by default those of all parameters, in groups.

    The last group is filled up by zeros.
    """
    size = min(number, MOST_DIRECTIONS)
    rows = np.eye(number) if directions is None else directions
    every = list(np.concatenate([rows, np.zeros((-number % size, number))]))
    return [every[first : first + size] for first in range(0, len(every), size)]
