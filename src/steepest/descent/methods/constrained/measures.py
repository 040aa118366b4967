"""How far values are from their limits, and which iterates are worse than others."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

_FILTER_SIZE = 32
"""How many iterates the filter remembers."""

MARGIN = 1e-5
"""By which fraction of its violation an iterate must be bettered."""


def violations(values: Any, lower: Any, upper: Any) -> Any:
    """Return by how much values are outside of their limits, shape (m,)."""
    return np.maximum(np.maximum(lower - values, values - upper), 0.0)


def is_limit(ends: Any) -> Any:
    """Return which ends are limits: the largest number stands for none."""
    return np.abs(ends) < np.finfo(ends.dtype).max


def scaled(ends: Any, scale: Any) -> Any:
    """Return limits times factors; what is no limit stays so."""
    is_one = is_limit(ends)
    return np.where(is_one, np.where(is_one, ends, 0.0) * scale, ends)


def size_of(values: Any, lower: Any, upper: Any) -> Any:
    """Return the largest absolute value or limit, at least 1."""
    ends = [np.where(is_limit(end), np.abs(end), 0.0) for end in (lower, upper)]
    return np.maximum(1.0, np.max(np.concatenate([np.abs(values), *ends]), initial=0.0))


def scale_of(jacobian: Any) -> Any:
    """Return factors that make the rows of a matrix unit vectors, within bounds; shape (m,)."""
    lengths = np.sqrt(np.sum(np.square(jacobian), axis=1))
    lengths = np.where((lengths > 0) & np.isfinite(lengths), lengths, 1.0)
    return np.clip(1.0 / lengths, 1e-8, 1e8)


def steepness_of(gradient: Any) -> Any:
    """Return the largest absolute slope, at least 1."""
    slope = np.max(np.abs(gradient))
    return np.where(slope > 1, slope, 1.0)


def complementarity(multipliers: Any, values: Any, lower: Any, upper: Any) -> Any:
    """Return the smaller of each multiplier and the distance to its limit, in absolute value."""
    distance = np.where(multipliers > 0, values - lower, upper - values)
    return np.minimum(np.abs(multipliers), np.abs(distance))


class Filter(NamedTuple):
    """Violations and losses of earlier iterates; a candidate must be better in one of both.

    R. Fletcher and S. Leyffer, "Nonlinear programming without a penalty function", Mathematical
    Programming 91, 239-269, 2002.

    Attributes
    ----------
    violations, losses
        A pair for each of the last such iterates; infinite where there is none.
    count
        How many there have been.
    """

    violations: Any
    losses: Any
    count: Any

    @classmethod
    def empty(cls, dtype: np.dtype) -> Filter:
        """Return a filter that accepts everything."""
        nothing = np.full(_FILTER_SIZE, np.inf, dtype)
        return cls(nothing, nothing, np.zeros((), np.int64))

    def accepts(self, violation: Any, loss: Any, noise: Any) -> Any:
        """Return whether a candidate is better than each iterate in one of both.

        `noise` is the rounding error of a difference of losses.
        """
        return np.all(is_better(violation, loss, self.violations, self.losses, noise))

    def with_point(self, is_added: Any, violation: Any, loss: Any) -> Filter:
        """Return the filter with one more iterate, in place of the oldest."""
        here = is_added & (np.arange(_FILTER_SIZE) == self.count % _FILTER_SIZE)
        return Filter(
            np.where(here, violation, self.violations),
            np.where(here, loss, self.losses),
            self.count + np.where(is_added, 1, 0),
        )

    def emptied(self, is_emptied: Any) -> Filter:
        """Return the filter without its iterates, or as it is."""
        return Filter(
            np.where(is_emptied, np.inf, self.violations),
            np.where(is_emptied, np.inf, self.losses),
            np.where(is_emptied, 0, self.count),
        )


def is_better(violation: Any, loss: Any, violations: Any, losses: Any, noise: Any) -> Any:
    """Return whether a violation or a loss is lower than others, by a margin."""
    fewer = violation <= (1 - MARGIN) * violations
    return fewer | (loss <= losses - MARGIN * violations + noise)
