"""The augmented Lagrangian method as a run of ``minimize``.

The augmented Lagrangian is the loss plus ``penalty / 2`` times the squared distances of the
shifted constraints, ``values + multipliers / penalty``, from their limits. Where it is least, the
distances times the penalty are the next multipliers.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from steepest.derivative import Function, push_forward
from steepest.descent.iteration.problem import Problem
from steepest.descent.large.ledger import FEASIBLE, Ledger, Row, refuse_to_save
from steepest.descent.large.recorded import Here
from steepest.descent.methods import NewtonCG
from steepest.descent.methods.constrained.measures import (
    complementarity,
    is_limit,
    scaled,
    violations,
)
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.constrained import ConstrainedObjective, as_constrained, limits_of
from steepest.descent.problem.differencing import with_differences
from steepest.descent.problem.evaluation import Evaluation
from steepest.descent.problem.parameters import ParameterLayout, check_finite
from steepest.descent.results.result import Result, Status, Timings
from steepest.descent.running.callbacks import State, of_state
from steepest.descent.running.driver import interrupts
from steepest.descent.running.solve import progress_display, solve
from steepest.descent.stop_rules import GradientNormBelow, MaxIterations
from steepest.trace import as_traced, trace_function

_FALL = 0.5
"""Share to which violations must fall for the penalty to stay."""

_SMALL = 1e-7
"""Violation of scaled constraints at which the penalty stays in any case."""

_PROBES = 6
"""Number of random directions by which the slopes of the constraints are estimated."""

_GROWTH = 10.0
"""By which factor the penalty grows."""

_MOST_PENALTY = 1e13
"""Multiple of the first penalty from which on violations count as least."""

_MOST_MULTIPLIER = 1e12
"""Largest multiplier that shifts a constraint."""

_TOLERANCES = (1e-2, 1e-4)
"""Slopes, in multiples of those at the start, at which the first descents end."""

_SHARE = 0.3
"""Share of the user's tolerance at which the later descents end."""

_INNER_LIMIT = 5000
"""Largest number of iterations of a descent."""

_ROUNDING = 1e-5
"""Error, in multiples of the slopes of the loss, that rounding may explain."""

_MOST_STALE = 6
"""Number of descents without progress after which a run ends."""

_MOST_ROUNDS = 100
"""Largest number of descents."""


@dataclass(frozen=True)
class AugmentedObjective(ConstrainedObjective):
    """The augmented Lagrangian of a loss and constraints.

    Its last further arguments are the multipliers, the penalty, and the factors by which the
    constraints and the loss are scaled.
    """

    def __call__(  # type: ignore[override]
        self,
        vector: Any,
        layout: ParameterLayout,
        arguments: Any,
        box: Box | None = None,
        by_jacobian: bool = False,
    ) -> Evaluation:
        """Return the augmented Lagrangian at a vector of parameters, while it is traced."""
        *own, multipliers, penalty, scale, weight = arguments
        at_x = super().__call__(vector, layout, own, box)
        low, high = (scaled(end, scale) for end in (at_x.lower_limits, at_x.upper_limits))
        shifted = scale * at_x.constraints + multipliers / penalty
        nearest = np.minimum(np.maximum(shifted, low), high)
        augmented = weight * at_x.loss + 0.5 * penalty * np.sum(np.square(shifted - nearest))
        return Evaluation(at_x.x, augmented, box=box)


class _At(NamedTuple):
    """What is known of a point.

    Attributes
    ----------
    loss, values
        The loss and the values of the constraints.
    gradient, pull
        The gradient of the loss, and that of the constraints times multipliers.
    """

    loss: float
    values: np.ndarray
    gradient: np.ndarray
    pull: np.ndarray


def solve_by_augmented_lagrangian(
    problem: Problem,
    vector: np.ndarray,
    callback: Callable[[State], Any] | None = None,
    progress: bool = False,
    reason: str = "",
) -> Result:
    """Return the result of a problem whose method is an :class:`AugmentedLagrangian`.

    Parameters
    ----------
    problem, vector
        The problem, and its start as a vector.
    callback, progress, reason
        As for :func:`~steepest.descent.running.solve.solve`.
    """
    called = None if callback is None else of_state(callback)

    def run() -> Result:
        with progress_display(problem, None, progress) as watch, interrupts() as interrupt:
            ledger = Ledger(problem, called, watch, interrupt)
            with np.errstate(all="ignore"):
                return _AugmentedRun(problem, vector, reason, ledger).result()

    found: Result = with_differences(problem.objective.subject, run)
    return found


