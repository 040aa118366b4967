"""A loss and its constraints at a point, with exact derivatives of both."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.derivative import pull_back
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.evaluation import (
    Evaluation,
    GivenEvaluation,
    NotGivenError,
    slopes,
)
from steepest.descent.problem.objective import (
    MOST_OPERANDS,
    Objective,
    as_vector,
    outputs_of,
)
from steepest.descent.problem.parameters import ParameterLayout
from steepest.graph import Node, Shape, order
from steepest.rewrite import simplify
from steepest.trace import TracedArray, as_traced, node_of

_MOST_ROWS = 24
"""Largest number of constraints with a pullback each in the graph."""

_MOST_CURVATURES = 20_000
"""Largest number of elements of the Hessians of all constraints that a step is given."""


class ConstrainedEvaluation(Evaluation):
    """The loss and the constraints at a point.

    Besides what an :class:`Evaluation` offers: ``constraints`` (m,), ``constraint_jacobian``
    (m, n), ``lagrangian_hessian(multipliers)`` (n, n). The Lagrangian is the loss minus the
    constraints times their multipliers.

    Parameters
    ----------
    at_x : Evaluation
        The loss at the point, and the residuals if it is a sum of squares.
    constraints : ndarray
        Values of all constraint functions, shape (m,).
    limits : pair of ndarray
        Lower and upper limits of the values, each of shape (m,).
    blocks : sequence of ndarray
        The values of each function, in order.
    """

    def __init__(
        self, at_x: Evaluation, constraints: Any, limits: tuple[Any, Any], blocks: Sequence[Any]
    ) -> None:
        self.__dict__.update(vars(at_x))
        self.constraints, self._blocks = as_traced(constraints), blocks
        self.lower_limits, self.upper_limits = limits

    @functools.cached_property
    def constraint_jacobian(self) -> Any:
        """The Jacobian of the constraints, shape (m, n)."""
        return jacobian_of(self.constraints.node, self.x)

    @functools.cached_property
    def constraint_hessians(self) -> Any:
        """The Hessian of each constraint, shape (m, n, n)."""
        return slopes(node_of(self.constraint_jacobian), self.x)

    @functools.cached_property
    def is_linear(self) -> Any:
        """1 for each constraint whose function is linear, else 0; shape (m,)."""
        known = [_is_linear(block.node, self.x) for block in self._blocks]
        parts = [np.full(b.size, float(k)) for b, k in zip(self._blocks, known, strict=True)]
        return as_traced(np.concatenate(parts).astype(self.x.dtype))

    def lagrangian_hessian(self, multipliers: Any) -> Any:
        """Return the Hessian of the Lagrangian, shape (n, n), symmetric."""
        pulled = pull_back([self.constraints.node], [as_traced(multipliers)], [self.x.node])[0]
        slope = self.gradient if pulled is None else self.gradient - pulled
        columns = slopes(node_of(slope), self.x)
        return 0.5 * (columns + columns.T)


def as_constrained(at_x: Any) -> Any:
    """Return a point with its constraints, none if it is one of a loss alone."""
    if hasattr(at_x, "constraints"):
        return at_x
    nothing = as_traced(np.zeros(0, at_x.x.dtype))
    return _Unconstrained(at_x, nothing)


def limits_of(objective: Objective, arguments: Sequence[Any]) -> tuple[Any, Any]:
    """Return the lower and the upper limits of all constraints, none of a loss alone."""
    if not isinstance(objective, ConstrainedObjective):
        return np.zeros(0), np.zeros(0)
    lower, upper = objective.groups(arguments)[-1]
    return lower, upper


class _Unconstrained:
    """A point of a loss alone, as a method for constraints sees it."""

    def __init__(self, at_x: Evaluation, nothing: Any) -> None:
        self._at_x = at_x
        self.constraints = self.lower_limits = self.upper_limits = self.is_linear = nothing
        self.constraint_jacobian = as_traced(np.zeros((0, at_x.x.size), at_x.x.dtype))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._at_x, name)

    def lagrangian_hessian(self, multipliers: Any) -> Any:
        """Return the Hessian of the loss, shape (n, n)."""
        return self._at_x.hessian


def jacobian_of(values: Node, x: TracedArray) -> Any:
    """Return the Jacobian of some values, in the mode that needs fewer passes."""
    (rows,) = values.shape
    if rows >= x.size or rows > _MOST_ROWS:
        return slopes(values, x)
    units = np.eye(rows, dtype=values.dtype)
    pulled = [pull_back([values], [as_traced(unit)], [x.node])[0] for unit in units]
    return np.stack([np.zeros_like(x) if row is None else row for row in pulled])


def _is_linear(values: Node, x: TracedArray) -> bool:
    """Whether the Jacobian of some values does not depend on the point."""
    if x.node not in order([values]):
        return True
    with_slopes = node_of(jacobian_of(values, x))
    (simple,) = simplify([with_slopes])
    return x.node not in order([simple])


class GivenConstrained(GivenEvaluation):
    """A point with constraints whose values and derivatives are inputs.

    Parameters
    ----------
    x, give, box
        As for :class:`GivenEvaluation`.
    rows
        Number m of constraints.
    """

    def __init__(
        self, x: Any, give: Callable[[str, Shape], Any], box: Box | None, rows: int
    ) -> None:
        super().__init__(x, give, box)
        self.constraints = self._given("constraints", (rows,))
        self.lower_limits = self._given("lower_limits", (rows,))
        self.upper_limits = self._given("upper_limits", (rows,))

    @functools.cached_property
    def constraint_jacobian(self) -> Any:
        """The Jacobian of the constraints, shape (m, n)."""
        return self._given("constraint_jacobian", (self.constraints.size, self.x.size))

    @functools.cached_property
    def constraint_hessians(self) -> Any:
        """The Hessian of each constraint, shape (m, n, n)."""
        rows, columns = self.constraints.size, self.x.size
        if rows * columns**2 > _MOST_CURVATURES:
            raise NotGivenError
        return self._given("constraint_hessians", (rows, columns, columns))

    @functools.cached_property
    def is_linear(self) -> Any:
        """1 for each constraint whose function is linear, else 0; shape (m,)."""
        return self._given("is_linear", (self.constraints.size,))

    def lagrangian_hessian(self, multipliers: Any) -> Any:
        """Return the Hessian of the Lagrangian, shape (n, n), symmetric."""
        bent = np.sum(multipliers[:, None, None] * self.constraint_hessians, axis=0)
        return self.hessian - 0.5 * (bent + bent.T)


@dataclass(frozen=True)
class ConstrainedObjective(Objective):
    """A loss and constraints, functions of the same parameters.

    Attributes
    ----------
    constraints
        Functions of the parameters and further arguments of their own.
    places
        Which of its further arguments are those of the loss, then of each constraint, and last
        the lower and the upper limits of all values of the constraints.
    """

    constraints: tuple[Callable[..., Any], ...] = ()
    places: tuple[tuple[int, ...], ...] = ((), ())

    @property
    def subject(self) -> Any:
        """The loss and the constraints, in which something may be differenced."""
        return (self.function, *self.constraints)

    def groups(self, arguments: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return the further arguments of the loss, of each constraint, and the limits."""
        return [tuple([arguments[place] for place in places]) for places in self.places]

    def __call__(
        self,
        vector: Any,
        layout: ParameterLayout,
        arguments: Any,
        box: Box | None = None,
        by_jacobian: bool = False,
    ) -> ConstrainedEvaluation:
        """Return loss and constraints at a vector of parameters, while a function is traced."""
        of_loss, *of_constraints, (lower, upper) = self.groups(arguments)
        at_x = super().__call__(vector, layout, of_loss, box, by_jacobian)
        blocks = [
            self.vector_of(function, self.parameters(vector, layout), given, at_x.x)
            for function, given in zip(self.constraints, of_constraints, strict=True)
        ]
        values: Any = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
        limits = lower.astype(values.dtype), upper.astype(values.dtype)
        return ConstrainedEvaluation(at_x, values, limits, blocks)

    def vector_of(
        self, function: Callable[..., Any], tree: Any, given: Sequence[Any], x: Any
    ) -> Any:
        """Return the values of a constraint as a vector, in the dtype of the parameters."""
        outputs = outputs_of(function, tree, given, max(MOST_OPERANDS, x.size), self.subject)
        return as_vector(function, outputs, x.dtype, "values")
