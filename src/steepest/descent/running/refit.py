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

from steepest.descent.iteration.fit_report import (
    COVARIANCE,
    DIAGONAL_RATIO,
    FACTOR,
    least_diagonal_ratio,
    tolerance,
)
from steepest.descent.iteration.problem import Problem
from steepest.descent.iteration.step import KEPT, RULES, STOP_RULE
from steepest.descent.results.covariance import rank_of
from steepest.descent.results.result import Result, Timings
from steepest.descent.running.compile import CompiledProblem, known, remember
from steepest.descent.running.driver import StopReason
from steepest.descent.running.summarize import Summary
from steepest.graph import evaluate, trees
from steepest.lazy import lazy

_LEAST_STEPS = 64
"""Iterations that machine code must make in some milliseconds for a fit to be small."""


class CompiledFit(NamedTuple):
    """A fit that was made before.

    Attributes
    ----------
    problem, prepared, reason, more
        As for :class:`~steepest.descent.running.summarize.Summary`; the problem has no arguments.
    call
        Makes it from x and data, in one call.
    diagonal_ratio
        From where on a triangle is regular beyond doubt; None where that is not reported.
    """

    problem: Problem
    prepared: CompiledProblem
    reason: str
    more: Mapping[str, Any]
    call: Callable[[tuple[Any, ...]], Any]
    diagonal_ratio: float | None

    def is_valid(self) -> bool:
        """Whether everything that the functions read is as it was, and arrays of the kind."""
        return self.prepared.is_valid


class Refit:
    """How a fit ended that was made again with other numbers.

    Parameters
    ----------
    fit, run, args, seconds
        What was made before, how it ended this time, its arguments, and how long it took.
    inverse
        That of ``J.T @ J``, where the data determine all parameters beyond doubt.
    """

    converged, box, expand = True, None, None

    def __init__(
        self,
        fit: CompiledFit,
        run: Any,
        args: tuple[Any, ...],
        seconds: float,
        inverse: np.ndarray | None,
    ) -> None:
        self._fit, self._run, self.args, self._seconds = fit, run, args, seconds
        self.loss: float = run.loss
        self.vector: np.ndarray = run.x
        self.x: np.ndarray = run.x.copy()
        self.inverse = inverse
        self.observations = fit.prepared.paths[-1].observations

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each parameter."""
        names: tuple[str, ...] = self._fit.more["names"]
        return names

    @property
    def function(self) -> Any:
        """What was fitted, as a function."""
        return self._fit.problem.objective.function

    @property
    def triangle(self) -> np.ndarray | None:
        """What a QR decomposition has made of [J r] at the point, where the method kept it."""
        kept = self._run.report[KEPT]
        return kept[FACTOR] if kept else None

    @lazy
    def problem(self) -> Problem:
        """What was fitted."""
        return self._fit.problem._replace(args=self.args)

    @lazy
    def run(self) -> Result:
        """The descent."""
        fit = self._fit
        summary = Summary(self.problem, fit.prepared, fit.reason, fit.more)
        return summary.result(self._run, StopReason.STOPPED, Timings(0.0, 0.0, self._seconds))


Key = tuple[Any, Any]
"""What a fit depends on besides the numbers in arrays: the function and settings, and shape and
dtype of the start and each argument."""


def key_of(settings: Any, start: Any, args: tuple[Any, ...]) -> Key | None:
    """Return what a fit depends on; None if there are others than plain arrays."""
    kinds: list[Any] = []
    for value in (start, *args):
        if type(value) is not np.ndarray:
            return None
        kinds += (value.shape, value.dtype)
    return settings, tuple(kinds)


def refit(key: Key | None, start: Any, args: tuple[Any, ...]) -> Refit | None:
    """Return how a fit ends from a start point on other data.

    None is returned where it was not made before, or is not plain.
    """
    began = time.perf_counter()
    try:
        fit: CompiledFit | None = known(key, CompiledFit.is_valid)
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
    report = run.report
    status, _ = prepared.endings.get(report[RULES].item(), (None, None))
    if status is None or not status.is_success:
        return None
    is_sure = fit.diagonal_ratio is not None and report[DIAGONAL_RATIO].item() > fit.diagonal_ratio
    if not is_sure:  # a parameter may have no influence there
        factor = report[FACTOR][:, :-1]
        observations = prepared.paths[-1].observations
        if rank_of(factor, tolerance(factor.dtype, observations)) < len(factor):
            return None
    inverse = report[COVARIANCE] if is_sure else None
    args = tuple([argument.copy() for argument in args])  # the caller's may change
    return Refit(fit, run, args, time.perf_counter() - began, inverse)


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
        prepared: CompiledProblem | None = known(problem.key(), lambda found: found.is_valid)
        before: CompiledFit | None = known(key, CompiledFit.is_valid)
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
    if call is None:  # it may be later, once the code is optimized
        return
    report, diagonal_ratio = prepared.program.full.report[KEPT], None
    observations = prepared.paths[-1].observations
    if len(report) > DIAGONAL_RATIO and observations > vector.size:
        diagonal_ratio = least_diagonal_ratio(
            report[DIAGONAL_RATIO].dtype, vector.size, observations
        )
    remember(
        key, CompiledFit(problem._replace(args=()), prepared, reason, more, call, diagonal_ratio)
    )
