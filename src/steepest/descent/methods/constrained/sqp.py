"""Sequential quadratic programming with exact Hessians, a trust region and a filter."""

from __future__ import annotations

import copy
from dataclasses import field
from typing import Any

import numpy as np

from steepest.descent.methods.base import Failure, Incumbent, Move, Search
from steepest.descent.methods.constrained.candidate import Candidate
from steepest.descent.methods.constrained.convexity import Convex, convexified
from steepest.descent.methods.constrained.measures import (
    Filter,
    complementarity,
    scaled,
    size_of,
    steepness_of,
    violations,
)
from steepest.descent.methods.constrained.saddles import (
    LEAVE,
    MOST_REVIEWS,
    NORMAL,
    RESTART,
    REVIEW,
    way_out,
)
from steepest.descent.methods.constrained.standing import Standing, choose, in_units
from steepest.descent.methods.constrained.steps import Model, Plan, plan_step
from steepest.descent.methods.constrained.units import LAST, Measured, measured, units_at
from steepest.descent.methods.trust_region import check_radius, next_radius
from steepest.descent.problem.constrained import as_constrained
from steepest.descent.settings import settings
from steepest.errors import InputError
from steepest.trace import cond

__all__ = ["SQP"]

_TOLERANCE = 1e-8
"""Violation, relative to limits and values, up to which a point counts as feasible."""

_HUGE = 2e6
"""Multiplier of a scaled constraint, in multiples of the slope of the loss, that counts as
infinite."""


_PROBE = 1e-4
"""Length of a step, relative to the parameters, down to which steps are tried where none reduces
the linearized violations."""

_SHORT = 1e-6
"""Length of a step, relative to the parameters, at which multipliers are judged."""


