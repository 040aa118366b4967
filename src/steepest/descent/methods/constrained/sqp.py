"""Sequential quadratic programming with exact Hessians, a trust region and an exact penalty."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.methods.base import Failure, Incumbent, Move, Search
from steepest.descent.methods.constrained.convexity import Convex, convexified
from steepest.descent.methods.constrained.quadratic_program import Rows, solve_qp
from steepest.descent.methods.trust_region import ENOUGH, check_radius, next_radius
from steepest.descent.problem.bounds import Box
from steepest.errors import InputError
from steepest.trace import cond, while_loop

__all__ = ["SQP"]

_HIGHEST_PRICE = 1e6
"""Price of violations, in multiples of the current one, that stands for an infinite price."""

_LINEAR_PRICE = 1e8
"""Price of leaving a linear constraint that is satisfied, in the same multiples."""

_SHARE = 0.1
"""Smallest share of the possible decrease of the linearized violation that a step must achieve."""

_FILTER_SIZE = 32
"""How many iterates the filter remembers."""

_MARGIN = 1e-5
"""By which fraction of its violation a point of the filter must be bettered."""

_TOLERANCE = 1e-8
"""Violation, relative to limits and values, up to which a point counts as feasible."""


class Model(NamedTuple):
    """The problem near the current iterate.

    Attributes
    ----------
    gradient
        Gradient of the loss, shape (n,).
    values, jacobian
        Values of the constraints and their Jacobian, shapes (m,) and (m, n).
    convex
        The Hessian of the Lagrangian, made positive definite.
    """

    gradient: Any
    values: Any
    jacobian: Any
    convex: Convex


class Plan(NamedTuple):
    """A step, and what its quadratic program says.

    Attributes
    ----------
    step
        The step, shape (n,).
    multipliers, forces
        Multipliers of the constraints, shape (m,), and of the limits of the step, shape (n,).
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


class Filter(NamedTuple):
    """Violations and losses of earlier iterates; a candidate must be better in one of both.

    Attributes
    ----------
    violations, losses
        A pair for each of the last such iterates; infinite where there is none.
    count
        How many there have been.
    """

    violations: Any
    losses: Any
    count: Any

    def accepts(self, violation: Any, loss: Any, noise: Any) -> Any:
        """Return whether a candidate is better than each iterate in one of both."""
        fewer = violation <= (1 - _MARGIN) * self.violations
        lower = loss <= self.losses - _MARGIN * self.violations + noise
        return np.all(fewer | lower)

    def with_point(self, is_added: Any, violation: Any, loss: Any) -> Filter:
        """Return the filter with one more iterate, in place of the oldest."""
        here = is_added & (np.arange(_FILTER_SIZE) == self.count % _FILTER_SIZE)
        return Filter(
            np.where(here, violation, self.violations),
            np.where(here, loss, self.losses),
            self.count + np.where(is_added, 1, 0),
        )


class Standing(NamedTuple):
    """State of :class:`SQP`.

    Attributes
    ----------
    model
        The problem near the current iterate.
    scale
        Factors of the constraints that make their gradients at the start unit vectors.
    multipliers
        Multipliers of the scaled constraints, shape (m,).
    bound_multipliers
        Those of the bounds, shape (n,).
    price
        Price of violations per unit.
    radius
        Largest absolute change of a parameter in a step.
    predicted
        Decrease of loss and priced violations that the model predicts for the step.
    loss_drop
        Decrease of the loss alone that it predicts.
    is_consistent
        Whether the step satisfies the linearized constraints.
    filter
        Points that are better than no later point may be.
    is_corrected
        Whether the candidate has had its second-order correction.
    failure
        Why there is no step to another point.
    """

    model: Model
    scale: Any
    multipliers: Any
    bound_multipliers: Any
    price: Any
    radius: Any
    predicted: Any
    loss_drop: Any
    is_consistent: Any
    filter: Filter
    is_corrected: Any
    failure: Any


