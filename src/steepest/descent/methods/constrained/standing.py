"""State of sequential quadratic programming."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from steepest.descent.methods.constrained.convexity import Convex
from steepest.descent.methods.constrained.measures import Filter
from steepest.descent.methods.constrained.steps import Model


class Standing(NamedTuple):
    """State of ``SQP``.

    Attributes
    ----------
    model
        The problem near the current iterate.
    violation
        Sum of the violations there.
    units
        Units of the parameters in all that follows, shape (n,).
    age, start, is_measured
        Evaluations so far; the start; and whether there were units other than 1.
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
    predicted, loss_drop
        Decrease of loss and priced violations that the model predicts for the step, and of the
        loss alone.
    is_consistent
        Whether the step satisfies the linearized constraints.
    filter
        Points that are better than no later point may be.
    is_corrected
        Whether the candidate has had its second-order correction.
    is_stuck
        Whether no step reduces the linearized violations.
    kind, reviews
        What the candidate is, if it is no step; and how often a solution was looked at again.
    failure
        Why there is no step to another point.
    """

    model: Model
    violation: Any
    units: Any
    age: Any
    start: Any
    is_measured: Any
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
    is_stuck: Any
    kind: Any
    reviews: Any
    failure: Any


def choose(takes_first: Any, first: Any, second: Any) -> Any:
    """Return one of two states."""
    if not isinstance(first, tuple):
        return np.where(takes_first, first, second)
    parts = (choose(takes_first, a, b) for a, b in zip(first, second, strict=True))
    return type(first)(*parts)


def in_units(state: Standing, units: Any, is_first: Any) -> Standing:
    """Return the state in other units of the parameters."""
    ratio = np.where(is_first, 1.0, units / np.where(is_first, 1.0, state.units))
    model, convex = state.model, state.model.convex
    convex = Convex(
        ratio[:, None] * convex.hessian * ratio,
        convex.basis / ratio[:, None],
        convex.along / ratio,
    )
    return state._replace(
        model=Model(ratio * model.gradient, model.values, model.jacobian * ratio, convex),
        units=units,
        bound_multipliers=ratio * state.bound_multipliers,
        radius=state.radius / np.min(ratio),
    )
