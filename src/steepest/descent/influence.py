"""Fits that end where a parameter has no influence, though it has elsewhere."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

import numpy as np

from steepest.descent.prepare import Problem, loss_and_gradient_of_vector
from steepest.descent.result import Result, Status
from steepest.descent.statistics import FACTOR

_POINTS = 32
"""Points at which a parameter is tried out."""


def doubted(run: Result, problem: Problem) -> Result:
    """Return a descent, as singular if it reached no goal but only lost sight of a parameter.

    A peak far from the data is flat where they are: its parameters have no slopes, and a fit
    of it ends at once. What has no influence anywhere is merely not needed.
    """
    if not (run.converged and run.report) or np.any(problem.box is not None and run.active):
        return run
    norms = np.sqrt(np.sum(np.square(run.report[FACTOR][:, :-1]), axis=0))
    tiny = np.finfo(norms.dtype).eps
    is_rounding = 2 * run.loss <= np.sum(np.square(tiny * norms * run.vector))
    if norms.all() or is_rounding or not _matters_elsewhere(run.vector, problem, norms == 0):
        return run
    after = f"(after {run.iterations} iterations, at loss {run.loss:.6g})."
    sentence = f"{Status.SINGULAR.value[:-1]} {after}"
    return dataclasses.replace(run, status=Status.SINGULAR, explain=lambda: sentence)


def _matters_elsewhere(x: np.ndarray, problem: Problem, which: np.ndarray) -> bool:
    """Whether some of these parameters change the loss at any of some points."""
    at = loss_and_gradient_of_vector(problem.objective, problem.layout)
    for point in _points(x, problem):
        with contextlib.suppress(Exception), np.errstate(all="ignore"):  # it may raise there
            _, slopes = at(point.astype(x.dtype), *problem.args)
            if np.any(np.isfinite(slopes) & (slopes != 0) & which):
                return True
    return False


def _points(x: np.ndarray, problem: Problem) -> Iterator[np.ndarray]:
    """Yield points of the size of x, and of all sizes, within the bounds."""
    random = np.random.default_rng(0)
    for number in range(_POINTS):
        factor = 10 ** random.uniform(-1, 1, x.size)
        other = random.choice([-1, 1], x.size) * 10 ** random.uniform(-3, 3, x.size)
        point = other if number % 2 else np.where(x == 0, other, x * factor)
        yield point if problem.box is None else problem.box.project(point)