@dataclass(frozen=True)
class SQP(Search):
    """Sequential quadratic programming, for constraints and bounds.

    Each step minimizes a quadratic model of the Lagrangian subject to linearized constraints [1]_,
    within a trust region. Hessians are exact. They are made positive definite in a way that does
    not change the step if they are so on the null space of the active constraints. The
    quadratic programs are solved by a dual active-set method [2]_. If linearized constraints
    contradict one another, a step reduces the sum of their violations [3]_. A rejected step is
    tried again with a second-order correction. Bounds hold at all iterates, and linear constraints
    from the first point on that satisfies them.

    Parameters
    ----------
    radius : float, optional
        First radius of the trust region, in multiples of the largest absolute parameter or of 1.
    price : float, optional
        First price of violations per unit. It grows where that is needed.

    Raises
    ------
    InputError
        If a setting is not positive.

    References
    ----------
    .. [1] J. Nocedal and S. J. Wright, "Numerical optimization", 2nd edition, chapter 18, 2006.
    .. [2] D. Goldfarb and A. Idnani, "A numerically stable dual method for solving strictly convex
       quadratic programs", Mathematical Programming 27, 1-33, 1983.
    .. [3] R. H. Byrd, J. Nocedal and R. A. Waltz, "Steering exact penalty methods for nonlinear
       programming", Optimization Methods and Software 23 (2), 197-213, 2008.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> on_circle = st.Constraint(lambda x: x[0] ** 2 + x[1] ** 2, upper=2.0)
    >>> run = st.minimize(lambda x: x[0] + x[1], np.zeros(2), method=st.SQP(),
    ...                   constraints=on_circle)
    >>> run.x.round(6), run.multipliers.round(6)
    (array([-1., -1.]), -0.5)
    """

    radius: float = 10.0
    price: float = 1.0
    rows: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        check_radius(self.radius)
        if not (np.isfinite(self.price) and self.price > 0):
            raise InputError(f"price must be a positive number, got {self.price!r}")

    def with_rows(self, rows: int) -> SQP:
        """Return the method for a number of constraints."""
        sized = copy.copy(self)
        object.__setattr__(sized, "rows", rows)
        return sized

    def init(self, x: Any) -> Any:
        square = np.zeros((x.size, x.size), x.dtype)
        number, values = np.zeros((), x.dtype), np.zeros(self.rows, x.dtype)
        jacobian = np.zeros((self.rows, x.size), x.dtype)
        model = Model(np.zeros_like(x), values, jacobian, Convex(square, square))
        return Standing(
            model,
            values,
            values,
            np.zeros_like(x),
            number + self.price,
            number,
            number,
            number,
            np.zeros((), np.bool_),
            Filter(
                np.full(_FILTER_SIZE, np.inf, x.dtype),
                np.full(_FILTER_SIZE, np.inf, x.dtype),
                np.zeros((), np.int64),
            ),
            np.zeros((), np.bool_),
            np.zeros((), np.int64),
        )

    def advance(self, base: Incumbent, trial: Any, state: Any, is_first: Any) -> Move:
        x_trial, dtype = trial.x, trial.x.dtype
        eps = float(np.finfo(dtype).eps)
        largest = np.full_like(x_trial, np.finfo(dtype).max)
        box = Box(-largest, largest) if trial.box is None else trial.box
        before, moved = state.model, np.any(x_trial != base.x)
        scale = np.where(is_first, scale_of(trial.constraint_jacobian), state.scale)
        values_trial = scale * trial.constraints
        limits = _scaled(trial.lower_limits, scale), _scaled(trial.upper_limits, scale)
        violation_trial = np.sum(violations(values_trial, *limits))
        violation_base = np.sum(violations(before.values, *limits))
        drop = base.loss - trial.loss + state.price * (violation_base - violation_trial)
        noise = 10 * eps * (np.abs(base.loss) + state.price * size_of(before.values, *limits))
        ratio = (drop + noise) / (state.predicted + noise)
        slopes = np.sum(trial.gradient) + np.sum(trial.constraint_jacobian)
        is_finite = np.isfinite(trial.loss) & np.isfinite(violation_trial) & np.isfinite(slopes)
        counts = moved & is_finite
        ratio = np.where(counts, ratio, -np.inf)
        # A step that is to lower the loss must do so; another may lower the violation instead.
        quiet = 10 * eps * np.abs(base.loss)
        is_better = (violation_trial <= (1 - _MARGIN) * violation_base) | (
            trial.loss <= base.loss - _MARGIN * violation_base + quiet
        )
        is_better = is_better & state.filter.accepts(violation_trial, trial.loss, quiet)
        is_for_loss = state.loss_drop > 1e-4 * np.square(violation_base)
        falls = base.loss - trial.loss + quiet >= ENOUGH * (state.loss_drop + quiet)
        passes = counts & is_better & state.is_consistent & (falls | ~is_for_loss)
        accepted = is_first | passes | (~state.is_consistent & (ratio > ENOUGH))
        filter_ = state.filter.with_point(
            passes & ~is_for_loss & ~is_first, violation_base, base.loss
        )
        # What holds at the current iterate.
        x = np.where(accepted, x_trial, base.x)
        loss = np.where(accepted, trial.loss, base.loss)
        given = (trial.gradient, values_trial, scale[:, None] * trial.constraint_jacobian)
        gradient, values, jacobian = (
            np.where(accepted, a, b) for a, b in zip(given, before[:3], strict=True)
        )
        hessian = trial.lagrangian_hessian(scale * state.multipliers)
        hessian = np.where(np.all(np.isfinite(hessian)), hessian, 0.0)
        active = jacobian * (state.multipliers != 0)[:, None]
        held = np.where(state.bound_multipliers != 0, 1.0, 0.0)
        normals = np.concatenate([active, np.eye(x.size, dtype=dtype) * held[:, None]])
        reach = 1.0 + np.max(np.abs(x))
        floor = np.maximum(1e-8 * np.max(np.abs(gradient)) / reach, 1e-10)
        convex = Convex(
            *cond(
                accepted,
                lambda kept: tuple(convexified(hessian, normals, floor)),
                lambda kept: kept,
                tuple(before.convex),
            )
        )
        model = Model(gradient, values, jacobian, convex)
        # The step that was tried, its second-order correction, or a shorter one.
        tried = x_trial - base.x
        length = np.max(np.abs(tried))
        corrects = ~accepted & ~state.is_corrected & counts & (violation_trial > 0)
        bent = values_trial - np.sum(before.jacobian * tried, axis=1)
        shifted = np.where(corrects, bent, values)
        radius = next_radius(state.radius, ratio, length)
        radius = np.where(passes, np.maximum(radius, np.minimum(state.radius, 2 * length)), radius)
        radius = np.where(corrects, state.radius, radius)
        radius = np.where(is_first, self.radius * np.maximum(1.0, np.max(np.abs(x))), radius)
        infeasible = violations(values, *limits)
        violation = np.sum(infeasible)
        tolerance = _TOLERANCE * size_of(values, *limits)
        plan = _steered(
            model._replace(values=shifted),
            x,
            limits,
            box,
            radius,
            state.price,
            trial.is_linear * (infeasible <= tolerance),
        )
        target = box.project(x + plan.step)
        pull = np.sum(model.jacobian * plan.multipliers[:, None], axis=0)
        is_at_low = box.lower - x >= -radius
        is_at_high = box.upper - x <= radius
        forces = np.where(plan.forces > 0, is_at_low, is_at_high) * plan.forces
        residual = gradient - pull - forces
        slope = np.sum(gradient * plan.step)
        bend = np.sum(plan.step * np.matmul(convex.hessian, plan.step))
        loss_drop = -slope - 0.5 * bend
        predicted = loss_drop + plan.price * (violation - plan.violation)
        predicted = np.where(corrects, state.predicted, predicted)
        loss_drop = np.where(corrects, state.loss_drop, loss_drop)
        is_consistent = plan.violation <= tolerance
        is_consistent = np.where(corrects, state.is_consistent, is_consistent)
        needed = np.maximum(self.price, 2.0 * np.max(np.abs(plan.multipliers), initial=0.0))
        price = np.where(is_consistent, needed, plan.price)
        # The optimality conditions, at the current iterate.
        optimality = np.concatenate(
            [
                residual,
                infeasible / scale,
                complementarity(plan.multipliers, values, *limits) / np.maximum(1.0, scale),
                complementarity(forces, x, *box),
            ]
        )
        still = np.max(np.abs(target - x)) <= 4 * eps * np.max(np.abs(x))
        gain = violation - plan.least_violation
        is_stuck = (violation > tolerance) & (gain <= 1e-6 * violation * np.minimum(radius, 1.0))
        is_stuck = is_stuck & ~corrects
        steepness = np.maximum(1.0, np.max(np.abs(gradient)))
        is_optimal = (np.max(np.abs(residual)) <= 1e-5 * steepness) & (violation <= tolerance)
        failure = np.where(is_optimal, int(Failure.PRECISION), int(Failure.STALLED))
        failure = np.where(violation > tolerance, int(Failure.INFEASIBLE), failure)
        target = np.where(still | is_stuck | ~np.isfinite(predicted), x, target)
        following = Standing(
            model,
            scale,
            plan.multipliers,
            forces,
            price,
            radius,
            predicted,
            loss_drop,
            is_consistent,
            filter_,
            corrects,
            failure,
        )
        ended = np.where(moved, int(Failure.NONE), state.failure)
        return Move(
            accepted,
            target,
            following,
            ended,
            report=(scale * plan.multipliers, forces),
            is_singular=violation > 1e-6 * size_of(values, *limits),
            optimality=optimality,
        )


