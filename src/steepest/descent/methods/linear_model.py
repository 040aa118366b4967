"""A linear model of the residuals, the basis of all methods for sums of squares."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from steepest.descent.methods.base import Failure
from steepest.descent.problem.evaluation import Evaluation
from steepest.descent.problem.linalg import norm

_SIZE_WEIGHT = 4.0
"""Weight of a parameter's own size in its damping: a change by its size counts as much as a change
of the residuals by their norm, divided by this. Otherwise a parameter with almost no influence at
the start would not be damped, and would run away."""

_PAST_NORM = 0.003
"""Fraction of the largest squared norm of a column so far that damps its parameter in any case.
The column of x**2 is nearly 0 where x passes 0, and nothing else would limit the step there. Huge
norms, as of exponentials at a bad start, count no more than the residuals do."""

_MAX_CHANGE = 0.5
"""Largest change of a parameter in a step, as a fraction of the largest size that it has had.
Beyond, the linear model seldom holds, and the step often leads to the valley of another
minimum."""

_LINEAR = 1e-3
"""Largest relative error of the predicted reduction at which the residuals count as linear."""

_NEGLIGIBLE = 100
"""Largest part of a column, in rounding errors, that counts as dependent on the columns before."""

_TO_BOUND = 0.9
"""Largest fraction of the distance to a bound that a step covers."""

_BOUND_WEIGHT = 0.01
"""Factor of the term of Coleman and Li. The full term would also slow the other parameters down,
and would more often end in a worse minimum."""

_AT_BOUND = 1e-8
"""Distance to a bound, as a fraction of the parameter's size, from which a step may reach it."""


class LinearModel(NamedTuple):
    """The residuals as a linear function of a step, from a QR decomposition of the Jacobian.

    Attributes
    ----------
    factor
        R of the QR decomposition, and Q.T times the residuals as its last column: shape
        (n, n + 1).
    scale
        Change of the residuals by a unit change of each parameter, shape (n,): the norm of its
        column, and a small fraction of the largest norm so far. ``scale * step`` does not depend
        on the units of the parameters.
    weight
        The scale, increased by a term for the size of the parameter, shape (n,).
    longest
        The largest norm that each column has had, shape (n,).
    size
        The largest absolute value that each parameter has had, shape (n,).
    influences
        The largest number of nonzero columns at any iterate so far.
    is_singular
        Whether there are fewer nonzero columns now, or none, though residuals are left.
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
        """Return the change of Q.T times the residuals by a step."""
        return np.sum(self.factor[:, :-1] * step, axis=1)

    def slope(self, step: Any) -> Any:
        """Return the slope of the loss along a step."""
        return np.sum(self.changes(step) * self.right)

    def predicted(self, step: Any) -> Any:
        """Return the decrease of the loss that the model predicts for a step."""
        changes = self.changes(step)
        return -np.sum(changes * self.right) - 0.5 * np.sum(np.square(changes))

    @property
    def gradient(self) -> Any:
        """The gradient of the loss, shape (n,), with 0 for a parameter held by a bound."""
        return np.sum(self.factor[:, :-1] * self.right[:, None], axis=0)

    @property
    def norms(self) -> Any:
        """The norms of the Jacobian's columns, shape (n,)."""
        return norms_of(self.factor)

    @property
    def counts(self) -> Any:
        """Which columns are linearly independent of those before them, shape (n,)."""
        tiny = np.finfo(self.factor.dtype).eps
        return np.abs(np.diagonal(self.factor)) > _NEGLIGIBLE * tiny * self.norms

    def decrement(self, x: Any, loss: Any, damping: Any, predicted: Any) -> Any:
        """Return the largest decrease of the loss that the model predicts.

        It is 0 if rounding x changes the residuals by more than their norm. If columns are
        linearly dependent, the triangle does not give the decrease. It is then the decrease
        `predicted` for a step with a damping small enough to affect rounding errors only.
        """
        left = 0.5 * np.sum(np.square(self.right))
        is_free = damping <= 2 * least_damping(x.dtype)
        rounding = np.square(_NEGLIGIBLE * np.finfo(x.dtype).eps) / damping * loss
        damped = np.where(predicted <= rounding, 0.0, predicted)
        damped = np.where(is_free, damped, np.inf)
        left = np.where(np.all(self.counts), left, damped)
        return np.where(is_rounding(self.norms, x, loss), 0.0, left)

    def steepness(self, loss: Any) -> Any:
        """Return the largest fraction of the loss that a change of one parameter could remove.

        It is the squared cosine of the angle between the residuals and a column.
        """
        lengths = np.square(self.norms) * 2 * loss
        return np.max(np.square(self.gradient) / np.where(lengths > 0, lengths, 1.0))


def norms_of(factor: Any) -> Any:
    """Return the norms of the columns of a triangle, without its last column."""
    return np.sqrt(np.sum(np.square(factor[:, :-1]), axis=0))


