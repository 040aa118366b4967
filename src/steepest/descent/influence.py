"""Fits that end where the data tell fewer parameters apart than they do elsewhere."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

import numpy as np

from steepest.derivative import Function
from steepest.descent.prepare import Problem
from steepest.descent.result import Result, Status
from steepest.descent.statistics import FACTOR, evenness, least_evenness, rank_of, tolerance

_POINTS = 32
"""Points at which the Jacobian is looked at, besides the start."""


def doubted(run: Result, problem: Problem, start: np.ndarray) -> Result:
    """Return a fit, as singular if it reached no minimum but only lost sight of a parameter.

    A peak between two data, or far from all of them, has no slopes there: a fit of it ends at
    once. A rate that ran away has none either. They show in the rank of the Jacobian, which is
    higher elsewhere. What the data determine nowhere is merely not needed, and at a minimum
    that the curvature of the residuals makes one the Jacobian may be singular, too.
    """
    if not (run.converged and run.report) or np.any(problem.box is not None and run.active):
        return run
    factor = run.report[FACTOR][:, :-1]
    number, rows = len(factor), run.observations
    norms = np.sqrt(np.sum(np.square(factor), axis=0))
    if norms.all() and evenness(factor / norms) > least_evenness(factor.dtype, number, rows):
        return run
    rank = rank_of(factor, tolerance(factor.dtype, rows))
    tiny = np.finfo(norms.dtype).eps
    is_rounding = 2 * run.loss <= np.sum(np.square(tiny * norms * run.vector))
    if rank == number or is_rounding or _is_exact(run, problem, start):
        return run
    if _is_strict_minimum(run, problem) or not _is_higher_elsewhere(rank, run, problem, start):
        return run
    after = f"(after {run.iterations} iterations, at loss {run.loss:.6g})."
    sentence = f"{Status.SINGULAR.value[:-1]} {after}"
    return dataclasses.replace(run, status=Status.SINGULAR, explain=lambda: sentence)


def _is_exact(run: Result, problem: Problem, start: np.ndarray) -> bool:
    """Whether the residuals are rounding errors of those at the start."""

    def look(vector: np.ndarray, *args: object) -> np.ndarray:
        return problem.objective(vector, problem.layout, args).loss

    first = float(Function(look)(start.astype(problem.dtype), *problem.args))
    return bool(run.loss <= np.square(np.finfo(problem.dtype).eps) * first)


def _is_strict_minimum(run: Result, problem: Problem) -> bool:
    """Whether the loss rises, by a share of itself, where parameters change by their size."""

    def look(vector: np.ndarray, *args: object) -> np.ndarray:
        return problem.objective(vector, problem.layout, args).hessian

    x = run.vector.astype(problem.dtype)
    sizes = np.where(x == 0, 1.0, np.abs(x))
    with np.errstate(all="ignore"):
        hessian = np.asarray(Function(look)(x, *problem.args)) * np.outer(sizes, sizes)
    if not np.isfinite(hessian).all():
        return False
    return bool(np.linalg.eigvalsh(hessian)[0] > np.sqrt(np.finfo(x.dtype).eps) * run.loss)


def _is_higher_elsewhere(rank: int, run: Result, problem: Problem, start: np.ndarray) -> bool:
    """Whether the Jacobian has a higher rank at any of some points, beyond doubt."""

    def look(vector: np.ndarray, *args: object) -> np.ndarray:
        return problem.objective(vector, problem.layout, args).jacobian

    jacobian = Function(look)
    for point in (start, *_points(run.vector, problem)):
        with contextlib.suppress(Exception), np.errstate(all="ignore"):  # it may raise there
            slopes = np.asarray(jacobian(point.astype(problem.dtype), *problem.args))
            if rank_of(slopes, float(np.sqrt(np.finfo(slopes.dtype).eps))) > rank:
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
