"""The residuals as a linear function of a step: what methods for sums of squares look at."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from steepest.descent.methods.base import Failure
from steepest.descent.problem.evaluation import Evaluation
from steepest.descent.problem.linalg import norm

RELATIVE = 4.0
"""How much the damping of a parameter looks at the parameter's own size: the change of all
residuals together that counts as much as a change of the parameter by its size, the other way
round. Without, a parameter that hardly matters at the start is not damped, and runs away."""

_REMEMBERED = 0.003
"""Share of the largest squared norm of its column by which a parameter is damped in any case: the
column of x**2 is nearly 0 where x passes 0, and nothing else would hold a step back there. Norms
beyond all measure, as exponentials have at a bad start, count only as much as residuals do."""

_FARTHEST = 0.5
"""How much a parameter changes in a step, as a share of the largest size that it has had. What a
linear model promises from farther away it seldom keeps, and what it finds there by chance is as
often as not the valley of another minimum."""

_EXACT = 1e-3
"""Share of a reduction that may lack, or be too much, where residuals are as good as linear."""

_NEGLIGIBLE = 100
"""Rounding errors that a column may add to those before it and count as dependent on them."""

_FRACTION = 0.9
"""Share of the way to a bound that a step may go."""

_PULL = 0.01
"""Share of the term of Coleman and Li by which slopes towards a bound count less. The whole of it
would slow the other parameters down too, and end in a worse minimum more often."""

_AT_BOUND = 1e-8
"""Share of a parameter's size from where on it may go the whole way."""


class LinearModel(NamedTuple):
    """The residuals as a linear function of a step, turned into a triangle.

    Attributes
    ----------
    factor
        R of the Jacobian's QR decomposition, and Q.T times the residuals as its last
        column: shape (n, n + 1).
    scale
        What a change of each parameter by 1 changes, shape (n,): the norm of its column, and a
        little of the longest that it has had. A step in units of its inverse does not depend on
        those of the parameters.
    weight
        The same, and what a change counts for beside the parameter's own size, shape (n,).
    longest
        The largest norm that each column has had, shape (n,).
    size
        The largest absolute value that each parameter has had, shape (n,).
    influences
        The largest number of parameters that had any influence at a point so far.
    is_singular
        Whether there are fewer now, or none at all, though residuals are left.
    """

    factor: Any
    scale: Any
    weight: Any
    longest: Any
    size: Any
    influences: Any
    is_singular: Any

    @property
    def right(self) -> Any:
        """Q.T times the residuals, shape (n,)."""
        return self.factor[:, -1]

    def changes(self, step: Any) -> Any:
        """Return by how much a step changes Q.T times the residuals."""
        return np.sum(self.factor[:, :-1] * step, axis=1)

    def slope(self, step: Any) -> Any:
        """Return the loss's slope along a step."""
        return np.sum(self.changes(step) * self.right)

    def predicted(self, step: Any) -> Any:
        """Return by how much the model's loss falls with a step."""
        changes = self.changes(step)
        return -np.sum(changes * self.right) - 0.5 * np.sum(np.square(changes))

    @property
    def gradient(self) -> Any:
        """Of the loss, shape (n,); 0 for a parameter that a bound holds."""
        return np.sum(self.factor[:, :-1] * self.right[:, None], axis=0)

    @property
    def norms(self) -> Any:
        """The norm of each column of the Jacobian, shape (n,)."""
        return norms_of(self.factor)

    @property
    def counts(self) -> Any:
        """Which columns add to those before them what is no rounding error, shape (n,)."""
        tiny = np.finfo(self.factor.dtype).eps
        return np.abs(np.diagonal(self.factor)) > _NEGLIGIBLE * tiny * self.norms

    def decrement(self, x: Any, loss: Any, damping: Any, predicted: Any) -> Any:
        """Return by how much the model's loss can fall at most from a point with a loss.

        The whole loss is a rounding error, once rounding x itself changes the residuals by
        more. Where columns depend on each other, the triangle does not tell: then it is by how
        much a step falls whose damping is small enough to leave that to rounding errors.
        """
        left = 0.5 * np.sum(np.square(self.right))
        is_free = damping <= 2 * least_damping(x.dtype)
        rounding = np.square(_NEGLIGIBLE * np.finfo(x.dtype).eps) / damping * loss
        damped = np.where(predicted <= rounding, 0.0, predicted)
        damped = np.where(is_free, damped, np.inf)
        left = np.where(np.all(self.counts), left, damped)
        return np.where(is_rounding(self.norms, x, loss), 0.0, left)

    def steepness(self, loss: Any) -> Any:
        """Return the largest share of the loss that one parameter alone could remove.

        It is the squared cosine of the angle between the residuals and a column.
        """
        lengths = np.square(self.norms) * 2 * loss
        return np.max(np.square(self.gradient) / np.where(lengths > 0, lengths, 1.0))


