"""Nonlinear programs: a loss, equations, and bounds, as an interior point method takes them.

A constraint with a range of values has a slack variable: its value minus the slack is 0, and the
slack has the range as bounds. Parameters whose bounds are equal are left out.
"""

from __future__ import annotations

import abc
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.iteration.problem import Problem
from steepest.descent.large.functions import Functions
from steepest.descent.methods.constrained.measures import (
    complementarity,
    is_limit,
    violations,
)
from steepest.descent.problem.constrained import limits_of

_STEEP = 100.0
"""Largest slope of the loss and the constraints at the start; they are scaled down to it."""

_INSIDE = 1e-2
"""Distance of the start from bounds, in multiples of their size and of their distance."""

_LARGE = 300
"""Number of variables and equations from which on matrices are sparse if few entries are not 0."""

_FULL = 0.2
"""Share of entries that are not 0 from which on a matrix is dense."""


class Derivatives(NamedTuple):
    """Derivatives at a point.

    Attributes
    ----------
    gradient
        Of the loss, shape (n,).
    jacobian
        Of the equations, shape (m, n), a sparse matrix or an array.
    hessian
        Of the Lagrangian, the loss plus the equations times their multipliers; shape (n, n).
    """

    gradient: np.ndarray
    jacobian: Any
    hessian: Any


