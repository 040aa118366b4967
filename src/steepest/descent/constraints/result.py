"""The result of a descent with constraints: multipliers, violation, what is active."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from steepest.derivative import Function, pull_back
from steepest.descent.constraints.placing import Given
from steepest.descent.iteration.problem import Problem
from steepest.descent.methods.constrained.measures import complementarity, violations
from steepest.descent.problem.constrained import as_constrained, limits_of
from steepest.descent.problem.parameters import element_names
from steepest.descent.results.result import Result
from steepest.trace import as_traced

_ON_LIMIT = 1e-6
"""Distance to a limit, relative to it, up to which a value counts as on it."""

OURS = ("multipliers", "bound_multipliers", "constraint_violation", "kkt_residual")
SCIPYS = ("constr_violation", "maxcv")
"""Fields of results with constraints, by our names and by SciPy's."""


@dataclass(frozen=True, repr=False)
class ConstrainedResult(Result):
    """What :func:`minimize` returns if there are constraints.

    Attributes
    ----------
    of_point : callable
        Returns loss, gradient, values and Jacobian of the constraints at a vector.
    given : tuple of Given
        The constraints.
    is_single : bool
        Whether one constraint was given, not a list of them.
    problem : Problem
        The problem that was solved.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> budget = st.Constraint(np.sum, upper=1.0)
    >>> run = st.minimize(lambda x: np.sum((x - 2) ** 2), np.zeros(2), constraints=budget)
    >>> run.x.round(6), float(run.multipliers.round(6)), run.constraint_violation
    (array([0.5, 0.5]), -3.0, 0.0)
    """

    given: tuple[Given, ...] = field(default=(), repr=False)
    is_single: bool = field(default=False, repr=False)
    problem: Problem | None = field(default=None, repr=False, compare=False)

    def _names(self) -> Sequence[str]:
        return (*super()._names(), *OURS, *SCIPYS, "optimality")

    @functools.cached_property
    def _point(self) -> _Point:
        """The values and multipliers at `x`."""
        assert self.problem is not None
        return _point_at(self.problem, self.vector, self.report)

    def _structured(self, vector: np.ndarray) -> Any:
        return structured(vector, self.given, self.is_single)

    @property
    def multipliers(self) -> Any:
        """The derivatives of the least loss by the limits of the constraints.

        A list with an item for each constraint, in the structure of what its function returns; or
        the only item, if one constraint was given that is not in a list. A multiplier is positive
        at a lower limit, negative at an upper one, and 0 if neither matters.
        """
        return self._structured(self._point.multipliers)

    @property
    def bound_multipliers(self) -> Any:
        """The derivatives of the least loss by the bounds, in the structure of `x`."""
        assert self.problem is not None
        return self.problem.layout.unpack(self._point.bound_multipliers)

    @property
    def constraint_values(self) -> Any:
        """The values of the constraints at `x`, in the structure of the multipliers."""
        return self._structured(self._point.values)

    @property
    def active_constraints(self) -> Any:
        """For each value -1 if it is on its lower limit, 1 on its upper, else 0.

        Values on the limits of an equation get 1. In the structure of the multipliers.
        """
        return self._structured(sides(self._point.values, *self._point.limits))

    @property
    def active_normals(self) -> np.ndarray:
        """The gradients of the constraints that are on a limit, shape (k, n)."""
        is_active = sides(self._point.values, *self._point.limits) != 0
        assert self.problem is not None
        normals: np.ndarray = _derivatives_at(self.problem, self._point.x)[2][is_active]
        return normals

    @property
    def constraint_violation(self) -> float:
        """The largest violation of a limit; 0 if there is none."""
        return float(np.max(violations(self._point.values, *self._point.limits), initial=0.0))

    @property
    def kkt_residual(self) -> float:
        """The largest absolute element of the Karush-Kuhn-Tucker conditions.

        These are the gradient of the Lagrangian, the violations, and for each multiplier the
        smaller of it and the distance to its limit.
        """
        return self._point.residual()

    # SciPy's names for the same things.

    @property
    def constr_violation(self) -> float:
        """The largest violation, under the name of SciPy's trust-constr."""
        return self.constraint_violation

    @property
    def maxcv(self) -> float:
        """The largest violation, under the name of SciPy's COBYLA."""
        return self.constraint_violation

    @property
    def optimality(self) -> float:
        """The largest absolute slope of the Lagrangian, under trust-constr's name."""
        return float(np.max(np.abs(self._point.slopes())))

    def __getstate__(self) -> dict[str, Any]:
        """Return the content of a pickle, without functions."""
        state = super().__getstate__()
        given = tuple([one._replace(function=np.asarray, args=()) for one in self.given])
        point = dataclasses.replace(self._point, lengths=None)
        return {**state, "problem": None, "given": given, "_point": point}


