"""Losses of one sample: NumPy code of predictions and targets.

A loss has a value for each row. Those of regressions are half of what they are named for, as in
scikit-learn, so that their slopes have no factor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.trace import log_softmax

RowLoss = Callable[[Any, Any], Any]
"""Returns a loss for each row from predictions and targets."""


def squared_error(predicted: Any, y: Any) -> Any:
    """Return half the squared errors."""
    return 0.5 * (predicted - y) ** 2


def absolute_error(predicted: Any, y: Any) -> Any:
    """Return the absolute errors."""
    return np.abs(predicted - y)


@dataclass(frozen=True)
class Huber:
    """Half the squared error up to `delta`, and linear beyond."""

    delta: float = 1.0

    def __call__(self, predicted: Any, y: Any) -> Any:
        """Return a loss for each row."""
        error = np.abs(predicted - y)
        squared, linear = 0.5 * error**2, self.delta * (error - 0.5 * self.delta)
        return np.where(error <= self.delta, squared, linear)


def poisson(predicted: Any, y: Any) -> Any:
    """Return half the Poisson deviance of positive predictions, up to a constant."""
    return predicted - y * np.log(predicted)


def gamma(predicted: Any, y: Any) -> Any:
    """Return half the gamma deviance of positive predictions, up to a constant."""
    return y / predicted + np.log(predicted)


REGRESSION: Mapping[str, RowLoss] = {
    "squared_error": squared_error,
    "absolute_error": absolute_error,
    "huber": Huber(),
    "poisson": poisson,
    "gamma": gamma,
}
"""Losses of regressors by name."""


def log_loss(scores: Any, labels: Any) -> Any:
    """Return minus the log probabilities of the labels.

    Scores are log odds of the second class, shape (n,), or one for each class, shape (n, k).
    """
    if scores.ndim == 1:
        return np.logaddexp(0.0, scores) - labels * scores
    return -_of_own(log_softmax(scores), labels)[0]


def hinge(scores: Any, labels: Any) -> Any:
    """Return how far scores are from exceeding all others by 1, or from the right side by 1."""
    if scores.ndim == 1:
        return np.maximum(1.0 - (2 * labels - 1) * scores, 0.0)
    own, is_own = _of_own(scores, labels)
    return np.max(scores - own[:, None] + np.where(is_own, 0.0, 1.0), axis=1)


def _of_own(scores: Any, labels: Any) -> tuple[Any, Any]:
    """Return the score of each row's own class, and where that is among the scores.

    Each score is looked at, and none is taken by its number: rows can then be read in blocks.
    """
    is_own = np.arange(scores.shape[1]) == labels[:, None]
    return np.sum(np.where(is_own, scores, 0.0), axis=1), is_own


CLASSIFICATION: Mapping[str, RowLoss] = {"log_loss": log_loss, "hinge": hinge}
"""Losses of classifiers by name."""


def loss_of(loss: Any, named: Mapping[str, RowLoss], estimator: str) -> RowLoss:
    """Return a loss by its name, or the function that was given.

    Raises
    ------
    InputError
        If there is no loss of this name.
    """
    if isinstance(loss, str) and loss in named:
        return named[loss]
    if callable(loss):
        found: RowLoss = loss
        return found
    names = ", ".join(map(repr, named))
    raise InputError(
        f"{estimator} has no loss {loss!r}: write one of {names}, or a function of predictions "
        "and targets that returns a loss for each row"
    )
