"""Fits that end where the data tell fewer parameters apart than they do elsewhere.

A peak between two data, or far from all of them, has no slopes there: a fit of it ends at
once. A rate that ran away has none either. They show in the rank of the Jacobian, which is
higher elsewhere. What the data determine nowhere is merely not needed, and at a minimum that
the curvature of the residuals makes one the Jacobian may be singular, too.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.derivative import Function
from steepest.derivative.function import interpret
from steepest.descent.iteration.fit_report import FACTOR, least_diagonal_ratio, tolerance
from steepest.descent.iteration.problem import Problem
from steepest.descent.problem.bounds import Box
from steepest.descent.results.covariance import ranks_of
from steepest.descent.results.result import Result, Status
from steepest.descent.running.solve_many import BatchSolution, Problems, solve_many
from steepest.descent.stop_rules import MaxIterations
from steepest.graph import trees

_POINTS = 32
"""Points at which the Jacobian is looked at, besides the start."""

_FEW = 100
"""Up to so many fits, to look at each in turn takes less time than to compile anything."""


class Ends(NamedTuple):
    """Where fits of one problem, or of many alike, began and ended; a row is one of them.

    Attributes
    ----------
    starts, x
        The points, shape (N, n).
    loss
        The loss at the end, shape (N,).
    factor
        R of the QR decomposition of the Jacobian there, shape (N, n, n).
    observations
        Numbers of residuals, shape (N,).
    """

    starts: np.ndarray
    x: np.ndarray
    loss: np.ndarray
    factor: np.ndarray
    observations: np.ndarray

    def at(self, rows: np.ndarray) -> Ends:
        """Return some of them."""
        return Ends(*[part[rows] for part in self])


class Look(NamedTuple):
    """How the residuals of some of the fits are looked at.

    Attributes
    ----------
    is_higher
        Returns of given fits, at a point for each of them, whether the Jacobian has a higher
        rank than a given one, beyond doubt, and the loss.
    hessian
        Returns the loss's Hessian of one fit at a point.
    """

    is_higher: Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
    hessian: Callable[[int, np.ndarray], np.ndarray]


def doubted(run: Result, problem: Problem, start: np.ndarray) -> Result:
    """Return a fit, as singular if it reached no minimum but only lost sight of a parameter."""
    if not (run.converged and run.report) or np.any(problem.box is not None and run.active):
        return run
    parts = start, run.vector, run.loss, run.report[FACTOR][:, :-1], run.observations
    ends = Ends(*[np.asarray(part)[None] for part in parts])
    if not _lost_sight(
        ends, problem.box, _in_turn(problem, run.observations, lambda row: problem.args)
    ).size:
        return run
    after = f"(after {run.iterations} iterations, at loss {run.loss:.6g})."
    sentence = f"{Status.SINGULAR.value[:-1]} {after}"
    return dataclasses.replace(run, status=Status.SINGULAR, explain=lambda: sentence)


def doubt_many(
    problems: Problems,
    solved: BatchSolution,
    on_bound: np.ndarray,
    observations: np.ndarray,
) -> None:
    """Say of many fits, of which some converged, which only lost sight of a parameter."""
    if not solved.report:
        return
    factor = solved.report[FACTOR][:, :, :-1]
    rows: np.ndarray = np.flatnonzero(_is_uneven(factor, observations) & ~on_bound.any(axis=1))
    rows = rows[np.array([one.is_success for one in solved.status[rows].tolist()], bool)]
    if not rows.size:
        return
    ends = Ends(problems.vectors, solved.x, solved.loss, factor, observations).at(rows)
    args_of = lambda row: (*problems.rows(int(rows[row])), *problems.shared)
    is_many = len(rows) > _FEW
    executor = problems.first.engine.compile if is_many else interpret
    look = _in_turn(problems.first, solved.observations, args_of, executor)
    if solved.side_by_side and is_many:
        look = look._replace(is_higher=_side_by_side(problems, rows))
    solved.status[rows[_lost_sight(ends, problems.first.box, look)]] = Status.SINGULAR


def _is_uneven(factor: np.ndarray, observations: np.ndarray) -> np.ndarray:
    """Return which triangles might be short of rank: a quick look, and most are not."""
    number = factor.shape[-1]
    least = least_diagonal_ratio(factor.dtype, number, int(np.max(observations, initial=0)))
    squares = np.einsum("nij,nij->nj", factor, factor)
    diagonal = np.square(np.diagonal(factor, axis1=1, axis2=2))
    is_uneven: np.ndarray = ~np.all(diagonal > number * least * squares, axis=1)
    return is_uneven


def _lost_sight(ends: Ends, box: Box | None, look: Look) -> np.ndarray:
    """Return which of some fits are no minimum, but have a Jacobian of lower rank than elsewhere.

    A fit whose residuals are rounding errors is right, whatever the rank.
    """
    rows: np.ndarray = np.flatnonzero(_is_uneven(ends.factor, ends.observations))
    if not rows.size:
        return rows
    _, x, loss, factor, observations = ends.at(rows)
    rank = ranks_of(factor, tolerance(factor.dtype, observations))
    tiny = np.finfo(factor.dtype).eps
    norms = np.sqrt(np.sum(np.square(factor), axis=1))
    change = np.sum(np.square(tiny * norms * x), axis=1)
    is_rounding = (2 * loss <= change) & np.isfinite(change)
    keep = (rank < factor.shape[-1]) & ~is_rounding
    rows, rank = rows[keep], rank[keep]
    if not rows.size:
        return rows
    is_higher, first = look.is_higher(rows, ends.starts[rows], rank)
    keep = ~(ends.loss[rows] <= np.square(tiny) * first)
    for points in _points(ends.x[rows], box):
        open_ = np.flatnonzero(keep & ~is_higher)
        if not open_.size:
            break
        is_higher[open_], _ = look.is_higher(rows[open_], points[open_], rank[open_])
    rows = rows[keep & is_higher]
    is_minimum = [
        _is_strict_minimum(ends.x[i], ends.loss[i], look.hessian(i, ends.x[i])) for i in rows
    ]
    lost: np.ndarray = rows[~np.array(is_minimum, bool)]
    return lost


def _least(dtype: np.dtype) -> float:
    """Return the share of the largest singular value above which one is no rounding error."""
    return float(np.sqrt(np.finfo(dtype).eps))


def _is_strict_minimum(x: np.ndarray, loss: float, hessian: np.ndarray) -> bool:
    """Whether the loss rises, by a share of itself, where parameters change by their size."""
    sizes = np.where(x == 0, 1.0, np.abs(x))
    with np.errstate(all="ignore"):
        scaled = hessian * np.outer(sizes, sizes)
    if not np.isfinite(scaled).all():
        return False
    return bool(np.linalg.eigvalsh(scaled)[0] > np.sqrt(np.finfo(x.dtype).eps) * loss)


def _points(x: np.ndarray, box: Box | None) -> Iterator[np.ndarray]:
    """Yield points of the size of x, and of all sizes, within the bounds."""
    random, size = np.random.default_rng(0), x.shape[1]
    for number in range(_POINTS):
        factor = 10 ** random.uniform(-1, 1, size)
        other = random.choice([-1, 1], size) * 10 ** random.uniform(-3, 3, size)
        points = np.where((x == 0) | bool(number % 2), other, x * factor)
        yield points if box is None else box.project(points)


def _in_turn(
    problem: Problem,
    observations: int,
    args_of: Callable[[int], Sequence[Any]],
    executor: Any = interpret,
) -> Look:
    """Return how to look at fits one after the other, given the arguments of each."""

    def slopes(vector: np.ndarray, *args: object) -> tuple[Any, Any]:
        seen = problem.objective(vector, problem.layout, args)
        return seen.jacobian, seen.loss

    def bends(vector: np.ndarray, *args: object) -> Any:
        return problem.objective(vector, problem.layout, args).hessian

    first, second = Function(slopes, executor), Function(bends, executor)

    def is_higher(
        rows: np.ndarray, x: np.ndarray, rank: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        x = x.astype(problem.dtype)
        unknown = np.full((observations, x.shape[1]), np.nan, x.dtype), np.nan
        seen: list[tuple[Any, Any]] = [unknown] * len(rows)
        for i, row in enumerate(rows.tolist()):
            with contextlib.suppress(Exception), np.errstate(all="ignore"):  # it may raise there
                seen[i] = first(x[i], *args_of(row))
        ranks = ranks_of(np.stack([one for one, _ in seen]), _least(x.dtype))
        return ranks > rank, np.array([loss for _, loss in seen])

    def hessian(row: int, x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.asarray(second(x.astype(problem.dtype), *args_of(row)))

    return Look(is_higher, hessian)


def _side_by_side(problems: Problems, rows: np.ndarray) -> Any:
    """Return how to look at Jacobians of many fits at once: as fits that end where they start."""
    first = problems.first._replace(box=None, stop=MaxIterations(0))

    def is_higher(
        which: np.ndarray, x: np.ndarray, rank: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        own = trees.map_leaves(lambda leaf: leaf[rows[which]], list(problems.own))
        some = Problems(first, x.astype(problems.vectors.dtype), own, problems.shared)
        seen = solve_many(some, False)
        factor, least = seen.report[FACTOR][:, :, :-1], _least(x.dtype)
        # The smallest singular value of a triangle is no larger than any of its diagonal.
        norms = np.sqrt(np.einsum("nij,nij->nj", factor, factor))
        diagonal = np.abs(np.diagonal(factor, axis1=1, axis2=2))
        is_short = np.any(diagonal <= least * norms, axis=1) & (rank == x.shape[1] - 1)
        result = ~is_short
        result[result] = ranks_of(factor[result], least) > rank[result]
        return result, seen.loss

    return is_higher
