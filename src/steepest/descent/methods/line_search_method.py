"""Methods that choose a direction and search along it."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.methods.base import Failure, Incumbent, Move, Search
from steepest.descent.methods.line_searches import Armijo, LineSearch, LineSearchPoint
from steepest.descent.methods.trust_region import is_flat_at
from steepest.descent.problem.evaluation import Evaluation
from steepest.descent.problem.linalg import chosen, norm

_TRIES = 40
"""Steps tried along a direction before it is given up, or taken as it is."""


class LineSearchState(NamedTuple):
    """State of a method that searches along directions.

    Attributes
    ----------
    memory
        What the direction is made of.
    gradient
        At the base.
    direction, slope
        The direction, and the loss's slope along it at the base.
    step
        The step under way, in units of the direction.
    tries
        Steps tried along it.
    search
        State of the line search.
    """

    memory: Any
    gradient: Any
    direction: Any
    slope: Any
    step: Any
    tries: Any
    search: Any


class LineSearchMethod(Search):
    """A method that chooses a direction, and searches along it.

    Attributes
    ----------
    search
        The line search.
    """

    search: LineSearch

    @abc.abstractmethod
    def empty_memory(self, x: Any) -> Any:
        """Return the memory at the start."""

    @abc.abstractmethod
    def remember(
        self,
        memory: Any,
        line: LineSearchState,
        step: Any,
        change: Any,
        gradient: Any,
        counts: Any,
    ) -> Any:
        """Return the memory after a step along a line that changed the gradient, to `gradient`.

        It stays as it is where the step does not count.
        """

    @abc.abstractmethod
    def direction(self, memory: Any, gradient: Any, trial: Evaluation) -> Any:
        """Return where to go from a trial point, given its gradient without held parameters."""

    def first_step(
        self, line: LineSearchState, memory: Any, way: Any, slope: Any, drop: Any
    ) -> Any:
        """Return the step to try first along a way of some slope, after a drop of the loss."""
        return 1.0

    def decrement(self, slope: Any, trial: Evaluation) -> Any:
        """Return by how much the loss would fall at most, given its slope along the direction.

        It is NaN where a whole step does not lead to the minimum of a model.
        """
        return np.nan

    def cautious(self, gradient: Any, loss: Any) -> Any:
        """Return the step to try first where nothing else is known.

        It has length 1; where that is more than the gradient, it ends where a parabola with
        this loss and slope would reach 0.
        """
        length = norm(gradient)
        to_zero = 2 * np.abs(loss) / np.square(length)
        step = np.minimum(1.0 / length, np.maximum(1.0, to_zero))
        return np.where(length > 0, step, 1.0)

    def bounded(self) -> Any:
        return dataclasses.replace(self, search=Armijo())  # type: ignore[type-var]

    def init(self, x: Any) -> Any:
        zero = np.zeros((), x.dtype)
        return LineSearchState(
            self.empty_memory(x),
            np.zeros_like(x),
            np.zeros_like(x),
            zero,
            zero,
            np.zeros((), np.int64),
            self.search.start(x),
        )

    def advance(self, base: Incumbent, trial: Evaluation, state: Any, is_first: Any) -> Move:
        line: LineSearchState = state
        gradient, box = trial.free_gradient, trial.box
        seen = _seen(base, trial, line)
        verdict = self.search.judge(seen, line.search)
        tries = line.tries + 1
        patience = (tries >= _TRIES) & (trial.loss < base.loss)
        accepted = is_first | verdict.done | patience
        change = trial.gradient - line.gradient
        counts = accepted & ~is_first
        step = trial.x - base.x
        memory = self.remember(line.memory, line, step, change, gradient, counts)
        way = self.direction(memory, gradient, trial)
        if box is not None:
            way = np.where(trial.held, 0.0, way)
        slope = np.sum(way * gradient)
        # Where the memory leads uphill it is no use: begin anew against the gradient.
        descends = slope < 0
        decrement = self.decrement(slope, trial)
        way = np.where(descends, way, -gradient)
        slope = np.where(descends, slope, -np.sum(np.square(gradient)))
        careful = self.cautious(gradient, trial.loss)
        usual = self.first_step(line, memory, way, slope, base.loss - trial.loss)
        following = LineSearchState(
            memory,
            np.where(accepted, trial.gradient, line.gradient),
            np.where(accepted, way, line.direction),
            np.where(accepted, slope, line.slope),
            np.where(accepted, np.where(is_first | ~descends, careful, usual), verdict.step),
            np.where(accepted, 0, tries),
            chosen(accepted, self.search.start(trial.x), verdict.state),
        )
        x = np.where(accepted, trial.x, base.x)
        target = x + following.step * following.direction
        if box is not None:
            target = box.project(target)
        is_stuck = np.all(target == x) | (tries >= _TRIES)
        rounding = 10 * np.finfo(trial.x.dtype).eps * np.abs(base.loss)
        negligible = np.abs(line.step * line.slope) <= rounding
        little = np.sqrt(np.finfo(x.dtype).eps) * np.abs(base.loss)  # for the whole step
        # At right angles to the gradient, as far as can be told, it says nothing of the loss.
        across = np.sqrt(np.finfo(x.dtype).eps) * np.sum(np.abs(line.direction * line.gradient))
        is_little = (np.abs(line.slope) <= little) & (np.abs(line.slope) >= across)
        negligible &= is_flat_at(line.gradient, x, base.loss) | is_little
        reason = np.where(negligible, int(Failure.PRECISION), int(Failure.STALLED))
        failure = np.where(is_stuck, reason, int(Failure.NONE))
        return Move(accepted, target, following, failure, decrement)


def after_drop(slope: Any, drop: Any) -> Any:
    """Return the step to try first after the loss fell by something: 1 at most.

    It is where a parabola of this slope at its start falls by as much again (Nocedal and
    Wright 3.60): what a method knows of the curvature so far may be wrong by any factor.
    """
    step = np.minimum(1.0, 2.02 * drop / -slope)
    return np.where(step > 0, step, 1.0)


def _seen(base: Incumbent, trial: Evaluation, line: LineSearchState) -> LineSearchPoint:
    """Return the step that was tried.

    Where the loss changed by next to nothing, the difference would be rounding error: then
    it is found from the slopes at both ends (Hager and Zhang 2005).
    """
    start_slope, slope = line.slope, np.sum(trial.gradient * line.direction)
    if trial.box is not None:  # the way bends where it meets a bound
        way = (trial.x - base.x) / line.step
        start_slope, slope = np.sum(line.gradient * way), np.sum(trial.gradient * way)
    by_slopes = base.loss + 0.5 * line.step * (start_slope + slope)
    near = np.abs(trial.loss - base.loss) <= 1e-10 * np.abs(base.loss)
    loss = np.where(near, by_slopes, trial.loss)
    return LineSearchPoint(line.step, base.loss, start_slope, loss, slope)
