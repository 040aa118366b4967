"""Stop rules: NumPy conditions on the current point, checked before each update.

They combine with ``|`` and ``&``. A rule of your own is a subclass of :class:`StopRule`
with a method ``met(point)``, written in NumPy, that returns a truth value.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from steepest.errors import InputError


class Point(NamedTuple):
    """Where a descent stands.

    Attributes
    ----------
    iteration
        Number of updates made.
    loss
        The loss, a number.
    gradient, x
        Vectors of shape (n,).
    """

    iteration: Any
    loss: Any
    gradient: Any
    x: Any


class StopRule(abc.ABC):
    """A condition that ends a descent."""

    is_goal = True
    """Whether meeting the rule means success, rather than a limit."""

    @abc.abstractmethod
    def met(self, point: Point) -> Any:
        """Return whether to stop at a point, as NumPy code."""

    def met_rules(self, point: Point) -> list[StopRule]:
        """Return the elementary rules that are met at a concrete point."""
        return [self] if bool(self.met(point)) else []

    def latest(self) -> int | None:
        """Return the iteration at which the rule is certainly met; None if there is none."""
        return None

    def __or__(self, other: StopRule) -> StopRule:
        return AnyOf(self, other)

    def __and__(self, other: StopRule) -> StopRule:
        return AllOf(self, other)


def _check_threshold(rule: StopRule, threshold: float) -> None:
    if isinstance(threshold, bool) or not isinstance(threshold, int | float | np.number):
        raise InputError(f"{type(rule).__name__} needs a number, got {threshold!r}")
    if np.isnan(threshold):
        raise InputError(f"{type(rule).__name__} needs a number, got NaN")


@dataclass(frozen=True)
class LossBelow(StopRule):
    """Stop as soon as the loss is at most a threshold.

    Parameters
    ----------
    threshold
        In the loss's units.

    Examples
    --------
    >>> import steepest as st
    >>> st.LossBelow(1e-3) | st.MaxIterations(100)
    LossBelow(threshold=0.001) | MaxIterations(limit=100)
    """

    threshold: float

    def __post_init__(self) -> None:
        _check_threshold(self, self.threshold)

    def met(self, point: Point) -> Any:
        return point.loss <= float(self.threshold)


@dataclass(frozen=True)
class GradientNormBelow(StopRule):
    """Stop as soon as the gradient's Euclidean norm is at most a threshold.

    Parameters
    ----------
    threshold
        In the loss's units for each unit of the parameters.

    Examples
    --------
    >>> import steepest as st
    >>> st.GradientNormBelow(1e-8)
    GradientNormBelow(threshold=1e-08)
    """

    threshold: float

    def __post_init__(self) -> None:
        _check_threshold(self, self.threshold)

    def met(self, point: Point) -> Any:
        return np.sqrt(np.sum(np.square(point.gradient))) <= float(self.threshold)


@dataclass(frozen=True)
class MaxIterations(StopRule):
    """Stop after so many updates.

    Parameters
    ----------
    limit
        Number of updates, at least 0.

    Examples
    --------
    >>> import steepest as st
    >>> st.MaxIterations(100)
    MaxIterations(limit=100)
    """

    limit: int
    is_goal = False

    def __post_init__(self) -> None:
        if isinstance(self.limit, bool) or not isinstance(self.limit, int | np.integer):
            raise InputError(f"MaxIterations needs a whole number, got {self.limit!r}")
        if self.limit < 0:
            raise InputError(f"MaxIterations needs at least 0, got {self.limit}")

    def met(self, point: Point) -> Any:
        return point.iteration >= int(self.limit)

    def latest(self) -> int | None:
        return int(self.limit)


@dataclass(frozen=True)
class AnyOf(StopRule):
    """Stop as soon as one of two rules is met; written ``a | b``."""

    first: StopRule
    second: StopRule

    def __repr__(self) -> str:
        return f"{self.first!r} | {self.second!r}"

    def met(self, point: Point) -> Any:
        return np.logical_or(self.first.met(point), self.second.met(point))

    def met_rules(self, point: Point) -> list[StopRule]:
        return self.first.met_rules(point) + self.second.met_rules(point)

    def latest(self) -> int | None:
        limits = [n for n in (self.first.latest(), self.second.latest()) if n is not None]
        return min(limits, default=None)


@dataclass(frozen=True)
class AllOf(StopRule):
    """Stop as soon as both of two rules are met; written ``a & b``."""

    first: StopRule
    second: StopRule

    def __repr__(self) -> str:
        sides = (self.first, self.second)
        return " & ".join(f"({s!r})" if isinstance(s, AnyOf) else repr(s) for s in sides)

    def met(self, point: Point) -> Any:
        return np.logical_and(self.first.met(point), self.second.met(point))

    def met_rules(self, point: Point) -> list[StopRule]:
        first, second = self.first.met_rules(point), self.second.met_rules(point)
        return first + second if first and second else []

    def latest(self) -> int | None:
        limits = self.first.latest(), self.second.latest()
        return None if None in limits else max(limits)  # type: ignore[type-var]