@settings
class SQP(Search):
    """Sequential quadratic programming, for constraints and bounds.

    Each step minimizes a quadratic model of the Lagrangian subject to linearized constraints [1]_,
    within a trust region. Hessians are exact. They are made positive definite in a way that does
    not change the step if they are so on the null space of the active constraints. The
    quadratic programs are solved by a dual active-set method [2]_. If linearized constraints
    contradict one another, a step reduces the sum of their violations [3]_. A step is accepted if
    it lowers the loss or the violations, compared with all iterates of a filter [4]_. A rejected
    step is tried again with a second-order correction. Bounds hold at all iterates, and linear
    constraints from the first point on that satisfies them. A saddle point is left along the
    curvature that is negative there. If derivatives show that parameters are of very different
    sizes, up to 80 steps are made in units that equilibrate them. If these do not lead to a
    solution, the descent starts again without them.

    Parameters
    ----------
    radius : float, optional
        First radius of the trust region, in multiples of the largest absolute parameter or of 1.
    price : float, optional
        First price of violations per unit, of constraints whose gradients at the start are unit
        vectors, in multiples of the largest slope of the loss there or of 1. It grows where that
        is needed.

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
    .. [4] R. Fletcher and S. Leyffer, "Nonlinear programming without a penalty function",
       Mathematical Programming 91, 239-269, 2002.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> on_circle = st.Constraint(lambda x: x[0] ** 2 + x[1] ** 2, upper=2.0)
    >>> run = st.minimize(lambda x: x[0] + x[1], np.zeros(2), method=st.SQP(),
    ...                   constraints=on_circle)
    >>> run.x.round(6), float(run.multipliers.round(6))
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
        false, none, nothing = np.zeros((), np.bool_), np.zeros((), np.int64), np.zeros_like(x)
        return Standing(
            model=Model(nothing, values, jacobian, Convex(square, square, nothing)),
            violation=number,
            units=nothing,
            age=none,
            start=nothing,
            is_measured=false,
            scale=values,
            multipliers=values,
            bound_multipliers=nothing,
            price=number + self.price,
            radius=number,
            predicted=number,
            loss_drop=number,
            is_consistent=false,
            filter=Filter.empty(x.dtype),
            is_corrected=false,
            is_stuck=false,
            kind=none,
            reviews=none,
            failure=none,
        )

    def advance(self, base: Incumbent, trial: Any, state: Any, is_first: Any) -> Move:
        seen = as_constrained(trial)
        # A descent that units led nowhere starts again, as if it were old.
        restarts = state.kind == RESTART
        fresh = self.init(seen.x)._replace(
            kind=state.kind, start=seen.x, age=np.full_like(state.age, LAST)
        )
        state = choose(
            restarts, fresh, state._replace(start=np.where(is_first, seen.x, state.start))
        )
        is_first = is_first | restarts
        hessian = seen.lagrangian_hessian(state.scale * state.multipliers)
        hessian = np.where(np.all(np.isfinite(hessian)), hessian, 0.0)
        units = units_at(state.age, state.units, hessian, seen.constraint_jacobian)
        now = in_units(state, units, is_first)._replace(
            age=state.age + 1, is_measured=state.is_measured | np.any(units != 1)
        )
        at_units = Incumbent(base.x / units, base.loss)
        move = self._advance(at_units, measured(seen, hessian, units), now, is_first)
        return move._replace(x=np.where(move.state.kind == RESTART, state.start, units * move.x))

    def _advance(self, base: Incumbent, trial: Measured, state: Any, is_first: Any) -> Move:
        """Return the move, in units of the parameters."""
        first_price = self.price * steepness_of(trial.gradient)
        state = state._replace(price=np.where(is_first, first_price, state.price))
        here = Candidate.of(base, trial, state, is_first)
        was_review, has_left = state.kind == REVIEW, (state.kind == LEAVE) & here.counts
        accepted, filter_ = here.judged(base, state, is_first)
        accepted = accepted | was_review | has_left
        was_restart = state.kind == RESTART
        x = np.where(accepted, trial.x, base.x)
        model = _model(here, trial, state, accepted)
        radius, corrects = self._radius(here, base, state, accepted, is_first | has_left)
        # A second-order correction: constraints as they are at the candidate.
        tried = trial.x - base.x
        bent = here.values - np.sum(state.model.jacobian * tried, axis=1)
        infeasible = violations(model.values, *here.limits)
        tolerance = _TOLERANCE * size_of(model.values, *here.limits)
        plan = plan_step(
            model._replace(values=np.where(corrects, bent, model.values)),
            x,
            here.limits,
            here.box,
            radius,
            state.price,
            trial.is_linear * (infeasible <= tolerance),
        )
        loss_drop, violation = plan.loss_drop(model), np.sum(infeasible)
        target = here.box.end_of(x, plan.step)
        ends = np.where(
            plan.forces > 0, here.box.lower - x >= -radius, here.box.upper - x <= radius
        )
        forces = ends * plan.forces
        pull = np.sum(model.jacobian * plan.multipliers[:, None], axis=0)
        residual = model.gradient - pull - forces
        is_consistent = plan.violation <= tolerance
        is_feasible, highest = violation <= tolerance, plan.highest()
        gain = violation - plan.least_violation
        is_stuck = ~is_feasible & (gain <= 1e-6 * violation * np.minimum(radius, 1.0))
        ends_here, failure = _ending(
            x, target, model, plan, residual, is_feasible, is_consistent, is_stuck, ~corrects
        )
        needed = np.maximum(self.price, np.where(np.isfinite(highest), 2.0 * highest, 0.0))
        following = Standing(
            model=model,
            violation=violation,
            units=state.units,
            age=state.age,
            start=state.start,
            is_measured=state.is_measured,
            scale=here.scale,
            multipliers=plan.multipliers,
            bound_multipliers=forces,
            price=np.where(is_consistent, needed, plan.price),
            radius=radius,
            predicted=np.where(
                corrects,
                state.predicted,
                loss_drop + plan.price * (violation - plan.violation),
            ),
            loss_drop=np.where(corrects, state.loss_drop, loss_drop),
            is_consistent=np.where(corrects, state.is_consistent, is_consistent),
            filter=filter_.emptied(has_left),
            is_corrected=corrects,
            is_stuck=is_stuck,
            kind=state.kind,
            reviews=state.reviews,
            failure=failure,
        )
        # The optimality conditions, in the units of the loss and of the constraints.
        slack = complementarity(plan.multipliers, model.values, *here.limits)
        slack = slack / np.maximum(1.0, here.scale)
        forces, bounds = forces / state.units, [scaled(end, state.units) for end in here.box]
        at_bounds = complementarity(forces, state.units * x, *bounds)
        slopes = residual / state.units
        optimality = np.concatenate([slopes, infeasible / here.scale, slack, at_bounds])
        is_whole = is_feasible & is_consistent & ~corrects & (np.max(np.abs(plan.step)) < radius)
        decrement = np.where(is_whole, model.decrease(plan.step) + plan.price * violation, np.nan)
        may = is_feasible & ~corrects & (state.reviews < MOST_REVIEWS)
        change = np.where(trial.is_linear, 0.0, plan.multipliers - state.multipliers)
        steepness = steepness_of(model.gradient / state.units)
        now = x, model, here.limits, here.box, optimality, change, steepness
        exit_ = way_out(*now, was_review, may)
        fails = ends_here & (failure != int(Failure.PRECISION)) & (exit_.kind == NORMAL)
        restarts = state.is_measured & (fails | (state.age >= LAST))
        kind = np.where(restarts, RESTART, exit_.kind)
        is_step = kind == NORMAL
        following = following._replace(
            kind=kind,
            reviews=state.reviews + (exit_.kind == REVIEW),
            failure=np.where(is_step, failure, int(Failure.NONE)),
        )
        return Move(
            accepted,
            np.where(is_step, np.where(ends_here, x, target), exit_.x),
            following,
            np.where(here.has_moved, int(Failure.NONE), state.failure),
            decrement=decrement,
            report=self._report(here, model, plan, forces, optimality),
            is_singular=(violation > 100 * tolerance) | ~is_step | has_left | was_restart,
            optimality=optimality,
        )

    def _report(
        self, here: Candidate, model: Model, plan: Plan, forces: Any, optimality: Any
    ) -> tuple[Any, ...]:
        """Return multipliers of constraints and bounds, values, and the largest error."""
        if not self.rows:
            return ()
        multipliers = here.scale * plan.multipliers
        return multipliers, forces, model.values / here.scale, np.max(np.abs(optimality))

    def _radius(
        self, here: Candidate, base: Incumbent, state: Any, accepted: Any, is_first: Any
    ) -> tuple[Any, Any]:
        """Return the next radius, and whether a rejected step is corrected."""
        length = np.max(np.abs(here.x - base.x))
        corrects = ~accepted & ~state.is_corrected & here.counts & (here.violation > 0)
        corrects = corrects & ~state.is_stuck
        radius = next_radius(state.radius, here.ratio, length)
        kept = np.maximum(radius, np.minimum(state.radius, 2 * length))
        radius = np.where(state.is_consistent, kept, radius)
        # A step that the filter rejects is shortened, too, however well the model predicted it.
        share = np.where(state.is_stuck, 0.1, 0.25)
        radius = np.where(accepted, radius, share * np.minimum(length, state.radius))
        radius = np.where(here.has_moved, radius, state.radius)  # else multipliers would change
        first = self.radius * np.maximum(1.0, np.max(np.abs(here.x)))
        return np.where(is_first, first, np.where(corrects, state.radius, radius)), corrects


def _ending(
    x: Any,
    target: Any,
    model: Model,
    plan: Plan,
    residual: Any,
    is_feasible: Any,
    is_consistent: Any,
    is_stuck: Any,
    is_whole: Any,
) -> tuple[Any, Any]:
    """Return whether there is no step to another point, and why.

    `residual` is the slope of the Lagrangian, and `is_whole` says that the step is no correction.
    """
    steepness = steepness_of(model.gradient)
    length, size = np.max(np.abs(target - x)), np.max(np.abs(x))
    is_degenerate = is_feasible & is_consistent & (length <= _SHORT * (1.0 + size))
    is_degenerate = is_degenerate & (plan.highest() > _HUGE * steepness)
    # To first order a maximum of the violations looks like a minimum: steps are tried.
    is_tried = length <= _PROBE * (1.0 + size)
    slopes = np.sum(model.gradient) + np.sum(model.jacobian) + plan.loss_drop(model)
    has_step = np.isfinite(slopes) & np.isfinite(length)
    ends_here = ((is_stuck & is_tried) | is_degenerate) & is_whole
    ends_here = ends_here | (length <= 4 * float(np.finfo(x.dtype).eps) * size) | ~has_step
    is_optimal = is_feasible & (np.max(np.abs(residual)) <= 1e-5 * steepness)
    failure = np.where(is_optimal, int(Failure.PRECISION), int(Failure.STALLED))
    failure = np.where(is_degenerate, int(Failure.DEGENERATE), failure)
    failure = np.where(is_feasible, failure, int(Failure.INFEASIBLE))
    return ends_here, np.where(has_step, failure, int(Failure.FLAT))


def _model(here: Candidate, trial: Measured, state: Any, accepted: Any) -> Model:
    """Return the model at the current iterate."""
    active = trial.constraint_jacobian * (state.multipliers != 0)[:, None]
    held = np.where(state.bound_multipliers != 0, 1.0, 0.0)
    normals = np.concatenate([active, np.eye(here.x.size, dtype=here.x.dtype) * held[:, None]])
    reach = np.maximum(state.radius, 1.0 + np.max(np.abs(here.x)))
    floor = 1e-6 * np.maximum(np.max(np.abs(trial.gradient)), 1e-8) / reach
    convex = cond(
        accepted,
        lambda kept: tuple(convexified(trial.hessian, normals, floor)),
        lambda kept: kept,
        tuple(state.model.convex),
    )
    given = (trial.gradient, here.values, here.scale[:, None] * trial.constraint_jacobian)
    gradient, values, jacobian = (
        np.where(accepted, a, b) for a, b in zip(given, state.model[:3], strict=True)
    )
    return Model(gradient, values, jacobian, Convex(*convex))