class PointReport(NamedTuple):
    """What a method can report of the point where it ended, so that it is not computed again.

    Attributes
    ----------
    multipliers, bound_multipliers
        Shapes (m,) and (n,).
    lengths
        The norms of the gradients of the constraints, shape (m,).
    values, gradient
        Values of the constraints, and gradient of the loss.
    pull
        The sum of the gradients of the constraints times the multipliers, shape (n,).
    """

    multipliers: np.ndarray
    bound_multipliers: np.ndarray
    lengths: np.ndarray
    values: np.ndarray
    gradient: np.ndarray
    pull: np.ndarray


@dataclass(frozen=True)
class _Point:
    """A point, its multipliers, and what they are multipliers of.

    Attributes
    ----------
    x, gradient
        The point and the gradient of the loss, shape (n,).
    values, pull
        Values of the constraints, shape (m,), and the sum of their gradients times the
        multipliers, shape (n,).
    limits, bounds
        Pairs of vectors.
    multipliers, bound_multipliers
        Shapes (m,) and (n,).
    lengths
        Returns the norms of the gradients of the constraints, shape (m,).
    """

    x: np.ndarray
    gradient: np.ndarray
    values: np.ndarray
    pull: np.ndarray
    limits: tuple[np.ndarray, np.ndarray]
    bounds: tuple[np.ndarray, np.ndarray]
    multipliers: np.ndarray
    bound_multipliers: np.ndarray
    lengths: Callable[[], np.ndarray] | None = None

    def slopes(self) -> np.ndarray:
        """Return the gradient of the Lagrangian."""
        slopes: np.ndarray = self.gradient - self.pull - self.bound_multipliers
        return slopes

    def residual(self) -> float:
        """Return the largest absolute element of the optimality conditions."""
        parts = [
            np.abs(self.slopes()),
            violations(self.values, *self.limits),
            complementarity(self.multipliers, self.values, *self.limits),
            complementarity(self.bound_multipliers, self.x, *self.bounds),
        ]
        return float(np.max(np.concatenate(parts)))


def _point_at(problem: Problem, x: np.ndarray, report: Sequence[np.ndarray]) -> _Point:
    """Return the values at a point, and multipliers, fitting ones if none were reported."""
    x = x.astype(problem.dtype)
    limits = limits_of(problem.objective, problem.args)
    infinite = np.full_like(x, np.inf)
    bounds = (-infinite, infinite) if problem.box is None else tuple(problem.box)
    if isinstance(report, PointReport):
        multipliers, forces, by_row, values, gradient, pull = report
        known = values, pull, limits, bounds, multipliers, forces
        return _Point(x, gradient, *known, lambda: by_row)
    if report:
        multipliers, forces = report[:2]
    else:
        values, gradient, jacobian = _derivatives_at(problem, x)
        multipliers, forces = _fitting(gradient, jacobian, values, limits, x, bounds)

    def pulled(vector: Any, multipliers: Any, *args: Any) -> Any:
        at_x = as_constrained(problem.objective(vector, problem.layout, args))
        constraints = at_x.constraints
        (pull,) = pull_back([constraints.node], [as_traced(multipliers)], [at_x.x.node])
        return constraints, at_x.gradient, np.zeros_like(at_x.x) if pull is None else pull

    found = Function(pulled)(x, multipliers, *problem.args)
    values, gradient, pull = [np.asarray(part) for part in found]

    def lengths() -> np.ndarray:
        known: np.ndarray = np.linalg.norm(_derivatives_at(problem, x)[2], axis=1)
        return known

    return _Point(x, gradient, values, pull, limits, bounds, multipliers, forces, lengths)


def _derivatives_at(problem: Problem, x: np.ndarray) -> list[np.ndarray]:
    """Return values, gradient of the loss, and Jacobian of the constraints."""

    def everything(vector: Any, *args: Any) -> Any:
        at_x = as_constrained(problem.objective(vector, problem.layout, args))
        return at_x.constraints, at_x.gradient, at_x.constraint_jacobian

    return [np.asarray(part) for part in Function(everything)(x, *problem.args)]


def structured(vector: np.ndarray, given: Sequence[Given], is_single: bool) -> Any:
    """Return values of constraints as their functions return them; shape (m,), or (N, m)."""
    parts, start = [], 0
    for one in given:
        parts.append(one.unpacked(vector[..., start : start + one.size]))
        start += one.size
    return parts[0] if is_single else parts


