"""Step sizes: a number, or any function of the iteration written in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import InputError

StepSize = float | Callable[[Any], Any]


def check_step_size(step_size: StepSize) -> None:
    """Raise unless a step size is a positive finite number or a function.

    Raises
    ------
    InputError
        With what was given.
    """
    if callable(step_size):
        return
    if isinstance(step_size, bool) or not isinstance(step_size, int | float | np.number):
        raise InputError(
            f"step_size must be a number or a function of the iteration, got {step_size!r}"
        )
    if not (np.isfinite(step_size) and step_size > 0):
        raise InputError(f"step_size must be a positive finite number, got {step_size!r}")


def step_at(step_size: StepSize, iteration: Any, like: Any) -> Any:
    """Return the step size at an iteration, in the precision of `like`."""
    if not callable(step_size):
        return float(step_size)
    return in_precision_of(step_size(iteration), like)


def in_precision_of(number: Any, like: Any) -> Any:
    """Return a number with the dtype of an array, so that it widens nothing."""
    return number if isinstance(number, int | float) else np.astype(number, like.dtype)


@dataclass(frozen=True)
class ExponentialDecay:
    """Step size that shrinks by a factor every so many iterations.

    Parameters
    ----------
    initial
        Step size at iteration 0.
    factor
        What it is multiplied with, between 0 and 1.
    every
        Number of iterations that this takes.

    Examples
    --------
    >>> import steepest as st
    >>> float(st.ExponentialDecay(0.1, factor=0.5, every=10)(20).round(6))
    0.025
    """

    initial: float
    factor: float = 0.5
    every: int = 1000

    def __call__(self, iteration: Any) -> Any:
        """Return the step size at an iteration."""
        return self.initial * np.power(self.factor, iteration / self.every)


@dataclass(frozen=True)
class CosineDecay:
    """Step size that falls along half a cosine (Loshchilov and Hutter 2017).

    Parameters
    ----------
    initial
        Step size at iteration 0.
    iterations
        Number of iterations after which it has reached `final`, and stays there.
    final
        Last step size.

    Examples
    --------
    >>> import steepest as st
    >>> float(st.CosineDecay(0.1, iterations=100)(50).round(6))
    0.05
    """

    initial: float
    iterations: int
    final: float = 0.0

    def __call__(self, iteration: Any) -> Any:
        """Return the step size at an iteration."""
        progress = np.minimum(iteration / self.iterations, 1.0)
        share = 0.5 * (1.0 + np.cos(np.pi * progress))
        return self.final + (self.initial - self.final) * share