def violations(values: Any, lower: Any, upper: Any) -> Any:
    """Return by how much values are outside of their limits, shape (m,)."""
    return np.maximum(np.maximum(lower - values, values - upper), 0.0)


def scale_of(jacobian: Any) -> Any:
    """Return factors that make the rows of a matrix unit vectors, within bounds; shape (m,)."""
    lengths = np.sqrt(np.sum(np.square(jacobian), axis=1))
    lengths = np.where((lengths > 0) & np.isfinite(lengths), lengths, 1.0)
    return np.clip(1.0 / lengths, 1e-8, 1e8)


def _scaled(limits: Any, scale: Any) -> Any:
    """Return limits times factors; what is no limit stays so."""
    is_limit = np.abs(limits) < np.finfo(limits.dtype).max
    return np.where(is_limit, np.where(is_limit, limits, 0.0) * scale, limits)


def size_of(values: Any, lower: Any, upper: Any) -> Any:
    """Return the largest absolute value or limit, at least 1."""
    largest = np.finfo(values.dtype).max
    ends = [np.where(np.abs(end) < largest, np.abs(end), 0.0) for end in (lower, upper)]
    parts = [np.abs(values), *ends]
    return np.maximum(1.0, np.max(np.concatenate(parts), initial=0.0))


def complementarity(multipliers: Any, values: Any, lower: Any, upper: Any) -> Any:
    """Return the smaller of each multiplier and the distance to its limit, in absolute value."""
    distance = np.where(multipliers > 0, values - lower, upper - values)
    return np.minimum(np.abs(multipliers), np.abs(distance))


