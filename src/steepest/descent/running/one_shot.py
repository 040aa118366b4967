"""Descents that were made before, made again in one call of machine code.

A descent with the same function, settings, shapes and dtypes as an earlier one is one call. If
anything is unusual (a value that is not finite, no goal met), there is no answer here, and the
full path runs instead, which reports it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.iteration.problem import Problem
from steepest.descent.iteration.serialize import is_known
from steepest.descent.iteration.step import RULES, STOP_RULE
from steepest.descent.results.result import Result, Timings
from steepest.descent.running.compile import CompiledProblem, known, remember
from steepest.descent.running.driver import StopReason
from steepest.descent.running.summarize import Summary
from steepest.graph import trees

_LEAST_STEPS = 64
"""Smallest number of iterations in some milliseconds of machine code for one call to be
worthwhile."""

Key = tuple[Any, Any]
"""What two descents must have in common: function and settings, and shape and dtype of the start
and of each argument."""


class OneShot(NamedTuple):
    """A descent that is one call of machine code.

    Attributes
    ----------
    problem, prepared, reason, more
        As for :class:`~steepest.descent.running.summarize.Summary`. The arguments of the problem
        are those that come after the caller's.
    call
        Runs from the start values and the data.
    finish
        Makes the result from that of the run; None for that of the run itself.
    """

    problem: Problem
    prepared: CompiledProblem
    reason: str
    more: Mapping[str, Any]
    call: Callable[[tuple[Any, ...]], Any]
    finish: Callable[[Result, Problem], Result] | None = None

    def is_valid(self) -> bool:
        """Whether nothing has changed that the functions read."""
        return self.prepared.is_valid

    def run(self, start: Any, args: tuple[Any, ...]) -> Any:
        """Return the finished run; None if it did not meet a goal."""
        prepared, data = self.prepared, (*args, *self.problem.args, *(self.problem.box or ()))
        captured = prepared.paths[-1].captures.arrays
        if captured:
            data = (*data, *[read() for read, _ in captured])
        if prepared.constants:
            data = tuple(prepared.with_constants(data))
        run = self.call((start, *data))
        if run is None or run.reason != STOP_RULE:
            return None
        status = prepared.endings.get(run.report[RULES].item())
        return None if status is None or not status.is_success else run


def key_of(settings: Any, start: Any, args: tuple[Any, ...]) -> Key | None:
    """Return what a descent depends on; None if its arguments are not all plain arrays."""
    kinds: list[Any] = []
    for value in (start, *args):
        if type(value) is not np.ndarray:
            return None
        kinds += (value.shape, value.dtype)
    return settings, tuple(kinds)


def one_shot(
    problem: Problem,
    vector: np.ndarray,
    reason: str,
    more: Mapping[str, Any],
    evaluations: int,
    given: int | None = None,
    finish: Callable[[Result, Problem], Result] | None = None,
) -> OneShot | None:
    """Return the one call of a descent that was just made; None if there is none, or not yet.

    Its first state may contain the start, but depend on it in no other way. It must be short: one
    that did not end within the call would be made again, from the start.
    """
    p = problem
    if p.objective.expand is not None or not is_known(p.method):
        return None
    if not (p.layout.is_array and len(p.layout.shapes[0]) == 1):
        return None
    prepared: CompiledProblem | None = known(p.key(), lambda found: found.is_valid)
    if prepared is None or math.isfinite(p.stop.time_limit()):
        return None
    prepare_call = getattr(prepared.start, "one_call", None)  # a user's engine may lack it
    if prepare_call is None or prepared.budget < max(_LEAST_STEPS, 2 * evaluations):
        return None
    make = prepare_call(prepared.budget)
    found = None if make is None else _first_state(p, prepared, vector)
    if make is None or found is None:  # possibly later, when the code is optimized
        return None
    fixed = () if given is None else tuple(p.args)[given:]
    return OneShot(p._replace(args=fixed), prepared, reason, more, make(*found), finish)


def _first_state(
    problem: Problem, prepared: CompiledProblem, vector: np.ndarray
) -> tuple[list[np.ndarray], list[int]] | None:
    """Return the first state, and the numbers of its arrays that are the start.

    None if it depends on the start otherwise.
    """
    other, numbers = vector + 1.0, prepared.numbers_of(problem)
    state, another = (
        [*numbers, *map(np.asarray, trees.leaves(problem.first_state(x)))] for x in (vector, other)
    )
    copies = []
    for number, (one, two) in enumerate(zip(state, another, strict=True)):
        if np.array_equal(one, two, equal_nan=True):
            continue
        if not (np.array_equal(one, vector) and np.array_equal(two, other)):
            return None
        copies.append(number)
    return state, copies


def minimize_again(key: Key, start: np.ndarray, args: tuple[Any, ...]) -> Result | None:
    """Return the result of a descent that was made before, from other values; None if none was.

    None is also returned if it met no goal, or a derivative is zero there.
    """
    began = time.perf_counter()
    shot: OneShot | None = known(key, OneShot.is_valid)
    run = None if shot is None else shot.run(start, args)
    if shot is None or run is None or not (shot.finish or run.gradient.all()):
        return None
    seconds = time.perf_counter() - began
    timings = Timings(0.0, 0.0, seconds, {run.tier: seconds})
    problem = shot.problem._replace(args=(*args, *shot.problem.args))
    summary = Summary(problem, shot.prepared, shot.reason, shot.more)
    result = summary.result(run, StopReason.STOPPED, timings)
    return result if shot.finish is None else shot.finish(result, problem)


def remember_descent(
    key: Key,
    problem: Problem,
    vector: np.ndarray,
    reason: str,
    evaluations: int,
    given: int | None = None,
    finish: Callable[[Result, Problem], Result] | None = None,
) -> None:
    """Keep the compiled code of a converged descent, for :func:`minimize_again`."""
    if known(key, OneShot.is_valid) is not None:
        return
    shot = one_shot(problem, vector, reason, {}, evaluations, given, finish)
    if shot is not None:
        remember(key, shot)
