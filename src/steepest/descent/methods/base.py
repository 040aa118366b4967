"""What a method provides: an update, or a search.

A method is its mathematics, written once in NumPy and run by every engine. All parameters
come as one vector, however they are nested. The state that a method carries from one call to
the next is an array, or nested tuples, lists and dicts of arrays. A frozen dataclass keeps
its settings.
"""

from __future__ import annotations

import abc
import enum
from typing import Any, NamedTuple, Protocol

import numpy as np

from steepest.descent.problem.evaluation import Evaluation

__all__ = ["Failure", "Method", "Move", "Search"]


class Method(Protocol):
    """A method that goes wherever its update leads."""

    def init(self, x: Any) -> Any:
        """Return the state at the start.

        Parameters
        ----------
        x
            Start point, shape (n,).
        """
        ...

    def update(self, x: Any, gradient: Any, state: Any, iteration: Any) -> tuple[Any, Any]:
        """Return the next point and the next state.

        Parameters
        ----------
        x
            Point, shape (n,).
        gradient
            Gradient of the loss there, shape (n,).
        state
            What ``init`` or the last update returned.
        iteration
            Number of updates made before.
        """
        ...


class Failure(enum.IntEnum):
    """Why a search cannot go on; the words are in ``descent.results.result``."""

    NONE = 0
    PRECISION = 2
    STALLED = 3
    UNBOUNDED = 4
    FLAT = 5
    SINGULAR = 6


class Incumbent(NamedTuple):
    """The best point that a search has reached.

    Attributes
    ----------
    x
        Point, shape (n,).
    loss
        The loss there.
    """

    x: Any
    loss: Any


class Move(NamedTuple):
    """What a search does next.

    Attributes
    ----------
    accepted
        Whether the point just tried is where the descent now is.
    x
        The point to try next, shape (n,).
    state
        The next state.
    failure
        A number of :class:`Failure`; other than 0 it ends the descent where it is. It counts
        only where the point is not accepted.
    decrement
        By how much the loss would fall from the point that is now the best, were it what the
        method takes it for; NaN where the method cannot say.
    report
        Nested arrays that are kept of the point where the descent ends.
    is_singular
        Whether no goal counts as reached at the point that is now the best: the parameters
        cannot be told apart there, though that is no property of the problem; or it is a
        maximum or a saddle point.
    """

    accepted: Any
    x: Any
    state: Any
    failure: Any = Failure.NONE
    decrement: Any = np.nan
    report: Any = ()
    is_singular: Any = False


class Search(abc.ABC):
    """A method that tries points and may turn them down: line searches, trust regions.

    Each call sees the loss at one point more. So a search is not a loop around the loss but
    a step of one: it can be stopped, resumed and run beside others after every evaluation.
    """

    needs_residuals = False
    """Whether it looks at residuals and their slopes, and not at the loss alone."""

    def bounded(self) -> Any:
        """Return the method as it is where parameters have bounds."""
        return self

    @abc.abstractmethod
    def init(self, x: Any) -> Any:
        """Return the state at the start, shape (n,)."""

    @abc.abstractmethod
    def advance(self, base: Incumbent, trial: Evaluation, state: Any, is_first: Any) -> Move:
        """Return whether a point is accepted, and which one to try next.

        Parameters
        ----------
        base
            Where the descent is.
        trial
            The point just tried. Its loss may be infinite or NaN.
        state
            What ``init`` or the last call returned.
        is_first
            Whether this is the start point, which is accepted in any case.
        """
