"""Units of the parameters, in which a method makes its steps.

Parameters of very different sizes, such as temperatures and concentrations, make a Hessian badly
scaled, and a step length that suits one of them does not suit the others.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.methods.constrained.measures import scaled
from steepest.descent.problem.bounds import Box
from steepest.trace import while_loop

LAST = 80
"""Evaluations after which parameters have no units of their own."""

_PERIOD = 10
"""Evaluations between two measurements of the units."""

_ROUNDS = 8
"""Rounds of the equilibration."""

_ALIKE = math.log2(300.0)
"""Binary logarithm of the ratio of the largest to the smallest unit, up to which all are 1."""


class Measured(NamedTuple):
    """A candidate in units of its parameters.

    Attributes
    ----------
    x, loss, gradient, hessian
        The point, its loss, and the derivatives of the loss and of the Lagrangian.
    constraints, constraint_jacobian
        Values of the constraints and their Jacobian.
    lower_limits, upper_limits, box
        Limits of the constraints, and bounds.
    is_linear
        Positive for each constraint whose function is linear.
    """

    x: Any
    loss: Any
    gradient: Any
    hessian: Any
    constraints: Any
    constraint_jacobian: Any
    lower_limits: Any
    upper_limits: Any
    box: Box
    is_linear: Any


def units_at(age: Any, units: Any, hessian: Any, jacobian: Any) -> Any:
    """Return the units at an evaluation, of which there were `age` before.

    They are measured anew, as the derivatives at the start may show little of those at the
    solution: for a loss and constraints that are linear there, one constraint decides.
    """
    is_due = (age % _PERIOD == 0) & (age < LAST)
    measured_now = units_of(hessian, jacobian, is_due)
    return np.where(age >= LAST, 1.0, np.where(is_due, measured_now, units))


def units_of(hessian: Any, jacobian: Any, is_due: Any) -> Any:
    """Return a unit for each parameter, a power of two; ones if they would be alike.

    In these units, and with other units of the constraints, the largest entries of all rows of the
    matrix ``[[H, J.T], [J, 0]]`` are close to 1 (D. Ruiz, "A scaling algorithm to equilibrate both
    rows and columns norms in matrices", Report RAL-TR-2001-034, 2001).
    """
    curvatures, slopes = (
        np.where(np.isfinite(part), np.abs(part), 0.0) for part in (hessian, jacobian)
    )

    def equilibrate(state: Any) -> Any:
        units, weights, count = state
        steep = weights[:, None] * slopes * units
        of_rows = np.max(steep, axis=1, initial=0.0)
        bent = np.max(units[:, None] * curvatures * units, axis=1)
        of_units = np.maximum(bent, np.max(steep, axis=0, initial=0.0))
        units = units / np.sqrt(np.where(of_units > 0, of_units, 1.0))
        weights = weights / np.sqrt(np.where(of_rows > 0, of_rows, 1.0))
        return units, weights, count + 1

    rounds = np.where(is_due, _ROUNDS, 0)
    start = np.ones_like(hessian[0]), np.ones_like(jacobian[:, 0]), np.zeros((), np.int64)
    units: Any = while_loop(lambda state: state[2] < rounds, equilibrate, start)[0]
    sizes = np.log2(units)
    span = np.max(sizes) - np.min(sizes)
    is_different = (span > _ALIKE) & np.isfinite(span)
    return np.where(is_different, np.exp2(np.round(sizes - np.mean(sizes))), 1.0)


def measured(trial: Any, hessian: Any, units: Any) -> Measured:
    """Return a candidate in units of its parameters.

    `hessian` is that of the Lagrangian. The bounds are the largest numbers if there are none.
    """
    largest = np.full_like(trial.x, np.finfo(trial.x.dtype).max)
    box = Box(-largest, largest) if trial.box is None else trial.box
    return Measured(
        trial.x / units,
        trial.loss,
        units * trial.gradient,
        units[:, None] * hessian * units,
        trial.constraints,
        trial.constraint_jacobian * units,
        trial.lower_limits,
        trial.upper_limits,
        Box(scaled(box.lower, 1.0 / units), scaled(box.upper, 1.0 / units)),
        trial.is_linear,
    )
