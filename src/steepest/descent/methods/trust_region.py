"""Functions that the methods with a trust region share."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from steepest.descent.methods.base import Failure, Incumbent
from steepest.descent.methods.linear_model import norms_of
from steepest.descent.problem.evaluation import Evaluation
from steepest.descent.problem.linalg import norm
from steepest.errors import InputError

ENOUGH = 1e-4
"""Smallest ratio of actual to predicted decrease of an accepted step."""

_MOST_CONTRADICTIONS = 6
"""How often the loss may contradict its derivative, while it hardly falls, before a run ends."""

_PROGRESS = 1e-3
"""Decrease, as a fraction of the loss, after which contradictions are counted anew."""

_ROUNDINGS = 100
"""Rounding errors of x, in spacings of its numbers, up to which a loss agrees with its slopes."""


def check_radius(radius: float) -> None:
    """Raise unless the first radius is positive and finite."""
    if not (np.isfinite(radius) and radius > 0):
        raise InputError(f"radius must be a positive number, got {radius!r}")


def gain(base: Incumbent, trial: Evaluation, slope: Any, predicted: Any) -> Any:
    """Return the ratio of actual to predicted decrease of the loss at a candidate.

    If the loss hardly changed, the difference of losses would be a rounding error. It is then
    computed from the slopes at both ends (Hager and Zhang 2005), unless the step itself is of the
    size of rounding errors: the search could then alternate between two neighbors forever. The
    ratio is minus infinity if there is no step, if the loss is not finite, or if the model
    predicts no decrease.
    """
    step, ulps = np.abs(trial.x - base.x), 2 * np.finfo(trial.x.dtype).eps * np.abs(base.x)
    by_losses = base.loss - trial.loss
    near = (np.abs(by_losses) <= 1e-6 * np.abs(base.loss)) & np.any(step > ulps)
    counts = np.any(step > 0) & np.isfinite(trial.loss) & (predicted > 0)
    by_slopes = _decrease_by_slopes(base, trial, slope)
    return np.where(counts, np.where(near, by_slopes, by_losses) / predicted, -np.inf)


def _decrease_by_slopes(base: Incumbent, trial: Evaluation, slope: Any) -> Any:
    """Return the decrease of the loss from its slopes at both ends of a step."""
    return -0.5 * (slope + np.sum(trial.gradient * (trial.x - base.x)))


class Doubt(NamedTuple):
    """How much more often a loss contradicted its derivative than not, while it hardly fell.

    A loss that jumps does so, such as one with a solution of a differential equation whose number
    of steps changes, and one that is noisy or has a wrong derivative. Short steps do not help.

    Attributes
    ----------
    count
        The number of contradictions, less that of steps along which the loss changed as its
        slopes say.
    noise
        The largest difference between a decrease and what the slopes say of it.
    loss
        The loss from which on contradictions are counted.
    """

    count: Any
    noise: Any
    loss: Any

    @property
    def is_settled(self) -> Any:
        """Whether further steps would be in vain."""
        return self.count >= _MOST_CONTRADICTIONS

    def failure(self, failure: Any, left: Any, loss: Any) -> Any:
        """Return the failure of a run, given the largest decrease `left` and the loss."""
        is_less = (left <= self.noise) & (left <= _PROGRESS * loss)
        settled = np.where(is_less, int(Failure.NOISE), int(Failure.JUMPS))
        return np.where(self.is_settled, settled, failure)


def no_doubt(dtype: np.dtype) -> Doubt:
    """Return what is known before the first step."""
    number = np.zeros((), dtype)
    return Doubt(np.zeros((), np.int64), number, number)


def doubted(doubt: Doubt, base: Incumbent, trial: Evaluation, slope: Any, predicted: Any) -> Doubt:
    """Return the doubt after a step for which a linear model has predicted a decrease.

    A contradiction is a step whose slopes at both ends are as predicted, and along which the loss
    nevertheless changed otherwise, by more than rounding errors. A wall, where the loss rises
    beyond all measure or does not depend on x, is none.
    """
    by_slopes = _decrease_by_slopes(base, trial, slope)
    noise = np.abs(base.loss - trial.loss - by_slopes)
    is_as_predicted = np.abs(by_slopes - predicted) <= 0.5 * predicted
    tiny = np.finfo(trial.x.dtype).eps
    by_x = np.sqrt(2 * np.abs(base.loss)) * norm(norms_of(trial.triangle) * trial.x)
    rounding = tiny ** (2 / 3) * np.abs(base.loss) + _ROUNDINGS * tiny * by_x
    counts = is_as_predicted & (noise > 0.5 * by_slopes) & (noise > rounding)
    counts &= (noise <= np.abs(base.loss)) & np.any(trial.gradient != 0)
    agrees = (by_slopes > 0) & (noise <= 0.5 * by_slopes)
    is_new = (base.loss < (1 - _PROGRESS) * doubt.loss) | (doubt.count == 0)
    before = np.where(is_new, 0, doubt.count)
    count = np.maximum(before + np.where(counts, 1, np.where(agrees, -1, 0)), 0)
    largest = np.maximum(np.where(is_new, 0.0, doubt.noise), np.where(counts, noise, 0.0))
    return Doubt(count, largest, np.where(is_new, base.loss, doubt.loss))


def is_flat_at(gradient: Any, x: Any, loss: Any) -> Any:
    """Return whether changing every parameter by its own size hardly changes the loss."""
    rounding = np.sqrt(np.finfo(x.dtype).eps) * np.abs(loss)
    return np.sum(np.abs(gradient * x)) <= rounding


def next_radius(radius: Any, ratio: Any, length: Any) -> Any:
    """Return the radius after a step, given its length and ratio of actual to predicted decrease.

    A ratio that is NaN shrinks the radius.
    """
    larger = np.where((ratio > 0.75) & (length >= 0.8 * radius), 2.0 * radius, radius)
    return np.where(ratio >= 0.25, larger, 0.25 * np.minimum(length, radius))


def failure_of(length: Any, size: Any, is_flat: Any) -> Any:
    """Return the failure of a step that is too short to continue; else ``Failure.NONE``.

    Parameters
    ----------
    length, size
        Norms of the step, and of the point that it starts from.
    is_flat
        Whether no decrease of the loss is left there.
    """
    tiny = np.finfo(length.dtype).eps
    failure = np.where(is_flat, int(Failure.PRECISION), int(Failure.STALLED))
    short = np.where(length <= tiny * size, failure, int(Failure.NONE))
    return np.where(np.isfinite(length), short, int(Failure.FLAT))


def project_step(trial: Evaluation, x: Any, step: Any) -> tuple[Any, Any]:
    """Return the end of a step, projected into the bounds, and the step to it."""
    if trial.box is None:
        return x + step, step
    target = trial.box.end_of(x, step)
    return target, target - x
