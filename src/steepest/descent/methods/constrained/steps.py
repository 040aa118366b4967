"""Steps of sequential quadratic programming: the model, and the step that minimizes it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from steepest.descent.methods.constrained.convexity import Convex
from steepest.descent.methods.constrained.measures import size_of, violations
from steepest.descent.methods.constrained.quadratic_program import Rows, solve_qp
from steepest.descent.problem.bounds import Box
from steepest.trace import while_loop

_HIGHEST_PRICE = 1e6
"""Price of violations that stands for an infinite one, in multiples of the current price and of
the slope of the loss."""

_LINEAR_PRICE = 1e8
"""Price of leaving a linear constraint that is satisfied, in the same multiples."""

_SHARE = 0.1
"""Smallest share of the possible decrease of the linearized violation that a step must achieve."""


class Model(NamedTuple):
    """The problem near the current iterate.

    Attributes
    ----------
    gradient
        Gradient of the loss, shape (n,).
    values, jacobian
        Values of the scaled constraints and their Jacobian, shapes (m,) and (m, n).
    convex
        The Hessian of the Lagrangian, made positive definite.
    """

    gradient: Any
    values: Any
    jacobian: Any
    convex: Convex

    def decrease(self, step: Any) -> Any:
        """Return half the squared length of a step in the norm of the Hessian."""
        return 0.5 * np.sum(step * np.matmul(self.convex.hessian, step))


class Plan(NamedTuple):
    """A step, and what its quadratic program says.

    Attributes
    ----------
    step
        The step, shape (n,).
    multipliers, forces
        Multipliers of the constraints, shape (m,), and of the ends of the step, shape (n,).
    price
        Price of violations per unit.
    violation, least_violation
        Sum of the linearized violations after the step, and the smallest that is possible.
    """

    step: Any
    multipliers: Any
    forces: Any
    price: Any
    violation: Any
    least_violation: Any

    def highest(self) -> Any:
        """Return the largest absolute multiplier of a constraint."""
        return np.max(np.abs(self.multipliers), initial=0.0)

    def loss_drop(self, model: Model) -> Any:
        """Return the decrease of the loss that the model predicts."""
        return -np.sum(model.gradient * self.step) - model.decrease(self.step)


def plan_step(
    model: Model, x: Any, limits: Any, box: Box, radius: Any, price: Any, is_firm: Any
) -> Plan:
    """Return the step from a point, and raise the price of violations until it reduces them.

    Parameters
    ----------
    model, x
        The model, and the point.
    limits, box
        Limits of the scaled constraints, and bounds.
    radius, price
        Largest absolute change of a parameter, and the first price.
    is_firm
        Positive for each constraint that the step may not violate, shape (m,).
    """
    lower, upper = (limit - model.values for limit in limits)
    low, high = np.maximum(box.lower - x, -radius), np.minimum(box.upper - x, radius)
    matrix = np.concatenate([model.jacobian, np.eye(x.size, dtype=x.dtype)])
    ends = np.concatenate([lower, low]), np.concatenate([upper, high])
    rows = lower.size
    rounding = 64 * float(np.finfo(x.dtype).eps) * size_of(model.values, *limits)
    highest = _HIGHEST_PRICE * np.maximum(price, np.max(np.abs(model.gradient)))
    negligible = 1e-10 * size_of(model.values, *limits)
    violation = np.sum(violations(np.zeros_like(lower), lower, upper))

    def solve(price: Any) -> Any:
        prices = np.where(is_firm > 0, _LINEAR_PRICE * price, price)
        prices = np.concatenate([prices, np.full_like(x, np.inf)])
        found = solve_qp(model.convex.basis, model.gradient, Rows(matrix, *ends, prices, rounding))
        change = np.sum(model.jacobian * found.step, axis=1)
        return found.step, found.multipliers, np.sum(violations(change, lower, upper))

    def is_enough(left: Any, least: Any) -> Any:
        share = np.where(least <= negligible, 1.0, _SHARE)
        return left <= np.maximum(violation - share * (violation - least), least) + negligible

    def try_price(state: Any) -> Any:
        """Solve at the first price; then at the highest, to see what is possible; then between."""
        stage, tried, plan = state
        is_probe = stage == 1
        step, multipliers, left = solve(np.where(is_probe, highest, tried))
        least = np.where(stage <= 1, left, plan[4])
        found = (step, multipliers, tried, left, least)
        chosen = tuple(
            np.where(is_probe, a, b) for a, b in zip((*plan[:4], least), found, strict=True)
        )
        is_over = np.where(stage == 0, left <= negligible, is_enough(chosen[3], least))
        stage = np.where(is_over | ~(tried < highest), -1, stage + 1)  # also if it is NaN
        return stage, np.where(stage >= 2, 10.0 * tried, tried), chosen

    zero = np.zeros((), x.dtype)
    nothing = (np.zeros_like(x), np.zeros(matrix.shape[0], x.dtype), price, zero, zero)
    state = np.zeros((), np.int64), price, nothing
    step, multipliers, price, left, least = while_loop(lambda s: s[0] >= 0, try_price, state)[2]
    return Plan(step, multipliers[:rows], multipliers[rows:], price, left, least)
