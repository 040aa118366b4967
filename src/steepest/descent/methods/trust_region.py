"""Functions that the methods with a trust region share."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.descent.methods.base import Failure, Incumbent
from steepest.descent.problem.evaluation import Evaluation
from steepest.errors import InputError

ENOUGH = 1e-4
"""Smallest ratio of actual to predicted decrease of an accepted step."""


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
    by_slopes = -0.5 * (slope + np.sum(trial.gradient * (trial.x - base.x)))
    near = (np.abs(by_losses) <= 1e-6 * np.abs(base.loss)) & np.any(step > ulps)
    counts = np.any(step > 0) & np.isfinite(trial.loss) & (predicted > 0)
    return np.where(counts, np.where(near, by_slopes, by_losses) / predicted, -np.inf)


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
    target = x + step
    if trial.box is None:
        return target, step
    target = trial.box.project(target)
    return target, target - x
