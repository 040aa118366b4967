"""An initial value problem, and what all methods do at its start and with their step sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.trace.functions.scipy.integrate.right_side import RightSide

EPS = float(np.finfo(float).eps)
MIN_FACTOR, MAX_FACTOR = 0.2, 10.0
"""By how much a step size may change at once."""


@dataclass(frozen=True)
class Problem:
    """An initial value problem, and how accurately it is to be solved.

    Attributes
    ----------
    name
        Public name of the solver, for messages.
    fun
        The right-hand side.
    t0, t_bound
        Where the solution starts and ends.
    direction
        1 if time goes forward, -1 if backward.
    y0
        The state at the start, shape (n,).
    rtol, atol
        Tolerances, numbers or arrays of shape (n,).
    max_step
        Largest step size.
    first_step
        Size of the first step; None to choose it.
    events
        Functions whose zeros are looked for.
    """

    name: str
    fun: RightSide
    t0: Any
    t_bound: Any
    direction: float
    y0: Any
    rtol: Any
    atol: Any
    max_step: float
    first_step: float | None
    events: tuple[Any, ...] = ()

    @property
    def size(self) -> int:
        """The number of equations."""
        return int(self.y0.size)

    def first_step_size(self, f0: Any, order: int) -> Any:
        """Return the size of the first step, and the number of evaluations that it took.

        See Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I, II.4.
        """
        if self.first_step is not None:
            return np.asarray(float(self.first_step))
        length = np.abs(self.t_bound - self.t0)
        scale = self.atol + np.abs(self.y0) * self.rtol
        size, slope = rms(self.y0 / scale), rms(f0 / scale)
        h0 = np.where((size < 1e-5) | (slope < 1e-5), 1e-6, 0.01 * size / slope)
        h0 = np.minimum(h0, length)
        f1 = self.fun(self.t0 + h0 * self.direction, self.y0 + h0 * self.direction * f0)
        bend = rms((f1 - f0) / scale) / h0
        h1 = np.where(
            (slope <= 1e-15) & (bend <= 1e-15),
            np.maximum(1e-6, h0 * 1e-3),
            (0.01 / np.maximum(slope, bend)) ** (1 / (order + 1)),
        )
        h = np.minimum(np.minimum(100 * h0, h1), length)
        return np.minimum(h, self.max_step)

    def trial_step(self, t: Any, h_abs: Any, is_retry: Any) -> tuple[Any, Any, Any, Any]:
        """Return the end and the signed size of a step, its size before rounding, and if it fails.

        It fails if it is too small to make progress. A first try is at least a few spacings of
        floating-point numbers long; a retry that is shorter fails.
        """
        shortest = np.maximum(10 * EPS * np.abs(t), 5e-323)
        first = np.minimum(np.maximum(h_abs, shortest), self.max_step)
        h_abs = np.where(is_retry, h_abs, first)
        fails = ~(h_abs >= shortest)
        t_new = t + h_abs * self.direction
        is_beyond = self.direction * (t_new - self.t_bound) > 0
        t_new = np.where(is_beyond, self.t_bound, t_new)
        h = t_new - t
        return t_new, h, np.where(is_beyond, np.abs(h), h_abs), fails

    def goes_on(self, t: Any, failed: Any) -> Any:
        """Return whether the end is not reached."""
        return (self.direction * (t - self.t_bound) < 0) & ~failed


def rms(x: Any) -> Any:
    """Return the root mean square of all elements."""
    return np.sqrt(np.sum(x * x)) / x.size**0.5


def combined(weights: Any, arrays: Any) -> Any:
    """Return a weighted sum, without the terms whose weight is 0."""
    terms = [float(w) * x for w, x in zip(weights, arrays, strict=False) if w != 0]
    total = terms[0] if terms else 0.0 * arrays[0]
    for term in terms[1:]:
        total = total + term
    return total