def norms_of(factor: Any) -> Any:
    """Return the norm of each column of a triangle, without its last column."""
    return np.sqrt(np.sum(np.square(factor[:, :-1]), axis=0))


def rounding_of(norms: Any, x: Any, roundings: float = 1.0) -> Any:
    """Return by how much so many rounding errors of x change the squared residuals.

    None at all, where that overflows: a fit whose slopes are huge has not ended.
    """
    change = np.square(roundings * np.finfo(x.dtype).eps * norm(norms * x))
    return np.where(change < np.inf, change, 0.0)


def is_rounding(norms: Any, x: Any, loss: Any) -> Any:
    """Return whether rounding x changes the residuals by more than they are."""
    return 2 * loss <= rounding_of(norms, x)


def least_damping(dtype: np.dtype) -> float:
    """Return the smallest damping where columns depend on each other.

    Directions in which the residuals change by rounding errors alone are next to nothing
    beside it, and others that can be told from them are nearly free.
    """
    return float(np.sqrt(np.finfo(dtype).eps))


def empty_model(x: Any) -> LinearModel:
    """Return a model of nothing."""
    factor = np.zeros((x.size, x.size + 1), x.dtype)
    none = np.zeros_like(x)
    return LinearModel(factor, none, none, none, none, np.zeros((), np.int64), np.zeros((), bool))


def model_at(trial: Evaluation, before: LinearModel) -> LinearModel:
    """Return the linear model of the residuals at a point, given that at the point before."""
    factor, x = trial.triangle, trial.x
    norms, size = norms_of(factor), np.maximum(before.size, np.abs(x))
    own = norms if trial.box is None else np.where(trial.held, 0.0, norms)
    longest = np.maximum(before.longest, own)
    counting = RELATIVE * np.sqrt(2 * np.abs(trial.loss))
    now = np.where(x != 0, counting / np.where(x != 0, np.abs(x), 1.0), np.inf)
    kept = np.minimum(np.sqrt(_REMEMBERED) * longest, now)
    scale = np.sqrt(np.square(own) + np.square(kept))
    share = np.where(size > 0, counting / np.where(size > 0, size, 1.0), 0.0)
    weight = np.sqrt(np.square(scale) + np.square(share))
    weight = np.where(weight > 0, weight, 1.0)
    number = np.sum(norms > 0)
    influences = np.maximum(before.influences, number)
    is_lost = (number < influences) | (number == 0)
    if trial.box is not None:  # what has no influence where a bound holds another one is no fault
        is_lost &= ~np.any(trial.held) | np.all((norms == 0) | trial.held)
    is_singular = is_lost & ~is_rounding(norms, x, trial.loss)
    return LinearModel(factor, scale, weight, longest, size, influences, is_singular)


def farthest(model: LinearModel, gap: Any) -> Any:
    """Return how much each parameter may change in a step.

    Where the last reduction was what the model had predicted, up to a small `gap`, it is
    believed at any distance. A parameter that has always been 0 has no size yet.
    """
    return np.where((gap < _EXACT) | (model.size == 0), np.inf, _FARTHEST * model.size)


def is_usable(model: LinearModel) -> Any:
    """Return whether a model says where to go on: slopes are finite, and not all of them 0."""
    return np.isfinite(np.sum(model.factor)) & (np.max(model.norms) > 0)


def why_stuck(failure: Any, model: LinearModel) -> Any:
    """Return why a step leads no further, which may be that the model is singular."""
    stuck = (failure == int(Failure.PRECISION)) | (failure == int(Failure.STALLED))
    return np.where(stuck & model.is_singular, int(Failure.SINGULAR), failure)


def is_flat(model: LinearModel, x: Any, left: Any, loss: Any) -> Any:
    """Return whether nothing is to be gained, by the whole model or by any one parameter."""
    tiny = np.finfo(x.dtype).eps
    rounding = rounding_of(model.norms, x, 30.0)  # of the residuals, like that of x
    flat = (left <= np.sqrt(tiny) * loss) | (2 * np.minimum(left, loss) <= rounding)
    return flat | (model.steepness(loss) <= tiny**0.75)


def reach(room: Any, size: Any) -> Any:
    """Return how far a step may go towards a bound that is some way off.

    On a bound the residuals may be singular, and a descent that meets it would be stuck there.
    So a step stops short, and only what has come next to a bound goes onto it.
    """
    return np.where(room <= _AT_BOUND * size, room, _FRACTION * room)


def bound_weight(box: Any, x: Any, model: LinearModel, weight: Any) -> Any:
    """Return weights in which slopes towards a bound count less, the nearer it is.

    The term is that of Coleman and Li (1996), a small share of it.
    """
    slope = model.gradient
    room = np.where(slope > 0, x - box.lower, box.upper - x)
    pull = np.where(room > 0, np.abs(slope) / np.where(room > 0, room, 1.0), 0.0)
    return np.sqrt(np.square(weight) + _PULL * pull)