def sides(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return -1 for values on a lower limit, 1 for those on an upper one, else 0."""
    near = functools.partial(_is_near, values)
    return np.where(near(high), 1, np.where(near(low), -1, 0))


def _is_near(values: np.ndarray, limit: np.ndarray) -> np.ndarray:
    is_limit = np.abs(limit) < np.finfo(limit.dtype).max
    known = np.where(is_limit, limit, 0.0)
    close = np.abs(values - known) <= _ON_LIMIT * np.maximum(1.0, np.abs(known))
    result: np.ndarray = is_limit & close
    return result


def _fitting(
    gradient: np.ndarray,
    jacobian: np.ndarray,
    values: np.ndarray,
    limits: tuple[np.ndarray, np.ndarray],
    x: np.ndarray,
    bounds: Any,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the multipliers of what is on its limit that make the Lagrangian's slopes least."""
    from scipy.optimize import lsq_linear

    normals = np.concatenate([jacobian, np.eye(x.size)])
    at = np.concatenate([values, x])
    low, high = (np.concatenate(ends) for ends in zip(limits, bounds, strict=True))
    near = functools.partial(_is_near, at)
    is_low, is_high = near(low) | (at < low), near(high) | (at > high)
    chosen = np.flatnonzero(is_low | is_high)
    result = np.zeros(at.size)
    if chosen.size:
        least = np.where(is_high[chosen], -np.inf, 0.0)
        most = np.where(is_low[chosen], np.inf, 0.0)
        result[chosen] = lsq_linear(normals[chosen].T, gradient, (least, most)).x
    return result[: values.size], result[values.size :]


def with_constraints(
    run: Result, problem: Problem, given: Sequence[Given], is_single: bool
) -> ConstrainedResult:
    """Return the result of a run with what it says of the constraints."""
    result = ConstrainedResult.__new__(ConstrainedResult)  # its fields are those of the run
    result.__dict__.update(vars(run), given=tuple(given), is_single=is_single, problem=problem)
    explain = _EXPLANATIONS.get(run.status.name)
    if explain is None:
        return result
    return dataclasses.replace(result, explain=functools.partial(explain, result, run.explain))


def _infeasibility(result: ConstrainedResult, before: Callable[[], str]) -> str:
    """Return a sentence that says which constraints contradict one another."""
    assert result.problem is not None
    point, layout = result._point, result.problem.layout
    amounts, start, violated, others = violations(point.values, *point.limits), 0, [], []
    assert point.lengths is not None
    lengths = point.lengths()
    weights = np.abs(point.multipliers) * lengths
    bound_weights = np.abs(point.bound_multipliers)
    most = np.max(np.concatenate([weights, bound_weights]), initial=0.0)
    for given in result.given:
        part = slice(start, start + given.size)
        worst = float(np.max(amounts[part]))
        if worst > 1e-8:
            violated.append(f"{given.name} by {worst:.3g}")
        elif np.max(weights[part]) > 1e-3 * most:
            others.append(given.name)
        start += given.size
    name = element_names(layout)
    others += [f"the bound of {name(int(i))}" for i in np.flatnonzero(bound_weights > 1e-3 * most)]
    text = f"{before()[:-1]}: it violates {_listed(violated)}"
    text = f"{text}, against {_listed(others)}." if others else f"{text}."
    is_flat = (amounts > 1e-8) & (lengths == 0)
    return f"{text} A slope is 0 there: start elsewhere." if is_flat.any() else text


def _lack_of_slopes(result: ConstrainedResult, before: Callable[[], str]) -> str:
    """Return a sentence that says which constraint has no slopes at the point."""
    assert result._point.lengths is not None
    start, lengths = 0, result._point.lengths()
    for given in result.given:
        if not np.isfinite(lengths[start : start + given.size]).all():
            return f"{before()} The slope of {given.name} is not finite: start elsewhere."
        start += given.size
    return before()


_EXPLANATIONS: dict[str, Callable[[ConstrainedResult, Callable[[], str]], str]] = {
    "INFEASIBLE": _infeasibility,
    "FLAT": _lack_of_slopes,
}
"""Functions that add to the sentence of a status what it says of the constraints."""


def _listed(words: list[str]) -> str:
    few = words if len(words) <= 4 else [*words[:3], f"{len(words) - 3} more"]
    return few[0] if len(few) == 1 else f"{', '.join(few[:-1])} and {few[-1]}"
