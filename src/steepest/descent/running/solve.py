"""The solution of a problem: compile it, run it, and make the result."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import sys
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from steepest.derivative import Function
from steepest.descent.iteration.problem import Problem
from steepest.descent.methods import Search
from steepest.descent.problem.differencing import is_differenced, with_differences
from steepest.descent.problem.parameters import check_finite
from steepest.descent.problem.streamed import sources_in
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
from steepest.descent.running.data_parallel import check_together
from steepest.descent.running.driver import StopReason, drive, ending_of
from steepest.descent.running.notify import OncePerIteration
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
    for_few: tuple[Problem, str] | None = None,
) -> Result:
    """Return the result of a problem.

    Parameters
    ----------
    problem, vector
        The problem, and its start as a vector.
    callback, progress
        As for :func:`minimize`.
    reason
        Why the method was chosen.
    earlier
        Snapshot and history of a saved run to continue.
    more
        Further settings to save with the run.
    for_few
        What to solve, and why, if there turn out to be fewer residuals than parameters. It is
        taken only if all derivatives are exact, since its method needs second ones.
    """
    function = problem.objective.subject

    settings = callback, progress, reason, earlier, more, for_few
    return with_differences(function, lambda: _solve(problem, vector, *settings))


def _solve(
    problem: Problem,
    vector: np.ndarray,
    callback: Callable[[State], Any] | None,
    progress: bool,
    reason: str,
    earlier: tuple[Snapshot, Recording] | None,
    more: Mapping[str, Any],
    for_few: tuple[Problem, str] | None,
) -> Result:
    batches, plan = problem.batches, problem.plan
    limit = batches.epochs * plan.steps_per_epoch if batches and plan else None
    called = None if callback is None else of_state(callback)
    with progress_display(problem, limit, progress) as watch:
        active = _ActiveRun(problem, vector, earlier, callback is not None, for_few)
        if active.problem is not problem:
            problem, reason = active.problem, for_few[1] if for_few else reason
        try:
            ending = active.to_end(limit, called, watch)
        except BaseException:
            active.run.release()  # nothing stays on other machines
            raise
    run, ended = active.run, time.perf_counter()
    try:
        if ending is StopReason.DIVERGED and run.count == 0:
            check_finite(problem.layout.unpack(vector))
        seconds = ended - active.started - active.pauses
        timings = Timings(active.traced, active.compiled, seconds, getattr(run, "tiers", {}))
        result = Summary(problem, active.prepared, reason, more).result(run, ending, timings)
        if called is not None and ending is StopReason.STOPPED:
            last_seen = standing(problem.method, run).iterations
            if result.iterations > last_seen:
                with contextlib.suppress(StopIteration):
                    called(active.state(result.vector, result.loss, result.iterations))
        return result
    finally:
        run.release()


class _ActiveRun:
    """A run in progress, with its compiled problem and the seconds for tracing and compiling."""

    def __init__(
        self,
        problem: Problem,
        vector: np.ndarray,
        earlier: tuple[Snapshot, Recording] | None,
        has_callback: bool,
        for_few: tuple[Problem, str] | None = None,
    ) -> None:
        self.prepared, self.traced, self.compiled = compile_problem(problem, vector)
        if for_few is not None and self.has_few_residuals(problem):
            problem = for_few[0]
            self.prepared, traced, compiled = compile_problem(problem, vector)
            self.traced, self.compiled = self.traced + traced, self.compiled + compiled
        self.problem = problem
        check_together(problem, self.prepared, vector)
        self.started, self.pauses = time.perf_counter(), 0.0
        if earlier is None:
            self.run = self.prepared.start(start_of(problem, self.prepared, vector))
        else:
            self.run = self.prepared.start(start_again(problem, self.prepared, earlier[0]))
            self.run.recording = earlier[1]
        of_residuals = problem.objective.of_residuals and has_callback
        self._plain = _residuals(problem) if of_residuals else None

    def has_few_residuals(self, problem: Problem) -> bool:
        """Whether there are fewer residuals than parameters, and nothing is differenced."""
        number = self.prepared.paths[-1].observations
        is_few = number < sum(problem.layout.sizes)
        return is_few and not is_differenced(problem.objective.subject)

    def to_end(self, limit: int | None, called: Any, watch: Any) -> StopReason:
        """Advance the run to its end, compiling new paths on the way, and return why it ended."""
        problem, deadline = self.problem, self.started + self.problem.stop.time_limit()
        notify = None if called is None else OncePerIteration(called, problem, self.prepared)
        is_read = bool(sources_in(problem.args))
        while True:
            states = self.current_state, self.exact_state
            budget = 0 if is_read else self.prepared.budget  # a read may take long
            ending = drive(self.run, limit, budget, *states, notify, watch, deadline)
            if notify is not None and notify.is_changed:
                self.switch_to(compile_problem(problem, np.array(self.run.x)))
                notify = notify.for_program(self.prepared)
                continue
            if ending is not StopReason.NEW_PATH:
                return ending
            if not np.isfinite(self.run.x).all():
                return StopReason.DIVERGED
            stepped = step_in_numpy(problem, self.prepared, self.run)
            if stepped is None:
                self.switch_to(extend(problem, self.prepared, self.run))
                continue
            self.run.release()
            self.run, outcome = stepped
            if outcome is not Outcome.PAUSED:
                return ending_of(outcome)
            self.run = continue_run(problem, self.prepared, self.run)

    def switch_to(self, found: tuple[CompiledProblem, float, float]) -> None:
        """Continue the run with another compiled problem."""
        self.prepared, traced, compiled = found
        self.traced, self.compiled = self.traced + traced, self.compiled + compiled
        self.pauses += traced + compiled
        self.run = continue_run(self.problem, self.prepared, self.run)

    def current_state(self) -> State:
        """Return the state of the run, with the last computed loss."""
        now = standing(self.problem.method, self.run)
        return self.state(now.x, now.loss, now.iterations)

    def exact_state(self) -> State:
        """Return the state of the run, with the loss at its point."""
        if isinstance(self.problem.method, Search):
            return self.current_state()
        x = np.array(self.run.x)
        find = functools.partial(_loss_at, self.problem, self.prepared.at, x)
        return self.state(x, find, self.run.count)

    def state(self, x: np.ndarray, loss: Any, iteration: int) -> State:
        """Return the state that a callback is given."""
        p, plain = self.problem, self._plain
        vector = None if p.layout.is_array and p.objective.expand is None else x
        x = np.array(x)
        residuals = None if plain is None else lambda: plain(x.astype(p.dtype), *p.args)
        return State(p.parameters(x), loss, iteration, vector, residuals)


def _residuals(problem: Problem) -> Function:
    """Return the user's residuals as a function of the vector of parameters."""
    objective, layout = problem.objective, problem.layout

    def residuals(vector: Any, *args: Any) -> Any:
        return objective(vector, layout, args).plain

    return Function(residuals)


def _loss_at(problem: Problem, at: Any, x: np.ndarray) -> float:
    """Return the loss over all data, computed in NumPy."""
    loss, _ = at(x.astype(problem.dtype), *problem.args)
    return float(loss)


_NO_DISPLAY = contextlib.nullcontext()

_NOTICED = 0.5
"""Seconds of waiting from which on a notebook says what is done."""


def _is_live_notebook() -> bool:
    """Whether this is a notebook that can show what changes; without ipywidgets it cannot."""
    return "ipykernel" in sys.modules and importlib.util.find_spec("ipywidgets") is not None


def progress_display(problem: Problem, limit: int | None, is_wanted: bool) -> Any:
    """Return what shows progress; in a notebook, which shows no other sign, also unasked."""
    if not is_wanted and not _is_live_notebook():
        return _NO_DISPLAY
    last = problem.stop.iteration_limit() if limit is None else limit
    return presenter("progress").display(last, 0.0 if is_wanted else _NOTICED)
