"""Refits of a fit, many at a time: some parameters held at given values, or other data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from steepest.derivative import Function
from steepest.descent.fit_problem import FEW_GOAL, default_goal
from steepest.descent.iteration.problem import Problem
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.constrained import ConstrainedObjective
from steepest.descent.problem.objective import Objective
from steepest.descent.problem.parameters import ParameterLayout, ravel_parameters
from steepest.descent.problem.transforms import Reparametrization
from steepest.descent.results.fit_statistics import FitStatistics
from steepest.descent.running.solve_many import BatchSolution, Problems, solve_many
from steepest.descent.stop_rules import MaxIterations
from steepest.errors import InputError
from steepest.graph import trees
from steepest.trace import current, is_tracing
from steepest.trace.tracing import call_traced, own_copies

MAX_ITERATIONS = 100
"""Limit on the iterations of a refit, which starts near its end."""


class Refits(NamedTuple):
    """The ends of refits; arrays have a row for each.

    Attributes
    ----------
    vectors
        The free parameters, shape (N, n).
    loss
        Half the sums of squares, or the robust losses, shape (N,).
    converged
        Which refits met a goal, shape (N,).
    """

    vectors: np.ndarray
    loss: np.ndarray
    converged: np.ndarray


@dataclass(frozen=True)
class Restricted:
    """Residuals as a function of some coordinates of the free parameters.

    Attributes
    ----------
    function
        The residuals as a function of nested parameters.
    layout, expand
        The layout of the free parameters, and the map from them to all.
    """

    function: Callable[..., Any]
    layout: ParameterLayout
    expand: Reparametrization | None

    def __call__(self, rest: Any, offset: Any, basis: Any, *args: Any) -> Any:
        """Return the residuals where the free parameters are ``offset + basis @ rest``."""
        vector = offset + np.sum(basis * rest, axis=1)
        leaves = self.layout.pieces(vector)
        if len(set(self.layout.dtypes)) > 1:
            pairs = zip(leaves, self.layout.dtypes, strict=True)
            leaves = [leaf.astype(dtype) for leaf, dtype in pairs]
        tree = trees.unflatten(self.layout.structure, leaves)
        tree = tree if self.expand is None else self.expand(tree)
        return _called(self.function, tree, args)


@dataclass(frozen=True)
class Resampled:
    """Residuals of other data, or of data that count several times.

    Attributes
    ----------
    function
        The residuals of the data of the fit.
    """

    function: Callable[..., Any]

    def __call__(self, p: Any, shift: Any, weight: Any, *args: Any) -> Any:
        """Return the residuals plus `shift`, times `weight`."""
        parts = [np.reshape(r, (-1,)) for r in trees.leaves(_called(self.function, p, args))]
        return (np.concatenate(parts) + shift) * weight


def _called(function: Callable[..., Any], p: Any, args: Sequence[Any]) -> Any:
    if is_tracing():
        return call_traced(function, current(), own_copies((p, *args)))
    return function(p, *args)


def refit_restricted(
    fit: FitStatistics, is_pinned: np.ndarray, pinned: np.ndarray, starts: np.ndarray
) -> Refits:
    """Return refits in which some of the free parameters keep given values.

    Parameters
    ----------
    fit
        The fit.
    is_pinned
        Which parameters keep their value in each refit, shape (N, n); as many in each row.
    pinned
        The values they keep, shape (N, n); other elements are ignored.
    starts
        Where the others start, shape (N, n).

    Raises
    ------
    InputError
        If the fit has constraints.
    """
    _check_without_constraints(fit)
    return solve_restricted(fit.problem, fit.end.box, is_pinned, pinned, starts)


def solve_restricted(
    problem: Problem,
    box: Box | None,
    is_pinned: np.ndarray,
    pinned: np.ndarray,
    starts: np.ndarray,
) -> Refits:
    """Return fits in which some of the parameters keep given values.

    Parameters
    ----------
    problem, box
        The least-squares problem, and bounds on its parameters.
    is_pinned, pinned, starts
        As for :func:`refit_restricted`.
    """
    objective, number = problem.objective, is_pinned.shape[1]
    function = Restricted(objective.function, problem.layout, objective.expand)
    restricted = Objective(function, objective.of_residuals, objective.rho, objective.scale)
    if box is None:
        patterns, which = is_pinned[:1], np.zeros(len(is_pinned), int)
    else:  # bounds are shared by all problems of a batch
        patterns, which = np.unique(is_pinned, axis=0, return_inverse=True)
        starts = np.clip(starts, box.lower, box.upper)
    dtype = problem.layout.dtype
    vectors = np.where(is_pinned, pinned, starts).astype(dtype)
    loss, converged = np.full(len(vectors), np.nan), np.zeros(len(vectors), bool)
    for k in range(len(patterns)):
        rows = np.flatnonzero(which.reshape(-1) == k)
        held = is_pinned[rows]
        count = max(1, number - int(held[0].sum()))
        # If every parameter is pinned, one coordinate that changes nothing is left.
        places = np.argsort(held, axis=1, kind="stable")[:, :count]
        is_free = ~np.take_along_axis(held, places, axis=1)
        basis = (places[:, None, :] == np.arange(number)[:, None]) & is_free[:, None, :]
        within = None
        if box is not None:
            columns = places[0]
            within = Box(box.lower[columns], box.upper[columns])
        offset = np.where(held, vectors[rows], 0.0).astype(dtype)
        start = np.take_along_axis(vectors[rows], places, axis=1)
        own = offset, basis.astype(dtype)
        if not (is_free.any() or objective.of_residuals):
            loss[rows] = _losses(problem, vectors[rows])
            converged[rows] = np.isfinite(loss[rows])
            continue
        solved = _solve(problem._replace(objective=restricted), start, own, within)
        vectors[rows] = offset + np.einsum("kij,kj->ki", own[1], solved.x)
        loss[rows] = solved.loss
        converged[rows] = [status.is_success for status in solved.status.tolist()]
        if not is_free.any():
            converged[rows] = np.isfinite(solved.loss)
    return Refits(vectors, loss, converged & np.isfinite(loss))


def _check_without_constraints(fit: FitStatistics) -> None:
    """Raise for a fit with constraints, which refits would not obey."""
    if isinstance(fit.problem.objective, ConstrainedObjective):
        raise InputError(
            "profiles, contours and the bootstrap do not take constraints: use "
            "fit.standard_errors and fit.covariance, which hold along the active ones"
        )


def _losses(problem: Problem, vectors: np.ndarray) -> np.ndarray:
    """Return the losses of a problem at some points."""

    def evaluate(vector: Any, *args: Any) -> Any:
        return problem.objective(vector, problem.layout, args).loss

    loss_at = Function(evaluate, problem.engine.compile)
    return np.array([float(loss_at(vector, *problem.args)) for vector in vectors])


def refit_resampled(fit: FitStatistics, shifts: np.ndarray, weights: np.ndarray) -> Refits:
    """Return refits with shifted and weighted residuals.

    Parameters
    ----------
    fit
        The fit.
    shifts, weights
        What is added to the residuals, and by what they are then multiplied, shape (N, m).
    """
    _check_without_constraints(fit)
    problem, dtype = fit.problem, fit.vector.dtype
    objective = problem.objective
    vectors = np.tile(fit.vector, (len(shifts), 1))
    own = (np.ascontiguousarray(shifts, dtype), np.ascontiguousarray(weights, dtype))
    changed = Objective(
        *(Resampled(objective.function), True, objective.rho, objective.scale, objective.expand)
    )
    solved = _solve(problem._replace(objective=changed), vectors, own, fit.end.box, problem.layout)
    converged = np.array([status.is_success for status in solved.status.tolist()], bool)
    return Refits(solved.x, solved.loss, converged)


def _solve(
    problem: Problem,
    starts: np.ndarray,
    own: Sequence[np.ndarray],
    box: Box | None,
    layout: ParameterLayout | None = None,
) -> BatchSolution:
    """Return the ends of problems that differ in their first arguments."""
    shared = tuple(problem.args)
    is_squares = problem.objective.of_residuals
    goal = default_goal(problem.method) if is_squares else FEW_GOAL
    first = problem._replace(
        layout=layout or ravel_parameters(starts[0])[0],
        args=tuple(part[0] for part in own),
        stop=goal | MaxIterations(MAX_ITERATIONS),
        record_every=0,
        record_x=False,
        box=box,
    )
    return solve_many(Problems(first, np.ascontiguousarray(starts), own, shared), progress=False)
