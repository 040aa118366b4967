"""Fits that end where the Jacobian has a lower rank than elsewhere.

A peak between two data points, or far from all of them, has no derivatives there, and a fit of it
ends at once. The same holds for a rate that ran away. In both cases the Jacobian has a higher rank
at other points. A parameter that the data determine nowhere is a different matter, and so is a
minimum whose Jacobian is singular but whose Hessian is not.
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
from steepest.descent.methods.base import needs_residuals
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.in_blocks.fit_data import sample_of
from steepest.descent.problem.streamed import sources_in
from steepest.descent.results.covariance import ranks_of
from steepest.descent.results.result import Result, Status
from steepest.descent.running.solve_many import BatchSolution, Problems, solve_many
from steepest.descent.stop_rules import MaxIterations
from steepest.graph import trees
from steepest.ops import SCAN

_PROBES = 32
"""Number of points at which the Jacobian is evaluated, besides the start."""

_MIN_COMPILED = 100
"""Up to so many fits, to probe at each in turn takes less time than to compile anything."""


class FinishedFits(NamedTuple):
    """Starts and ends of fits, with a row for each.

    Attributes
    ----------
    starts, x
        Start points and end points, shape (N, n).
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

    def at(self, rows: np.ndarray) -> FinishedFits:
        """Return some of the fits."""
        return FinishedFits(*[part[rows] for part in self])


class Probe(NamedTuple):
    """Functions that evaluate the residuals of fits at other points.

    Attributes
    ----------
    is_higher
        Returns for given fits, at a point for each, whether the Jacobian certainly has a higher
        rank than a given one, and the loss.
    hessian
        Returns the Hessian of the loss of one fit at a point.
    """

    is_higher: Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
    hessian: Callable[[int, np.ndarray], np.ndarray]


def mark_if_singular(run: Result, problem: Problem, start: np.ndarray) -> Result:
    """Return a fit, with status SINGULAR if it ended where the Jacobian has lost rank."""
    has_triangle = run.report and needs_residuals(run.method)
    if not (run.converged and has_triangle) or np.any(problem.box is not None and run.active):
        return run
    parts = start, run.vector, run.loss, run.report[FACTOR][:, :-1], run.observations
    fits = FinishedFits(*[np.asarray(part)[None] for part in parts])
    # NumPy is slow at loops, and there are some 30 points to look at.
    has_loops = any(node.op is SCAN for node in run.graph.nodes)
    executor = problem.engine.compile if has_loops else interpret
    args, number = tuple(problem.args), run.observations
    probe = _probe_one_by_one(problem, number, lambda row: args, executor)
    if sources_in(args):  # with some rows, the rank is no higher than with all
        some = sample_of(*args)
        of_some = _probe_one_by_one(problem, 1, lambda row: some, interpret)
        probe = of_some._replace(hessian=probe.hessian)
    if not _lost_rank(fits, problem.box, probe).size:
        return run
    after = f"(after {run.iterations} iterations, at loss {run.loss:.6g})."
    sentence = f"{Status.SINGULAR.value[:-1]} {after}"
    return dataclasses.replace(run, status=Status.SINGULAR, explain=lambda: sentence)


def mark_singular(
    problems: Problems,
    solved: BatchSolution,
    on_bound: np.ndarray,
    observations: np.ndarray,
) -> None:
    """Set the status SINGULAR of fits that ended where the Jacobian has lost rank."""
    if not solved.report:
        return
    factor = solved.report[FACTOR][:, :, :-1]
    rows: np.ndarray = np.flatnonzero(_may_lack_rank(factor, observations) & ~on_bound.any(axis=1))
    rows = rows[np.array([one.is_success for one in solved.status[rows].tolist()], bool)]
    if not rows.size:
        return
    fits = FinishedFits(problems.vectors, solved.x, solved.loss, factor, observations).at(rows)
    args_of = lambda row: (*problems.rows(int(rows[row])), *problems.shared)
    is_many = len(rows) > _MIN_COMPILED
    executor = problems.first.engine.compile if is_many else interpret
    probe = _probe_one_by_one(problems.first, solved.observations, args_of, executor)
    if solved.side_by_side and is_many:
        probe = probe._replace(is_higher=_probe_in_lanes(problems, rows))
    solved.status[rows[_lost_rank(fits, problems.first.box, probe)]] = Status.SINGULAR


def _may_lack_rank(factor: np.ndarray, observations: np.ndarray) -> np.ndarray:
    """Return which triangles may lack rank, by a quick test that rules out most."""
    number = factor.shape[-1]
    least = least_diagonal_ratio(factor.dtype, number, int(np.max(observations, initial=0)))
    squares = np.einsum("nij,nij->nj", factor, factor)
    diagonal = np.square(np.diagonal(factor, axis1=1, axis2=2))
    may_lack_rank: np.ndarray = ~np.all(diagonal > number * least * squares, axis=1)
    return may_lack_rank