def pushed_inside(v: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Return a point moved away from its bounds, halfway between those that are equal."""
    has_lower, has_upper = np.isfinite(lower), np.isfinite(upper)
    low, high = np.where(has_lower, lower, 0.0), np.where(has_upper, upper, 0.0)
    width = np.where(has_lower & has_upper, high - low, np.inf)
    above = np.minimum(_INSIDE * np.maximum(1.0, np.abs(low)), _INSIDE * width)
    below = np.minimum(_INSIDE * np.maximum(1.0, np.abs(high)), _INSIDE * width)
    least = np.where(has_lower, low + above, -np.inf)
    most = np.where(has_upper, high - below, np.inf)
    inside: np.ndarray = np.minimum(np.maximum(v, least), most)
    return inside


class Program(abc.ABC):
    """A loss to minimize subject to equations and bounds.

    Attributes
    ----------
    lower, upper
        Bounds, shape (n,), infinite if there are none.
    rows
        The number m of equations.
    """

    lower: np.ndarray
    upper: np.ndarray
    rows: int

    @abc.abstractmethod
    def values(self, v: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the loss, and the values of the equations, which are to be 0."""

    @abc.abstractmethod
    def derivatives(
        self, v: np.ndarray, multipliers: np.ndarray, of_loss: float = 1.0
    ) -> Derivatives:
        """Return the derivatives at a point; the Hessian of the loss counts `of_loss` times."""


class ConstrainedProgram(Program):
    """A problem with its constraints and bounds.

    Parameters
    ----------
    problem, functions
        The problem, and its compiled functions.
    x
        The start, shape (n,).

    Attributes
    ----------
    evaluations, gradients
        How often the loss, and its gradient, were computed.
    """

    def __init__(self, problem: Problem, functions: Functions, x: np.ndarray) -> None:
        self.functions, self.args = functions, functions.recorded.given(problem.args)
        self.evaluations = self.gradients = 0
        infinite = np.full(x.shape, np.inf)
        ends = (-infinite, infinite) if problem.box is None else problem.box
        self.box = tuple(map(_with_infinity, ends))
        self.free = np.flatnonzero(self.box[0] < self.box[1])
        self.x = pushed_inside(x, *self.box)
        self.rows = functions.jacobian.shape[0]
        limits = limits_of(problem.objective, problem.args)
        self.limits = tuple(map(_with_infinity, limits))
        self.ranged = np.flatnonzero(self.limits[0] != self.limits[1])
        self.fixed = functions.fixed_for(self.x, problem.args)
        self._place()
        self._scale()

    def _place(self) -> None:
        """Find the places of entries in the matrices of the free parameters and the slacks."""
        jacobian, hessian = self.functions.jacobian, self.functions.hessian
        number = self.free.size
        self.size = number + self.ranged.size
        place = np.full(self.x.size, -1)
        place[self.free] = np.arange(number)
        self._of_jacobian = np.flatnonzero(place[jacobian.columns] >= 0)
        at = self._of_jacobian
        slacks = number + np.arange(self.ranged.size)
        self._jacobian_at = (
            np.concatenate([jacobian.rows[at], self.ranged]),
            np.concatenate([place[jacobian.columns[at]], slacks]),
        )
        both = (place[hessian.rows] >= 0) & (place[hessian.columns] >= 0)
        self._of_hessian = np.flatnonzero(both)
        self._hessian_at = tuple(
            place[side[self._of_hessian]] for side in (hessian.rows, hessian.columns)
        )
        entries = 2 * self._of_jacobian.size + self._of_hessian.size
        total = self.size + self.rows
        self.is_sparse = total > _LARGE and entries < _FULL * total**2

    def _scale(self) -> None:
        """Scale the loss and the constraints by their slopes at the start."""
        self.scale, self.weight = np.ones(self.rows), 1.0
        loss, values = self._evaluated(self.x)
        self.first = loss, values
        slopes = self._slopes(self.x, np.zeros(self.rows))
        rows, size = self.functions.jacobian.rows, np.abs(slopes.jacobian)
        steepest = np.zeros(self.rows)
        np.maximum.at(steepest, rows, np.where(np.isfinite(size), size, 0.0))
        self.scale = _STEEP / np.maximum(steepest, _STEEP)
        steep = np.max(np.abs(slopes.gradient), initial=0.0)
        self.weight = float(_STEEP / max(steep, _STEEP)) if np.isfinite(steep) else 1.0
        lower, upper = (self.scale * end for end in self.limits)
        self.lower = np.concatenate([self.box[0][self.free], lower[self.ranged]])
        self.upper = np.concatenate([self.box[1][self.free], upper[self.ranged]])
        self.targets = np.where(self.limits[0] == self.limits[1], lower, 0.0)

    def _evaluated(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        self.evaluations += 1
        return self.functions.values_at(x, self.args)

    def _slopes(self, x: np.ndarray, multipliers: np.ndarray, of_loss: float = 1.0) -> Any:
        self.gradients += 1
        weighted, weight = -self.scale * multipliers, of_loss * self.weight
        return self.functions.slopes_at(x, weighted, weight, self.args, self.fixed)

    def point(self, v: np.ndarray) -> np.ndarray:
        """Return the parameters of a vector of variables."""
        x = self.x.copy()
        x[self.free] = v[: self.free.size]
        return x

    def start(self) -> np.ndarray:
        """Return the variables at the start; slacks have the values of their constraints."""
        values = self.scale * self.first[1]
        return np.concatenate([self.x[self.free], values[self.ranged]])

    def values(self, v: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the scaled loss, and the values of the equations."""
        loss, constraints = self._evaluated(self.point(v))
        self.last = loss, constraints
        values = self.scale * constraints - self.targets
        values[self.ranged] -= v[self.free.size :]
        return self.weight * loss, values

    def derivatives(
        self, v: np.ndarray, multipliers: np.ndarray, of_loss: float = 1.0
    ) -> Derivatives:
        """Return the derivatives of the scaled program."""
        slopes = self._slopes(self.point(v), multipliers, of_loss)
        self.slopes = slopes
        gradient = np.zeros(self.size)
        gradient[: self.free.size] = self.weight * slopes.gradient[self.free]
        at = self._of_jacobian
        rows = self.functions.jacobian.rows[at]
        entries = np.concatenate(
            [self.scale[rows] * slopes.jacobian[at], -np.ones(self.ranged.size)]
        )
        jacobian = self._matrix(entries, self._jacobian_at, (self.rows, self.size))
        bent = slopes.hessian[self._of_hessian]
        hessian = self._matrix(bent, self._hessian_at, (self.size, self.size))
        return Derivatives(gradient, jacobian, hessian)

    def _matrix(self, entries: np.ndarray, places: Any, shape: tuple[int, int]) -> Any:
        if self.is_sparse:
            from scipy.sparse import csr_array

            return csr_array((entries, places), shape=shape)
        matrix = np.zeros(shape)
        matrix[places] = entries
        return matrix


class Conditions(NamedTuple):
    """The optimality conditions at a point, in the units of the problem.

    Attributes
    ----------
    multipliers, forces
        Multipliers of the constraints, shape (m,), and of the bounds, shape (n,).
    errors
        Slopes of the Lagrangian, violations and lacks of complementarity, one after the other.
    pull
        Sum of the gradients of the constraints times their multipliers, shape (n,).
    violation
        The largest violation.
    """

    multipliers: np.ndarray
    forces: np.ndarray
    errors: np.ndarray
    pull: np.ndarray
    violation: float


def conditions_of(
    program: ConstrainedProgram,
    x: np.ndarray,
    constraints: np.ndarray,
    multipliers: np.ndarray,
    forces: np.ndarray,
) -> Conditions:
    """Return the optimality conditions where the slopes were computed last.

    Parameters
    ----------
    program
        The program.
    x, constraints
        The parameters, and the values of the constraints there.
    multipliers, forces
        Multipliers of the scaled equations, and of the bounds on the free parameters.
    """
    unscaled = -program.scale * multipliers / program.weight
    slopes, plan = program.slopes, program.functions.jacobian
    pull = np.bincount(plan.columns, slopes.jacobian * unscaled[plan.rows], minlength=x.size)
    residual = slopes.gradient - pull
    of_bounds = residual.copy()  # of parameters whose bounds are equal
    of_bounds[program.free] = forces / program.weight
    amounts = violations(constraints, *program.limits)
    errors = [
        residual - of_bounds,
        amounts,
        complementarity(unscaled, constraints, *program.limits),
        complementarity(of_bounds, x, *program.box),
    ]
    worst = float(np.max(amounts, initial=0.0))
    return Conditions(unscaled, of_bounds, np.concatenate(errors), pull, worst)


def _with_infinity(ends: Any) -> np.ndarray:
    """Return limits with infinity in place of the largest number."""
    ends = np.asarray(ends, np.float64)
    result: np.ndarray = np.where(is_limit(ends), ends, np.copysign(np.inf, ends))
    return result
