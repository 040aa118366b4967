"""From a problem to its result: prepared, driven to its end, summed up."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from steepest.derivative import Function
from steepest.descent.iteration.problem import Problem
from steepest.descent.methods import Search
from steepest.descent.problem.parameters import check_finite
from steepest.descent.results.result import Result, Timings
from steepest.descent.running.callbacks import State, of_state
from steepest.descent.running.compile import (
    CompiledProblem,
    compile_problem,
    continue_run,
    extend,
    start_again,
    start_of,
    step_in_numpy,
)
from steepest.descent.running.driver import StopReason, drive, ending_of
from steepest.descent.running.notify import Notified
from steepest.descent.running.standing import standing
from steepest.descent.running.summarize import Summary
from steepest.engines import Outcome, Recording, Snapshot
from steepest.presentation import presenter


def solve(
    problem: Problem,
    vector: np.ndarray,
    callback: Callable[[State], Any] | None = None,
    progress: bool = False,
    reason: str = "",
    earlier: tuple[Snapshot, Recording] | None = None,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> Result:
    """Return the result of a problem, started at a vector of parameters.

    `reason` says why the method was taken; `earlier` is where another run was, with the
    history that led there: this one goes on from it; `more` is saved with the run.
    """
    course = _Course(problem, vector, earlier, callback is not None)
    batches, plan = problem.batches, problem.plan
    limit = batches.epochs * plan.steps_per_epoch if batches and plan else None
    called = None if callback is None else of_state(callback)
    with _progress_display(problem, limit) if progress else _NOTHING as watch:
        ending = course.to_its_end(limit, called, watch)
    run, ended = course.run, time.perf_counter()
    if ending is StopReason.DIVERGED and run.count == 0:
        check_finite(problem.layout.unpack(vector))
    timings = Timings(course.traced, course.compiled, ended - course.started - course.pauses)
    result = Summary(problem, course.prepared, reason, more).result(run, ending, timings)
    if called is not None and ending is StopReason.STOPPED:
        if result.iterations > standing(problem.method, run).iterations:  # not seen so far
            with contextlib.suppress(StopIteration):
                called(course.state(result.vector, result.loss, result.iterations))
    run.release()
    return result


class _Course:
    """A run on its way, with what it is prepared for and the seconds that this took."""

    def __init__(
        self,
        problem: Problem,
        vector: np.ndarray,
        earlier: tuple[Snapshot, Recording] | None,
        is_looked_at: bool,
    ) -> None:
        self.problem = problem
        self.prepared, self.traced, self.compiled = compile_problem(problem, vector)
        self.started, self.pauses = time.perf_counter(), 0.0
        if earlier is None:
            self.run = self.prepared.start(start_of(problem, self.prepared, vector))
        else:
            self.run = self.prepared.start(start_again(problem, self.prepared, earlier[0]))
            self.run.recording = earlier[1]
        of_residuals = problem.objective.of_residuals and is_looked_at
        self._plain = _residuals(problem) if of_residuals else None

    def to_its_end(self, limit: int | None, called: Any, watch: Any) -> StopReason:
        """Advance the run, along paths as they turn up, and return why it ended."""
        problem, deadline = self.problem, self.started + self.prepared.seconds
        notify = None if called is None else Notified(called, problem, self.prepared)
        while True:
            looks = self.look, self.look_closely
            ending = drive(self.run, limit, self.prepared.budget, *looks, notify, watch, deadline)
            if notify is not None and notify.is_changed:
                self.go_on_with(compile_problem(problem, np.array(self.run.x)))
                notify = notify.anew(self.prepared)
                continue
            if ending is not StopReason.NEW_PATH:
                return ending
            if not np.isfinite(self.run.x).all():
                return StopReason.DIVERGED
            stepped = step_in_numpy(problem, self.prepared, self.run)
            if stepped is None:
                self.go_on_with(extend(problem, self.prepared, self.run))
                continue
            self.run.release()
            self.run, outcome = stepped
            if outcome is not Outcome.PAUSED:
                return ending_of(outcome)
            self.run = continue_run(problem, self.prepared, self.run)

    def go_on_with(self, found: tuple[CompiledProblem, float, float]) -> None:
        """Go on from here with what was prepared anew."""
        self.prepared, traced, compiled = found
        self.traced, self.compiled = self.traced + traced, self.compiled + compiled
        self.pauses += traced + compiled
        self.run = continue_run(self.problem, self.prepared, self.run)

    def look(self) -> State:
        """Return where the run is, with the loss that is known there."""
        here = standing(self.problem.method, self.run)
        return self.state(here.x, here.loss, here.iterations)

    def look_closely(self) -> State:
        """Return where the run is, with a loss that belongs to this point."""
        if isinstance(self.problem.method, Search):
            return self.look()
        x = np.array(self.run.x)
        find = functools.partial(_loss_at, self.problem, self.prepared.at, x)
        return self.state(x, find, self.run.count)

    def state(self, x: np.ndarray, loss: Any, iteration: int) -> State:
        """Return what a callback is given."""
        return _state(self.problem, x, loss, iteration, self._plain)


def _state(
    problem: Problem, x: np.ndarray, loss: Any, iteration: int, plain: Function | None
) -> State:
    vector = None if problem.layout.is_array and problem.objective.expand is None else x
    x = np.array(x)
    find = None if plain is None else lambda: plain(x.astype(problem.dtype), *problem.args)
    return State(problem.parameters(x), loss, iteration, vector, find)


def _residuals(problem: Problem) -> Function:
    """Return the residuals that the user's function returns, of a vector of parameters."""
    objective, layout = problem.objective, problem.layout

    def look(vector: Any, *args: Any) -> Any:
        return objective(vector, layout, args).plain

    return Function(look)


def _loss_at(problem: Problem, at: Any, x: np.ndarray) -> float:
    """Return the loss over all data, computed in NumPy."""
    loss, _ = at(x.astype(problem.dtype), *problem.args)
    return float(loss)


_NOTHING = contextlib.nullcontext()


def _progress_display(problem: Problem, limit: int | None) -> Any:
    last = problem.stop.iteration_limit() if limit is None else limit
    return presenter("progress").display(last)
