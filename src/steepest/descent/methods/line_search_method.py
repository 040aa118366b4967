"""Base class of methods that choose a search direction and a step size along it."""

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
"""Largest number of step sizes tried along a direction. The last is accepted if the loss fell."""


class LineSearchState(NamedTuple):
    """State of a :class:`LineSearchMethod`.

    Attributes
    ----------
    memory
        What the method remembers to choose directions.
    gradient
        Gradient at the current iterate.
    direction, slope
        The search direction, and the slope of the loss along it at the current iterate.
    step
        The step size of the candidate, in units of the direction.
    tries
        Number of step sizes tried along the direction.
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
    """A method that chooses a search direction, and a step size by a line search.

    Attributes
    ----------
    search
        The line search.
    """

    search: LineSearch

    def empty_memory(self, x: Any) -> Any:
        """Return the memory at the start; the default is none."""
        return ()

    def remember(
        self, line: LineSearchState, step: Any, change: Any, gradient: Any, counts: Any
    ) -> Any:
        """Return the memory after an accepted step; unchanged where `counts` is false.

        Parameters
        ----------
        line
            State of the line search that found the step, with the memory before it.
        step, change
            The step, and the change of the gradient over it, shape (n,).
        gradient
            Gradient at the end, with 0 for held parameters, shape (n,).
        counts
            Whether the step was accepted.
        """
        return line.memory

    @abc.abstractmethod
    def direction(self, memory: Any, gradient: Any, trial: Evaluation) -> Any:
        """Return the search direction from a candidate, given its free gradient."""

    def first_step(
        self, line: LineSearchState, memory: Any, direction: Any, slope: Any, drop: Any
    ) -> Any:
        """Return the first step size along a direction, given its slope and the last decrease."""
        return 1.0

    def decrement(self, slope: Any, trial: Evaluation) -> Any:
        """Return the decrease that the method's model predicts, given the slope of its step.

        NaN for a method without such a model.
        """
        return np.nan

    def initial_step(self, gradient: Any, loss: Any) -> Any:
        """Return the first step size where the method knows nothing of the curvature yet.

        The step has length ``min(1, max(norm(gradient), 2 * abs(loss) / norm(gradient)))``. The
        last term is the distance to the minimum of a parabola with this loss and slope and
        minimum 0.
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
        is_exhausted = (tries >= _TRIES) & (trial.loss < base.loss)
        accepted = is_first | verdict.done | is_exhausted
        change = trial.gradient - line.gradient
        counts = accepted & ~is_first
        step = trial.x - base.x
        memory = self.remember(line, step, change, gradient, counts)
        direction = self.direction(memory, gradient, trial)
        if box is not None:
            direction = np.where(trial.held, 0.0, direction)
        slope = np.sum(direction * gradient)
        # If the direction is one of ascent, restart along the negative gradient.
        descends = slope < 0
        decrement = self.decrement(slope, trial)
        direction = np.where(descends, direction, -gradient)
        slope = np.where(descends, slope, -np.sum(np.square(gradient)))
        initial = self.initial_step(gradient, trial.loss)
        usual = self.first_step(line, memory, direction, slope, base.loss - trial.loss)
        following = LineSearchState(
            memory,
            np.where(accepted, trial.gradient, line.gradient),
            np.where(accepted, direction, line.direction),
            np.where(accepted, slope, line.slope),
            np.where(accepted, np.where(is_first | ~descends, initial, usual), verdict.step),
            np.where(accepted, 0, tries),
            chosen(accepted, self.search.start(trial.x), verdict.state),
        )
        x = np.where(accepted, trial.x, base.x)
        step = following.step * following.direction
        target = x + step if box is None else box.end_of(x, step)
        is_stuck = np.all(target == x) | (tries >= _TRIES)
        rounding = 10 * np.finfo(trial.x.dtype).eps * np.abs(base.loss)
        negligible = np.abs(line.step * line.slope) <= rounding
        little = np.sqrt(np.finfo(x.dtype).eps) * np.abs(base.loss)  # for a step size of 1
        # A direction orthogonal to the gradient, up to rounding, says nothing of the loss.
        across = np.sqrt(np.finfo(x.dtype).eps) * np.sum(np.abs(line.direction * line.gradient))
        is_little = (np.abs(line.slope) <= little) & (np.abs(line.slope) >= across)
        negligible &= is_flat_at(line.gradient, x, base.loss) | is_little
        stuck = np.where(negligible, int(Failure.PRECISION), int(Failure.STALLED))
        failure = np.where(is_stuck, stuck, int(Failure.NONE))
        return Move(accepted, target, following, failure, decrement)


def after_drop(slope: Any, drop: Any) -> Any:
    """Return the first step size after a decrease of the loss by `drop`; at most 1.

    It is where a parabola of this slope decreases by as much again (Nocedal and Wright 3.60). The
    method's estimate of the curvature may still be wrong by any factor.
    """
    step = np.minimum(1.0, 2.02 * drop / -slope)
    return np.where(step > 0, step, 1.0)


def _seen(base: Incumbent, trial: Evaluation, line: LineSearchState) -> LineSearchPoint:
    """Return the step size that was tried.

    If the loss hardly changed, the difference of losses would be a rounding error. It is then
    computed from the slopes at both ends (Hager and Zhang 2005).
    """
    start_slope, slope = line.slope, np.sum(trial.gradient * line.direction)
    if trial.box is not None:  # the direction bends where it meets a bound
        direction = (trial.x - base.x) / line.step
        start_slope, slope = np.sum(line.gradient * direction), np.sum(trial.gradient * direction)
    by_slopes = base.loss + 0.5 * line.step * (start_slope + slope)
    near = np.abs(trial.loss - base.loss) <= 1e-10 * np.abs(base.loss)
    loss = np.where(near, by_slopes, trial.loss)
    return LineSearchPoint(line.step, base.loss, start_slope, loss, slope)
