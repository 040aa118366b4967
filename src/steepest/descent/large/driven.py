"""The methods that are loops in Python around compiled functions, by their kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.descent.iteration.problem import Problem
from steepest.descent.large.augmented import solve_by_augmented_lagrangian
from steepest.descent.large.interior import solve_by_interior_point
from steepest.descent.methods import AugmentedLagrangian, InteriorPoint
from steepest.descent.results.result import Result
from steepest.descent.running.callbacks import State

_SOLVERS: dict[type, Callable[..., Result]] = {
    AugmentedLagrangian: solve_by_augmented_lagrangian,
    InteriorPoint: solve_by_interior_point,
}


def solve_driven(
    problem: Problem,
    vector: np.ndarray,
    callback: Callable[[State], Any] | None,
    progress: bool,
    reason: str,
) -> Result:
    """Return the result of a problem whose method is a loop in Python.

    Parameters
    ----------
    problem, vector
        The problem, and its start as a vector.
    callback, progress, reason
        As for :func:`~steepest.descent.running.solve.solve`.
    """
    return _SOLVERS[type(problem.method)](problem, vector, callback, progress, reason)