def _steered(
    model: Model, x: Any, limits: Any, box: Box, radius: Any, price: Any, is_firm: Any
) -> Plan:
    """Return a step, and raise the price of violations until it reduces them enough."""
    lower, upper = (limit - model.values for limit in limits)
    low, high = np.maximum(box.lower - x, -radius), np.minimum(box.upper - x, radius)
    matrix = np.concatenate([model.jacobian, np.eye(x.size, dtype=x.dtype)])
    ends = np.concatenate([lower, low]), np.concatenate([upper, high])
    rows = lower.size
    highest = _HIGHEST_PRICE * price
    negligible = 1e-10 * size_of(model.values, *limits)
    violation = np.sum(violations(np.zeros_like(lower), lower, upper))

    def solve(price: Any) -> Any:
        prices = np.where(is_firm > 0, _LINEAR_PRICE * price, price)
        prices = np.concatenate([prices, np.full_like(x, np.inf)])
        found = solve_qp(model.convex.basis, model.gradient, Rows(matrix, *ends, prices))
        change = np.sum(model.jacobian * found.step, axis=1)
        left = np.sum(violations(change, lower, upper))
        return found.step, found.multipliers, left

    def is_enough(left: Any, least: Any) -> Any:
        share = np.where(least <= negligible, 1.0, _SHARE)
        return left <= np.maximum(violation - share * (violation - least), least) + negligible

    def try_price(state: Any) -> Any:
        stage, tried, plan = state
        is_probe = stage == 1
        step, multipliers, left = solve(np.where(is_probe, highest, tried))
        least = np.where(stage == 0, left, np.where(is_probe, left, plan[4]))
        found = (step, multipliers, tried, left, least)
        chosen = tuple(
            np.where(is_probe, a, b) for a, b in zip((*plan[:4], least), found, strict=True)
        )
        is_over = np.where(stage == 0, left <= negligible, is_enough(chosen[3], least))
        stage = np.where(is_over | (tried >= highest), -1, stage + 1)
        return stage, np.where(stage >= 2, 10.0 * tried, tried), chosen

    zero = np.zeros((), x.dtype)
    plan = (np.zeros_like(x), np.zeros(matrix.shape[0], x.dtype), price, zero, zero)
    state = np.zeros((), np.int64), price, plan
    step, multipliers, price, left, least = while_loop(lambda s: s[0] >= 0, try_price, state)[2]
    return Plan(step, multipliers[:rows], multipliers[rows:], price, left, least)
