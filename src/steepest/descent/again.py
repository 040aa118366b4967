"""The same fit with other numbers: everything but these is found at once.

A fit of the same function, with the same settings and arrays of the same kinds, is one call
of machine code. Whatever is not plain about it (a value that is not finite, an ending other
than that the goal was met) is left to the usual way, which says what there is to say.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.driver import Ending
from steepest.descent.ending import FitEnd
from steepest.descent.prepare import Prepared, Problem, known, remember
from steepest.descent.result import Result, Timings
from steepest.descent.step import STOP_RULE
from steepest.descent.summary import Summary
from steepest.graph import evaluate, trees

_LEAST_STEPS = 64
"""Iterations that machine code must make in some milliseconds for a fit to be small."""


class _Fit(NamedTuple):
    """A fit that was made before.

    Attributes
    ----------
    problem, prepared, reason, more
        As for :class:`~steepest.descent.summary.Summary`; the problem has no arguments.
    call
        Makes it from x and data, in one call.
    """

    problem: Problem
    prepared: Prepared
    reason: str
    more: Mapping[str, Any]
    call: Callable[[tuple[Any, ...]], Any]

    def still_holds(self) -> bool:
        """Whether everything that the functions read is as it was, and arrays of the kind."""
        return self.prepared.still_holds

    def end(self, run: Any, args: tuple[Any, ...], began: float) -> FitEnd:
        """Return how it ended this time."""
        timings = Timings(0.0, 0.0, time.perf_counter() - began)
        state_problem = lambda: self.problem._replace(args=args)

        def sum_up() -> Result:
            summary = Summary(state_problem(), self.prepared, self.reason, self.more)
            return summary.result(run, Ending.STOPPED, timings)

        vector, observations = run.x, self.prepared.paths[-1].observations
        report = run.first_of_report(-2)  # the method's: after it, counts
        return FitEnd(
            sum_up, state_problem, vector.copy, vector, run.loss, True, report, observations
        )


class Key(NamedTuple):
    """What a fit depends on besides the numbers in arrays.

    Attributes
    ----------
    settings
        Function and settings.
    kinds
        Shape and dtype of the start and each argument.
    """

    settings: Any
    kinds: Any


def key_of(settings: Any, start: Any, args: tuple[Any, ...]) -> Key | None:
    """Return what a fit depends on; None if there are others than plain arrays."""
    kinds = []
    for value in (start, *args):
        if type(value) is not np.ndarray:
            return None
        kinds.append((value.shape, value.dtype))
    return Key(settings, tuple(kinds))


def again(
    key: Key | None, start: Any, args: tuple[Any, ...]
) -> tuple[FitEnd, tuple[str, ...]] | None:
    """Return how a fit ends from a start point on other data, and the parameters' names.

    None is returned where it was not made before, or is not plain.
    """
    began = time.perf_counter()
    try:
        fit = known(key, _Fit.still_holds)
    except TypeError:  # a setting that cannot be compared
        return None
    if fit is None:
        return None
    prepared, data = fit.prepared, args
    captured = prepared.paths[-1].captures.arrays
    if captured:
        data = (*data, *[read() for read, _ in captured])
    if prepared.constants:
        nodes = prepared.paths[-1].data
        data = (*data, *evaluate(prepared.constants, dict(zip(nodes, data, strict=True))))
    run = fit.call((start, *data))
    if run is None or run.reason != STOP_RULE:
        return None
    status, _ = prepared.endings.get(run.rules, (None, None))
    if status is None or not status.is_success:
        return None
    return fit.end(run, args, began), fit.more["names"]


def remember_fit(
    key: Key, problem: Problem, vector: np.ndarray, reason: str, more: Mapping[str, Any]
) -> None:
    """Keep what was prepared for a fit that ended well, to make it again with other numbers.

    Its method is one whose first state does not depend on the start, in what counts: such are
    those whose iteration is in two parts.
    """
    if problem.box is not None or problem.objective.expand is not None:
        return
    if not (problem.layout.is_array and len(problem.layout.shapes[0]) == 1):
        return
    try:
        prepared: Prepared | None = known(problem.key(), lambda found: found.still_holds)
        before: _Fit | None = known(key, _Fit.still_holds)
    except TypeError:  # a setting that cannot be compared
        return
    if prepared is None or (before is not None and before.prepared is prepared):
        return
    if prepared.program.evaluation is None or math.isfinite(prepared.seconds):
        return
    if prepared.budget < _LEAST_STEPS:
        return
    state = [np.asarray(value) for value in trees.leaves(problem.first_state(vector))]
    call = problem.engine.prepare_call(prepared.program, state, prepared.budget)
    if call is not None:  # it may be later, once the code is optimized
        remember(key, _Fit(problem._replace(args=()), prepared, reason, more, call))
