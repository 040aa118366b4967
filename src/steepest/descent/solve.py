"""From a problem to its result: prepared, driven to its end, summed up."""

from __future__ import annotations

import contextlib
import functools
import importlib
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from steepest.derivative import Function
from steepest.descent.driver import Ending, drive, ending_of
from steepest.descent.methods import Search
from steepest.descent.parameters import check_finite
from steepest.descent.prepare import (
    Problem,
    extend,
    go_on,
    prepare,
    start_again,
    start_of,
    step_in_numpy,
)
from steepest.descent.result import Result, Timings
from steepest.descent.standing import standing
from steepest.descent.state import State, of_state
from steepest.descent.summary import Summary
from steepest.engines import Outcome, Recording, Snapshot


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
    prepared, traced, compiled = prepare(problem, vector)
    started, pauses = time.perf_counter(), 0.0
    deadline = started + prepared.seconds
    if earlier is None:
        run = prepared.start(start_of(problem, prepared, vector))
    else:
        run = prepared.start(start_again(problem, prepared, earlier[0]))
        run.recording = earlier[1]
    batches, plan = problem.batches, problem.plan
    limit = batches.epochs * plan.steps_per_epoch if batches and plan else None

    called = None if callback is None else of_state(callback)
    plain = _residuals(problem) if problem.objective.of_residuals and called else None

    def look() -> State:
        here = standing(problem.method, run)
        return _state(problem, here.x, here.loss, here.iterations, plain)

    def look_closely() -> State:
        if isinstance(problem.method, Search):
            return look()
        x = np.array(run.x)
        find = functools.partial(_loss_at, problem, prepared.at, x)
        return _state(problem, x, find, run.count, plain)

    with _progress_display(problem, limit) if progress else _NOTHING as watch:
        while True:
            ending = drive(
                run, limit, prepared.budget, look, look_closely, called, watch, deadline
            )
            if ending is not Ending.NEW_PATH:
                break
            if not np.isfinite(run.x).all():
                ending = Ending.DIVERGED
                break
            stepped = step_in_numpy(problem, prepared, run)
            if stepped is not None:
                run.release()
                run, outcome = stepped
                if outcome is not Outcome.PAUSED:
                    ending = ending_of(outcome)
                    break
                run = go_on(problem, prepared, run)
                continue
            prepared, trace_more, compile_more = extend(problem, prepared, run)
            traced, compiled = traced + trace_more, compiled + compile_more
            pauses += trace_more + compile_more
            run = go_on(problem, prepared, run)
    ended = time.perf_counter()
    if ending is Ending.DIVERGED and run.count == 0:
        check_finite(problem.layout.unpack(vector))
    timings = Timings(traced, compiled, ended - started - pauses)
    result = Summary(problem, prepared, reason, more).result(run, ending, timings)
    if called is not None and ending is Ending.STOPPED:
        if result.iterations > standing(problem.method, run).iterations:  # not seen so far
            with contextlib.suppress(StopIteration):
                called(_state(problem, result.vector, result.loss, result.iterations, plain))
    run.release()
    return result


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
    last = problem.stop.latest() if limit is None else limit
    # Presentation stands above descent: reached by name, and only from here.
    return importlib.import_module("steepest.show.progress").display(last)
