"""Calls of the user's callback, once for each iteration, and detection of its changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.descent.iteration.problem import Problem
from steepest.descent.running.callbacks import State
from steepest.descent.running.compile import CompiledProblem
from steepest.graph import trees

_MAX_COMPARED = 1 << 26
"""Largest size in bytes of arrays that are compared to find changes by a callback."""


class ChangeDetector:
    """Detects that a callback has changed numbers, functions or data that a loss reads."""

    def __init__(self, problem: Problem, prepared: CompiledProblem) -> None:
        self._captures = prepared.paths[-1].captures
        leaves = trees.leaves(tuple(problem.args)) if problem.args else []
        arrays = [leaf for leaf in leaves if isinstance(leaf, np.ndarray)]
        arrays += self._captured()
        small = sum(array.nbytes for array in arrays) <= _MAX_COMPARED
        self._pairs = [(array, array.copy()) for array in arrays] if small else []
        self._captured_before = self._captured()

    def _captured(self) -> list[np.ndarray]:
        return [read() for read, _ in self._captures.arrays]

    def is_changed(self) -> bool:
        """Return whether something has changed."""
        if not self._captures.values_hold():
            return True
        now = self._captured()
        same = all(a is b for a, b in zip(now, self._captured_before, strict=True))
        return not same or not all(
            np.array_equal(array, before, equal_nan=array.dtype.kind == "f")
            for array, before in self._pairs
        )


class OncePerIteration:
    """A callback that is called once for each iteration.

    Parameters
    ----------
    callback
        Function of a state. It ends the run by returning True.
    problem, prepared
        The problem that runs, and its compiled code.
    seen
        The last iteration that the callback has seen.

    Attributes
    ----------
    is_changed
        Whether the callback has changed what the loss reads, so that it must be traced again.
    """

    def __init__(
        self,
        callback: Callable[[State], Any],
        problem: Problem,
        prepared: CompiledProblem,
        seen: int = 0,
    ) -> None:
        self._callback, self._problem, self._seen = callback, problem, seen
        self._detector = ChangeDetector(problem, prepared)
        self.is_changed = False

    def __call__(self, state: State) -> bool:
        """Return whether the run stops here, for good or to trace a changed loss."""
        if state.iteration <= self._seen:
            return False
        self._seen = state.iteration
        answer = self._callback(state)
        if isinstance(answer, bool | np.bool_) and answer:
            return True
        self.is_changed = self._detector.is_changed()
        return self.is_changed

    def for_program(self, prepared: CompiledProblem) -> OncePerIteration:
        """Return the same callback for the loss as it is compiled now."""
        return OncePerIteration(self._callback, self._problem, prepared, self._seen)
