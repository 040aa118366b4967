"""Callbacks: told of every iteration once, and free to change what the loss reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.descent.iteration.problem import Problem
from steepest.descent.running.callbacks import State
from steepest.descent.running.compile import CompiledProblem
from steepest.graph import trees

_WATCHED = 1 << 26
"""Bytes of arrays up to which changes by a callback are looked for."""


class Watch:
    """Whether a callback has changed what a loss reads: numbers, functions, or data in place."""

    def __init__(self, problem: Problem, prepared: CompiledProblem) -> None:
        self._captures = prepared.paths[-1].captures
        leaves = trees.leaves(tuple(problem.args)) if problem.args else []
        arrays = [leaf for leaf in leaves if isinstance(leaf, np.ndarray)]
        arrays += self._captured()
        small = sum(array.nbytes for array in arrays) <= _WATCHED
        self._pairs = [(array, array.copy()) for array in arrays] if small else []
        self._held = self._captured()

    def _captured(self) -> list[np.ndarray]:
        return [read() for read, _ in self._captures.arrays]

    def is_changed(self) -> bool:
        """Return whether something is not as it was."""
        if not self._captures.values_hold():
            return True
        now = self._captured()
        same = all(a is b for a, b in zip(now, self._held, strict=True))
        return not same or not all(
            np.array_equal(array, before, equal_nan=array.dtype.kind == "f")
            for array, before in self._pairs
        )


class Notified:
    """A callback that is told of every iteration once.

    Parameters
    ----------
    callback
        Of a state; ends the run by returning True.
    problem, prepared
        What is run.
    seen
        The last iteration that it was told of.

    Attributes
    ----------
    is_changed
        Whether it has changed what the loss reads, so that the run goes on with another one.
    """

    def __init__(
        self,
        callback: Callable[[State], Any],
        problem: Problem,
        prepared: CompiledProblem,
        seen: int = 0,
    ) -> None:
        self._callback, self._problem, self._seen = callback, problem, seen
        self._watch = Watch(problem, prepared)
        self.is_changed = False

    def __call__(self, state: State) -> bool:
        """Return whether the run stops here, if only to go on with another loss."""
        if state.iteration <= self._seen:
            return False
        self._seen = state.iteration
        answer = self._callback(state)
        if isinstance(answer, bool | np.bool_) and answer:
            return True
        self.is_changed = self._watch.is_changed()
        return self.is_changed

    def anew(self, prepared: CompiledProblem) -> Notified:
        """Return the same for the loss as it is now."""
        return Notified(self._callback, self._problem, prepared, self._seen)