def _lost_rank(fits: FinishedFits, box: Box | None, probe: Probe) -> np.ndarray:
    """Return which fits are not at a minimum, but have a Jacobian of lower rank than elsewhere.

    A fit whose residuals are rounding errors is right, whatever the rank.
    """
    rows: np.ndarray = np.flatnonzero(_may_lack_rank(fits.factor, fits.observations))
    if not rows.size:
        return rows
    _, x, loss, factor, observations = fits.at(rows)
    rank = ranks_of(factor, tolerance(factor.dtype, observations))
    tiny = np.finfo(factor.dtype).eps
    norms = np.sqrt(np.sum(np.square(factor), axis=1))
    change = np.sum(np.square(tiny * norms * x), axis=1)
    is_rounding = (2 * loss <= change) & np.isfinite(change)
    keep = (rank < factor.shape[-1]) & ~is_rounding
    rows, rank = rows[keep], rank[keep]
    if not rows.size:
        return rows
    is_higher, start_loss = probe.is_higher(rows, fits.starts[rows], rank)
    keep = ~(fits.loss[rows] <= np.square(tiny) * start_loss)
    for points in _points(fits.x[rows], box):
        open_ = np.flatnonzero(keep & ~is_higher)
        if not open_.size:
            break
        is_higher[open_], _ = probe.is_higher(rows[open_], points[open_], rank[open_])
    rows = rows[keep & is_higher]
    is_minimum = [
        _is_strict_minimum(fits.x[i], fits.loss[i], probe.hessian(i, fits.x[i])) for i in rows
    ]
    lost: np.ndarray = rows[~np.array(is_minimum, bool)]
    return lost


def _least(dtype: np.dtype) -> float:
    """Return the singular value, relative to the largest, above which one is no rounding error."""
    return float(np.sqrt(np.finfo(dtype).eps))


def _is_strict_minimum(x: np.ndarray, loss: float, hessian: np.ndarray) -> bool:
    """Whether the loss rises relative to itself if parameters change relative to their size."""
    sizes = np.where(x == 0, 1.0, np.abs(x))
    with np.errstate(all="ignore"):
        scaled = hessian * np.outer(sizes, sizes)
    if not np.isfinite(scaled).all():
        return False
    return bool(np.linalg.eigvalsh(scaled)[0] > np.sqrt(np.finfo(x.dtype).eps) * loss)


def _points(x: np.ndarray, box: Box | None) -> Iterator[np.ndarray]:
    """Yield points with sizes near those of x, and of all sizes, within the bounds."""
    random, size = np.random.default_rng(0), x.shape[1]
    for number in range(_PROBES):
        factor = 10 ** random.uniform(-1, 1, size)
        other = random.choice([-1, 1], size) * 10 ** random.uniform(-3, 3, size)
        points = np.where((x == 0) | bool(number % 2), other, x * factor)
        yield points if box is None else box.project(points)


def _probe_one_by_one(
    problem: Problem,
    observations: int,
    args_of: Callable[[int], Sequence[Any]],
    executor: Any = interpret,
) -> Probe:
    """Return a probe that evaluates fits one after the other, given the arguments of each."""

    def jacobian_and_loss(vector: np.ndarray, *args: object) -> tuple[Any, Any]:
        at_x = problem.objective(vector, problem.layout, args)
        return at_x.jacobian, at_x.loss

    def hessian_at(vector: np.ndarray, *args: object) -> Any:
        return problem.objective(vector, problem.layout, args).hessian

    evaluate = Function(jacobian_and_loss, executor)
    evaluate_hessian = Function(hessian_at, executor)

    def is_higher(
        rows: np.ndarray, x: np.ndarray, rank: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        x = x.astype(problem.dtype)
        unknown = np.full((observations, x.shape[1]), np.nan, x.dtype), np.nan
        found: list[tuple[Any, Any]] = [unknown] * len(rows)
        for i, row in enumerate(rows.tolist()):
            # The model may raise at such a point.
            with contextlib.suppress(Exception), np.errstate(all="ignore"):
                found[i] = evaluate(x[i], *args_of(row))
        ranks = ranks_of(np.stack([one for one, _ in found]), _least(x.dtype))
        return ranks > rank, np.array([loss for _, loss in found])

    def hessian(row: int, x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.asarray(evaluate_hessian(x.astype(problem.dtype), *args_of(row)))

    return Probe(is_higher, hessian)


def _probe_in_lanes(problems: Problems, rows: np.ndarray) -> Any:
    """Return ``is_higher`` for many fits at once, run as fits of zero iterations."""
    problem = problems.first._replace(box=None, stop=MaxIterations(0))

    def is_higher(
        which: np.ndarray, x: np.ndarray, rank: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        own = trees.map_leaves(lambda leaf: leaf[rows[which]], list(problems.own))
        some = Problems(problem, x.astype(problems.vectors.dtype), own, problems.shared)
        solved = solve_many(some, False)
        factor, least = solved.report[FACTOR][:, :, :-1], _least(x.dtype)
        # The smallest singular value of a triangle is at most its smallest diagonal element.
        norms = np.sqrt(np.einsum("nij,nij->nj", factor, factor))
        diagonal = np.abs(np.diagonal(factor, axis1=1, axis2=2))
        is_short = np.any(diagonal <= least * norms, axis=1) & (rank == x.shape[1] - 1)
        result = ~is_short
        result[result] = ranks_of(factor[result], least) > rank[result]
        return result, solved.loss

    return is_higher
