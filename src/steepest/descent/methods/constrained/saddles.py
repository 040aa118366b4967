"""How saddle points of constrained problems are seen, and left.

They satisfy the first-order conditions of a minimum, but the Lagrangian curves down along the
active constraints.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from steepest.descent.methods.constrained.measures import steepness_of, violations
from steepest.descent.methods.constrained.steps import Model
from steepest.descent.problem.bounds import Box

MOST_REVIEWS = 5
"""How often a descent looks at the curvature of a solution."""

_NEAR = 1e-5
"""Error in the optimality conditions, relative to the slope of the loss, of a solution."""

_LENGTH = 0.03
"""Length of a step away from a saddle point, relative to the parameters."""

NORMAL, REVIEW, LEAVE, RESTART = 0, 1, 2, 3
"""What a candidate is: a step; the same point once more, with the curvature of the constraints by
their latest multipliers; a step away from a saddle point; or the start once more."""


class Exit(NamedTuple):
    """What is next at a point that may be a saddle point.

    Attributes
    ----------
    kind
        One of the kinds above.
    x
        The candidate if it is not a normal one.
    """

    kind: Any
    x: Any


_CHANGED = 1e-3
"""Change of the multipliers of curved constraints, relative to the slope of the loss, since the
Hessian was computed, from which on it is not that of the Lagrangian."""


def way_out(
    x: Any,
    model: Model,
    limits: Any,
    box: Box,
    optimality: Any,
    change: Any,
    steepness: Any,
    was_review: Any,
    may: Any,
) -> Exit:
    """Return whether a point that satisfies the first-order conditions is looked at again or left.

    Parameters
    ----------
    x, model
        The point, and the problem near it.
    limits, box
        Limits of the scaled constraints, and bounds.
    optimality
        The errors in the optimality conditions.
    change
        Change of the multipliers of curved constraints since the Hessian was computed, shape (m,).
    steepness
        The slope of the loss, by which the errors are judged.
    was_review
        Whether the point was looked at again, so that the Hessian is by its own multipliers.
    may
        Whether the point is feasible, and reviews are left.
    """
    is_near = np.max(np.abs(optimality)) <= _NEAR * steepness
    along = model.convex.along
    is_bent = np.any(along != 0)
    is_unknown = np.max(np.abs(change), initial=0.0) > _CHANGED * steepness_of(model.gradient)
    asks = is_near & may
    length = _LENGTH * (1.0 + np.max(np.abs(x)))
    best = x
    least = np.full((), np.inf, x.dtype)
    for sign in (1.0, -1.0):  # constraints without multipliers may forbid one of them
        target = box.end_of(x, sign * length * along)
        step = target - x
        ahead = model.values + np.sum(model.jacobian * step, axis=1)
        lost = np.sum(np.abs(sign * length * along - step)) + np.sum(violations(ahead, *limits))
        best, least = np.where(lost < least, target, best), np.minimum(lost, least)
    leaves = asks & was_review & is_bent & (least <= 0.1 * length)
    is_looked_at = asks & ~was_review & (is_bent | is_unknown)
    kind = np.where(leaves, LEAVE, np.where(is_looked_at, REVIEW, NORMAL))
    return Exit(kind, np.where(leaves, best, x))
