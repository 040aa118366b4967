"""What a loop in Python keeps of its iterations, and why it ends."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.activity import Interrupt
from steepest.descent.iteration.problem import Problem
from steepest.descent.iteration.step import UNBOUNDED_RATIO
from steepest.descent.results.result import History, Status
from steepest.descent.running.callbacks import State
from steepest.descent.stop_rules import Point, StopRule
from steepest.errors import InputError

FEASIBLE = 1e-6
"""Violation, relative to the limits, up to which goals of a stop rule count."""

_FAR = 1e10
"""Such a decrease if the parameters have grown as much, too."""


class Row(NamedTuple):
    """What is known of an iterate.

    Attributes
    ----------
    x, loss
        The parameters, and the loss there.
    errors
        What stop rules see in place of the gradient.
    is_goal
        Whether the goals of the stop rule count there.
    evaluations
        Number of evaluations of the loss so far.
    """

    x: np.ndarray
    loss: float
    errors: np.ndarray
    is_goal: bool
    evaluations: int


class Ledger:
    """The iterations of a run.

    Parameters
    ----------
    problem
        The problem.
    callback
        Called after each update; says whether to end the run.
    watch
        Called after each update, to show progress.
    interrupt
        Whether Ctrl-C was pressed.

    Attributes
    ----------
    iterations
        Number of updates made.
    status
        How the run ended; None as long as it goes on.
    met
        The stop rules that were met.
    """

    def __init__(
        self,
        problem: Problem,
        callback: Callable[[State], Any] | None,
        watch: Callable[[State], None] | None,
        interrupt: Interrupt,
    ) -> None:
        self.problem, self.callback, self.watch = problem, callback, watch
        self.interrupt, self.iterations = interrupt, -1
        self.deadline = time.perf_counter() + problem.stop.time_limit()
        self.status: Status | None = None
        self.met: list[StopRule] = []
        self._rows: list[tuple[int, float, float, float, int]] = []
        self._xs: list[np.ndarray] = []
        self._first = self._before = self._size = math.nan
        self._x: np.ndarray | None = None

    def ends(self, row: Row) -> bool:
        """Note an iterate, and return whether the run ends there."""
        problem, self.iterations = self.problem, self.iterations + 1
        length = 0.0 if self._x is None else float(np.linalg.norm(row.x - self._x))
        if self._x is None:
            self._first, self._size = row.loss, float(np.max(np.abs(row.x)))
        every = problem.record_every
        if every and self.iterations % every == 0:
            norm = float(np.linalg.norm(row.errors))
            self._rows.append((self.iterations, row.loss, norm, length, row.evaluations))
            if problem.record_x:
                self._xs.append(row.x.copy())
        self.status = self._status(row, length)
        self._x, self._before = row.x, row.loss
        return self.status is not None

    def _status(self, row: Row, length: float) -> Status | None:
        """Return how the run ends at an iterate; None if it goes on."""
        if self._is_met(row, length):
            self._tell(row)
            return Status.of_rules(self.met)
        if self._tell(row):
            return Status.CALLBACK
        if self._is_unbounded(row):
            return Status.UNBOUNDED
        if self.interrupt.pressed:
            return Status.INTERRUPTED
        return Status.TIME_LIMIT if time.perf_counter() > self.deadline else None

    def _is_unbounded(self, row: Row) -> bool:
        fall = -row.loss / max(1.0, abs(self._first))
        is_far = float(np.max(np.abs(row.x))) > _FAR * max(1.0, self._size)
        return fall > (_FAR if is_far else UNBOUNDED_RATIO)

    def is_goal(self, row: Row) -> bool:
        """Whether the goals of the stop rule hold at a point close to the last iterate."""
        found = self._rules_met(row, 0.0)
        return any([rule.is_goal for rule in found])

    def _is_met(self, row: Row, length: float) -> bool:
        self.met = self._rules_met(row, length)
        return bool(self.met)

    def _rules_met(self, row: Row, length: float) -> list[StopRule]:
        stop = self.problem.stop
        point = Point(self.iterations, row.loss, row.errors, row.x, self._before, length)

        def holds(rule: StopRule) -> bool:
            return bool(rule.met(point))

        if not holds(stop):
            return []
        met = stop.met_rules(lambda rule: holds(rule) and (row.is_goal or not rule.is_goal))
        return met if row.is_goal or any([not rule.is_goal for rule in met]) else []

    def _tell(self, row: Row) -> bool:
        """Call the callback, and return whether it ends the run."""
        if not self.iterations or not (self.callback or self.watch):
            return False
        problem = self.problem
        vector = None if problem.layout.is_array and problem.objective.expand is None else row.x
        x = row.x.astype(problem.layout.dtype)
        state = State(problem.parameters(x), row.loss, self.iterations, vector)
        if self.watch is not None:
            self.watch(state)
        if self.callback is None:
            return False
        try:
            answer = self.callback(state)
        except StopIteration:
            return True
        return isinstance(answer, bool | np.bool_) and bool(answer)

    def history(self) -> History:
        """Return the recorded iterations."""
        layout, columns = self.problem.layout, [*zip(*self._rows, strict=True)] or [()] * 5
        iteration, loss, norm, length, evaluations = map(np.array, columns)
        xs = None
        if self.problem.record_x:
            xs = np.array(self._xs).reshape(len(self._xs), -1)
        points = None if xs is None else layout.unpack_history(xs)
        return History(iteration, loss, points, norm, length, evaluations)

    def explanation(self, status: Status, loss: float) -> Callable[[], str]:
        """Return the function that says how the run ended."""
        return functools.partial(_explained, status, self.met, self.iterations, loss)


def _explained(status: Status, met: Sequence[StopRule], iterations: int, loss: float) -> str:
    after = f"after {max(0, iterations)} iterations, at loss {loss:.6g}"
    if status is Status.DIVERGED:
        return f"The loss is {loss} at the start point: start where the loss is finite."
    if not met:
        return f"{str(status)[:-1]} ({after})."
    names = " and ".join(map(repr, met))
    if status.is_success:
        return f"{names} was met {after}."
    return f"{names} was reached {after}, before any goal was met."


def refuse_to_save(name: str, path: Any) -> None:
    """Raise, since a loop in Python cannot be continued from a file."""
    raise InputError(f"a run of {name} cannot be saved: keep run.x, and start again from it")