class _AugmentedRun:
    """A run of the method."""

    def __init__(self, problem: Problem, vector: np.ndarray, reason: str, ledger: Ledger) -> None:
        self.problem, self.reason, self.ledger = problem, reason, ledger
        self.began = time.perf_counter()
        self.x = vector.astype(np.float64)
        self.evaluations = 0
        self.limits = limits_of(problem.objective, problem.args)
        self.is_limited = isinstance(problem.objective, ConstrainedObjective)
        infinite = np.full(self.x.shape, np.inf)
        self.box = problem.box or Box(-infinite, infinite)
        self.multipliers = np.zeros(self.limits[0].size)
        self.slopes = self._slopes()
        check_finite(problem.layout.unpack(vector))
        at = self.seen = self.at(self.x)
        self.scale, self.weight = self._scales(at)
        amounts = self.scale * violations(at.values, *self.limits)
        excess = max(1.0, 0.5 * float(np.sum(np.square(amounts))))
        ratio = max(1.0, self.weight * abs(at.loss)) / excess
        self.first_penalty = problem.method.penalty * float(np.clip(10 * ratio, 1e-6, 1e6))
        self.penalty = self.first_penalty
        self.timings = [0.0, 0.0]

    def _slopes(self) -> Function:
        """Return the compiled function of what the conditions of an optimum consist of."""
        problem = self.problem

        def slopes(vector: Any, multipliers: Any, *args: Any) -> Any:
            at_x = as_constrained(problem.objective(vector, problem.layout, args))
            here = Here(at_x.x, at_x.loss, at_x.constraints)
            return here.loss, here.constraints, here.gradient(), here.pulled(multipliers)

        return Function(slopes, problem.engine.compile, max_paths=problem.max_paths)

    def _scales(self, at: _At) -> tuple[np.ndarray, float]:
        """Return factors of the constraints and of the loss that make their slopes 1 at most.

        The norms of the gradients of the constraints are those of products with random signs.
        """
        steep = float(np.max(np.abs(at.gradient), initial=0.0))
        weight = 1.0 / max(1.0, steep) if np.isfinite(steep) else 1.0
        problem, size = self.problem, self.x.size
        if not self.is_limited:
            return np.zeros(0), weight

        def pushed(vector: Any, tangent: Any, *args: Any) -> Any:
            at_x = as_constrained(problem.objective(vector, problem.layout, args))
            (found,) = push_forward([at_x.constraints.node], {at_x.x.node: as_traced(tangent)})
            return np.zeros_like(at_x.constraints) if found is None else found

        random, push = np.random.default_rng(0), Function(pushed)
        signs = random.choice([-1.0, 1.0], (_PROBES, size))
        found = [np.asarray(push(self.x, one, *problem.args)) for one in signs]
        norms = np.sqrt(np.mean(np.square(found), axis=0))
        return np.where(np.isfinite(norms), 1.0 / np.maximum(1.0, norms), np.nan), weight

    def at(self, x: np.ndarray) -> _At:
        """Return what is known of a point, for the current multipliers."""
        loss, *parts = self.slopes(x, self.prices(), *self.problem.args)
        self.evaluations += 1
        return _At(float(loss), *map(np.asarray, parts))

    def prices(self) -> np.ndarray:
        """Return the multipliers of the constraints themselves."""
        if not hasattr(self, "scale"):  # at the start
            return self.multipliers
        unscaled: np.ndarray = -self.scale * self.multipliers / self.weight
        return unscaled

    def row(self, at: _At) -> Row:
        """Return what is known of the current point."""
        amounts = violations(at.values, *self.limits)
        residual = at.gradient - at.pull
        forces = self.forces(residual)
        errors = [
            residual - forces,
            amounts,
            complementarity(self.prices(), at.values, *self.limits),
            complementarity(forces, self.x, *self.box),
        ]
        size = max(
            [1.0, *[float(np.abs(end[is_limit(end)]).max(initial=0)) for end in self.limits]]
        )
        is_feasible = float(np.max(amounts, initial=0.0)) <= FEASIBLE * size
        return Row(self.x, at.loss, np.concatenate(errors), is_feasible, self.evaluations)

    def forces(self, residual: np.ndarray) -> np.ndarray:
        """Return the multipliers of the bounds."""
        is_held = self.box.held(self.x, residual)
        found: np.ndarray = np.where(is_held, residual, 0.0)
        return found

    def result(self) -> Result:
        """Return the result."""
        status, before, best, stale = Status.STALLED, np.inf, np.inf, 0
        if not np.isfinite(self.seen.loss):
            return self.summed_up(Status.DIVERGED)
        if not np.isfinite(np.sum(self.seen.gradient) + np.sum(self.scale)):
            return self.summed_up(Status.FLAT)
        for number in range(_MOST_ROUNDS):
            row = self.row(self.seen)
            if self.ledger.ends(row) and self.ledger.status is not None:
                status = self.ledger.status
                break
            error = float(np.max(np.abs(row.errors)))
            stale, best = (0, error) if error < 0.9 * best else (stale + 1, best)
            if stale > _MOST_STALE and row.is_goal:
                steep = max(1.0, float(np.max(np.abs(self.seen.gradient))))
                status = Status.PRECISION if error <= _ROUNDING * steep else Status.STALLED
                break
            run = self.descend(number)
            if (
                run.status is Status.UNBOUNDED
                and self.penalty < _MOST_PENALTY * self.first_penalty
            ):
                self.penalty *= _GROWTH
                self.seen = self.at(self.x)
                continue
            self.x = run.vector.astype(np.float64)
            values = self.at(self.x).values
            shifted = self.scale * values + self.multipliers / self.penalty
            gap = shifted - np.clip(shifted, *[scaled(end, self.scale) for end in self.limits])
            left = float(np.max(np.abs(gap - self.multipliers / self.penalty), initial=0.0))
            most = _MOST_MULTIPLIER
            self.multipliers = np.clip(self.penalty * gap, -most, most)
            self.seen = self.at(self.x)
            if left > _FALL * before and left > _SMALL:
                self.penalty *= _GROWTH
            before = left
            if self.penalty > _MOST_PENALTY * self.first_penalty:
                row = self.row(self.seen)
                self.ledger.ends(row)
                status = Status.STALLED if row.is_goal else Status.INFEASIBLE
                break
        return self.summed_up(status)

    def descend(self, number: int) -> Result:
        """Return the result of a descent of the inner method."""
        problem, goals = self.problem, self.problem.stop.rules()
        limits = [r.threshold for r in goals if isinstance(r, GradientNormBelow)]
        tolerance = _SHARE * min(limits, default=1e-6) * min(1.0, self.weight)
        if number < len(_TOLERANCES):
            tolerance = max(tolerance, _TOLERANCES[number])
        inner = problem.method.inner or NewtonCG()
        inner = inner if problem.box is None else inner.bounded()
        objective, args = problem.objective, problem.args
        if self.is_limited:
            objective = AugmentedObjective(**vars(objective))
            args = (
                *args,
                self.multipliers,
                np.array(self.penalty),
                self.scale,
                np.array(self.weight),
            )
        own = problem._replace(
            objective=objective,
            args=args,
            method=inner,
            stop=GradientNormBelow(tolerance) | MaxIterations(_INNER_LIMIT),
            record_every=0,
            record_x=False,
        )
        run = solve(own, self.x.astype(problem.layout.dtype))
        self.evaluations += run.evaluations
        self.timings[0] += run.timings.trace
        self.timings[1] += run.timings.compile
        return run

    def summed_up(self, status: Status) -> Result:
        """Return the result of the run."""
        problem, at, ledger = self.problem, self.seen, self.ledger
        forces, x = self.forces(at.gradient - at.pull), self.x.astype(problem.layout.dtype)
        graph = trace_function(
            lambda v, *args: problem.objective(v, problem.layout, args).loss,
            (self.x, *problem.args),
        ).graph
        seconds = time.perf_counter() - self.began - sum(self.timings)
        return Result(
            x=problem.parameters(x),
            loss=at.loss,
            gradient=problem.layout.unpack(at.gradient),
            iterations=max(0, ledger.iterations),
            evaluations=self.evaluations,
            status=status,
            explain=ledger.explanation(status, at.loss),
            look_back=ledger.history,
            timings=Timings(self.timings[0], self.timings[1], seconds),
            graph=graph,
            engine=problem.engine.name,
            method=problem.method,
            reason=self.reason,
            active=problem.active(x),
            report=(self.prices(), forces),
            vector=x,
            store=functools.partial(refuse_to_save, type(problem.method).__name__),
        )
