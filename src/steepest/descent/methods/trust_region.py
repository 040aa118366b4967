"""What methods with a trust region have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.descent.methods.base import Failure, Incumbent
from steepest.descent.problem.evaluation import Evaluation
from steepest.errors import InputError

ENOUGH = 1e-4
"""Share of the predicted reduction that makes a step acceptable."""


def check_radius(radius: float) -> None:
    """Raise unless a first radius is positive."""
    if not (np.isfinite(radius) and radius > 0):
        raise InputError(f"radius must be a positive number, got {radius!r}")


def gain(base: Incumbent, trial: Evaluation, slope: Any, predicted: Any) -> Any:
    """Return by what share of what was predicted the loss fell from the base to a trial point.

    Where that is next to nothing, a difference of losses would be rounding error: then it
    is found from the slopes at both ends (Hager and Zhang 2005), unless the step itself is no
    more than rounding: between two neighbors that would lead back and forth for ever. Nothing
    is gained without a step, where there is no loss, or where the model itself promised
    nothing.
    """
    step, ulps = np.abs(trial.x - base.x), 2 * np.finfo(trial.x.dtype).eps * np.abs(base.x)
    by_losses = base.loss - trial.loss
    by_slopes = -0.5 * (slope + np.sum(trial.gradient * (trial.x - base.x)))
    near = (np.abs(by_losses) <= 1e-6 * np.abs(base.loss)) & np.any(step > ulps)
    counts = np.any(step > 0) & np.isfinite(trial.loss) & (predicted > 0)
    return np.where(counts, np.where(near, by_slopes, by_losses) / predicted, -np.inf)


def is_flat_at(gradient: Any, x: Any, loss: Any) -> Any:
    """Return whether parameters would have to change by far more than all to change the loss."""
    rounding = np.sqrt(np.finfo(x.dtype).eps) * np.abs(loss)
    return np.sum(np.abs(gradient * x)) <= rounding


def next_radius(radius: Any, ratio: Any, length: Any) -> Any:
    """Return the radius after a step of a length whose reduction was that share of the model's.

    A ratio that is not a number shrinks it.
    """
    larger = np.where((ratio > 0.75) & (length >= 0.8 * radius), 2.0 * radius, radius)
    return np.where(ratio >= 0.25, larger, 0.25 * np.minimum(length, radius))


def failure_of(length: Any, size: Any, is_flat: Any) -> Any:
    """Return why a step leads no further, if so.

    Parameters
    ----------
    length, size
        Of the step, and of the point that it starts from.
    is_flat
        Whether there is nothing to be gained from there.
    """
    tiny = np.finfo(length.dtype).eps
    reason = np.where(is_flat, int(Failure.PRECISION), int(Failure.STALLED))
    short = np.where(length <= tiny * size, reason, int(Failure.NONE))
    return np.where(np.isfinite(length), short, int(Failure.FLAT))


def kept_inside(trial: Evaluation, x: Any, step: Any) -> tuple[Any, Any]:
    """Return where a step leads within the bounds, and the step there."""
    target = x + step
    if trial.box is None:
        return target, step
    target = trial.box.project(target)
    return target, target - x