def rounding_of(norms: Any, x: Any, roundings: float = 1.0) -> Any:
    """Return the change of the sum of squares by a number of rounding errors of x.

    It is 0 if it would overflow: a fit with such large derivatives has not converged.
    """
    change = np.square(roundings * np.finfo(x.dtype).eps * norm(norms * x))
    return np.where(change < np.inf, change, 0.0)


def is_rounding(norms: Any, x: Any, loss: Any) -> Any:
    """Return whether rounding x changes the residuals by more than their norm."""
    return 2 * loss <= rounding_of(norms, x)


def least_damping(dtype: np.dtype) -> float:
    """Return the smallest damping to use if columns are linearly dependent.

    It suppresses directions along which only rounding errors change the residuals, and hardly
    affects the others.
    """
    return float(np.sqrt(np.finfo(dtype).eps))


def empty_model(x: Any) -> LinearModel:
    """Return a model of zeros, as state before the first evaluation."""
    factor = np.zeros((x.size, x.size + 1), x.dtype)
    none = np.zeros_like(x)
    return LinearModel(factor, none, none, none, none, np.zeros((), np.int64), np.zeros((), bool))


def model_at(trial: Evaluation, before: LinearModel) -> LinearModel:
    """Return the linear model at a candidate, given the model at the current iterate."""
    factor, x = trial.triangle, trial.x
    norms, size = norms_of(factor), np.maximum(before.size, np.abs(x))
    own = norms if trial.box is None else np.where(trial.held, 0.0, norms)
    longest = np.maximum(before.longest, own)
    counting = _SIZE_WEIGHT * np.sqrt(2 * np.abs(trial.loss))
    now = np.where(x != 0, counting / np.where(x != 0, np.abs(x), 1.0), np.inf)
    past = np.minimum(np.sqrt(_PAST_NORM) * longest, now)
    scale = np.sqrt(np.square(own) + np.square(past))
    share = np.where(size > 0, counting / np.where(size > 0, size, 1.0), 0.0)
    weight = np.sqrt(np.square(scale) + np.square(share))
    weight = np.where(weight > 0, weight, 1.0)
    number = np.sum(norms > 0)
    influences = np.maximum(before.influences, number)
    is_lost = (number < influences) | (number == 0)
    if trial.box is not None:  # a parameter may lose its influence while another one is held
        is_lost &= ~np.any(trial.held) | np.all((norms == 0) | trial.held)
    is_singular = is_lost & ~is_rounding(norms, x, trial.loss)
    return LinearModel(factor, scale, weight, longest, size, influences, is_singular)


def largest_step(model: LinearModel, gap: Any) -> Any:
    """Return the largest change of each parameter in a step, shape (n,).

    There is no limit if the last reduction was as predicted, with a relative error of `gap`, and
    none for a parameter that has always been 0, since its size is unknown.
    """
    return np.where((gap < _LINEAR) | (model.size == 0), np.inf, _MAX_CHANGE * model.size)


def is_usable(model: LinearModel) -> Any:
    """Return whether the Jacobian is finite and not zero."""
    return np.isfinite(np.sum(model.factor)) & (np.max(model.norms) > 0)


def failure_or_singular(failure: Any, model: LinearModel) -> Any:
    """Return a failure, replaced by ``Failure.SINGULAR`` if the model is singular."""
    stuck = (failure == int(Failure.PRECISION)) | (failure == int(Failure.STALLED))
    return np.where(stuck & model.is_singular, int(Failure.SINGULAR), failure)


def is_flat(model: LinearModel, x: Any, left: Any, loss: Any) -> Any:
    """Return whether neither the model nor any one parameter predicts a decrease of the loss."""
    tiny = np.finfo(x.dtype).eps
    rounding = rounding_of(model.norms, x, 30.0)  # of the residuals, similar to that of x
    flat = (left <= np.sqrt(tiny) * loss) | (2 * np.minimum(left, loss) <= rounding)
    return flat | (model.steepness(loss) <= tiny**0.75)


def step_to_bound(distance: Any, size: Any) -> Any:
    """Return the longest step towards a bound at some distance.

    A step stops short of the bound, because the residuals may be singular on it, and the descent
    could not leave it. Only a parameter that is very close to its bound goes onto it.
    """
    return np.where(distance <= _AT_BOUND * size, distance, _TO_BOUND * distance)


def bound_weight(box: Any, x: Any, model: LinearModel, weight: Any) -> Any:
    """Return weights that are larger for a parameter the closer it is to a bound ahead.

    The added term is a small fraction of that of Coleman and Li (1996).
    """
    slope = model.gradient
    distance = np.where(slope > 0, x - box.lower, box.upper - x)
    penalty = np.where(distance > 0, np.abs(slope) / np.where(distance > 0, distance, 1.0), 0.0)
    return np.sqrt(np.square(weight) + _BOUND_WEIGHT * penalty)
