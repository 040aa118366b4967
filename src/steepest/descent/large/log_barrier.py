"""A program whose bounds are a barrier: logarithms of the distances to them, times a weight."""

from __future__ import annotations

import numpy as np

from steepest.descent.large.iterates import Direction, Iterate
from steepest.descent.large.program import Program


class LogBarrier:
    """The barrier problem of a program.

    Parameters
    ----------
    program
        The program.
    weight
        The first weight of the barrier.

    Attributes
    ----------
    weight
        The current weight.
    has_lower, has_upper
        Whether a variable has such a bound, shape (n,).
    """

    def __init__(self, program: Program, weight: float) -> None:
        self.program, self.weight = program, weight
        self.lower, self.upper = program.lower, program.upper
        self.has_lower, self.has_upper = np.isfinite(self.lower), np.isfinite(self.upper)

    def distances(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the distances to the bounds; 1 if there is none."""
        low = np.where(self.has_lower, v - np.where(self.has_lower, self.lower, 0.0), 1.0)
        high = np.where(self.has_upper, np.where(self.has_upper, self.upper, 0.0) - v, 1.0)
        return low, high

    def height(self, loss: float, v: np.ndarray) -> float:
        """Return the loss with its barrier."""
        low, high = self.distances(v)
        if not (low > 0).all() or not (high > 0).all():
            return np.inf
        return float(loss - self.weight * (np.sum(np.log(low)) + np.sum(np.log(high))))

    def slope(self, at: Iterate) -> np.ndarray:
        """Return the gradient of the loss with its barrier."""
        low, high = self.distances(at.v)
        push = np.where(self.has_lower, 1.0 / low, 0.0) - np.where(self.has_upper, 1.0 / high, 0.0)
        slope: np.ndarray = at.slopes.gradient - self.weight * push
        return slope

    def error(self, at: Iterate, weight: float) -> float:
        """Return the error of the conditions of an optimum (equations 5 and 6)."""
        low, high = self.distances(at.v)
        bounded = int(np.count_nonzero(self.has_lower) + np.count_nonzero(self.has_upper))
        of_bounds = float(np.sum(at.of_lower) + np.sum(at.of_upper))
        total = of_bounds + float(np.sum(np.abs(at.multipliers)))
        dual = max(100.0, total / max(1, bounded + at.multipliers.size)) / 100
        slack = max(100.0, of_bounds / max(1, bounded)) / 100
        uneven = [
            np.where(self.has_lower, at.of_lower * low - weight, 0.0),
            np.where(self.has_upper, at.of_upper * high - weight, 0.0),
        ]
        slope = at.slope() - at.of_lower + at.of_upper
        return max(
            float(np.max(np.abs(slope), initial=0.0)) / dual,
            float(np.max(np.abs(at.residual), initial=0.0)),
            float(np.max(np.abs(np.concatenate(uneven)), initial=0.0)) / slack,
        )

    def within(self, now: np.ndarray, change: np.ndarray) -> float:
        """Return the largest factor of a change that keeps numbers positive (equation 15)."""
        share = max(0.99, 1 - self.weight)
        falls = change < 0
        if not falls.any():
            return 1.0
        return min(1.0, float(np.min(-share * now[falls] / change[falls])))

    def longest(self, at: Iterate, step: np.ndarray) -> float:
        """Return the longest step that keeps a share of the distances to the bounds."""
        low, high = self.distances(at.v)
        return min(
            self.within(low, np.where(self.has_lower, step, 0.0)),
            self.within(high, np.where(self.has_upper, -step, 0.0)),
        )

    def completed(self, at: Iterate, d: np.ndarray) -> Direction:
        """Return a direction with that of the multipliers of the bounds (equation 12)."""
        step, low_high = d[: at.v.size], self.distances(at.v)
        low, high = low_high
        of_lower = self.weight / low - at.of_lower - at.of_lower * step / low
        of_upper = self.weight / high - at.of_upper + at.of_upper * step / high
        return Direction(
            step,
            d[at.v.size :],
            np.where(self.has_lower, of_lower, 0.0),
            np.where(self.has_upper, of_upper, 0.0),
        )
