"""Step-size schedules: functions of the iteration, written in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.descent.settings import settings
from steepest.errors import InputError
from steepest.trace.arrays.numbers import as_python_float

__all__ = ["CosineDecay", "ExponentialDecay", "OneCycle", "StepDecay", "WarmUp"]

StepSize = float | Callable[[Any], Any]


def check_step_size(step_size: StepSize) -> None:
    """Raise unless a step size is a positive finite number or a function.

    Raises
    ------
    InputError
        If it is neither.
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
        return as_python_float(step_size)
    return in_precision_of(step_size(iteration), like)


def in_precision_of(number: Any, like: Any) -> Any:
    """Return a number with the dtype of an array, so that it does not widen other operands."""
    return number if isinstance(number, int | float) else np.astype(number, like.dtype)


@settings
class ExponentialDecay:
    """Step size that decays exponentially: by a factor over a number of iterations.

    Parameters
    ----------
    initial : float
        Step size at iteration 0.
    factor : float, optional
        Factor over `every` iterations, between 0 and 1.
    every : int, optional
        Number of iterations over which the step size is multiplied by `factor`.

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


@settings
class CosineDecay:
    """Step size that falls along half a period of a cosine (Loshchilov and Hutter [1]_).

    Parameters
    ----------
    initial : float
        Step size at iteration 0.
    iterations : int
        Number of iterations until the step size is `final`. It stays there.
    final : float, optional
        Last step size.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts",
       International Conference on Learning Representations (ICLR), 2017, arXiv:1608.03983.

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


@settings
class StepDecay:
    """Step size that drops by a factor after every period of iterations.

    Parameters
    ----------
    initial : float
        Step size at iteration 0.
    factor : float, optional
        Factor of each drop, between 0 and 1.
    every : int, optional
        Number of iterations between two drops.

    Examples
    --------
    >>> import steepest as st
    >>> float(st.StepDecay(0.1, factor=0.5, every=10)(19))
    0.05
    """

    initial: float
    factor: float = 0.1
    every: int = 1000

    def __call__(self, iteration: Any) -> Any:
        """Return the step size at an iteration."""
        return self.initial * np.power(self.factor, np.floor(iteration / self.every))


@settings
class WarmUp:
    """Step size that rises linearly, and then follows another schedule (Goyal et al. [1]_).

    Parameters
    ----------
    then : float or callable
        Step size after the rise: a number, or a schedule whose iterations are counted from there.
    iterations : int
        Number of iterations of the rise.
    initial : float, optional
        Step size at iteration 0.

    References
    ----------
    .. [1] P. Goyal, P. Dollár, R. Girshick et al., "Accurate, large minibatch SGD: training
       ImageNet in 1 hour", 2017, arXiv:1706.02677.

    Examples
    --------
    >>> import steepest as st
    >>> schedule = st.WarmUp(st.CosineDecay(0.1, iterations=90), iterations=10)
    >>> [float(schedule(i).round(6)) for i in (0, 5, 10, 55, 100)]
    [0.0, 0.05, 0.1, 0.05, 0.0]
    """

    then: StepSize
    iterations: int
    initial: float = 0.0

    def __call__(self, iteration: Any) -> Any:
        """Return the step size at an iteration."""
        later = np.maximum(iteration - self.iterations, 0)
        after = self.then(later) if callable(self.then) else self.then
        peak = self.then(0) if callable(self.then) else self.then
        rising = self.initial + (peak - self.initial) * (iteration / self.iterations)
        return np.where(iteration < self.iterations, rising, after)


@settings
class OneCycle:
    """Step size that rises once and then falls below its start (Smith and Topin [1]_).

    Rise and fall are half periods of a cosine.

    Parameters
    ----------
    peak : float
        Largest step size.
    iterations : int
        Number of iterations of the cycle. The step size then stays at its last value.
    rise : float, optional
        Fraction of the iterations in which the step size rises.
    initial : float, optional
        Step size at iteration 0, as a fraction of the peak.
    final : float, optional
        Step size at the end, as a fraction of the step size at iteration 0.

    References
    ----------
    .. [1] L. N. Smith and N. Topin, "Super-convergence: very fast training of neural networks
       using large learning rates", Proceedings of SPIE 11006, 2019, arXiv:1708.07120.

    Examples
    --------
    >>> import steepest as st
    >>> schedule = st.OneCycle(0.1, iterations=100)
    >>> [float(schedule(i).round(6)) for i in (0, 30, 100)]
    [0.004, 0.1, 0.0]
    """

    peak: float
    iterations: int
    rise: float = 0.3
    initial: float = 1 / 25
    final: float = 1e-4

    def __call__(self, iteration: Any) -> Any:
        """Return the step size at an iteration."""
        top = self.rise * self.iterations
        first = self.peak * self.initial
        last = first * self.final
        up = np.minimum(iteration / top, 1.0)
        down = np.clip((iteration - top) / (self.iterations - top), 0.0, 1.0)
        rising = first + (self.peak - first) * 0.5 * (1.0 - np.cos(np.pi * up))
        falling = last + (self.peak - last) * 0.5 * (1.0 + np.cos(np.pi * down))
        return np.where(iteration < top, rising, falling)
